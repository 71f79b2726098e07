/// Turns notation into values.
struct Evaluator {
  let algebra: Algebra
  /// Values of the variables of sums and products.
  private var bindings: [String: Quotient] = [:]

  init(algebra: Algebra) { self.algebra = algebra }

  // MARK: Statements

  /// The value of a whole answer.
  func value(_ expression: Expression) throws(MathematicsError) -> Value {
    try algebra.budget.spend(1)
    if let (upper, lower) = expression.branches {
      return .list([try value(upper), try value(lower)])
    }
    switch expression {
    case .list(let items):
      let values = try flattened(items)
      return values.count == 1 ? values[0] : .list(values)
    case .set(let items): return .set(try flattened(items))
    case .group(let opens, let items, let closes):
      return .group(opensClosed: opens, try values(items), closesClosed: closes)
    case .relation(let left, let rest): return try statement(left, rest)
    case .builder(_, let condition): return try value(condition)
    case .ratio(let parts):
      var values: [Quotient] = []
      for part in parts { values.append(try quotient(part)) }
      return .ratio(values)
    case .text(let words): return try text(words)
    case .symbol("emptyset"): return .region(.empty)
    case .setOperation: return .region(try region(expression))
    case .infinity: return .infinity(isNegative: false)
    case .negative(.infinity): return .infinity(isNegative: true)
    case .negative(let part): return try negated(part)
    case .percent(let part):
      return .scalar(Scalar(value: try quotient(part), places: part.places, isPercent: true))
    default:
      if let matrix = try matrix(expression) { return .matrix(matrix) }
      return .scalar(Scalar(value: try quotient(expression), places: expression.places))
    }
  }

  private func values(_ items: [Expression]) throws(MathematicsError) -> [Value] {
    var values: [Value] = []
    for item in items { values.append(try value(item)) }
    return values
  }

  /// The values of items, of which `a ± b` are two and a list in braces is several.
  private func flattened(_ items: [Expression]) throws(MathematicsError) -> [Value] {
    var values: [Value] = []
    for item in items {
      if items.count > 1, item.isDomain { continue }
      let value = try value(item)
      if case .list(let inner) = value {
        values += inner
      } else {
        values.append(value)
      }
    }
    return values
  }

  private func negated(_ part: Expression) throws(MathematicsError) -> Value {
    if case .percent(let inside) = part {
      let value = algebra.negate(try quotient(inside))
      return .scalar(Scalar(value: value, places: inside.places, isPercent: true))
    }
    if let matrix = try matrix(part) {
      return .matrix(matrix.map { $0.map { algebra.negate($0) } })
    }
    return .scalar(Scalar(value: algebra.negate(try quotient(part)), places: part.places))
  }

  private func text(_ words: String) throws(MathematicsError) -> Value {
    switch words {
    case "R": return .region(.all)
    default:
      // Choices in one text: \text{A, C}.
      let parts = words.split { $0 == "," || $0 == ";" }
      return parts.count > 1 ? .list(parts.map { .text(String($0)) }) : .text(words)
    }
  }

  /// A chain of relations: `x = 2`, `0 < x \le 5`, `f(3) = 9 - 4 = 5`, `x \in (0, 1)`.
  private func statement(
    _ left: Expression, _ rest: [Expression.Comparison]
  ) throws(MathematicsError) -> Value {
    let isEquation = rest.allSatisfy {
      [.equal, .approximate, .congruent].contains($0.relation)
    }
    if isEquation {
      // Of `x = 1/3 ≈ 0.33` the value is 1/3.
      let exact = rest.last { $0.relation == .equal } ?? rest[rest.count - 1]
      if left.isName { return .assigned(name: left, try value(exact.right)) }
      if rest.count == 1, exact.right.isName, !left.hasSymbols, !left.isOpaque {
        return .assigned(name: exact.right, try value(left))
      }
      if left.isOpaque { return try value(exact.right) }
      if !exact.right.hasSymbols, let value = try computed(left, exact) { return value }
    }
    if rest.count == 1, rest[0].relation == .member, left.isName {
      return .assigned(name: left, try value(rest[0].right))
    }
    var comparisons: [(Relation, Value)] = []
    for part in rest { comparisons.append((part.relation, try value(part.right))) }
    return .relation(left: try value(left), comparisons)
  }

