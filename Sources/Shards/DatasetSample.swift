import Randomness

/// Which rows of a dataset a sample takes: without replacement, in stored order, the same for the same seed.
public struct DatasetSample: Sendable {
  public enum Size: Sendable, Equatable {
    /// So many of all rows.
    case rows(Int)
    /// So many of each value of a field; all where there are fewer.
    case rowsOfEach(Int)
  }

  /// Places of the rows taken, ascending.
  public let places: [Int]

  /// - Parameter groups: of each row the value by which `.rowsOfEach` counts.
  /// - Throws: for more rows than there are.
  public init(
    _ size: Size, of rows: Int, seed: UInt64, groups: (Int) throws -> String = { _ in "" }
  ) throws {
    let stream = RandomStream(seed: seed, purpose: .dataset)
    func drawn(_ places: [Int], _ count: Int) -> [Int] {
      let keyed = places.map { (key: stream.bits(UInt64($0)), place: $0) }
      return keyed.sorted { ($0.key, $0.place) < ($1.key, $1.place) }.prefix(count).map(\.place)
    }
    switch size {
    case .rows(let count):
      guard count <= rows else {
        throw ShardError(
          .settings, location: "--rows", problem: "\(count) of \(rows) rows",
          remedy: "Ask for at most as many as there are.")
      }
      places = drawn(Array(0..<rows), count).sorted()
    case .rowsOfEach(let count):
      var members: [String: [Int]] = [:]
      for place in 0..<rows { members[try groups(place), default: []].append(place) }
      places = members.values.flatMap { drawn($0, count) }.sorted()
    }
  }
}
