/// What statements do.
extension Rendering {
  func execute(_ statements: [Statement]) throws(ChatTemplateError) -> Flow {
    for statement in statements {
      let flow = try deeper { () throws(ChatTemplateError) in try execute(statement) }
      if flow != .onward { return flow }
    }
    return .onward
  }

  private func execute(_ statement: Statement) throws(ChatTemplateError) -> Flow {
    switch statement {
    case .text(let text): try write(text)
    case .output(let expression): try write(try printed(try evaluate(expression)))
    case .assignment(let target, let expression):
      let value = try evaluate(expression)
      line = expression.line
      try assign(value, to: target)
    case .blockAssignment(let target, let filter, let body, let line):
      let value = try filtered(filter, body)
      self.line = line
      try assign(value, to: target)
    case .branch(let branches, let otherwise):
      for branch in branches where try evaluate(branch.test).isTrue {
        return try execute(branch.body)
      }
      return try execute(otherwise)
    case .loop(let loop): return try run(loop)
    case .with(let bindings, let body):
      // Values see the names around the block, not each other.
      var values: [TemplateValue] = []
      for binding in bindings { values.append(try evaluate(binding.value)) }
      return try within(scope) { () throws(ChatTemplateError) in
        for (binding, value) in zip(bindings, values) { try assign(value, to: binding.target) }
        return try execute(body)
      }
    case .macro(let definition):
      scope.variables[definition.name ?? ""] = try macro(definition)
    case .callBlock(let call, let body):
      line = body.line
      guard case .call(let callee, let arguments) = call.kind else { break }
      let caller = try macro(body)
      try write(
        try printed(
          try self.call(callee, arguments, line: call.line, extra: [("caller", caller)])))
    case .filterBlock(let filter, let body):
      guard case .text(let text) = try filtered(filter, body) else {
        throw failure("a filter of a block gives no string")
      }
      try write(text)
    case .scope(let body):
      return try within(scope) { () throws(ChatTemplateError) in try execute(body) }
    case .leave: return .leave
    case .proceed: return .proceed
    }
    return .onward
  }

  private func macro(_ definition: MacroDefinition) throws(ChatTemplateError) -> TemplateValue {
    try reserve(elements: 2)
    if macroScopes.last !== scope { macroScopes.append(scope) }
    return .macro(TemplateMacro(definition, in: scope))
  }

  func filtered(
    _ filter: Expression, _ body: [Statement]
  ) throws(ChatTemplateError) -> TemplateValue {
    let text = try capture { () throws(ChatTemplateError) in
      _ = try within(scope) { () throws(ChatTemplateError) in try execute(body) }
    }
    let outer = captured
    captured = .text(text)
    defer { captured = outer }
    return try evaluate(filter)
  }

  private func assign(_ value: TemplateValue, to target: AssignmentTarget) throws(ChatTemplateError)
  {
    switch target {
    case .name(let name): scope.variables[name] = value
    case .attribute(let name, let attribute):
      guard case .namespace(let place) = self.value(of: name) else {
        throw failure("`\(name)` is no namespace, so that nothing can be set in it")
      }
      namespaces[place][attribute] = value
    case .tuple(let targets):
      let items = try elements(of: value)
      guard items.count == targets.count else {
        throw failure("\(items.count) values stand where \(targets.count) are taken apart")
      }
      for (target, item) in zip(targets, items) { try assign(item, to: target) }
    }
  }

  private func run(_ definition: LoopDefinition) throws(ChatTemplateError) -> Flow {
    line = definition.line
    var items = try elements(of: try evaluate(definition.items))
    if let test = definition.test {
      var kept: [TemplateValue] = []
      for item in items {
        try work()
        let holds = try within(scope) { () throws(ChatTemplateError) in
          try assign(item, to: definition.target)
          return try evaluate(test).isTrue
        }
        if holds { kept.append(item) }
      }
      items = kept
    }
    try reserve(elements: items.count)
    let loop = TemplateLoop(items)
    _ = try checked(.loop(loop))
    var isFinished = false
    for (index, item) in items.enumerated() {
      try work()
      loop.index = index
      let flow = try within(scope) { () throws(ChatTemplateError) in
        scope.variables["loop"] = .loop(loop)
        line = definition.line
        try assign(item, to: definition.target)
        return try execute(definition.body)
      }
      if flow == .leave { break }
      if flow == .onward { isFinished = true }
    }
    // As Jinja has it: also where every item was left by `break` or `continue`.
    guard !isFinished else { return .onward }
    return try within(scope) { () throws(ChatTemplateError) in try execute(definition.otherwise) }
  }

  // MARK: Macros

  func invoke(
    _ macro: TemplateMacro, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let definition = macro.definition
    let name = definition.name ?? "caller"
    var named = arguments.named
    let calledFrom = (scope, line)
    defer { (scope, line) = calledFrom }
    scope = TemplateScope(in: macro.scope)
    let optional = definition.parameters.count - definition.defaults.count
    for (index, parameter) in definition.parameters.enumerated() {
      let value: TemplateValue
      if index < arguments.positional.count {
        value = arguments.positional[index]
      } else if let place = named.firstIndex(where: { $0.name == parameter }) {
        value = named.remove(at: place).value
      } else if index >= optional {
        value = try evaluate(definition.defaults[index - optional])
      } else {
        value = .undefined(parameter)
      }
      scope.variables[parameter] = value
    }
    if definition.takes.contains("caller") {
      let place = named.firstIndex { $0.name == "caller" }
      scope.variables["caller"] = place.map { named.remove(at: $0).value } ?? .undefined("caller")
    }
    let surplus = arguments.positional.dropFirst(definition.parameters.count)
    if definition.takes.contains("varargs") {
      scope.variables["varargs"] = try made(.tuple, Array(surplus))
    } else if !surplus.isEmpty {
      throw failure("the macro `\(name)` takes at most \(definition.parameters.count) arguments")
    }
    if definition.takes.contains("kwargs") {
      scope.variables["kwargs"] = try made(mapping: named.map { (.text($0.name), $0.value) })
    } else if let unknown = named.first {
      throw failure("the macro `\(name)` takes no argument `\(unknown.name)`")
    }
    let text = try capture { () throws(ChatTemplateError) in _ = try execute(definition.body) }
    return .text(text)
  }
}