  /// The value of `left = right` without symbols: `10^3 = 1000`, `\lim … = 1`. Nil: it is not true.
  private func computed(
    _ left: Expression, _ last: Expression.Comparison
  ) throws(MathematicsError) -> Value? {
    guard !left.hasSymbols else { return nil }
    // Of `1/3 ≈ 0.33` the left side is meant.
    if last.relation == .approximate || (left.places == nil && last.right.places != nil) {
      return try value(left)
    }
    let (x, y) = (try value(left), try value(last.right))
    guard case .scalar(let a) = x, case .scalar(let b) = y else { return y }
    return try algebra.areEqual(a.value, b.value) ? y : nil
  }

  // MARK: Sets of real numbers

  private func region(_ expression: Expression) throws(MathematicsError) -> Region {
    switch expression {
    case .setOperation(let sign, let a, let b):
      let (x, y) = (try region(a), try region(b))
      switch sign {
      case .union: return try x.union(y, algebra)
      case .intersection: return try x.intersection(y, algebra)
      case .difference: return try x.intersection(try y.complement(), algebra)
      }
    default:
      guard let region = try Region(try value(expression), algebra) else { throw .unreadable }
      return region
    }
  }

  // MARK: Numbers and symbolic expressions

  func quotient(_ expression: Expression) throws(MathematicsError) -> Quotient {
    try algebra.budget.spend(1)
    switch expression {
    case .number(let value, _): return Quotient(value)
    case .symbol(let name): return try symbol(name)
    case .sum(let parts):
      var sum = Quotient.zero
      for part in parts { sum = try algebra.add(sum, try quotient(part)) }
      return sum
    case .product(let parts): return try product(parts)
    case .quotient(let a, let b): return try algebra.divide(try quotient(a), try quotient(b))
    case .negative(let part): return algebra.negate(try quotient(part))
    case .power(let a, let b): return try algebra.power(try quotient(a), try quotient(b))
    case .root(let index, let part): return try root(index, part)
    case .function(let name, let arguments): return try function(name, arguments)
    case .application(let name, let arguments):
      var values: [Quotient] = []
      for argument in arguments { values.append(try quotient(argument)) }
      return try algebra.function("?" + name, values)
    case .percent(let part):
      return try algebra.multiply(
        try quotient(part), Quotient(Rational(Integer(1), over: Integer(100))))
    // As a number of degrees; in circular functions it is converted.
    case .degree(let part): return try quotient(part)
    case .repeated(let name, let variable, let from, let to, let body):
      return try repeated(name, variable, from, to, body)
    case .relation(let left, let rest):
      // An aside within a number: `(x = 5)`.
      guard left.isName, rest.count == 1, rest[0].relation == .equal else { throw .unreadable }
      return try quotient(rest[0].right)
    case .infinity, .plusMinus, .ratio, .matrix, .group, .set, .builder, .list, .setOperation,
      .text, .opaque:
      throw .unreadable
    }
  }

  private func symbol(_ name: String) throws(MathematicsError) -> Quotient {
    if let value = bindings[name] { return value }
    switch name {
    case "pi": return try algebra.quotient(.pi)
    case "e": return try algebra.quotient(.euler)
    case "i": return try algebra.quotient(.imaginary)
    case "emptyset", "dots": throw .unreadable
    default: return try algebra.quotient(.symbol(name))
    }
  }

  private func product(_ parts: [Expression]) throws(MathematicsError) -> Quotient {
    var product = Quotient.one
    var isZero = false
    for part in parts where !part.isDomain {
      let factor = try quotient(part)
      isZero = isZero || factor.isZero
      product = try algebra.multiply(product, factor)
    }
    // Nobody writes 0 times a name for an answer: it is a sentence that was read as letters.
    if isZero, parts.contains(where: \.hasSymbols) { throw .unreadable }
    return product
  }

