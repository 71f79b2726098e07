/// The day that a template is told when it asks for today's.
///
/// A value and not the clock's: the same conversation gives the same tokens on every day.
public struct TemplateDate: Sendable, Equatable, CustomStringConvertible {
  public let year: Int
  public let month: Int
  public let day: Int

  /// Reads `2024-07-26`; nil for what is no day of the years 1 to 9999.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2],
      text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), year >= 1,
      (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  public var description: String { formatted("%F") ?? "" }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.days(in: $1, of: year) } }

  /// 0 is Monday.
  private var weekday: Int {
    let before = year - 1
    return (365 * before + before / 4 - before / 100 + before / 400 + dayOfYear - 1) % 7
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let weekdays = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]

  /// Python's `strftime` at midnight; nil where the format has a code that is not done here.
  func formatted(_ format: String) -> String? {
    var text = ""
    var rest = format.unicodeScalars[...]
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      var code = rest.popFirst()
      let isShort = code == "-"
      if isShort { code = rest.popFirst() }
      switch (code, isShort) {
      case ("d", _): text += padded(day, isShort ? 1 : 2)
      case ("m", _): text += padded(month, isShort ? 1 : 2)
      case ("j", _): text += padded(dayOfYear, isShort ? 1 : 3)
      case ("H", false), ("M", false), ("S", false): text += "00"
      case ("Y", false): text += String(year)
      case ("y", false): text += padded(year % 100, 2)
      case ("b", false): text += Self.months[month - 1].prefix(3)
      case ("B", false): text += Self.months[month - 1]
      case ("a", false): text += Self.weekdays[weekday].prefix(3)
      case ("A", false): text += Self.weekdays[weekday]
      case ("F", false): text += padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
      case ("%", false): text += "%"
      default: return nil
      }
    }
    return text
  }
}
