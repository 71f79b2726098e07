import Records

/// The shape of a rollout in an exported file.
public enum RolloutFormat: String, Sendable, CaseIterable {
  /// An object a line with all that is known.
  case jsonl
  /// The same as RFC 4180 has it, with a head.
  case csv
  /// As verl writes `trainer.rollout_data_dir`: input, output, gts, score, step, and the parts of the
  /// reward. Its steps count from 1.
  case verl
  /// As TRL logs its table of completions: step (a text), prompt, completion, reward, advantage.
  case trl

  /// What stands before the first row.
  public var head: String {
    self == .csv ? Self.columns.joined(separator: ",") + "\r\n" : ""
  }

  /// A row with the end of its line; JSON by `encode`.
  public func line(
    of row: RolloutRow, encode: (any Encodable) throws -> String
  ) rethrows -> String {
    switch self {
    case .jsonl: try encode(row)
    case .verl: try encode(VerlRow(row))
    case .trl: try encode(TRLRow(row))
    case .csv: CSVText.row(try Self.cells(of: row, encode)) + "\r\n"
    }
  }

  private static let columns = [
    "step", "group", "rollout", "id", "source", "tags", "prompt", "ground_truth", "response",
    "tokens", "finish", "log_probability", "reward", "right", "rule", "error", "extracted",
    "components", "fate", "advantage",
  ]

  private static func cells(
    of row: RolloutRow, _ encode: (any Encodable) throws -> String
  ) rethrows -> [String] {
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    func object(_ value: some Encodable) throws -> String {
      let text = try encode(value)
      return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
    return [
      "\(row.step)", "\(row.group)", "\(row.rollout)", row.id, row.source, try object(row.tags),
      row.prompt, row.groundTruth, row.response, "\(row.tokens)", row.finish,
      number(row.logProbability), number(row.reward), row.right.map { "\($0)" } ?? "",
      row.rule ?? "", row.error ?? "", row.extracted ?? "", try object(row.components),
      row.fate.rawValue, number(row.advantage),
    ]
  }

  /// Whether a spreadsheet would take one of the row's texts for a formula.
  public static func holdsFormula(_ row: RolloutRow) -> Bool {
    [row.id, row.source, row.prompt, row.groundTruth, row.response, row.extracted ?? ""]
      .contains { text in
        text.unicodeScalars.first.map { "=+-@\t\r".unicodeScalars.contains($0) } ?? false
      }
  }
}

private struct VerlRow: Encodable {
  private let row: RolloutRow

  init(_ row: RolloutRow) { self.row = row }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Name.self)
    // The names of a reward's parts come from outside; verl's own fields stand.
    for (name, value) in row.components { try fields.encode(value, forKey: Name(name)) }
    if let right = row.right { try fields.encode(right ? 1.0 : 0, forKey: Name("acc")) }
    try fields.encode(row.input, forKey: Name("input"))
    try fields.encode(row.response, forKey: Name("output"))
    try fields.encode(row.groundTruth, forKey: Name("gts"))
    try fields.encode(row.reward, forKey: Name("score"))
    try fields.encode(row.step + 1, forKey: Name("step"))
  }
}

private struct TRLRow: Encodable {
  let step: String
  let prompt: String
  let completion: String
  let reward: Double?
  let advantage: Double?

  init(_ row: RolloutRow) {
    step = "\(row.step)"
    prompt = row.input
    completion = row.response
    reward = row.reward
    advantage = row.advantage
  }

  private enum CodingKeys: String, CodingKey { case step, prompt, completion, reward, advantage }

  /// Every row has every column.
  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(step, forKey: .step)
    try fields.encode(prompt, forKey: .prompt)
    try fields.encode(completion, forKey: .completion)
    try fields.encode(reward, forKey: .reward)
    try fields.encode(advantage, forKey: .advantage)
  }
}
