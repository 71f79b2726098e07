import Foundation

/// A flat export for notebooks: one line for each token of each trajectory under each algorithm, as
/// CSV (RFC 4180, with a head) or as JSON lines. Written as it comes; nothing is held back but a
/// buffer.
public final class FlatFile {
  public enum Format: String, Sendable, CaseIterable {
    case csv
    case jsonl
  }

  /// Names of the columns, and of the members of a JSON line.
  public static let columns = [
    "step", "group", "kind", "trajectory", "position", "token", "text", "algorithm", "logprob",
    "logprob_reference", "mask", "ratio", "shape", "advantage", "norm", "added", "weight",
  ]

  public let path: String
  public private(set) var lines = 0
  private let format: Format
  private let file: FileHandle
  private let text: (Int32) -> String
  /// Of each token as the format quotes it.
  private var quoted: [Int32: String] = [:]
  private var buffer = ""
  private static let bufferSize = 1 << 20

  /// - Parameters:
  ///   - path: ends in `.csv` or `.jsonl`; replaced if it exists.
  ///   - text: what a token adds to the text.
  public init(creating path: String, text: @escaping (Int32) -> String) throws(ReplayError) {
    let ending = path.split(separator: ".").last.map(String.init) ?? ""
    guard let format = Format(rawValue: ending) else {
      throw ReplayError(
        .badRequest, at: path, "its name says no format that can be written",
        remedy: "Let it end in .csv or .jsonl.")
    }
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else {
      throw ReplayError(
        .file, at: path, "it cannot be written", remedy: "Check the path and its permissions.")
    }
    self.path = path
    self.format = format
    self.file = file
    self.text = text
    if format == .csv { buffer = Self.columns.joined(separator: ",") + "\n" }
  }

  /// Appends the tokens of a trajectory.
  public func add(_ trajectory: ReplayedTrajectory) throws(ReplayError) {
    let label = quote(trajectory.label)
    let head = ["\(trajectory.step)", "\(trajectory.group)", quote(trajectory.kind.rawValue)]
    for token in trajectory.tokens {
      line(
        head + ["\(trajectory.index)", "\(token.position)", "\(token.id)", quoted(token.id), label]
          + numbers(token))
    }
    lines += trajectory.tokens.count
    if buffer.utf8.count >= Self.bufferSize { try flush() }
  }

  /// Writes what is left and closes the file.
  public func close() throws(ReplayError) {
    try flush()
    do { try file.close() } catch { throw failure(error) }
  }

  private func numbers(_ token: ReplayedTrajectory.Token) -> [String] {
    [
      token.logProbability, token.logReference, token.mask, token.ratio, token.shape,
      token.advantage, token.norm, token.added, token.weight,
    ].map { value in
      value.isFinite ? "\(value)" : format == .csv ? "" : "null"
    }
  }

  private func line(_ cells: [String]) {
    switch format {
    case .csv:
      for (index, cell) in cells.enumerated() {
        if index > 0 { buffer += "," }
        buffer += cell
      }
    case .jsonl:
      for (index, cell) in cells.enumerated() {
        buffer += index == 0 ? "{\"" : ",\""
        buffer += Self.columns[index]
        buffer += "\":"
        buffer += cell
      }
      buffer += "}"
    }
    buffer += "\n"
  }

  private func quoted(_ token: Int32) -> String {
    if let known = quoted[token] { return known }
    let made = quote(text(token))
    quoted[token] = made
    return made
  }

  private func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch (format, scalar) {
      case (.csv, "\""): result += "\"\""
      case (.jsonl, "\""): result += "\\\""
      case (.jsonl, "\\"): result += "\\\\"
      case (.jsonl, _) where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private func flush() throws(ReplayError) {
    do { try file.write(contentsOf: Data(buffer.utf8)) } catch { throw failure(error) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func failure(_ error: any Error) -> ReplayError {
    ReplayError(
      .file, at: path, "cannot write it: \(error.localizedDescription)",
      remedy: "Make room on the disk, or name another file.")
  }
}
