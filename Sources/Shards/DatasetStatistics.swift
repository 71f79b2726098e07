public import Records

/// What `pipeline data stats` tells of a dataset.
public struct DatasetStatistics: Sendable, Equatable, Codable {
  /// How long texts are, in UTF-8 bytes.
  public struct Lengths: Sendable, Equatable, Codable {
    public var count = 0
    public var total = 0
    public var shortest = 0
    public var longest = 0
    /// Texts of 2^i to 2^(i+1) - 1 bytes at place i; empty texts at place 0.
    public var histogram: [Int] = []

    public var mean: Double { count == 0 ? 0 : Double(total) / Double(count) }

    mutating func add(_ length: Int) {
      shortest = count == 0 ? length : min(shortest, length)
      longest = max(longest, length)
      count += 1
      total += length
      let place = length < 2 ? 0 : Int.bitWidth - 1 - length.leadingZeroBitCount
      while histogram.count <= place { histogram.append(0) }
      histogram[place] += 1
    }
  }

  public var rows = 0
  /// Rows by source.
  public var sources: [String: Int] = [:]
  /// Rows by tag and its value; a tag with more than 1,000 values counts the rest under `…`.
  public var tags: [String: [String: Int]] = [:]
  public var prompts = Lengths()
  public var groundTruths = Lengths()
  public var demonstrations = Lengths()
  public var rowsWithoutDemonstration = 0
  public var rowsWithoutGroundTruth = 0

  public init() {}

  /// Reads all rows.
  public init(of source: some PromptSource) throws(ShardError) {
    self.init()
    for index in 0..<source.rows { add(try source.row(index)) }
  }

  public mutating func add(_ row: Prompt) {
    rows += 1
    sources[row.source, default: 0] += 1
    for (tag, value) in row.tags {
      let known = tags[tag] ?? [:]
      let name = known[value] != nil || known.count < 1000 ? value : "…"
      tags[tag, default: [:]][name, default: 0] += 1
    }
    prompts.add(row.content.body.utf8.count)
    groundTruths.add(row.groundTruth.utf8.count)
    for demonstration in row.demonstrations { demonstrations.add(demonstration.utf8.count) }
    if row.demonstrations.isEmpty { rowsWithoutDemonstration += 1 }
    if row.groundTruth.isEmpty { rowsWithoutGroundTruth += 1 }
  }
}
