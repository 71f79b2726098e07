/// Python's list, and what behaves like it.
final class TemplateSequence {
  enum Kind: Equatable {
    case list, tuple, keys, values, items
    case range(start: Int, stop: Int, step: Int)
  }

  let kind: Kind
  let elements: [TemplateValue]
  /// Levels of containers, this one included.
  let depth: Int

  init(_ kind: Kind, _ elements: [TemplateValue]) {
    self.kind = kind
    self.elements = elements
    depth = 1 + elements.reduce(0) { max($0, $1.depth) }
  }

  /// Lists and tuples know `[0]`; views of a dictionary do not.
  var isIndexed: Bool {
    switch kind {
    case .list, .tuple, .range: true
    case .keys, .values, .items: false
    }
  }
}

/// Python's dictionary: in the order of insertion, never changed.
final class TemplateMapping {
  let keys: [TemplateValue]
  let values: [TemplateValue]
  private let places: [TemplateKey: Int]
  let depth: Int

  /// - Parameter entries: a key that comes again replaces the value and keeps its place.
  init(_ entries: [(key: TemplateKey, name: TemplateValue, value: TemplateValue)]) {
    var keys: [TemplateValue] = []
    var values: [TemplateValue] = []
    var places: [TemplateKey: Int] = [:]
    for entry in entries {
      if let place = places[entry.key] {
        values[place] = entry.value
      } else {
        places[entry.key] = keys.count
        keys.append(entry.name)
        values.append(entry.value)
      }
    }
    (self.keys, self.values, self.places) = (keys, values, places)
    depth = 1 + (keys + values).reduce(0) { max($0, $1.depth) }
  }

  subscript(key: TemplateKey) -> TemplateValue? { places[key].map { values[$0] } }

  subscript(name: String) -> TemplateValue? { self[.text(TemplateText(name))] }
}

/// A value as a key: what Python takes as equal is equal here.
enum TemplateKey: Hashable {
  case none
  case undefined
  /// Also `true`, and numbers without a fraction.
  case integer(Int)
  case number(Double)
  case text(TemplateText)
  case tuple([TemplateKey])
}

final class TemplateGenerator {
  private let elements: [TemplateValue]
  private var next = 0
  let depth: Int

  init(_ elements: [TemplateValue]) {
    self.elements = elements
    depth = 1 + elements.reduce(0) { max($0, $1.depth) }
  }

  /// What has not been read yet; nothing is left after it.
  func rest() -> [TemplateValue] {
    defer { next = elements.count }
    return Array(elements[next...])
  }

  func first() -> TemplateValue? {
    guard next < elements.count else { return nil }
    next += 1
    return elements[next - 1]
  }
}

/// `loop` inside a `for`.
final class TemplateLoop {
  let items: [TemplateValue]
  let depth: Int
  /// The current item; -1 before the first.
  var index = -1
  var lastChanged: [TemplateValue]?

  init(_ items: [TemplateValue]) {
    self.items = items
    depth = 1 + items.reduce(0) { max($0, $1.depth) }
  }
}

/// A macro, or the body of a `call` block, with the scope that it was written in.
final class TemplateMacro {
  let definition: MacroDefinition
  /// Kept alive by the rendering: a strong reference would be a cycle.
  unowned let scope: TemplateScope

  init(_ definition: MacroDefinition, in scope: TemplateScope) {
    self.definition = definition
    self.scope = scope
  }
}

final class TemplateMethod {
  let receiver: TemplateValue
  let name: String
  let depth: Int

  init(_ receiver: TemplateValue, _ name: String) {
    self.receiver = receiver
    self.name = name
    depth = 1 + receiver.depth
  }
}

/// Names bound in a block, and the block around it.
final class TemplateScope {
  let parent: TemplateScope?
  var variables: [String: TemplateValue] = [:]

  init(in parent: TemplateScope?) { self.parent = parent }
}
