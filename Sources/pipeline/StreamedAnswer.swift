import Foundation
import Inspector
import Policy
import Stages
import Tokenizer

/// An answer that comes token by token: its text goes out as soon as it is certain, and how fast it
/// came is known at the end.
struct StreamedAnswer {
  /// What `--json` prints.
  struct Report: Encodable {
    enum Finish: String, Encodable {
      /// An id that ends sequences, the last of `tokens`.
      case stop
      /// `--max-tokens`.
      case length
      /// The model has no further position.
      case positions
      case interrupted
    }

    var model: String
    var chat: Bool
    var promptTokens: Int
    /// The id that ended it included; its text is not.
    var tokens: [Int32] = []
    var text = ""
    var finish = Finish.interrupted
    /// Until the first token, the prompt's pass included.
    var firstTokenSeconds: Double?
    /// Of the tokens after the first.
    var tokensPerSecond: Double?
  }

  private(set) var report: Report
  private let model: AskedModel
  private let limit: Int
  private let output: Output?
  private var decoder: IncrementalDecoder
  private let clock = ContinuousClock()
  private let begin: ContinuousClock.Instant
  private var first: ContinuousClock.Instant?

  /// - Parameters:
  ///   - limit: tokens that were asked for at most.
  ///   - output: where the text goes; nil: nowhere but into the report.
  init(_ model: AskedModel, promptTokens: Int, limit: Int, output: Output?) {
    self.model = model
    self.limit = limit
    self.output = output
    report = Report(model: model.directory, chat: model.isChat, promptTokens: promptTokens)
    decoder = IncrementalDecoder(model.tokenizer, skipSpecials: true)
    begin = clock.now
  }

  mutating func append(_ token: Int32) {
    let now = clock.now
    report.tokens.append(token)
    if let first {
      report.tokensPerSecond = Double(report.tokens.count - 1) / (now - first).seconds
    } else {
      first = now
      report.firstTokenSeconds = (now - begin).seconds
    }
    if model.stopIDs.contains(token) {
      report.finish = .stop
    } else {
      add(decoder.append(token))
    }
  }

  /// No token comes any more.
  mutating func finish() {
    add(decoder.finish())
    if report.finish != .stop {
      if report.tokens.count == limit {
        report.finish = .length
      } else if report.promptTokens + report.tokens.count >= model.configuration.maximumPositions {
        report.finish = .positions
      }
    }
    if !report.text.isEmpty, report.text.unicodeScalars.last != "\n" { output?.print() }
  }

  private mutating func add(_ piece: String) {
    guard !piece.isEmpty else { return }
    report.text += piece
    output?.write(piece)
  }

  /// Counts, speed and end, for a person.
  var line: String {
    var parts = ["prompt \(report.promptTokens) tokens, answer \(report.tokens.count)"]
    if let seconds = report.firstTokenSeconds {
      parts.append("the first after \(String(format: "%.2f", seconds)) s")
    }
    if let speed = report.tokensPerSecond {
      parts.append("then \(String(format: "%.1f", speed)) tokens/s")
    }
    return parts.joined(separator: ", ") + "; \(TerminalText.escaped(end))"
  }

  private var end: String {
    switch report.finish {
    case .stop:
      "ended by " + (report.tokens.last.map { model.tokenizer.decode([$0]) } ?? "nothing")
    case .length: "ended by --max-tokens \(limit)"
    case .positions: "ended by the model's \(model.configuration.maximumPositions) positions"
    case .interrupted: "interrupted"
    }
  }
}

extension Duration {
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
