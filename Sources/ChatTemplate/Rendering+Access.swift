/// Attributes, items and slices, by the rules of Jinja's sandbox: a dot looks for a method before an
/// item, brackets the other way round, and what is not there is undefined.
extension Rendering {
  func access(_ expression: Expression) throws(ChatTemplateError) -> TemplateValue {
    switch expression.kind {
    case .attribute(let base, let name):
      let value = try evaluate(base)
      line = expression.line
      try refuseUndefined(value, base)
      if let found = attribute(name, of: value) { return found }
      return try item(.text(name), of: value) ?? .undefined(name)
    case .item(let base, let index):
      let (value, place) = (try evaluate(base), try evaluate(index))
      line = expression.line
      try refuseUndefined(value, base)
      return try item(orAttribute: place, of: value)
    case .slice(let base, let from, let to, let by):
      let value = try evaluate(base)
      let bounds = try Slice(
        from: try bound(from), to: try bound(to), by: try bound(by) ?? 1, of: self)
      line = expression.line
      try refuseUndefined(value, base)
      return try slice(value, bounds)
    default: preconditionFailure("an expression that is no access was passed on")
    }
  }

  /// What is undefined has nothing within it; the message names it as the template does.
  private func refuseUndefined(
    _ value: TemplateValue, _ base: Expression
  ) throws(ChatTemplateError) {
    if case .undefined(let name) = value { throw failure("`\(name)` is undefined") }
  }

  /// Jinja's `environment.getitem`.
  func item(
    orAttribute place: TemplateValue, of value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    if let item = try item(place, of: value) { return item }
    guard let name = place.asText else { return .undefined("an item") }
    // The name may come from a message; so it is not kept.
    return attribute(name.string, of: value) ?? .undefined("an item")
  }

  /// The item at `place`; nil where there is none.
  private func item(
    _ place: TemplateValue, of value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue? {
    try work()
    switch value {
    case .mapping(let mapping):
      guard let key = try possibleKey(place) else { return nil }
      return mapping[key]
    case .sequence(let sequence) where sequence.isIndexed:
      guard let index = place.asInteger else { return nil }
      return element(index, of: sequence.elements)
    case .text(let text):
      guard let index = place.asInteger else { return nil }
      try work(text.utf8.count)
      if text.isASCII {
        return element(index, of: text.utf8).map { .text(TemplateText(utf8: [$0])) }
      }
      return element(index, of: text.scalars).map { .text(TemplateText([$0])) }
    default: return nil
    }
  }

  /// Python's index: negative ones count from the end.
  private func element<Element>(_ index: Int, of elements: [Element]) -> Element? {
    let place = index < 0 ? index.addingReportingOverflow(elements.count).partialValue : index
    return elements.indices.contains(place) ? elements[place] : nil
  }

  /// A method of `value`, or what its kind has by name; nil where there is neither.
  func attribute(_ name: String, of value: TemplateValue) -> TemplateValue? {
    switch value {
    case .text: Self.textMethods.contains(name) ? .method(TemplateMethod(value, name)) : nil
    case .mapping: Self.mappingMethods.contains(name) ? .method(TemplateMethod(value, name)) : nil
    case .sequence(let sequence):
      Self.sequenceMethods.contains(name) && sequence.isIndexed
        ? .method(TemplateMethod(value, name)) : nil
    case .namespace(let place): namespaces[place][name]
    case .loop(let loop): loop.attribute(name)
    case .macro(let macro) where name == "name":
      macro.definition.name.map { .text($0) } ?? TemplateValue.none
    default: nil
    }
  }

  // MARK: Slices

  /// Python's slice.
  struct Slice {
    var from: Int?
    var to: Int?
    var by: Int

    init(
      from: Int?, to: Int?, by: Int, of rendering: Rendering
    ) throws(ChatTemplateError) {
      guard by != 0 else { throw rendering.failure("the step of a slice is 0") }
      // Beyond any length: so that nothing overflows.
      let edge = 1 << 40
      self.from = from.map { max(-edge, min(edge, $0)) }
      self.to = to.map { max(-edge, min(edge, $0)) }
      self.by = max(-edge, min(edge, by))
    }

    /// The places of `count` elements that it takes, in order.
    func places(of count: Int) -> StrideTo<Int> {
      func clamped(_ bound: Int?, absent: Int, _ range: ClosedRange<Int>) -> Int {
        guard let bound else { return absent }
        let place = bound < 0 ? bound + count : bound
        return max(range.lowerBound, min(range.upperBound, place))
      }
      if by > 0 {
        return stride(
          from: clamped(from, absent: 0, 0...count), to: clamped(to, absent: count, 0...count),
          by: by)
      }
      return stride(
        from: clamped(from, absent: count - 1, -1...count - 1),
        to: clamped(to, absent: -1, -1...count - 1), by: by)
    }
  }

  private func bound(_ expression: Expression?) throws(ChatTemplateError) -> Int? {
    guard let expression else { return nil }
    let value = try evaluate(expression)
    line = expression.line
    if case .none = value { return nil }
    guard let bound = value.asInteger else {
      throw failure("\(value.typeName) is no bound of a slice")
    }
    return bound
  }

  private func slice(
    _ value: TemplateValue, _ slice: Slice
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .text(let text):
      try work(2 * text.utf8.count)
      if text.isASCII {
        return try made(
          TemplateText(utf8: slice.places(of: text.utf8.count).map { text.utf8[$0] }))
      }
      let scalars = text.scalars
      return try made(TemplateText(slice.places(of: scalars.count).map { scalars[$0] }))
    case .sequence(let sequence) where sequence.isIndexed:
      let elements = slice.places(of: sequence.elements.count).map { sequence.elements[$0] }
      if case .range(let start, _, let step) = sequence.kind {
        return try made(slice.range(start, step, count: sequence.elements.count), elements)
      }
      return try made(sequence.kind, elements)
    default: throw failure("\(value.typeName) cannot be sliced")
    }
  }
}

extension Rendering.Slice {
  /// A slice of a range is a range.
  fileprivate func range(_ start: Int, _ step: Int, count: Int) -> TemplateSequence.Kind {
    let places = places(of: count)
    let first = Array(places).first ?? 0
    let number = Array(places).count
    let begin = start + first * step
    return .range(start: begin, stop: begin + number * by * step, step: by * step)
  }
}

extension TemplateLoop {
  /// What a template may ask of `loop`.
  func attribute(_ name: String) -> TemplateValue? {
    switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "revindex": .integer(items.count - index)
    case "revindex0": .integer(items.count - index - 1)
    case "first": .boolean(index == 0)
    case "last": .boolean(index == items.count - 1)
    case "length": .integer(items.count)
    case "depth": .integer(1)
    case "depth0": .integer(0)
    case "previtem": index > 0 ? items[index - 1] : .undefined("loop.previtem")
    case "nextitem": index + 1 < items.count ? items[index + 1] : .undefined("loop.nextitem")
    case "cycle", "changed": .method(TemplateMethod(.loop(self), name))
    default: nil
    }
  }
}
