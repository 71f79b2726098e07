/// Filters over the items of a value.
extension Rendering {
  func sequential(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "length", "count":
      _ = try bind(arguments, [], filter: name)
      return .integer(try length(of: value))
    case "first", "last", "list", "reverse", "items": return try ends(name, value, arguments)
    case "join":
      let bound = try bind(arguments, ["d", "attribute"], filter: name)
      let items = try mapped(try elements(of: value), by: bound.present("attribute"))
      var parts: [TemplateText] = []
      for item in items { parts.append(try printed(item)) }
      return try joined(parts, by: try printed(bound["d"] ?? .text("")))
    case "sort":
      let bound = try bind(arguments, ["reverse", "case_sensitive", "attribute"], filter: name)
      return try made(
        .list,
        try sorted(
          try elements(of: value), bound.flag("reverse"), bound.flag("case_sensitive"),
          attributes: bound.present("attribute")))
    case "dictsort": return try sortedItems(value, arguments)
    case "unique": return try unique(value, arguments)
    case "min", "max": return try extreme(name, value, arguments)
    case "sum": return try sum(value, arguments)
    case "groupby": return try grouped(value, arguments)
    case "batch", "slice": return try portions(name, value, arguments)
    default: throw unsupported("the filter `\(name)`")
    }
  }

  func length(of value: TemplateValue) throws(ChatTemplateError) -> Int {
    switch value {
    case .text(let text):
      try work(text.utf8.count)
      return text.count
    case .sequence(let sequence): return sequence.elements.count
    case .mapping(let mapping): return mapping.keys.count
    case .loop(let loop): return loop.items.count
    case .undefined: return 0
    default: throw failure("\(value.typeName) has no length")
    }
  }

  private func ends(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    _ = try bind(arguments, [], filter: name)
    switch (name, value) {
    case ("first", .generator(let generator)): return generator.first() ?? .undefined("first")
    case ("first", _): return try elements(of: value).first ?? .undefined("first")
    case ("list", _): return try made(.list, try elements(of: value))
    case ("items", .mapping(let mapping)): return try made(generator: try items(of: mapping))
    case ("items", .undefined): return try made(generator: [])
    case ("items", _): throw failure("`items` of \(value.typeName)")
    case ("reverse", .text(let text)): return try made(TemplateText(text.scalars.reversed()))
    case ("last", .generator): throw failure("`last` of a generator")
    case ("last", _): return try elements(of: value).last ?? .undefined("last")
    // What Python cannot walk backwards it makes a list of.
    case ("reverse", .generator): return try made(.list, try elements(of: value).reversed())
    default: return try made(generator: try elements(of: value).reversed())
    }
  }

  // MARK: Keys

  /// A path of attributes and places: `a.0.b`.
  private func path(_ attribute: TemplateValue) throws(ChatTemplateError) -> [TemplateValue] {
    guard let text = attribute.asText else {
      guard attribute.asInteger != nil else {
        throw failure("an attribute is \(attribute.typeName)")
      }
      return [attribute]
    }
    return text.string.split(separator: ".", omittingEmptySubsequences: false).map { part in
      let isPlace = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      return isPlace ? Int(part).map { .integer($0) } ?? .text(String(part)) : .text(String(part))
    }
  }

  private func follow(
    _ path: [TemplateValue], from value: TemplateValue, default standard: TemplateValue? = nil
  ) throws(ChatTemplateError) -> TemplateValue {
    var value = value
    for part in path {
      if value.isUndefined { throw failure("an attribute of what is undefined is asked for") }
      value = try item(orAttribute: part, of: value)
      if value.isUndefined, let standard { value = standard }
    }
    return value
  }

  private func mapped(
    _ items: [TemplateValue], by attribute: TemplateValue?,
    default standard: TemplateValue? = nil
  ) throws(ChatTemplateError) -> [TemplateValue] {
    guard let attribute else { return items }
    let path = try path(attribute)
    var values: [TemplateValue] = []
    for item in items { values.append(try follow(path, from: item, default: standard)) }
    return values
  }

  private func folded(
    _ value: TemplateValue, _ caseSensitive: Bool
  ) throws(ChatTemplateError) -> TemplateValue {
    guard !caseSensitive, let text = value.asText else { return value }
    return try made(text.lowercased())
  }

  // MARK: Order

  /// Stable, by `<` alone, as Python sorts; the comparison may throw.
  func sorted<Element>(
    _ elements: [Element], by key: (Element) -> TemplateValue
  ) throws(ChatTemplateError) -> [Element] {
    guard elements.count > 1 else { return elements }
    try reserve(elements: elements.count)
    let middle = elements.count / 2
    let left = try sorted(Array(elements[..<middle]), by: key)
    let right = try sorted(Array(elements[middle...]), by: key)
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    var (first, second) = (0, 0)
    while first < left.count, second < right.count {
      if try isLess(key(right[second]), key(left[first]), orEqual: false) {
        result.append(right[second])
        second += 1
      } else {
        result.append(left[first])
        first += 1
      }
    }
    return result + left[first...] + right[second...]
  }

  private func sorted(
    _ items: [TemplateValue], _ reverse: Bool, _ caseSensitive: Bool, attributes: TemplateValue?
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var paths: [[TemplateValue]] = [[]]
    if let text = attributes?.asText {
      paths = []
      for name in text.string.split(separator: ",", omittingEmptySubsequences: false) {
        paths.append(try path(.text(String(name))))
      }
    } else if let attributes {
      paths = [try path(attributes)]
    }
    var keyed: [(key: TemplateValue, item: TemplateValue)] = []
    for item in items {
      var keys: [TemplateValue] = []
      for path in paths { keys.append(try folded(try follow(path, from: item), caseSensitive)) }
      keyed.append((try made(.list, keys), item))
    }
    // Reversed before and after, so that equal items keep their order.
    if reverse { keyed.reverse() }
    keyed = try sorted(keyed, by: \.key)
    if reverse { keyed.reverse() }
    return keyed.map(\.item)
  }

  private func sortedItems(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["case_sensitive", "by", "reverse"], filter: "dictsort")
    guard case .mapping(let mapping) = value else {
      throw failure("`dictsort` of \(value.typeName)")
    }
    let by = try bound.text("by")?.string ?? "key"
    guard by == "key" || by == "value" else { throw failure("`dictsort` sorts by key or value") }
    return try made(
      .list,
      try sorted(
        try items(of: mapping), bound.flag("reverse"), bound.flag("case_sensitive"),
        attributes: .integer(by == "key" ? 0 : 1)))
  }

  private func unique(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["case_sensitive", "attribute"], filter: "unique")
    let items = try elements(of: value)
    let keys = try mapped(items, by: bound.present("attribute"))
    var seen: Set<TemplateKey> = []
    var kept: [TemplateValue] = []
    for (item, found) in zip(items, keys) {
      let key = try key(try folded(found, bound.flag("case_sensitive")))
      if seen.insert(key).inserted { kept.append(item) }
    }
    return try made(generator: kept)
  }

  private func extreme(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["case_sensitive", "attribute"], filter: name)
    let items = try elements(of: value)
    let keys = try mapped(items, by: bound.present("attribute"))
    var best: (key: TemplateValue, item: TemplateValue)?
    for (item, found) in zip(items, keys) {
      let key = try folded(found, bound.flag("case_sensitive"))
      guard let (known, _) = best else {
        best = (key, item)
        continue
      }
      let isBetter =
        name == "min"
        ? try isLess(key, known, orEqual: false) : try isLess(known, key, orEqual: false)
      if isBetter { best = (key, item) }
    }
    return best?.item ?? .undefined(name)
  }

  private func sum(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["attribute", "start"], filter: "sum")
    var total = bound["start"] ?? .integer(0)
    if total.asText != nil { throw failure("`sum` of strings") }
    for item in try mapped(try elements(of: value), by: bound.present("attribute")) {
      total = try arithmetic(total, .add, item)
    }
    return total
  }

  private func grouped(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let names = ["attribute!", "default", "case_sensitive"]
    let bound = try bind(arguments, names, filter: "groupby")
    let attribute = bound["attribute"] ?? .none
    let items = try elements(of: value)
    let found = try mapped(items, by: attribute, default: bound.present("default"))
    var keyed: [(key: TemplateValue, found: TemplateValue, item: TemplateValue)] = []
    for (item, found) in zip(items, found) {
      keyed.append((try folded(found, bound.flag("case_sensitive")), found, item))
    }
    var groups: [TemplateValue] = []
    var members: [TemplateValue] = []
    var first: (key: TemplateValue, found: TemplateValue)?
    func close() throws(ChatTemplateError) {
      guard let first else { return }
      groups.append(try made(.tuple, [first.found, try made(.list, members)]))
      members = []
    }
    for entry in try sorted(keyed, by: \.key) {
      if let known = first, try areEqual(known.key, entry.key) {
        members.append(entry.item)
        continue
      }
      try close()
      first = (entry.key, entry.found)
      members = [entry.item]
    }
    try close()
    return try made(.list, groups)
  }

  private func portions(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["count!", "fill_with"], filter: name)
    let items = try elements(of: value)
    let fill = bound.present("fill_with")
    let count = try bound.integer("count") ?? 0
    guard count > 0, count <= Limit.range else { throw failure("`\(name)` into \(count) parts") }
    var parts: [TemplateValue] = []
    if name == "batch" {
      for start in stride(from: 0, to: items.count, by: count) {
        var part = Array(items[start..<min(start + count, items.count)])
        if let fill { part += Array(repeating: fill, count: count - part.count) }
        parts.append(try made(.list, part))
      }
      return try made(generator: parts)
    }
    let (size, larger) = (items.count / count, items.count % count)
    var start = 0
    for index in 0..<count {
      let end = start + size + (index < larger ? 1 : 0)
      var part = Array(items[start..<end])
      if let fill, index >= larger { part.append(fill) }
      parts.append(try made(.list, part))
      start = end
    }
    return try made(generator: parts)
  }

  // MARK: Selection

  /// `map`, and the filters that keep items by a test.
  func selection(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    guard value.isTrue else { return try made(generator: []) }
    let items = try elements(of: value)
    var rest = arguments
    if name == "map" { return try made(generator: try mapped(items, rest)) }
    var keys = items
    if name.hasSuffix("attr") {
      guard !rest.positional.isEmpty else { throw failure("`\(name)` lacks the attribute") }
      keys = try mapped(items, by: rest.positional.removeFirst())
    }
    var test: String?
    if !rest.positional.isEmpty {
      guard let name = rest.positional.removeFirst().asText?.string, Self.tests.contains(name)
      else {
        throw unsupported("that test in `\(name)`")
      }
      test = name
    }
    var kept: [TemplateValue] = []
    for (item, key) in zip(items, keys) {
      try work()
      let holds =
        try test.map { (test) throws(ChatTemplateError) in
          try self.test(test, key, rest)
        } ?? key.isTrue
      if holds != name.hasPrefix("reject") { kept.append(item) }
    }
    return try made(generator: kept)
  }

  private func mapped(
    _ items: [TemplateValue], _ arguments: CallArguments
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var rest = arguments
    guard !rest.positional.isEmpty else {
      let bound = try bind(rest, ["attribute!", "default"], filter: "map")
      return try mapped(items, by: bound["attribute"], default: bound.present("default"))
    }
    guard let name = rest.positional.removeFirst().asText?.string, Self.filters.contains(name)
    else {
      throw unsupported("that filter in `map`")
    }
    var values: [TemplateValue] = []
    for item in items {
      values.append(
        try deeper { () throws(ChatTemplateError) in try filter(name, item, rest) })
    }
    return values
  }
}
