/// An expression of a template.
///
/// A class with its depth, so that a template whose tree would not fit the stack, neither of whoever
/// walks it nor of whoever frees it, is refused while it is parsed.
final class Expression: Sendable {
  enum Kind: Sendable {
    case none
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(TemplateText)
    case name(String)
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression, from: Expression?, to: Expression?, by: Expression?)
    case call(Expression, Arguments)
    case filter(Expression, String, Arguments)
    case test(Expression, String, Arguments)
    case negative(Expression)
    case positive(Expression)
    case arithmetic(Expression, Operator, Expression)
    case concatenation([Expression])
    case comparison(Expression, [(Comparison, Expression)])
    case and(Expression, Expression)
    case or(Expression, Expression)
    case not(Expression)
    case conditional(Expression, then: Expression, otherwise: Expression?)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    /// What a block printed, on its way through filters.
    case captured
  }

  enum Operator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
  }

  enum Comparison: Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, within, notWithin
  }

  let kind: Kind
  let line: Int
  let depth: Int

  init(_ kind: Kind, line: Int, depth: Int) {
    self.kind = kind
    self.line = line
    self.depth = depth
  }
}

/// What stands between the parentheses of a call, filter or test.
struct Arguments: Sendable {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  var unpacked: Expression?
  var unpackedNames: Expression?

  var all: [Expression] {
    positional + named.map(\.value) + [unpacked, unpackedNames].compactMap { $0 }
  }
}

/// What an assignment or a loop binds.
indirect enum AssignmentTarget: Sendable {
  case name(String)
  case attribute(of: String, String)
  case tuple([AssignmentTarget])
}

/// A piece of a template's body.
indirect enum Statement: Sendable {
  case text(TemplateText)
  case output(Expression)
  case assignment(AssignmentTarget, Expression)
  /// `set` with a body, which goes through `filter`, an expression over `captured`.
  case blockAssignment(AssignmentTarget, filter: Expression, body: [Statement], line: Int)
  case branch([(test: Expression, body: [Statement])], otherwise: [Statement])
  case loop(LoopDefinition)
  case with([(target: AssignmentTarget, value: Expression)], body: [Statement])
  case macro(MacroDefinition)
  case callBlock(Expression, body: MacroDefinition)
  case filterBlock(Expression, body: [Statement])
  /// The body in a scope of its own.
  case scope([Statement])
  case leave(line: Int)
  case proceed(line: Int)
}

struct LoopDefinition: Sendable {
  var target: AssignmentTarget
  var items: Expression
  var test: Expression?
  var body: [Statement]
  var otherwise: [Statement]
  var line: Int
}

struct MacroDefinition: Sendable {
  /// nil for the body of a `call` block.
  var name: String?
  var parameters: [String]
  /// Of the last parameters.
  var defaults: [Expression]
  var body: [Statement]
  var line: Int
  /// Which of `caller`, `varargs` and `kwargs` its body names: what it takes beyond its parameters.
  var takes: Set<String>
}
