import Foundation
import Stages

/// What sampling and judging took so far, kept beside an evaluation: the figures depend on machine and
/// moment, so that they are no part of what the evaluation is.
public struct SamplingPace: Codable, Sendable, Equatable {
  static let file = "pace.json"

  public var seconds = 0.0
  /// Sampled in these seconds.
  public var tokens = 0

  /// nil where nothing was sampled.
  public var tokensPerSecond: Double? { seconds > 0 && tokens > 0 ? Double(tokens) / seconds : nil }

  public init(seconds: Double = 0, tokens: Int = 0) {
    self.seconds = seconds
    self.tokens = tokens
  }

  public static func + (a: SamplingPace, b: SamplingPace) -> SamplingPace {
    SamplingPace(seconds: a.seconds + b.seconds, tokens: a.tokens + b.tokens)
  }

  /// Of an evaluation's folder; nothing where none was kept, or what stands there is unreadable.
  static func read(from folder: String) -> SamplingPace {
    guard let bytes = try? DurableFile.read("\(folder)/\(file)", limit: 4096),
      let pace = try? JSONDecoder().decode(SamplingPace.self, from: Data(bytes))
    else { return SamplingPace() }
    return pace
  }

  func write(to folder: String) throws {
    try DurableFile.write(
      [UInt8](try JSONEncoder().encode(self)) + [UInt8(ascii: "\n")], to: "\(folder)/\(Self.file)")
  }
}
