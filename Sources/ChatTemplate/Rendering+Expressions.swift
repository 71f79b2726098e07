/// What expressions come to.
extension Rendering {
  func evaluate(_ expression: Expression) throws(ChatTemplateError) -> TemplateValue {
    try deeper { () throws(ChatTemplateError) in
      switch expression.kind {
      case .none: return .none
      case .boolean(let value): return .boolean(value)
      case .integer(let value): return .integer(value)
      case .number(let value): return .number(value)
      case .text(let text): return .text(text)
      case .name(let name): return value(of: name)
      case .captured: return captured
      case .and(let left, let right):
        let value = try evaluate(left)
        return value.isTrue ? try evaluate(right) : value
      case .or(let left, let right):
        let value = try evaluate(left)
        return value.isTrue ? value : try evaluate(right)
      case .not(let operand): return .boolean(!(try evaluate(operand).isTrue))
      case .conditional(let test, let then, let otherwise):
        if try evaluate(test).isTrue { return try evaluate(then) }
        return try otherwise.map { (other) throws(ChatTemplateError) in try evaluate(other) }
          ?? .undefined("the value of an `if` without `else`")
      case .attribute, .item, .slice: return try access(expression)
      case .call(let callee, let arguments):
        return try call(callee, arguments, line: expression.line)
      case .filter(let operand, let name, let arguments):
        let value = try evaluate(operand)
        let arguments = try evaluate(arguments)
        line = expression.line
        return try filter(name, value, arguments)
      case .test(let operand, let name, let arguments):
        let value = try evaluate(operand)
        let arguments = try evaluate(arguments)
        line = expression.line
        return .boolean(try test(name, value, arguments))
      default: return try compute(expression)
      }
    }
  }

  private func compute(_ expression: Expression) throws(ChatTemplateError) -> TemplateValue {
    switch expression.kind {
    case .negative(let operand):
      let value = try evaluate(operand)
      line = expression.line
      return try arithmetic(.integer(0), .subtract, value, unary: true)
    case .positive(let operand):
      let value = try evaluate(operand)
      line = expression.line
      return try arithmetic(.integer(0), .add, value, unary: true)
    case .arithmetic(let left, let operation, let right):
      let (left, right) = (try evaluate(left), try evaluate(right))
      line = expression.line
      return try arithmetic(left, operation, right)
    case .concatenation(let parts):
      var text: [UInt8] = []
      for part in parts {
        text += try printed(try evaluate(part)).utf8
        line = expression.line
        guard text.count <= Limit.text else { break }
      }
      return try made(TemplateText(utf8: text))
    case .comparison(let first, let rest):
      var left = try evaluate(first)
      for (operation, operand) in rest {
        let right = try evaluate(operand)
        line = expression.line
        guard try holds(left, operation, right) else { return .boolean(false) }
        left = right
      }
      return .boolean(true)
    case .list(let parts): return try made(.list, try values(of: parts))
    case .tuple(let parts): return try made(.tuple, try values(of: parts))
    case .dictionary(let pairs):
      var entries: [(name: TemplateValue, value: TemplateValue)] = []
      for pair in pairs { entries.append((try evaluate(pair.key), try evaluate(pair.value))) }
      line = expression.line
      return try made(mapping: entries)
    default: preconditionFailure("an expression that `evaluate` works out was passed on")
    }
  }

  func values(of expressions: [Expression]) throws(ChatTemplateError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  // MARK: Calls

  func evaluate(_ arguments: Arguments) throws(ChatTemplateError) -> CallArguments {
    var result = CallArguments(positional: try values(of: arguments.positional))
    for (name, value) in arguments.named { result.named.append((name, try evaluate(value))) }
    if let unpacked = arguments.unpacked {
      result.positional += try elements(of: try evaluate(unpacked))
    }
    if let unpacked = arguments.unpackedNames {
      guard case .mapping(let mapping) = try evaluate(unpacked) else {
        throw failure("what stands behind `**` is no dictionary")
      }
      for (name, value) in zip(mapping.keys, mapping.values) {
        guard let name = name.asText else { throw failure("an argument's name is no string") }
        result.named.append((name.string, value))
      }
    }
    try work(64 * (result.positional.count + result.named.count))
    return result
  }

  func call(
    _ callee: Expression, _ arguments: Arguments, line: Int,
    extra: [(name: String, value: TemplateValue)] = []
  ) throws(ChatTemplateError) -> TemplateValue {
    let function = try evaluate(callee)
    var values = try evaluate(arguments)
    values.named += extra
    self.line = line
    switch function {
    case .macro(let macro): return try invoke(macro, values)
    case .function(let name): return try callFunction(name, values, source: arguments)
    case .method(let method): return try callMethod(method.name, of: method.receiver, values)
    case .loop: throw unsupported("a call of `loop`, which a recursive loop needs,")
    case .undefined(let name):
      if case .attribute = callee.kind { throw unsupported("the method `\(name)`") }
      throw failure("`\(name)` is undefined and cannot be called")
    default: throw failure("\(function.typeName) cannot be called")
    }
  }
}
