/// What stands behind `|`.
extension Rendering {
  /// Left out of Jinja's: what makes HTML, what is random, and `pprint`.
  static let filters: Set = [
    "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first",
    "float", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe",
    "select", "selectattr", "slice", "sort", "string", "sum", "title", "tojson", "trim", "truncate",
    "unique", "upper", "wordcount",
  ]

  func bind(
    _ arguments: CallArguments, _ names: [String], filter name: String
  ) throws(ChatTemplateError) -> BoundArguments {
    try BoundArguments(arguments, names, of: "the filter `\(name)`", self)
  }

  func filter(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    try work()
    switch name {
    case "d", "default":
      let bound = try bind(arguments, ["default_value", "boolean"], filter: name)
      let replaces = value.isUndefined || (bound.flag("boolean") && !value.isTrue)
      return replaces ? bound["default_value"] ?? .text("") : value
    case "attr":
      let name = try bind(arguments, ["name!"], filter: name).text("name") ?? TemplateText("")
      if case .undefined(let undefined) = value { throw failure("`\(undefined)` is undefined") }
      return attribute(name.string, of: value) ?? .undefined("an attribute")
    case "abs", "float", "int", "round": return try numeric(name, value, arguments)
    case "capitalize", "center", "format", "indent", "lower", "replace", "safe", "string", "title",
      "trim", "truncate", "upper", "wordcount":
      return try textual(name, value, arguments)
    case "tojson": return try json(value, arguments)
    case "map", "select", "reject", "selectattr", "rejectattr":
      return try selection(name, value, arguments)
    default: return try sequential(name, value, arguments)
    }
  }

  // MARK: Numbers

  private func numeric(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    if case .undefined(let undefined) = value { throw failure("`\(undefined)` is undefined") }
    switch name {
    case "abs":
      _ = try bind(arguments, [], filter: name)
      if let integer = value.asInteger {
        return integer < 0 ? try arithmetic(.integer(0), .subtract, value) : .integer(integer)
      }
      guard let number = value.asDouble else { throw failure("`abs` of \(value.typeName)") }
      return .number(number.magnitude)
    case "float":
      let bound = try bind(arguments, ["default"], filter: name)
      return number(of: value).map { .number($0) } ?? bound["default"] ?? .number(0)
    case "int":
      let bound = try bind(arguments, ["default", "base"], filter: name)
      guard (try bound.integer("base") ?? 10) == 10 else {
        throw unsupported("`int` of another base than 10")
      }
      if let integer = value.asInteger { return .integer(integer) }
      if let text = value.asText, let integer = text.integer { return .integer(integer) }
      guard let number = number(of: value), number.isFinite else {
        // Python lets a text "inf" pass to the default, and fails for a number that is not finite.
        if case .number = value { throw failure("`int` of a number that is not finite") }
        return bound["default"] ?? .integer(0)
      }
      guard let integer = Int(exactly: number.rounded(.towardZero)) else {
        throw unsupported("a whole number beyond 64 bits")
      }
      return .integer(integer)
    default:
      let bound = try bind(arguments, ["precision", "method"], filter: name)
      let method = try bound.text("method")?.string ?? "common"
      return try rounded(value, precision: try bound.integer("precision") ?? 0, method)
    }
  }

  /// Python's `float(…)` of a number or text.
  private func number(of value: TemplateValue) -> Double? {
    if let number = value.asDouble { return number }
    guard let text = value.asText?.stripped(), text.isASCII else { return nil }
    switch text.string.lowercased() {
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    case "nan", "+nan", "-nan": return .nan
    default: break
    }
    // Swift also reads hexadecimal digits and other words.
    let allowed = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
    return allowed ? Double(text.string) : nil
  }

  private func rounded(
    _ value: TemplateValue, precision: Int, _ method: String
  ) throws(ChatTemplateError) -> TemplateValue {
    guard (0...100).contains(precision) else { throw unsupported("`round` to such a precision") }
    guard let number = value.asDouble else { throw failure("`round` of \(value.typeName)") }
    let factor = (0..<precision).reduce(1.0) { product, _ in product * 10 }
    switch method {
    case "common":
      if let integer = value.asInteger { return .integer(integer) }
      guard number.isFinite, let result = Double(Self.fixed(number, digits: precision)) else {
        return .number(number)
      }
      return .number(result)
    case "ceil", "floor":
      guard (number * factor).isFinite else {
        throw failure("`round` of a number that is not finite")
      }
      return .number((number * factor).rounded(method == "ceil" ? .up : .down) / factor)
    default: throw failure("`round` knows the methods common, ceil and floor")
    }
  }

  // MARK: Texts

