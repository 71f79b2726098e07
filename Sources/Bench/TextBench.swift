import Files
import Foundation
import Queue
import Records
import Stages
import Tokenizer
import Verifiers

/// Encoding of text, by one thread: every line by itself.
public struct TokenizerBench {
  private let path: String
  private let tokenizer: Tokenizer
  private let lines: [String]

  /// - Parameters:
  ///   - path: a directory with a tokenizer.json.
  ///   - file: text to encode; nil: questions and answers that are made here.
  public init(directory path: String, file: String?) throws {
    self.path = path
    tokenizer = try Tokenizer(file: path + "/tokenizer.json")
    guard let file else {
      let source = SyntheticTrajectories()
      lines = (0..<5000).map { index in
        guard case .text(let text) = source.group(index % 500).prompt.prompt.content else {
          return ""
        }
        return "\(text) \(index)"
      }
      return
    }
    let text = String(decoding: try RegularFile.read(file, limit: 1 << 28), as: UTF8.self)
    lines = text.split(separator: "\n").map(String.init)
    guard !lines.isEmpty else {
      throw BenchError.file(file, "holds no line of text", remedy: "Name a file with text.")
    }
  }

  public func run(steps: Int) -> BenchRecord {
    var record = BenchRecord(job: "tokenizer", threads: 1, steps: steps)
    record.model = path
    record.shape = "\(lines.count) lines"
    let bytes = lines.reduce(0) { $0 + $1.utf8.count }
    var times = Times()
    var tokens = 0
    var watch = Stopwatch()
    for step in 0...steps {
      if step == 1 { watch = Stopwatch() }
      let one = Stopwatch()
      tokens = lines.reduce(0) { $0 + tokenizer.encode($1).count }
      if step > 0 { times.add(one.elapsed) }
    }
    record.tokens = tokens
    record.take(times, watch.reading)
    record.figures = ["mb_per_second": Double(bytes) / 1e6 / times.best]
    return record
  }
}

/// Verdicts on responses of some sentences, by one thread.
public struct VerifierBench {
  private static let responses = 20_000

  /// Of every verifier that there is.
  public static let names = Verifiers.names

  private let verifier: any Verifier

  /// - Parameter name: one of ``names``.
  public init(_ name: String) {
    guard let verifier = Verifiers.named(name) else {
      preconditionFailure("there is no verifier \(name)")
    }
    self.verifier = verifier
  }

  public func run(steps: Int) -> BenchRecord {
    let cases = (0..<Self.responses).map { index -> (String, Prompt) in
      var prompt = SumQuestions.row(index)
      var answer = "\(index % 10)"
      switch verifier.name {
      case "countdown":
        prompt.groundTruth = #"{"target": 24, "numbers": [4, 6, 2, 2]}"#
        answer = "4 * 6 + 2 - \(2 + index % 10)"
      case "json-schema":
        prompt.groundTruth = "{\"const\": \(prompt.groundTruth)}"
        answer = "<answer>\(answer)</answer>"
      case "regex": prompt.groundTruth = "####\\s+\(prompt.groundTruth)$"
      default: break
      }
      let work = (0..<8).map { "Step \($0): \(index) + \($0) = \(index + $0)." }
      return (work.joined(separator: " ") + "\n#### \(answer)", prompt)
    }
    var record = BenchRecord(job: "verifier", threads: 1, steps: steps)
    record.shape = verifier.name
    var times = Times()
    var right = 0
    var watch = Stopwatch()
    for step in 0...steps {
      if step == 1 { watch = Stopwatch() }
      let one = Stopwatch()
      right = cases.count {
        verifier.verify(response: $0.0, prompt: $0.1, finish: .stop).reward == 1
      }
      if step > 0 { times.add(one.elapsed) }
    }
    record.take(times, watch.reading)
    record.figures = [
      "responses_per_second": Double(cases.count) / times.best,
      "share_right": Double(right) / Double(cases.count),
    ]
    return record
  }
}
