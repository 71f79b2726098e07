/// How a queue uses its machine. None of it changes what is stored.
public struct QueueOptions: Sendable {
  /// Address space of a new map in bytes, not disk. It doubles when 80 % are in use.
  public var mapSize = 16 << 30
  /// Slots for read transactions of all processes; the first opener's value counts.
  public var readers: UInt32 = 512
  /// Less free disk than this refuses opening: LMDB dies of SIGBUS when it cannot extend its files.
  public var requiredFreeBytes: UInt64 = 64 << 20
  /// Below this, or 5 % of the disk if that is less, stages should take no new work.
  public var lowWaterBytes: UInt64 = 1 << 30
  /// Open although the file system is a network one.
  public var allowsNetworkFileSystem = false
  /// A log gets its dictionary once it holds this many records.
  public var dictionaryThreshold = 256
  /// Largest dictionary in bytes.
  public var dictionaryBytes = 16 << 10

  public init() {}
}
