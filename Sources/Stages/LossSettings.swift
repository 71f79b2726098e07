import Definition

/// Section `loss`: how a loss batch is cut into updates.
public struct LossSettings: Sendable, Equatable {
  public var epochs: Int
  public var miniBatches: Int
  public var shuffles: Bool

  static let keys: [Key] = [
    Key(
      "loss.epochs", .integer(1...1000), default: .integer(1),
      meaning: "Passes over a loss batch within its step."),
    Key(
      "loss.mini_batches", .integer(1...65_536), default: .integer(1),
      meaning: "Updates in each pass; groups are dealt out evenly and never split."),
    Key(
      "loss.shuffle", .flag, default: .flag(true),
      meaning: "Permute the groups before each pass (seeded); only matters with several updates."),
  ]

  init(_ definition: Definition) {
    epochs = definition.integer("loss.epochs")
    miniBatches = definition.integer("loss.mini_batches")
    shuffles = definition.flag("loss.shuffle")
  }
}
