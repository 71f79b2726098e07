import Files
import Foundation
public import Records
public import Shards

/// The file in which people look over proposed ground truths: a JSON object in each line. They correct
/// `answer`, set `accept`, and give the file back.
public struct LabelReview: Sendable {
  public struct Line: Sendable, Codable, Equatable {
    public var row: Int
    public var id: String
    public var question: String
    /// To be corrected where it is wrong.
    public var answer: String
    /// Whether the row gets this ground truth.
    public var accept: Bool
    /// What the majority said; not to be changed.
    public var proposed: String?
    /// Share of the responses that said so.
    public var agreement: Double
    /// Responses by answer.
    public var votes: [String: Int]
    public var samples: Int

    /// - Parameter agreement: the least share at which a proposal is accepted until somebody says else.
    public init(_ proposal: AnswerProposal, for prompt: Prompt, row: Int, agreement least: Double) {
      self.row = row
      id = prompt.id
      question = prompt.content.body
      answer = proposal.answer ?? ""
      proposed = proposal.answer
      agreement = proposal.agreement
      accept = proposal.answer != nil && proposal.agreement >= least
      votes = Dictionary(
        proposal.votes.map { ($0.answer, $0.count) }, uniquingKeysWith: { $0 + $1 })
      samples = proposal.samples
    }
  }

  private static let byteLimit = 1 << 30

  public var lines: [Line]

  public init(_ lines: [Line]) { self.lines = lines }

  /// - Throws: `ShardError` that names the line which cannot be read.
  public init(reading path: String) throws(ShardError) {
    let bytes: [UInt8]
    do throws(RegularFileError) {
      bytes = try RegularFile.read(path, limit: Self.byteLimit)
    } catch {
      throw ShardError(
        .missing, location: path, problem: "the review cannot be read: \(error.description)",
        remedy: "Name the file that `pipeline data label DIR --model … --review FILE` wrote.")
    }
    lines = []
    for (number, text) in bytes.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    )
    .enumerated() where !text.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
      do { lines.append(try JSONDecoder().decode(Line.self, from: Data(text))) } catch {
        throw ShardError(
          .row, location: "\(path):\(number + 1)", problem: "the line is not one of a review",
          remedy: "Keep every line one JSON object with its fields; change answer and accept alone."
        )
      }
    }
  }

  public func write(to path: String) throws(ShardError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      var text = Data()
      for line in lines { text += try encoder.encode(line) + [UInt8(ascii: "\n")] }
      try text.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ShardError(
        .io, location: path, problem: "the review cannot be written: \(error.localizedDescription)",
        remedy: "Check the folder and its free space.")
    }
  }
}

extension LabelReview {
  /// Tags that say where a ground truth comes from: `majority`, or `corrected` by hand, and the share of
  /// responses behind the majority's.
  public static let originTag = "label"
  public static let agreementTag = "label_agreement"

  /// The rows of a dataset with the ground truths that were accepted. Rows that had one stay as they are.
  ///
  /// - Returns: the rows, and how many were left out because their proposal was not accepted.
  /// - Throws: for lines that belong to no row, rows without a line, and accepted empty answers: what was
  ///   meant is then unknown.
  public func apply(
    to source: some PromptSource, at path: String, row append: (Prompt) throws -> Void
  ) throws -> (labelled: Int, corrected: Int, leftOut: Int) {
    var byRow: [Int: Line] = [:]
    for (number, line) in lines.enumerated() {
      func wrong(_ problem: String, _ remedy: String) -> ShardError {
        ShardError(.row, location: "\(path):\(number + 1)", problem: problem, remedy: remedy)
      }
      guard byRow.updateValue(line, forKey: line.row) == nil else {
        throw wrong("row \(line.row) stands in an earlier line too", "Keep one of them.")
      }
      guard line.row >= 0, line.row < source.rows, try source.row(line.row).id == line.id else {
        throw wrong(
          "row \(line.row) of the dataset has another id", "Give the dataset that was asked.")
      }
      guard !line.accept || !line.answer.allSatisfy(\.isWhitespace) else {
        throw wrong("it accepts an empty answer", "Write the answer, or set accept to false.")
      }
    }
    var counts = (labelled: 0, corrected: 0, leftOut: 0)
    for index in 0..<source.rows {
      var row = try source.row(index)
      guard row.groundTruth.allSatisfy(\.isWhitespace) else {
        try append(row)
        continue
      }
      guard let line = byRow[index] else {
        throw ShardError(
          .row, location: path, problem: "row \(index) has no ground truth and no line",
          remedy: "Keep the line and set accept to false to leave the row out.")
      }
      guard line.accept else {
        counts.leftOut += 1
        continue
      }
      let isCorrected = line.answer != line.proposed
      counts.labelled += 1
      counts.corrected += isCorrected ? 1 : 0
      row.groundTruth = line.answer
      row.tags[Self.originTag] = isCorrected ? "corrected" : "majority"
      row.tags[Self.agreementTag] =
        isCorrected ? nil : "\((line.agreement * 1e4).rounded() / 1e4)"
      try append(row)
    }
    return counts
  }
}
