/// A sign of mathematical notation, whatever its spelling: `\le`, `<=` and `≤` are one token.
enum Token: Equatable, Sendable {
  case end
  /// A digit, or a point before one; the parser reads the number from the text.
  case number
  /// A variable or a constant that is a letter of its own.
  case symbol(String)
  /// Two or more plain letters in a row: `AB`, `apples`.
  case word(String)
  /// What stands in `\text{…}` and its like.
  case text(String)
  /// `sin`, `log`, `max`, …
  case function(String)
  case relation(Relation)
  case separator
  case setOperator(SetOperator)
  case plus, minus, plusMinus, minusPlus
  case times, over
  case caret, underscore, prime, bang, percent, degree, bar, mid, doubleBar, colon, ampersand, row
  /// ², ³, ⁻¹ …
  case superscript(Int)
  case superscriptMinus
  /// ₁, ₂, … behind a name.
  case subscripted(Int)
  /// ½, ¾, …
  case vulgar(Int, Int)
  case open(Delimiter)
  case close(Delimiter)
  /// `{` and `}` that only group.
  case openBrace, closeBrace
  case fraction, binomial, squareRoot, cubeRoot
  /// `a \over b`, `n \choose k`.
  case infix(String)
  /// `\overline`, `\vec`, `\angle`, …: a name's decoration.
  case accent(String)
  /// `\sum`, `\prod`, `\int`, `\lim`.
  case bigOperator(String)
  case begin, endEnvironment
  case boxed
  /// `\pmod`.
  case modulus
  case infinity
  case unreadable
}

enum Relation: Equatable, Sendable {
  case equal, notEqual, less, lessEqual, greater, greaterEqual, approximate, congruent
  case member, notMember, subset

  /// The relation read from right to left, for those that have one.
  var mirrored: Relation {
    switch self {
    case .less: .greater
    case .lessEqual: .greaterEqual
    case .greater: .less
    case .greaterEqual: .lessEqual
    default: self
    }
  }
}

enum SetOperator: Equatable, Sendable {
  case union, intersection, difference
}

enum Delimiter: Equatable, Sendable {
  case round, square, curly, angle, floor, ceiling
}
