import Foundation
import Records

/// What a program is asked: one line of JSON.
struct CommandQuestion {
  let line: [UInt8]

  private struct Line: Encodable {
    var id: String
    var prompt: String?
    var messages: [Message]?
    var response: String
    var finish: String
    var groundTruth: String
    var source: String
    var tags: [String: String]

    private enum CodingKeys: String, CodingKey {
      case id, prompt, messages, response, finish, source, tags
      case groundTruth = "ground_truth"
    }
  }

  init(id: String, prompt: Prompt, response: String, finish: FinishReason) {
    var line = Line(
      id: id, response: response, finish: finish == .stop ? "stop" : "length",
      groundTruth: prompt.groundTruth, source: prompt.source, tags: prompt.tags)
    switch prompt.content {
    case .text(let text): line.prompt = text
    case .messages(let messages): line.messages = messages
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { self.line = Array(try encoder.encode(line)) + [UInt8(ascii: "\n")] } catch {
      preconditionFailure("texts that are no JSON: \(error)")
    }
  }
}
