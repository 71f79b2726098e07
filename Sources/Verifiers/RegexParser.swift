/// Why a regular expression is none of ours.
struct RegexProblem: Error, Equatable {
  var problem: String
}

/// Reads a regular expression:
///
///     alternatives = sequence ("|" sequence)*
///     sequence     = (atom quantifier?)*
///     quantifier   = ("*" | "+" | "?" | "{" m "}" | "{" m "," n? "}") "?"?
///     atom         = scalar | "." | class | escape | "^" | "$" | group
///     group        = "(" alternatives ")" | "(?:" alternatives ")" | "(?<name>" alternatives ")"
///
/// and `(?i)`, `(?s)`, `(?m)` or several of them at the begin. What would need backtracking (references,
/// looking ahead or behind, atomic groups) is refused, and so is what is only known elsewhere.
struct RegexParser {
  static let lengthLimit = 4_096
  private static let depthLimit = 64
  /// Of one counted repetition; the program is bounded as a whole besides.
  private static let countLimit = 1_000

  private let scalars: [Unicode.Scalar]
  private var place = 0
  private var depth = 0
  private(set) var groups = 0
  private var ignoresCase: Bool
  private var dotTakesLineBreaks = false
  private var anchorsAreOfLines = false

  init(_ pattern: String, ignoresCase: Bool) {
    scalars = Array(pattern.unicodeScalars)
    self.ignoresCase = ignoresCase
  }

  mutating func parse() throws(RegexProblem) -> RegexNode {
    guard scalars.count <= Self.lengthLimit else {
      throw RegexProblem(problem: "has more than \(Self.lengthLimit) characters")
    }
    try flags()
    let node = try alternatives()
    guard place == scalars.count else { throw failure("a ) that closes nothing") }
    return node
  }

  private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

  private func failure(_ what: String) -> RegexProblem {
    RegexProblem(problem: "has \(what) at character \(place)")
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    place += 1
    return true
  }

  private func stands(_ text: String) -> Bool {
    scalars[place...].starts(with: text.unicodeScalars)
  }

  private mutating func flags() throws(RegexProblem) {
    guard stands("(?"), place + 2 < scalars.count, "ims".unicodeScalars.contains(scalars[place + 2])
    else { return }
    place += 2
    while let flag = next, flag != ")" {
      switch flag {
      case "i": ignoresCase = true
      case "s": dotTakesLineBreaks = true
      case "m": anchorsAreOfLines = true
      default: throw failure("an unknown flag")
      }
      place += 1
    }
    guard take(")") else { throw failure("flags without an end") }
  }

