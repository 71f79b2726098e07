/// Nine levels between which values are told apart by colour or by digit.
///
/// The colours are of the 256 that terminals have, and differ in lightness along one line from blue to
/// yellow, or to both sides of white in blue and orange: people who are blind to red and green tell
/// them apart too.
public struct HeatScale: Sendable, Equatable, Encodable {
  public static let levels = 9

  /// What stands between the first and the last level.
  public let low: Double
  public let high: Double
  /// The value of the middle level; nil for a scale that runs from low to high.
  public let center: Double?

  /// - Parameters:
  ///   - values: their finite ones set the range.
  ///   - center: what the range lies around to both sides alike; nil: it is the values' own.
  /// - Returns: nil without a finite value.
  public init?(_ values: [Double], center: Double? = nil) {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max() else { return nil }
    self.center = center
    if let center {
      let reach = max(abs(least - center), abs(most - center))
      low = center - reach
      high = center + reach
    } else {
      low = least
      high = most
    }
  }

  /// 0 to 8; nil for what is no number. Where all values are equal it is the middle.
  public func level(of value: Double) -> Int? {
    guard value.isFinite else { return nil }
    guard high > low else { return Self.levels / 2 }
    let share = (value - low) / (high - low)
    return min(Self.levels - 1, max(0, Int((share * Double(Self.levels - 1)).rounded())))
  }

  /// The value in the middle of a level.
  public func value(of level: Int) -> Double {
    low + (high - low) * Double(level) / Double(Self.levels - 1)
  }

  /// `text` on the level's colour.
  public func coloured(_ text: String, level: Int) -> String {
    let (ground, text) = (colour(of: level).ground, "\(text)\u{1B}[0m")
    return "\u{1B}[48;5;\(ground)m\u{1B}[38;5;\(colour(of: level).text)m" + text
  }

  /// Numbers in the palette of 256: of the ground, and of black or white text on it.
  public func colour(of level: Int) -> (ground: Int, text: Int) {
    let grounds = center == nil ? Self.sequential : Self.diverging
    let isDark = center == nil ? level < 3 : level == 0
    return (grounds[level], isDark ? 231 : 16)
  }

  private static let sequential = [17, 18, 60, 66, 102, 144, 179, 221, 228]
  private static let diverging = [25, 32, 74, 153, 255, 223, 215, 208, 166]
}
