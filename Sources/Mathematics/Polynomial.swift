/// A number of the table of an ``Algebra``.
typealias AtomID = Int

struct Factor: Equatable, Sendable {
  var atom: AtomID
  var exponent: Exponent
}

/// A product of powers of atoms, in ascending order of atoms, without exponents of 0; empty: 1.
struct Monomial: Equatable, Sendable {
  var factors: [Factor]

  static let one = Monomial(factors: [])

  var isOne: Bool { factors.isEmpty }

  /// A total order, in which polynomials keep their terms.
  static func compare(_ a: Monomial, _ b: Monomial) -> Int {
    var index = 0
    while index < a.factors.count, index < b.factors.count {
      let (x, y) = (a.factors[index], b.factors[index])
      if x.atom != y.atom { return x.atom < y.atom ? -1 : 1 }
      if x.exponent != y.exponent { return x.exponent.isLess(than: y.exponent) ? -1 : 1 }
      index += 1
    }
    return a.factors.count - b.factors.count
  }
}

struct Term: Equatable, Sendable {
  /// Not 0.
  var coefficient: Rational
  var monomial: Monomial
}

/// A sum of terms in ascending order of distinct monomials; empty: 0.
struct Polynomial: Equatable, Sendable {
  var terms: [Term]

  static let zero = Polynomial(terms: [])
  static let one = Polynomial(.one)

  init(terms: [Term]) { self.terms = terms }

  init(_ constant: Rational) {
    terms = constant.isZero ? [] : [Term(coefficient: constant, monomial: .one)]
  }

  var isZero: Bool { terms.isEmpty }
  var isOne: Bool { constant?.isOne ?? false }
  /// The value, if it is a rational number.
  var constant: Rational? {
    if terms.isEmpty { return .zero }
    return terms.count == 1 && terms[0].monomial.isOne ? terms[0].coefficient : nil
  }

  /// Atoms that occur, with repetitions.
  var atoms: [AtomID] { terms.flatMap { $0.monomial.factors.map(\.atom) } }
}

/// A quotient of two polynomials. It is not in lowest terms: equality is by cross multiplication.
struct Quotient: Equatable, Sendable {
  var numerator: Polynomial
  /// Not 0; 1 or a sum whose first coefficient is 1, since a single term is divided out.
  var denominator: Polynomial

  static let zero = Quotient(Polynomial.zero)
  static let one = Quotient(Polynomial.one)

  init(_ numerator: Polynomial) {
    self.numerator = numerator
    denominator = .one
  }

  init(_ constant: Rational) { self.init(Polynomial(constant)) }

  init(numerator: Polynomial, denominator: Polynomial) {
    self.numerator = numerator
    self.denominator = denominator
  }

  /// The value, if it is plainly a rational number.
  var constant: Rational? { denominator.isOne ? numerator.constant : nil }
  var isZero: Bool { numerator.isZero }
}
