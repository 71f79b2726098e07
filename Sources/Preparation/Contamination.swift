public import Records

/// Finds questions of evaluation suites in training rows, with white space, case and punctuation changed
/// or not: what remains of both, letters and digits, shares runs of 50 (GPT-4's measure, arXiv 2303.08774,
/// appendix C, there for three runs of a question, here for all).
///
/// A row is contaminated by a question if at least `threshold` of the question's runs occur in its prompt
/// or in a demonstration. Of a question with fewer letters the run is the whole; with fewer than 24 the
/// whole prompt must be equal, since such a text stands in many others. Paraphrases and other numbers are
/// not found.
public struct Contamination: Sendable {
  public static let standardWindow = 50
  /// Bytes of letters below which a question must be the whole prompt.
  static let shortest = 24

  /// A question that a row holds.
  public struct Match: Sendable, Equatable, Encodable {
    public var suite: String
    /// Of the question.
    public var id: String
    /// Of the question's runs, in 0...1.
    public var share: Double
    /// `prompt` or `demonstration`.
    public var place: String
  }

  private struct Question {
    var suite: String
    var id: String
    /// Distinct runs.
    var windows: Int
  }

  private let window: Int
  private let threshold: Double
  private var questions: [Question] = []
  /// Questions by their runs, by the runs' length: full ones, and whole short questions.
  private var runs: [Int: [UInt64: [Int32]]] = [:]
  /// Very short questions, by all their letters.
  private var whole: [[UInt8]: [Int32]] = [:]

  /// - Parameters:
  ///   - window: bytes of letters and digits in a run, at least 24.
  ///   - threshold: share of a question's runs that must occur, above 0 and at most 1.
  public init(window: Int = Self.standardWindow, threshold: Double = 0.5) {
    precondition(window >= Self.shortest && threshold > 0 && threshold <= 1)
    self.window = window
    self.threshold = threshold
  }

  /// Questions so far.
  public var count: Int { questions.count }

  public mutating func add(_ question: Prompt, of suite: String) {
    let letters = Letters(question.content.asked)
    let index = Int32(questions.count)
    let length = min(window, letters.bytes.count)
    guard length >= Self.shortest else {
      questions.append(Question(suite: suite, id: question.id, windows: 1))
      if length > 0 { whole[letters.bytes, default: []].append(index) }
      return
    }
    let distinct = Set(letters.windows(of: length))
    questions.append(Question(suite: suite, id: question.id, windows: distinct.count))
    for run in distinct { runs[length, default: [:]][run, default: []].append(index) }
  }

  /// The questions that a row holds, the largest share first.
  public func matches(_ row: Prompt) -> [Match] {
    var best: [Int32: (share: Double, place: String)] = [:]
    func look(_ text: String, _ place: String) {
      let letters = Letters(text)
      for (question, share) in shares(letters) where share > best[question]?.share ?? 0 {
        best[question] = (share, place)
      }
      for question in whole[letters.bytes] ?? [] { best[question] = (1, place) }
    }
    look(row.content.asked, "prompt")
    for demonstration in row.demonstrations { look(demonstration, "demonstration") }
    return best.filter { $0.value.share >= threshold }
      .sorted { ($1.value.share, $0.key) < ($0.value.share, $1.key) }
      .map { index, found in
        let question = questions[Int(index)]
        return Match(
          suite: question.suite, id: question.id, share: found.share, place: found.place)
      }
  }

  private func shares(_ letters: Letters) -> [Int32: Double] {
    var shares: [Int32: Double] = [:]
    for (length, known) in runs {
      var hits: [Int32: Int] = [:]
      // A run that occurs again in the row is one of the question's all the same.
      let found = Set(letters.windows(of: length).lazy.filter { known[$0] != nil })
      for run in found {
        for question in known[run] ?? [] { hits[question, default: 0] += 1 }
      }
      for (question, count) in hits {
        shares[question] = Double(count) / Double(questions[Int(question)].windows)
      }
    }
    return shares
  }
}

extension Prompt.Content {
  /// What is asked, without a system message, which many rows share.
  fileprivate var asked: String {
    switch self {
    case .text(let text): text
    case .messages(let messages):
      messages.filter { $0.role != "system" }.map(\.content).joined(separator: "\n")
    }
  }
}
