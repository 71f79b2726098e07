/// The shapes of rows that people bring, told by the names of their fields.
///
/// Sources: verl `docs/preparation/prepare_data.rst`; LUFFY's and HPT's `openr1.parquet`; TRL
/// `docs/source/dataset_formats.md`; GSM8K's and MATH's own files.
public enum RowShape: String, Sendable, CaseIterable, Codable {
  /// A row of a dataset of ours.
  case temper
  /// `data_source, prompt, ability, reward_model.ground_truth, extra_info`.
  case verl
  /// The same with `target`: a list of one assistant message, or null.
  case hpt
  /// `chosen` and `rejected`, with `prompt` or as whole conversations.
  case preference
  /// `messages`, or `prompt` with or without `completion`.
  case trl
  /// `question` and `answer`, which ends in `#### N`.
  case gsm8k
  /// `problem` and `solution`, which holds the answer in a box.
  case math
  /// `question` (or `problem` or `prompt`), `answer` and perhaps `solution`.
  case questions
  /// As a mapping on the command line says.
  case map

  /// The shape of a row with fields of these names; nil where it is none of these.
  /// - Parameter isMarked: whether the field `answer` is a text with GSM8K's mark in it.
  init?(names: Set<String>, isMarked: Bool) {
    let hasQuestion = !names.isDisjoint(with: Self.questionNames)
    if names.isSuperset(of: ["prompt", "reward_model"]) {
      self = names.contains("target") ? .hpt : .verl
    } else if names.isSuperset(of: ["chosen", "rejected"]) {
      self = .preference
    } else if names.isSuperset(of: ["id", "ground_truth", "demonstrations"]) {
      self = .temper
    } else if hasQuestion, names.contains("answer") {
      self = isMarked && !names.contains("solution") ? .gsm8k : .questions
    } else if !names.isDisjoint(with: ["question", "problem"]), names.contains("solution") {
      self = .math
    } else if !names.isDisjoint(with: ["messages", "prompt"]) {
      self = .trl
    } else {
      return nil
    }
  }

  /// Names of a question, the first that a file has.
  static let questionNames = ["question", "problem", "prompt"]

  /// Which fields are what, in rows with fields of these names.
  func mapping(names: Set<String>) -> RowMapping {
    func first(_ candidates: [String]) -> String {
      candidates.first(where: names.contains) ?? candidates[0]
    }
    var mapping = RowMapping(shape: self)
    mapping.paths[.id] = first(["id", "unique_id"])
    mapping.paths[.source] = "source"
    switch self {
    case .temper:
      mapping.paths[.prompt] = "prompt"
      mapping.paths[.messages] = "messages"
      mapping.paths[.answer] = "ground_truth"
      mapping.paths[.solution] = "demonstrations"
      mapping.paths[.rejected] = "rejected"
    case .verl, .hpt:
      mapping.paths[.prompt] = "prompt"
      mapping.paths[.answer] = "reward_model.ground_truth"
      mapping.paths[.source] = "data_source"
      mapping.paths[.index] = "extra_info.index"
      if self == .hpt { mapping.paths[.solution] = "target" }
    case .preference:
      mapping.paths[.prompt] = "prompt"
      mapping.paths[.solution] = "chosen"
      mapping.paths[.rejected] = "rejected"
    case .trl:
      mapping.paths[.prompt] = first(["messages", "prompt"])
      mapping.paths[.solution] = "completion"
      mapping.paths[.answer] = first(["ground_truth", "solution"])
    case .gsm8k, .math, .questions:
      mapping.paths[.prompt] = first(Self.questionNames)
      if self != .math { mapping.paths[.answer] = "answer" }
      if self != .gsm8k { mapping.paths[.solution] = "solution" }
    case .map: break
    }
    return mapping
  }
}