  private func textual(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let text = try printed(value)
    try reserve(text: text.utf8.count)
    switch name {
    case "trim":
      let set = try bind(arguments, ["chars"], filter: name).optionalText("chars")
      return .text(text.stripped(set))
    case "replace":
      let bound = try bind(arguments, ["old!", "new!", "count"], filter: name)
      let (old, new) = (
        try printed(bound["old"] ?? .none), try printed(bound["new"] ?? .none)
      )
      let count = bound.present("count")
      guard count == nil || count?.asInteger != nil else {
        throw failure("`replace` counts in integers")
      }
      return try replaced(text, old, new, limit: count?.asInteger)
    case "center":
      let width = try bind(arguments, ["width"], filter: name).integer("width") ?? 80
      return try padded(name, text, to: width, with: TemplateText(" "))
    case "indent": return try indented(value, arguments)
    case "truncate": return try truncated(value, arguments)
    case "format":
      guard arguments.named.isEmpty else { throw unsupported("`format` with names") }
      return try interpolated(text, with: .tuple(arguments.positional))
    default: break
    }
    _ = try bind(arguments, [], filter: name)
    try work(scalars: text)
    switch name {
    case "lower": return try made(text.lowercased())
    case "upper": return try made(text.uppercased())
    case "capitalize": return try made(text.capitalized())
    case "title": return try made(text.titledByWords())
    case "wordcount": return .integer(text.wordCount)
    // `safe` only matters where HTML is escaped.
    default: return .text(text)
    }
  }

  private func indented(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["width", "first", "blank"], filter: "indent")
    guard let text = value.asText else { throw failure("`indent` of \(value.typeName)") }
    var indent = bound["width"]?.asText
    if indent == nil {
      let width = try bound.integer("width") ?? 4
      guard width <= Limit.text else { throw excess("a text would be too long") }
      indent = TemplateText(utf8: Array(repeating: UInt8(ascii: " "), count: max(0, width)))
    }
    let blank = indent ?? TemplateText("")
    try reserve(elements: text.lineEnds)
    // Jinja adds a line break first, so that an empty text has a line and a last break keeps one.
    let lines = (text + TemplateText("\n")).lines()
    try reserve(text: text.utf8.count + lines.count * (blank.utf8.count + 1))
    var result: [UInt8] = bound.flag("first") ? blank.utf8 : []
    for (index, line) in lines.enumerated() {
      if index > 0 {
        result.append(UInt8(ascii: "\n"))
        if !line.isEmpty || bound.flag("blank") { result += blank.utf8 }
      }
      result += line.utf8
    }
    return .text(TemplateText(utf8: result))
  }

  private func truncated(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let names = ["length", "killwords", "end", "leeway"]
    let bound = try bind(arguments, names, filter: "truncate")
    let length = try bound.integer("length") ?? 255
    let end = try bound.text("end") ?? TemplateText("...")
    let leeway =
      try bound.present("leeway").map { (_) throws(ChatTemplateError) in
        try bound.integer("leeway") ?? 5
      } ?? 5
    guard length >= end.count, leeway >= 0 else { throw failure("`truncate` to less than its end") }
    guard try self.length(of: value) - leeway > length else { return value }
    guard let text = value.asText else { throw failure("`truncate` of \(value.typeName)") }
    let scalars = text.scalars
    var kept = scalars.prefix(length - end.count)
    if !bound.flag("killwords"), let space = kept.lastIndex(of: " ") { kept = kept[..<space] }
    return try made(TemplateText(kept) + end)
  }

  private func json(
    _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"]
    let bound = try bind(arguments, names, filter: "tojson")
    var style = JSONStyle(
      indent: nil, itemSeparator: ", ", keySeparator: ": ", sortsKeys: bound.flag("sort_keys"),
      ensuresASCII: bound.flag("ensure_ascii"))
    if let indent = bound.present("indent") {
      if let text = indent.asText {
        style.indent = text.string
      } else {
        let width = try bound.integer("indent") ?? 0
        guard width <= 1000 else { throw excess("JSON indented by more than 1000 characters") }
        style.indent = String(repeating: " ", count: max(0, width))
      }
      style.itemSeparator = ","
    }
    if let separators = bound.present("separators") {
      let parts = try elements(of: separators).compactMap(\.asText)
      guard parts.count == 2 else { throw failure("`separators` of `tojson` are two strings") }
      (style.itemSeparator, style.keySeparator) = (parts[0].string, parts[1].string)
    }
    var text: [UInt8] = []
    try encode(value, style, into: &text)
    return try made(TemplateText(utf8: text))
  }
}

extension TemplateText {
  /// Python's `int(…)` of a text in decimal digits.
  fileprivate var integer: Int? {
    var bytes = stripped().utf8[...]
    let sign = bytes.first
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
    let groups = bytes.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
    guard groups.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }) else {
      return nil
    }
    let digits = String(decoding: groups.joined(), as: UTF8.self)
    return Int((sign == UInt8(ascii: "-") ? "-" : "") + digits)
  }

  /// Jinja's `title`: words begin behind white space, dashes and opening brackets.
  fileprivate func titledByWords() -> Self {
    var text = ""
    var begins = true
    for scalar in string.unicodeScalars {
      let separates = scalar.isTemplateSpace || "-({[<".unicodeScalars.contains(scalar)
      if separates {
        text.unicodeScalars.append(scalar)
      } else {
        text += begins ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
      }
      begins = separates
    }
    return Self(text)
  }

  /// Runs of letters, digits and underscores.
  fileprivate var wordCount: Int {
    var count = 0
    var isInside = false
    for scalar in string.unicodeScalars {
      let belongs =
        scalar == "_" || scalar.isTemplateLetter || scalar.properties.numericType != nil
      if belongs, !isInside { count += 1 }
      isInside = belongs
    }
    return count
  }
}
