extension Parser {
  /// `12`, `1,234`, `1\,234`, `{1{,}234}`, `.5`, `12.50`, `0.\overline{3}`, `1.5e-7`.
  mutating func number() throws(MathematicsError) -> Expression {
    var place = lexer.start
    var whole = digits(&place)
    if !whole.isEmpty, whole.count <= 3 { grouped(&whole, &place) }
    var places: [UInt8] = []
    var isDecimal = false
    if lexer.has(".", at: place), Text.isDigit(lexer.byte(place + 1)) || repetend(place + 1) != nil
    {
      place += 1
      places = digits(&place)
      isDecimal = true
    } else if commas == .decimal, lexer.has(",", at: place), Text.isDigit(lexer.byte(place + 1)) {
      place += 1
      places = digits(&place)
      isDecimal = true
    } else if lexer.has(".", at: place), endsBehind(place + 1) {
      // `42.` at the end of a sentence.
      place += 1
    }
    guard whole.count + places.count > 0 else { throw .unreadable }
    let length = whole.count + places.count
    try budget.spend(1 + length + length * length / 64)
    var value = Rational(Integer(digits: whole + places), over: try powerOfTen(places.count))
    var shown: Int? = isDecimal ? places.count : nil
    if isDecimal, let (repetend, stop) = repetend(place) {
      place = stop
      value = value + (try repeating(repetend, behind: places.count))
      shown = nil
    }
    if let (exponent, stop) = scientific(place) {
      place = stop
      let factor = Rational(try powerOfTen(abs(exponent)))
      value = exponent < 0 ? value / factor : value * factor
      shown = shown.map { max(0, $0 - exponent) }
    }
    lexer.move(to: place)
    try advance()
    return .number(value, places: shown)
  }

  private func powerOfTen(_ exponent: Int) throws(MathematicsError) -> Integer {
    if exponent <= 18 { return Integer(Self.powersOfTen[exponent]) }
    try budget.spend(1 + exponent * exponent / 64)
    return Integer(10).power(exponent)
  }

  private static let powersOfTen: [Int] = {
    var powers = [1]
    for _ in 0..<18 { powers.append((powers.last ?? 1) * 10) }
    return powers
  }()

  private func digits(_ place: inout Int) -> [UInt8] {
    let start = place
    while Text.isDigit(lexer.byte(place)) { place += 1 }
    return Array(lexer.bytes[start..<place])
  }

  private static let groupLimit = 12

  /// Groups of three digits behind a thousands mark.
  private func grouped(_ whole: inout [UInt8], _ place: inout Int) {
    let start = (whole, place)
    for _ in 0..<Self.groupLimit {
      guard let next = groupStart(place, whole) else { return }
      whole += lexer.bytes[next..<next + 3]
      place = next + 3
    }
    // So many groups are a list of numbers from 100 to 999.
    (whole, place) = start
  }

  /// Where a group of exactly three digits begins behind a mark at `place`.
  private func groupStart(_ place: Int, _ whole: [UInt8]) -> Int? {
    var next = place
    var isSure = false
    if skip("{,}", &next) || skip("\\,", &next) || skip("{\\,}", &next) || skip("\\ ", &next)
      || skip("~", &next)
    {
      isSure = true
    } else if skip(",", &next) {
      let isSpaced = skip("\\!", &next) || skip("\\,", &next) || skip("{}", &next)
      if isSpaced { while skip(" ", &next) {} }
      isSure = isSpaced
      if !isSure, commas != .thousands || brackets > 0 || whole.first == UInt8(ascii: "0") {
        return nil
      }
    } else if skip(" ", &next) {
      isSure = true
    } else {
      return nil
    }
    guard Text.isDigit(lexer.byte(next)), Text.isDigit(lexer.byte(next + 1)),
      Text.isDigit(lexer.byte(next + 2)), !Text.isDigit(lexer.byte(next + 3))
    else { return nil }
    return next
  }

  private func skip(_ text: StaticString, _ place: inout Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard place + length <= lexer.end else { return false }
    let isThere = text.withUTF8Buffer { pattern in
      for offset in 0..<length where unsafe pattern[offset] != lexer.bytes[place + offset] {
        return false
      }
      return true
    }
    if isThere { place += length }
    return isThere
  }

  private func endsBehind(_ place: Int) -> Bool {
    guard let byte = lexer.byte(place) else { return true }
    return byte == UInt8(ascii: "$") || byte == UInt8(ascii: "}") || Text.isBlank(byte)
  }

  // MARK: Repeating decimals and scientific notation

  private func repetend(_ start: Int) -> ([UInt8], Int)? {
    for mark: StaticString in ["\\overline{", "\\bar{", "\\dot{"] {
      var place = start
      guard skip(mark, &place) else { continue }
      let repetend = digits(&place)
      guard !repetend.isEmpty, repetend.count <= 64, skip("}", &place) else { return nil }
      return (repetend, place)
    }
    return nil
  }

  private func repeating(
    _ repetend: [UInt8], behind places: Int
  ) throws(MathematicsError) -> Rational {
    let nines = try powerOfTen(repetend.count) - Integer(1)
    let shift = try powerOfTen(places)
    return Rational(Integer(digits: repetend), over: nines * shift)
  }

  /// `e-7`, `E5` behind a number.
  private func scientific(_ start: Int) -> (Int, Int)? {
    guard let mark = lexer.byte(start), mark | 0x20 == UInt8(ascii: "e") else { return nil }
    var place = start + 1
    let isNegative = lexer.has("-", at: place)
    if isNegative || lexer.has("+", at: place) { place += 1 }
    let exponent = digits(&place)
    guard (1...4).contains(exponent.count), !Text.isLetter(lexer.byte(place)) else { return nil }
    let value = exponent.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    return (isNegative ? -value : value, place)
  }
}
