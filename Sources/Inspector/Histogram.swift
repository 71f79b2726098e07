import Foundation

/// How values are distributed, as bars of characters.
public struct Histogram: Sendable, Equatable {
  public struct Bin: Sendable, Equatable, Encodable {
    public var low: Double
    /// Excluded, but for the last bin and bins of a single value.
    public var high: Double
    public var count: Int
  }

  public let bins: [Bin]
  /// Where bins of one width begin, and their width; nil where each has a value of its own.
  private let scale: Scale?

  private struct Scale: Equatable {
    var low: Double
    var width: Double

    /// The bin of a value; what lies outside is counted at the ends.
    func place(of value: Double) -> Int {
      let place = (value - low) / width
      return place >= 9 ? 9 : place > 0 ? Int(place) : 0
    }
  }

  /// What was binned before.
  public init(_ bins: [Bin]) {
    self.bins = bins
    scale = nil
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
      scale = nil
      return
    }
    let range = range ?? least...most
    // Half by half: the whole width may be beyond the largest number.
    let scale = Scale(
      low: range.lowerBound, width: range.upperBound / 10 - range.lowerBound / 10)
    var counts = [Int](repeating: 0, count: 10)
    for value in values { counts[scale.place(of: value)] += 1 }
    bins = counts.enumerated().map { place, count in
      Bin(
        low: scale.low + Double(place) * scale.width,
        high: place == 9 ? range.upperBound : scale.low + Double(place + 1) * scale.width,
        count: count)
    }
    self.scale = scale
  }

  /// The bin in which one of the values was counted.
  public func place(of value: Double) -> Int? {
    scale?.place(of: value) ?? bins.firstIndex { $0.low == value }
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
