package import Records

/// The fields of one JSON object of a dataset: a row, or a part of the manifest.
///
/// Read here and not by `JSONDecoder`, which takes a name that stands twice, a number out of range
/// and any number of values.
struct RowFields {
  /// What is wrong, in words without any text of the row.
  struct Problem: Error, Equatable {
    let text: String
  }

  private let json: JSONValue
  /// With its dot, for errors: `messages.0.`.
  private let prefix: String

  init(_ json: JSONValue, prefix: String = "") throws(Problem) {
    guard json.object != nil else {
      throw prefix.isEmpty
        ? Problem(text: "it is not a JSON object")
        : Problem(text: "the field \"\(prefix.dropLast())\" has another type")
    }
    self.json = json
    self.prefix = prefix
  }

  /// Whether the field stands there and is not `null`.
  func has(_ name: String) -> Bool { json.present(name) != nil }

  func string(_ name: String) throws(Problem) -> String {
    guard let text = try value(name).string else { throw mistyped(name) }
    return text
  }

  func integer(_ name: String) throws(Problem) -> Int {
    guard let number = try value(name).integer else { throw mistyped(name) }
    return number
  }

  func strings(_ name: String) throws(Problem) -> [String] {
    guard let values = try value(name).array else { throw mistyped(name) }
    var texts: [String] = []
    texts.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      guard let text = value.string else { throw mistyped("\(name).\(index)") }
      texts.append(text)
    }
    return texts
  }

  /// A list of texts, or one text alone; none where the field is absent.
  func stringsOrOne(_ name: String) throws(Problem) -> [String] {
    guard let value = json.present(name) else { return [] }
    if let text = value.string { return [text] }
    return try strings(name)
  }

  /// A map from names to texts.
  func table(_ name: String) throws(Problem) -> [String: String] {
    guard let members = try value(name).object else { throw mistyped(name) }
    var table: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else { throw mistyped("\(name).\(member.name)") }
      // Names are told apart by their bytes in the text, and by canonical equivalence here.
      guard table.updateValue(text, forKey: member.name) == nil else {
        throw Problem(text: "the field \"\(prefix)\(name)\" holds two spellings of one name")
      }
    }
    return table
  }

  /// A list of objects.
  func objects(_ name: String) throws(Problem) -> [RowFields] {
    guard let values = try value(name).array else { throw mistyped(name) }
    var objects: [RowFields] = []
    objects.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      objects.append(try RowFields(value, prefix: "\(prefix)\(name).\(index)."))
    }
    return objects
  }

  private func value(_ name: String) throws(Problem) -> JSONValue {
    guard let value = json[name] else {
      throw Problem(text: "the field \"\(prefix)\(name)\" is missing")
    }
    guard !value.isNull else { throw Problem(text: "the field \"\(prefix)\(name)\" is null") }
    return value
  }

  private func mistyped(_ name: String) -> Problem {
    Problem(text: "the field \"\(prefix)\(name)\" has another type")
  }
}

/// What can be read from the JSON of a row.
protocol DatasetRow {
  init(row: RowFields) throws(RowFields.Problem)
}

extension Prompt {
  /// A prompt from one line of a shard.
  package init(line: [UInt8], location: String) throws(ShardError) {
    self = try RowCoding.decode(Prompt.self, line[...], at: location)
  }
}

extension Prompt: DatasetRow {
  init(row: RowFields) throws(RowFields.Problem) {
    let content: Content
    if row.has("messages") {
      var messages: [Message] = []
      for message in try row.objects("messages") {
        messages.append(
          Message(role: try message.string("role"), content: try message.string("content")))
      }
      content = .messages(messages)
    } else {
      content = .text(try row.string("prompt"))
    }
    // A preference pair's `chosen` is a demonstration; one text, or a list of them.
    let chosen = row.has("demonstrations") ? "demonstrations" : "chosen"
    self.init(
      id: try row.string("id"), content: content,
      groundTruth: row.has("ground_truth") ? try row.string("ground_truth") : "",
      demonstrations: try row.stringsOrOne(chosen), rejected: try row.stringsOrOne("rejected"),
      source: row.has("source") ? try row.string("source") : "",
      tags: row.has("tags") ? try row.table("tags") : [:])
  }
}