  private mutating func alternatives() throws(RegexProblem) -> RegexNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw failure("too many groups in one another") }
    var all = [try sequence()]
    while take("|") { all.append(try sequence()) }
    return all.count == 1 ? all[0] : .alternatives(all)
  }

  private mutating func sequence() throws(RegexProblem) -> RegexNode {
    var parts: [RegexNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      parts.append(try quantified(try atom(scalar)))
    }
    return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func quantified(_ node: RegexNode) throws(RegexProblem) -> RegexNode {
    let least: Int
    let most: Int?
    switch next {
    case "*": (least, most) = (0, nil)
    case "+": (least, most) = (1, nil)
    case "?": (least, most) = (0, 1)
    case "{":
      (least, most) = try counts()
      // The closing bracket is passed over below.
      place -= 1
    default: return node
    }
    place += 1
    let isLazy = take("?")
    if let again = next, again == "*" || again == "+" || again == "?" {
      throw failure("a quantifier behind a quantifier")
    }
    return .repetition(node, least: least, most: most, isLazy: isLazy)
  }

  /// `{m}`, `{m,}`, `{m,n}`.
  private mutating func counts() throws(RegexProblem) -> (Int, Int?) {
    place += 1
    guard let least = try number() else { throw failure("a { that begins no count; write \\{") }
    var most: Int? = least
    if take(",") { most = try number() }
    guard take("}") else { throw failure("a { that begins no count; write \\{") }
    if let most, most < least { throw failure("a count that ends before it begins") }
    return (least, most)
  }

  private mutating func number() throws(RegexProblem) -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      value = (value ?? 0) * 10 + Int(scalar.value - 48)
      guard value ?? 0 <= Self.countLimit else {
        throw failure("a count above \(Self.countLimit)")
      }
      place += 1
    }
    return value
  }

  private mutating func atom(_ scalar: Unicode.Scalar) throws(RegexProblem) -> RegexNode {
    place += 1
    switch scalar {
    case "(": return try group()
    case "[": return .set(try setOfBrackets())
    case "\\": return try escape()
    case "^": return .assertion(anchorsAreOfLines ? .lineStart : .textStart)
    case "$": return .assertion(anchorsAreOfLines ? .lineEnd : .textEnd)
    case ".":
      var set = dotTakesLineBreaks ? ScalarSet() : ScalarSet.lineBreaks
      set.isNegated = true
      return .set(set)
    case "*", "+", "?":
      place -= 1
      throw failure("a quantifier with nothing before it")
    case "{":
      place -= 1
      throw failure("a { that stands for itself; write \\{")
    default: return .set(folded(ScalarSet(scalar)))
    }
  }

  private func folded(_ set: ScalarSet) -> ScalarSet {
    guard ignoresCase else { return set }
    var set = set
    set.foldCase()
    return set
  }

  private mutating func group() throws(RegexProblem) -> RegexNode {
    var number: Int?
    if take("?") {
      if take(":") {
        number = nil
      } else if stands("<"), !stands("<="), !stands("<!") {
        while let scalar = next, scalar != ">" { place += 1 }
        guard take(">") else { throw failure("a name without an end") }
        groups += 1
        number = groups
      } else {
        throw failure("a group that looks ahead or behind, is atomic, or sets flags")
      }
    } else {
      groups += 1
      number = groups
    }
    let inner = try alternatives()
    guard take(")") else { throw failure("a ( without its )") }
    return number.map { .group(inner, number: $0) } ?? inner
  }

  private mutating func escape() throws(RegexProblem) -> RegexNode {
    guard let scalar = next else { throw failure("a \\ with nothing behind it") }
    switch scalar {
    case "b", "B", "A", "z", "Z":
      place += 1
      switch scalar {
      case "b": return .assertion(.wordBoundary)
      case "B": return .assertion(.noWordBoundary)
      case "A": return .assertion(.textStart)
      default: return .assertion(.textEnd)
      }
    default:
      return .set(folded(try escapedSet()))
    }
  }

  /// What an escape stands for, inside of brackets and out; its backslash has been read.
  private mutating func escapedSet() throws(RegexProblem) -> ScalarSet {
    guard let scalar = next else { throw failure("a \\ with nothing behind it") }
    place += 1
    switch scalar {
    case "d": return .digits
    case "w": return .word
    case "s": return .space
    case "D", "W", "S":
      var set = scalar == "D" ? ScalarSet.digits : scalar == "W" ? .word : .space
      set.isNegated = true
      return set
    case "n": return ScalarSet("\n")
    case "t": return ScalarSet("\t")
    case "r": return ScalarSet("\r")
    case "f": return ScalarSet("\u{C}")
    case "v": return ScalarSet("\u{B}")
    case "0": return ScalarSet("\0")
    case "x": return ScalarSet(try hexadecimal(2))
    case "u": return ScalarSet(try hexadecimal(4))
    case "1"..."9": throw failure("a reference to a group")
    case "a"..."z", "A"..."Z": throw failure("the unknown escape \\\(scalar)")
    default: return ScalarSet(scalar)
    }
  }

  private mutating func hexadecimal(_ digits: Int) throws(RegexProblem) -> Unicode.Scalar {
    let end = place + digits
    guard end <= scalars.count else { throw failure("too few hexadecimal digits") }
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars[place..<end])
    guard text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw failure("no character's number") }
    place = end
    return scalar
  }

  /// `[a-z\d]`, its opening bracket read.
  private mutating func setOfBrackets() throws(RegexProblem) -> ScalarSet {
    var set = ScalarSet()
    let isNegated = take("^")
    var isFirst = true
    while let scalar = next, isFirst || scalar != "]" {
      isFirst = false
      let item = try setItem()
      guard next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" else {
        set.formUnion(item)
        continue
      }
      place += 1
      let end = try setItem()
      guard let low = item.only, let high = end.only, low <= high else {
        throw failure("a range that is none")
      }
      set.insert(low...high)
    }
    guard take("]") else { throw failure("a [ without its ]") }
    set = folded(set)
    set.isNegated = isNegated
    return set
  }

  private mutating func setItem() throws(RegexProblem) -> ScalarSet {
    guard let scalar = next else { throw failure("a [ without its ]") }
    place += 1
    guard scalar == "\\" else { return ScalarSet(scalar) }
    if take("b") { return ScalarSet("\u{8}") }
    return try escapedSet()
  }
}

extension ScalarSet {
  /// The only scalar in it, if there is one.
  fileprivate var only: UInt32? {
    guard !isNegated, ranges.count == 1, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}
