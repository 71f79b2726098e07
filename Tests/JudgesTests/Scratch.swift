import Foundation
import Records

/// A folder in the system's temporary one, removed with the object.
final class Scratch: Sendable {
  let path = NSTemporaryDirectory() + "/judges-tests-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("left: \(path)") }
  }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }

  func lines(of name: String) throws -> [Substring] {
    try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8).split(separator: "\n")
  }
}

extension Prompt {
  /// A question with its ground truth.
  static func asking(_ question: String, _ groundTruth: String) -> Prompt {
    Prompt(
      id: question, content: .text(question), groundTruth: groundTruth, source: "tests",
      tags: ["level": "1"])
  }
}

extension Verdict {
  /// Why there is no verdict.
  var failure: String? { if case .error(let reason) = outcome { reason } else { nil } }
}
