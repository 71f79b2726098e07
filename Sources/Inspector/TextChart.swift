import Foundation

/// Series of numbers drawn with characters.
public enum TextChart {
  /// A line of a chart: its name in the legend and its values from first to last.
  public struct Series: Sendable, Equatable {
    public var name: String
    /// NaN where there is none.
    public var values: [Double]

    public init(_ name: String, _ values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  /// One character for each value, `▁` for the lowest and `█` for the highest; longer series are
  /// averaged to `width`. A blank stands where there is no finite value.
  ///
  /// - Parameter range: values of the lowest and the highest bar; from the series when nil.
  public static func sparkline(
    _ values: [Double], width: Int = 40, range: ClosedRange<Double>? = nil
  ) -> String {
    let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    let points = resampled(values, to: min(width, values.count))
    guard let range = range ?? extent(of: points) else {
      return String(repeating: " ", count: points.count)
    }
    return String(
      points.map { value in
        value.isFinite ? bars[level(of: value, in: range, levels: bars.count)] : " "
      })
  }

  /// A chart of one to three series: a scale on the left, the last position on the right below, and
  /// a legend when there is more than one series.
  ///
  /// - Parameters:
  ///   - width: columns in all, the scale's included; at least 20.
  ///   - height: lines of the plotted area; at least 2.
  ///   - range: values at the bottom and the top line; from the series when nil.
  ///   - format: how a value of the scale is written.
  ///   - label: what stands below the axis, such as `step`; its first and last number follow from
  ///     the longest series.
  public static func plot(
    _ series: [Series], width: Int = 72, height: Int = 11, range: ClosedRange<Double>? = nil,
    label: String = "step", format: (Double) -> String = TextChart.decimal
  ) -> [String] {
    precondition(width >= 20 && height >= 2, "TextChart: \(width) × \(height)")
    let all = series.flatMap(\.values)
    guard let range = range ?? extent(of: all) else { return [] }
    let scale = (0..<height).map { line in
      line == 0 || line == height - 1 || line == height / 2
        ? format(value(of: line, in: range, height: height)) : ""
    }
    let margin = scale.map(TerminalText.width(of:)).max() ?? 0
    let area = max(1, width - margin - 2)
    let longest = series.map(\.values.count).max() ?? 0
    let columns = min(area, longest)
    let grid = grid(series, columns: columns, height: height, range: range)
    var lines = zip(scale, grid).map { text, row in
      padded(text, margin) + " │" + trimmed(String(row))
    }
    lines.append(String(repeating: " ", count: margin) + " └" + String(repeating: "─", count: area))
    lines.append(axis(label, last: longest - 1, margin: margin, columns: columns, area: area))
    if series.count > 1 {
      let legend = zip(marks, series).map { "\($0) \($1.name)" }.joined(separator: "   ")
      lines.append(String(repeating: " ", count: margin + 2) + legend)
    }
    return lines
  }

  /// A share as a percentage, for `format`.
  public static func percent(_ value: Double) -> String {
    value.isFinite ? String(format: "%.0f %%", (100 * value).rounded()) : "\(value)"
  }

  /// Three significant digits, for `format`.
  public static func decimal(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    if abs(value) >= 1000 { return String(format: "%.0f", value.rounded()) }
    let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
    return String(format: "%.\(digits)f", value)
  }

  // MARK: Parts

  private static let marks: [Character] = ["●", "○", "+"]

  private static func grid(
    _ series: [Series], columns: Int, height: Int, range: ClosedRange<Double>
  ) -> [[Character]] {
    var grid = [[Character]](repeating: Array(repeating: " ", count: columns), count: height)
    // The first series is drawn last, so that it lies on top.
    for (mark, line) in zip(marks, series).reversed() {
      for (column, value) in resampled(line.values, to: columns).enumerated()
      where value.isFinite && column < columns {
        grid[height - 1 - level(of: value, in: range, levels: height)][column] = mark
      }
    }
    return grid
  }

  private static func axis(
    _ label: String, last: Int, margin: Int, columns: Int, area: Int
  ) -> String {
    let end = "\(max(last, 0))"
    let start = "0 \(label)"
    let gap = max(1, columns - start.count - end.count)
    return String(repeating: " ", count: margin + 2) + start + String(repeating: " ", count: gap)
      + end
  }

  /// Means over equal parts of the series; as many as there are values at most.
  static func resampled(_ values: [Double], to count: Int) -> [Double] {
    guard values.count > count, count > 0 else { return values }
    return (0..<count).map { part in
      let slice = values[part * values.count / count..<(part + 1) * values.count / count]
      let finite = slice.filter(\.isFinite)
      return finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count)
    }
  }

  private static func extent(of values: [Double]) -> ClosedRange<Double>? {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return nil }
    return low...high
  }

  private static func level(
    of value: Double, in range: ClosedRange<Double>, levels: Int
  ) -> Int {
    let span = range.upperBound - range.lowerBound
    guard span > 0, span.isFinite else { return levels / 2 }
    let share = min(max((value - range.lowerBound) / span, 0), 1)
    return min(levels - 1, Int((share * Double(levels - 1)).rounded()))
  }

  private static func value(
    of line: Int, in range: ClosedRange<Double>, height: Int
  ) -> Double {
    let share = Double(height - 1 - line) / Double(height - 1)
    return range.lowerBound + share * (range.upperBound - range.lowerBound)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - TerminalText.width(of: text))) + text
  }

  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }
}
