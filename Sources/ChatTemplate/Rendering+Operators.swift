import Foundation

/// Arithmetic and comparison as Python does them.
extension Rendering {
  func arithmetic(
    _ left: TemplateValue, _ operation: Expression.Operator, _ right: TemplateValue,
    unary: Bool = false
  ) throws(ChatTemplateError) -> TemplateValue {
    for value in [left, right] {
      if case .undefined(let name) = value { throw failure("`\(name)` is undefined") }
    }
    if let left = left.asInteger, let right = right.asInteger {
      return try integers(left, operation, right)
    }
    if let left = left.asDouble, let right = right.asDouble {
      // 0 - 0.0 would lose the sign.
      return .number(
        unary ? (operation == .subtract ? -right : right) : try numbers(left, operation, right))
    }
    if let result = try sequences(left, operation, right), !unary { return result }
    throw failure(
      unary
        ? "`\(operation.rawValue)` cannot stand before \(right.typeName)"
        : "`\(operation.rawValue)` cannot join \(left.typeName) and \(right.typeName)")
  }

  private func integers(
    _ left: Int, _ operation: Expression.Operator, _ right: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = left.addingReportingOverflow(right)
    case .subtract: result = left.subtractingReportingOverflow(right)
    case .multiply: result = left.multipliedReportingOverflow(by: right)
    case .divide:
      guard right != 0 else { throw failure("a division by zero") }
      return .number(Double(left) / Double(right))
    case .floorDivide, .remainder:
      guard right != 0 else { throw failure("a division by zero") }
      // The one quotient that overflows.
      guard right != -1 else {
        return operation == .remainder ? .integer(0) : try integers(0, .subtract, left)
      }
      var (quotient, remainder) = left.quotientAndRemainder(dividingBy: right)
      // Python rounds down, where the machine rounds to zero.
      if remainder != 0, (remainder < 0) != (right < 0) {
        quotient -= 1
        remainder += right
      }
      return .integer(operation == .remainder ? remainder : quotient)
    case .power:
      guard right >= 0 else { return .number(try numbers(Double(left), .power, Double(right))) }
      result = Self.power(left, right)
    }
    guard !result.overflow else { throw unsupported("a whole number beyond 64 bits") }
    return .integer(result.partialValue)
  }

  private static func power(_ base: Int, _ exponent: Int) -> (partialValue: Int, overflow: Bool) {
    if base == 0 || base == 1 || exponent == 0 { return (exponent == 0 ? 1 : base, false) }
    if base == -1 { return (exponent % 2 == 0 ? 1 : -1, false) }
    guard exponent < 64 else { return (0, true) }
    var result = (partialValue: 1, overflow: false)
    for _ in 0..<exponent where !result.overflow {
      result = result.partialValue.multipliedReportingOverflow(by: base)
    }
    return result
  }

  private func numbers(
    _ left: Double, _ operation: Expression.Operator, _ right: Double
  ) throws(ChatTemplateError) -> Double {
    switch operation {
    case .add: return left + right
    case .subtract: return left - right
    case .multiply: return left * right
    case .divide, .floorDivide, .remainder:
      guard right != 0 else { throw failure("a division by zero") }
      if operation == .divide { return left / right }
      var remainder = fmod(left, right)
      if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
      if operation == .remainder {
        return remainder == 0 ? Double(signOf: right, magnitudeOf: 0) : remainder
      }
      let quotient = (left - remainder) / right
      if quotient == 0 { return Double(signOf: left / right, magnitudeOf: 0) }
      let floored = quotient.rounded(.down)
      return quotient - floored > 0.5 ? floored + 1 : floored
    case .power:
      let result = pow(left, right)
      if left == 0, right < 0 { throw failure("a division by zero") }
      if left < 0, right != right.rounded() { throw unsupported("a complex number") }
      if result.isInfinite, left.isFinite, right.isFinite { throw failure("a number out of range") }
      return result
    }
  }

  /// `+` and `*` of strings and lists, `%` of a string.
  private func sequences(
    _ left: TemplateValue, _ operation: Expression.Operator, _ right: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue? {
    switch (left, operation, right) {
    case (.text(let left), .add, .text(let right)):
      try reserve(text: left.utf8.count + right.utf8.count)
      return .text(left + right)
    case (.sequence(let left), .add, .sequence(let right))
    where left.kind == right.kind && (left.kind == .list || left.kind == .tuple):
      return try made(left.kind, left.elements + right.elements)
    case (.text(let text), .multiply, _): return try repeated(text, right.asInteger)
    case (_, .multiply, .text(let text)): return try repeated(text, left.asInteger)
    case (.sequence(let sequence), .multiply, _): return try repeated(sequence, right.asInteger)
    case (_, .multiply, .sequence(let sequence)): return try repeated(sequence, left.asInteger)
    case (.text(let text), .remainder, _): return try interpolated(text, with: right)
    default: return nil
    }
  }

  private func repeated(
    _ text: TemplateText, _ count: Int?
  ) throws(ChatTemplateError) -> TemplateValue? {
    guard let count else { return nil }
    let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: max(0, count))
    try reserve(text: overflow ? .max / 2 : bytes)
    guard bytes > 0 else { return .text("") }
    var utf8: [UInt8] = []
    utf8.reserveCapacity(bytes)
    for _ in 0..<count { utf8 += text.utf8 }
    return .text(TemplateText(utf8: utf8))
  }

  private func repeated(
    _ sequence: TemplateSequence, _ count: Int?
  ) throws(ChatTemplateError) -> TemplateValue? {
    guard let count, sequence.kind == .list || sequence.kind == .tuple else { return nil }
    let (number, overflow) = sequence.elements.count.multipliedReportingOverflow(
      by: max(0, count))
    guard !overflow, number <= Limit.memory / 160 else {
      throw excess("a list would have more elements than memory is given")
    }
    try reserve(elements: number)
    guard number > 0 else { return try made(sequence.kind, []) }
    var elements: [TemplateValue] = []
    elements.reserveCapacity(number)
    for _ in 0..<count { elements += sequence.elements }
    return .sequence(TemplateSequence(sequence.kind, elements))
  }

  // MARK: Comparison

  func holds(
    _ left: TemplateValue, _ operation: Expression.Comparison, _ right: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch operation {
    case .equal: return try areEqual(left, right)
    case .notEqual: return !(try areEqual(left, right))
    case .less: return try isLess(left, right, orEqual: false)
    case .lessOrEqual: return try isLess(left, right, orEqual: true)
    case .greater: return try isLess(right, left, orEqual: false)
    case .greaterOrEqual: return try isLess(right, left, orEqual: true)
    case .within: return try contains(right, left)
    case .notWithin: return !(try contains(right, left))
    }
  }

  func areEqual(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
    try work()
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.text(let left), .text(let right)):
      try work(min(left.utf8.count, right.utf8.count))
      return left == right
    case (.sequence(let left), .sequence(let right)):
      guard left.kind.isComparable(with: right.kind), left.elements.count == right.elements.count
      else { return false }
      for (left, right) in zip(left.elements, right.elements)
      where !(try areEqual(left, right)) { return false }
      return true
    case (.mapping(let left), .mapping(let right)):
      guard left.keys.count == right.keys.count else { return false }
      for (key, value) in zip(left.keys, left.values) {
        guard let other = right[try self.key(key)], try areEqual(value, other) else { return false }
      }
      return true
    case (.namespace(let left), .namespace(let right)): return left == right
    case (.macro(let left), .macro(let right)): return left === right
    case (.generator(let left), .generator(let right)): return left === right
    case (.loop(let left), .loop(let right)): return left === right
    case (.function(let left), .function(let right)): return left == right
    default:
      if let left = left.asInteger, let right = right.asInteger { return left == right }
      if let left = left.asDouble, let right = right.asDouble { return left == right }
      return false
    }
  }

  func isLess(
    _ left: TemplateValue, _ right: TemplateValue, orEqual: Bool
  ) throws(ChatTemplateError) -> Bool {
    try work()
    if let left = left.asInteger, let right = right.asInteger {
      return left < right || (orEqual && left == right)
    }
    if let left = left.asDouble, let right = right.asDouble {
      return left < right || (orEqual && left == right)
    }
    switch (left, right) {
    case (.text(let left), .text(let right)):
      try work(min(left.utf8.count, right.utf8.count))
      return left < right || (orEqual && left == right)
    case (.sequence(let left), .sequence(let right))
    where left.kind == right.kind && (left.kind == .list || left.kind == .tuple):
      for (left, right) in zip(left.elements, right.elements)
      where !(try areEqual(left, right)) {
        return try isLess(left, right, orEqual: orEqual)
      }
      let (first, second) = (left.elements.count, right.elements.count)
      return first < second || (orEqual && first == second)
    case (.undefined(let name), _), (_, .undefined(let name)):
      throw failure("`\(name)` is undefined")
    default: throw failure("\(left.typeName) and \(right.typeName) have no order")
    }
  }

  /// Python's `item in container`.
  func contains(
    _ container: TemplateValue, _ item: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch container {
    case .text(let text):
      guard let part = item.asText else { throw failure("\(item.typeName) is never in a string") }
      guard !part.isEmpty else { return true }
      return try !text.places(of: part, limit: 1) { (bytes) throws(ChatTemplateError) in
        try work(bytes)
      }.isEmpty
    case .mapping(let mapping): return mapping[try key(item)] != nil
    case .namespace: throw failure("a namespace has no items")
    default:
      for element in try elements(of: container) where try areEqual(element, item) { return true }
      return false
    }
  }

  /// What a loop over `value` goes through.
  func elements(of value: TemplateValue) throws(ChatTemplateError) -> [TemplateValue] {
    try work()
    switch value {
    case .undefined: return []
    case .sequence(let sequence): return sequence.elements
    case .mapping(let mapping): return mapping.keys
    case .generator(let generator): return generator.rest()
    case .text(let text):
      try reserve(elements: text.count)
      return text.string.unicodeScalars.map { .text(TemplateText([$0])) }
    case .loop: throw unsupported("a loop over `loop`")
    default: throw failure("\(value.typeName) cannot be gone through")
    }
  }
}

extension TemplateSequence.Kind {
  /// Whether equal elements make equal values; views of a dictionary are compared as sets by Python.
  fileprivate func isComparable(with other: Self) -> Bool {
    switch (self, other) {
    case (.list, .list), (.tuple, .tuple), (.range, .range), (.keys, .keys), (.items, .items): true
    default: false
    }
  }
}

extension Double {
  fileprivate init(signOf sign: Double, magnitudeOf magnitude: Double) {
    self.init(sign: sign.sign, exponent: 0, significand: magnitude)
  }
}