  private func root(
    _ index: Expression?, _ part: Expression
  ) throws(MathematicsError) -> Quotient {
    guard let index else { return try algebra.apply("sqrt", try quotient(part)) ?? .zero }
    let exponent = try algebra.divide(Quotient.one, try quotient(index))
    return try algebra.power(try quotient(part), exponent)
  }

  private func function(
    _ name: String, _ arguments: [Expression]
  ) throws(MathematicsError) -> Quotient {
    if name == "det" {
      guard arguments.count == 1, let rows = try matrix(arguments[0]),
        rows.count == rows[0].count
      else { throw .unreadable }
      return try determinant(rows)
    }
    var values: [Quotient] = []
    for argument in arguments { values.append(try self.argument(of: name, argument)) }
    if name == "binomial" { return try algebra.binomial(values[0], values[1]) }
    if ["max", "min", "gcd", "lcm", "sup", "inf", "mod"].contains(name) {
      return try choice(name, values)
    }
    guard values.count == 1 else { throw .unreadable }
    if let value = try algebra.apply(name, values[0]) { return value }
    return try algebra.function("?" + name, values)
  }

  /// An angle in degrees within a circular function is converted.
  private func argument(
    of name: String, _ argument: Expression
  ) throws(MathematicsError) -> Quotient {
    guard case .degree(let angle) = argument,
      ["sin", "cos", "tan", "cot", "sec", "csc"].contains(name)
    else { return try quotient(argument) }
    let turn = try algebra.multiply(
      try algebra.quotient(.pi), Quotient(Rational(Integer(1), over: Integer(180))))
    return try algebra.multiply(try quotient(angle), turn)
  }

  private func choice(_ name: String, _ values: [Quotient]) throws(MathematicsError) -> Quotient {
    guard values.count > 1 else { return try algebra.function("?" + name, values) }
    var numbers: [Rational] = []
    for value in values {
      guard let number = value.constant else { return try algebra.function("?" + name, values) }
      numbers.append(number)
    }
    var result = numbers[0]
    for number in numbers.dropFirst() {
      try algebra.charge(result, number)
      switch name {
      case "max", "sup": result = result < number ? number : result
      case "min", "inf": result = number < result ? number : result
      default:
        guard result.isWhole, number.isWhole, !number.isZero else { throw .undefined }
        if name == "mod" {
          result = Rational(result.numerator.divided(by: number.numerator).remainder)
          continue
        }
        let divisor = Integer.gcd(result.numerator, number.numerator)
        if name == "gcd" {
          result = Rational(divisor)
        } else {
          guard !divisor.isZero else { throw .undefined }
          result = Rational(
            (result.numerator * number.numerator).magnitude.divided(by: divisor).quotient)
        }
      }
    }
    return Quotient(result)
  }

  /// A sum or product: term by term between whole bounds, else as it stands.
  private func repeated(
    _ name: String, _ variable: String, _ from: Expression, _ to: Expression, _ body: Expression
  ) throws(MathematicsError) -> Quotient {
    let (low, high) = (try quotient(from), try quotient(to))
    guard let first = low.constant?.word, let last = high.constant?.word else {
      guard low.constant == nil || high.constant == nil else { throw .budget }
      return try algebra.function(
        name, [try quotient(.symbol(variable)), low, high, try quotient(body)])
    }
    let (count, overflow) = last.subtractingReportingOverflow(first)
    guard !overflow, count <= Limits.repetitions else { throw .budget }
    var inner = self
    var result = name == "sum" ? Quotient.zero : .one
    guard first <= last else { return result }
    for index in first...last {
      inner.bindings[variable] = Quotient(Rational(index))
      let term = try inner.quotient(body)
      result = try name == "sum" ? algebra.add(result, term) : algebra.multiply(result, term)
    }
    return result
  }
}
