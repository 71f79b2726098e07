import Records

/// A row of the shape `id, question, answer, solution, source`, as files of questions for evaluation
/// and training share it.
///
/// All fields are texts. `solution` may be missing or null; `source` may be missing where the importer
/// says one. The question becomes the prompt, the answer as it stands the ground truth, the solution the
/// demonstration, and every further text a tag; further fields of other types are passed over.
struct QuestionRow: Equatable {
  /// Fields in the order in which reports name them.
  static let fields = ["id", "question", "answer", "solution", "source"]

  var prompt: Prompt
  /// Names of all fields of the row, and of those that a prompt has no place for.
  var names: [String] = []
  var passedOver: [String] = []

  /// - Parameter source: in place of the row's own.
  /// - Throws: what is wrong, in words without any text of the row.
  init(line: [UInt8], source: String?) throws(RowFields.Problem) {
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: line, valueLimit: RowCoding.valueLimit)
    } catch { throw RowFields.Problem(text: "it is not JSON: \(error.problem)") }
    let row = try RowFields(json)
    func text(_ name: String) throws(RowFields.Problem) -> String {
      let text = try row.string(name)
      guard !text.allSatisfy(\.isWhitespace) else {
        throw RowFields.Problem(text: "the field \"\(name)\" is empty")
      }
      return text
    }
    let solution = row.has("solution") ? [try text("solution")] : []
    var tags: [String: String] = [:]
    for member in json.object ?? [] {
      names.append(member.name)
      guard !Self.fields.contains(member.name) else { continue }
      if let value = member.value.string {
        guard tags.updateValue(value, forKey: member.name) == nil else {
          throw RowFields.Problem(text: "it holds two spellings of one name")
        }
      } else {
        passedOver.append(member.name)
      }
    }
    var own = source
    if own == nil { own = try text("source") }
    prompt = Prompt(
      id: try text("id"), content: .text(try text("question")), groundTruth: try text("answer"),
      demonstrations: solution, source: own ?? "", tags: tags)
  }
}
