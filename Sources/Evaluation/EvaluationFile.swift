import Digest
import Foundation
import Records
import Stages

/// `evaluation.json`: whose samples stand in an evaluation's directory, and under which settings they were
/// drawn and judged.
public struct EvaluationFile: Codable, Sendable, Equatable {
  public static let name = "evaluation.json"
  private static let currentFormat = 1
  private static let byteLimit = 1 << 20

  public var format = Self.currentFormat
  /// As the model was named when the evaluation began.
  public var model: String
  public var suite: String
  public var title: String
  /// `id` or `ood`.
  public var group: String
  /// Everything on which the samples and their verdicts depend. Whatever differs makes another evaluation.
  public var identity: [String: String]

  public init(
    model: String, suite: String, title: String, group: String, identity: [String: String]
  ) {
    self.model = model
    self.suite = suite
    self.title = title
    self.group = group
    self.identity = identity
  }

  /// The identity as one line, kept with the queue.
  var identityText: String {
    identity.sorted { $0.key < $1.key }.map {
      "\(JSONValue.quoted($0.key)):\(JSONValue.quoted($0.value))"
    }.joined(separator: ",")
  }

  /// A folder's name: the suite, and 12 hexadecimal digits of the identity's SHA-256.
  public var folderName: String {
    let digest = hexadecimal(SHA256.hash(Array(identityText.utf8)))
    return "\(suite)-\(digest.prefix(12))"
  }

  /// What differs from another evaluation, as `temperature was 0.6, is 0.8`, in the keys' order.
  public func differences(from other: EvaluationFile) -> [String] {
    Set(identity.keys).union(other.identity.keys).sorted().compactMap { key in
      let (was, now) = (other.identity[key], identity[key])
      guard was != now else { return nil }
      return "\(key) was \(Self.short(was)), is \(Self.short(now))"
    }
  }

  private static func short(_ value: String?) -> String {
    guard let value else { return "not there" }
    return value.count > 24 ? value.prefix(12) + "…" : value
  }

  /// The file in an evaluation's directory; nil where there is none.
  public static func read(from directory: String) throws -> EvaluationFile? {
    let path = "\(directory)/\(name)"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let bytes = try DurableFile.read(path, limit: byteLimit)
    let file: EvaluationFile
    do { file = try JSONDecoder().decode(EvaluationFile.self, from: Data(bytes)) } catch {
      throw StageError(
        .damaged, at: path, "it cannot be read as the description of an evaluation",
        remedy: "Remove the folder; `pipeline eval` makes it again.")
    }
    guard file.format == currentFormat else {
      throw StageError(
        .badRun, at: path, "its format is \(file.format), this program reads \(currentFormat)",
        remedy: "Use the version of the program that made it.")
    }
    return file
  }

  func write(to directory: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    try DurableFile.write(
      [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")], to: "\(directory)/\(Self.name)")
  }
}
