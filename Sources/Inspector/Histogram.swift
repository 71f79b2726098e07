import Foundation

/// How values are distributed, as bars of characters.
public struct Histogram: Sendable, Equatable {
  public struct Bin: Sendable, Equatable {
    public var low: Double
    /// Excluded, but for the last bin and bins of a single value.
    public var high: Double
    public var count: Int
  }

  public let bins: [Bin]

  /// What was binned before.
  public init(_ bins: [Distribution.Bin]) {
    self.bins = bins.map { Bin(low: $0.low, high: $0.high, count: $0.count) }
  }

  /// A bin for every value where there are at most twelve, else ten of equal width.
  ///
  /// - Parameters:
  ///   - values: finite.
  ///   - range: of the ten bins; from the values when nil.
  public init(_ values: [Double], in range: ClosedRange<Double>? = nil) {
    let distinct = Set(values)
    guard distinct.count > 12, let least = values.min(), let most = values.max() else {
      bins = distinct.sorted().map { value in
        Bin(low: value, high: value, count: values.count { $0 == value })
      }
      return
    }
    let range = range ?? least...most
    let width = (range.upperBound - range.lowerBound) / 10
    var counts = [Int](repeating: 0, count: 10)
    for value in values {
      counts[min(9, max(0, Int((value - range.lowerBound) / width)))] += 1
    }
    bins = counts.enumerated().map { place, count in
      Bin(
        low: range.lowerBound + Double(place) * width,
        high: range.lowerBound + Double(place + 1) * width, count: count)
    }
  }

  /// A line for every bin: its values, its count, and a bar.
  ///
  /// - Parameter width: of the longest bar.
  public func lines(width: Int = 40) -> [String] {
    let most = bins.map(\.count).max() ?? 0
    let names = bins.map { bin in
      bin.low == bin.high
        ? Self.number(bin.low) : "\(Self.number(bin.low)) – \(Self.number(bin.high))"
    }
    let margin = names.map(\.count).max() ?? 0
    let digits = "\(most)".count
    return zip(names, bins).map { name, bin in
      let bar = most == 0 ? 0 : Int((Double(width * bin.count) / Double(most)).rounded(.up))
      return String(repeating: " ", count: margin - name.count) + name + "  "
        + String(repeating: " ", count: digits - "\(bin.count)".count) + "\(bin.count) "
        + String(repeating: "█", count: bar)
    }
  }

  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
