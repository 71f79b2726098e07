/// A recursive-descent parser of arithmetic with whole numbers:
///
///     sum     = product (("+" | "-" | "−") product)*
///     product = operand (("*" | "×" | "/" | "÷") operand)*
///     operand = number | "(" sum ")"
///     number  = ["-" | "−"] digit+
///
/// Bounded by its text (4,096 bytes), numbers (64) and nested brackets (64); what passes a bound is
/// not an expression.
struct ArithmeticParser {
  private static let byteLimit = 4_096
  private static let numberLimit = 64
  private static let depthLimit = 64
  /// So that a number fits in 64 bits.
  private static let digitLimit = 18

  /// The numbers read so far, in order.
  private(set) var numbers: [Int] = []
  private let text: Bytes
  private let end: Int
  private var place: Int
  private var depth = 0

  init(text: Bytes, span: Range<Int>) {
    self.text = text
    place = span.lowerBound
    end = span.upperBound
  }

  /// The whole span as one expression, or nil if it is none.
  mutating func parse() -> ArithmeticExpression? {
    guard end - place <= Self.byteLimit, let expression = sum() else { return nil }
    skipSpace()
    return place == end ? expression : nil
  }

  private mutating func sum() -> ArithmeticExpression? {
    guard var left = product() else { return nil }
    while let symbol = accept([("+", .add), ("-", .subtract), ("\u{2212}", .subtract)]) {
      guard let right = product() else { return nil }
      left = .operation(symbol, left, right)
    }
    return left
  }

  private mutating func product() -> ArithmeticExpression? {
    guard var left = operand() else { return nil }
    // A second star or slash finds no operand behind the first: no power, no floor division.
    while let symbol = accept([
      ("*", .multiply), ("\u{D7}", .multiply), ("/", .divide), ("\u{F7}", .divide),
    ]) {
      guard let right = operand() else { return nil }
      left = .operation(symbol, left, right)
    }
    return left
  }

  private mutating func operand() -> ArithmeticExpression? {
    skipSpace()
    guard place < end, text[place] == UInt8(ascii: "(") else { return number() }
    guard depth < Self.depthLimit else { return nil }
    depth += 1
    place += 1
    guard let inner = sum() else { return nil }
    skipSpace()
    guard place < end, text[place] == UInt8(ascii: ")") else { return nil }
    place += 1
    depth -= 1
    return inner
  }

  private mutating func number() -> ArithmeticExpression? {
    let isNegative = accept([("-", .subtract), ("\u{2212}", .subtract)]) != nil
    let start = place
    var value = 0
    while place < end, let byte = text[place], isDigit(byte), place - start < Self.digitLimit {
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
      place += 1
    }
    guard place > start, !(place < end && isDigit(text[place])),
      numbers.count < Self.numberLimit
    else { return nil }
    numbers.append(isNegative ? -value : value)
    return .number(isNegative ? -value : value)
  }

  private mutating func accept(
    _ symbols: [(StaticString, ArithmeticOperator)]
  ) -> ArithmeticOperator? {
    skipSpace()
    for (symbol, operation) in symbols {
      let length = symbol.utf8CodeUnitCount
      if place + length <= end, text.starts(place, with: symbol) {
        place += length
        return operation
      }
    }
    return nil
  }

  private mutating func skipSpace() {
    while place < end, isSpace(text.bytes[place]) { place += 1 }
  }
}
