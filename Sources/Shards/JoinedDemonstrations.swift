import Digest
public import Records

/// Prompts of one dataset with the demonstrations of another, joined by prompt id.
///
/// Rows of the second dataset need only `id` and `demonstrations`; several rows may name one prompt.
/// Their demonstrations follow those that the prompt has itself, in stored order. A prompt that no
/// row names keeps what it has.
public final class JoinedDemonstrations: PromptSource {
  public let prompts: Dataset
  public let demonstrations: Dataset
  public let fingerprint: String
  /// Rows of `demonstrations` that name no prompt of `prompts`.
  public let unmatchedRows: Int
  /// Prompts that no row of `demonstrations` names.
  public let unmatchedPrompts: Int
  /// For each prompt that has any, the rows that name it.
  private let rowsByPrompt: [Int: [Int]]

  public var rows: Int { prompts.rows }

  private struct Row: DatasetRow {
    var id: String
    var demonstrations: [String]

    init(row: RowFields) throws(RowFields.Problem) {
      id = try row.string("id")
      demonstrations = try row.strings("demonstrations")
    }
  }

  /// Reads both datasets once; holds the ids while it does.
  /// - Throws: also `ShardError.row` when an id names two prompts.
  public init(prompts: Dataset, demonstrations: Dataset) throws(ShardError) {
    var byID: [String: Int] = [:]
    byID.reserveCapacity(prompts.rows)
    for index in 0..<prompts.rows {
      let prompt = try prompts.row(index)
      guard byID.updateValue(index, forKey: prompt.id) == nil else {
        throw .row("\(prompts.folder) row \(index)", "its id stands at an earlier row too")
      }
    }
    var rowsByPrompt: [Int: [Int]] = [:]
    var unmatched = 0
    for index in 0..<demonstrations.rows {
      let row = try demonstrations.decode(Row.self, index)
      if let prompt = byID[row.id] {
        rowsByPrompt[prompt, default: []].append(index)
      } else {
        unmatched += 1
      }
    }
    self.prompts = prompts
    self.demonstrations = demonstrations
    self.rowsByPrompt = rowsByPrompt
    unmatchedRows = unmatched
    unmatchedPrompts = prompts.rows - rowsByPrompt.count
    var hash = SHA256()
    hash.update("temper join 1\n\(prompts.fingerprint)\n\(demonstrations.fingerprint)\n")
    fingerprint = hexadecimal(hash.finalize())
  }

  public func row(_ index: Int) throws(ShardError) -> Prompt {
    var prompt = try prompts.row(index)
    for row in rowsByPrompt[index] ?? [] {
      prompt.demonstrations += try demonstrations.decode(Row.self, row).demonstrations
    }
    return prompt
  }
}
