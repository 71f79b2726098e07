/// What a walk over all trees of a data file found.
public struct StructureFigures: Sendable, Equatable {
  /// Pages in use by the snapshot, both meta pages among them.
  public var pages: UInt64 = 2
  /// Branch and leaf pages that were read and judged.
  public var walked: UInt64 = 0
  public var overflowPages: UInt64 = 0
  public var freePages: UInt64 = 0
  public var entries: UInt64 = 0

  /// Pages that no tree and no list of free pages knows. They are lost room, never lost data.
  public var unaccounted: UInt64 { pages - 2 - walked - overflowPages - freePages }
}
