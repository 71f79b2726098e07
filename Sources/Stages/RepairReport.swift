/// What a repair did, or would do.
public struct RepairReport: Sendable, Equatable, Encodable {
  /// A thing and what became of it.
  public struct Item: Sendable, Equatable, Encodable {
    /// `verdicts/17`, `cursors/gate`.
    public var location: String
    /// What was wrong, or why it stays wrong.
    public var problem: String
  }

  /// Where the damaged queue lies, when its structure was broken and the rest was moved into a new one.
  public internal(set) var salvagedFrom: String?
  /// Records and values that the salvage brought over.
  public internal(set) var salvaged = 0
  /// Values of small tables, and files, written anew or removed.
  public internal(set) var restored: [Item] = []
  /// Records that were set aside, or missing, and made again.
  public internal(set) var rederived: [Item] = []
  /// What could not be made again, and why.
  public internal(set) var remaining: [Item] = []

  public var isWhole: Bool { remaining.isEmpty }
  public var isIdle: Bool {
    restored.isEmpty && rederived.isEmpty && remaining.isEmpty && salvagedFrom == nil
  }
}
