import Definition

/// Section `metrics`: where a step's metrics go besides `metrics.jsonl`.
public struct MetricsSettings: Sendable, Equatable {
  public var tensorBoard: Bool

  static let keys: [Key] = [
    Key(
      "metrics.tensorboard", .flag, default: .flag(true), role: .operational,
      meaning:
        "Write tb/, event files that TensorBoard reads, beside metrics.jsonl: some kilobytes a step."
    )
  ]

  init(_ definition: Definition) { tensorBoard = definition.flag("metrics.tensorboard") }
}
