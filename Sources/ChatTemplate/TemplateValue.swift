/// A value of the template language, as Python would hold it.
enum TemplateValue {
  /// A name that nothing is bound to; what the template calls it, where that stands in the template.
  case undefined(String)
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(TemplateText)
  case sequence(TemplateSequence)
  case mapping(TemplateMapping)
  /// What `map`, `select` and their like give: read once, from front to back.
  case generator(TemplateGenerator)
  /// By its place in the rendering, so that cycles of namespaces hold no memory.
  case namespace(Int)
  case loop(TemplateLoop)
  case macro(TemplateMacro)
  /// A function of the environment.
  case function(String)
  /// A method of a value, not called yet.
  case method(TemplateMethod)
}

extension TemplateValue {
  static func list(_ elements: [TemplateValue]) -> Self {
    .sequence(TemplateSequence(.list, elements))
  }

  static func tuple(_ elements: [TemplateValue]) -> Self {
    .sequence(TemplateSequence(.tuple, elements))
  }

  static func text(_ text: String) -> Self { .text(TemplateText(text)) }

  /// Levels of containers within it.
  var depth: Int {
    switch self {
    case .sequence(let sequence): sequence.depth
    case .mapping(let mapping): mapping.depth
    case .generator(let generator): generator.depth
    case .loop(let loop): loop.depth
    case .method(let method): method.depth
    default: 0
    }
  }

  /// Python's truth: empty, zero and none are false.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .boolean(let value): value
    case .integer(let value): value != 0
    case .number(let value): value != 0
    case .text(let text): !text.isEmpty
    case .sequence(let sequence): !sequence.elements.isEmpty
    case .mapping(let mapping): !mapping.keys.isEmpty
    case .loop(let loop): !loop.items.isEmpty
    case .generator, .namespace, .macro, .function, .method: true
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  var asText: TemplateText? { if case .text(let text) = self { text } else { nil } }

  /// A whole number; true is 1, as in Python.
  var asInteger: Int? {
    switch self {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  /// Any number.
  var asDouble: Double? {
    if case .number(let value) = self { return value }
    return asInteger.map(Double.init)
  }

  /// Python's word for the type, for errors.
  var typeName: String {
    switch self {
    case .undefined: "undefined"
    case .none: "none"
    case .boolean: "a boolean"
    case .integer: "an integer"
    case .number: "a float"
    case .text: "a string"
    case .sequence(let sequence):
      switch sequence.kind {
      case .list: "a list"
      case .tuple: "a tuple"
      case .range: "a range"
      case .keys, .values, .items: "a view of a dictionary"
      }
    case .mapping: "a dictionary"
    case .generator: "a generator"
    case .namespace: "a namespace"
    case .loop: "a loop"
    case .macro: "a macro"
    case .function, .method: "a function"
    }
  }

  /// As a key of a dictionary; nil for what Python cannot hash, and for tuples within tuples, whose keys
  /// could be larger than all there is.
  var key: TemplateKey? {
    switch self {
    case .none: return TemplateKey.none
    case .undefined: return TemplateKey.undefined
    case .boolean(let value): return .integer(value ? 1 : 0)
    case .integer(let value): return .integer(value)
    case .number(let value): return Int(exactly: value).map(TemplateKey.integer) ?? .number(value)
    case .text(let text): return .text(text)
    case .sequence(let sequence):
      guard sequence.kind == .tuple, sequence.depth == 1 else { return nil }
      var keys: [TemplateKey] = []
      for element in sequence.elements {
        guard let key = element.key else { return nil }
        keys.append(key)
      }
      return .tuple(keys)
    default: return nil
    }
  }
}
