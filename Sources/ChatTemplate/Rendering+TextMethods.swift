/// Methods of strings.
extension Rendering {
  func callMethod(
    _ name: String, of text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "strip", "lstrip", "rstrip":
      let set = try bind(arguments, ["chars"], name).optionalText("chars")
      return try made(text.stripped(set, left: name != "rstrip", right: name != "lstrip"))
    case "startswith", "endswith": return try edges(name, text, arguments)
    case "removeprefix", "removesuffix":
      let part = try bind(arguments, ["part!"], name).text("part") ?? TemplateText("")
      let isPrefix = name == "removeprefix"
      guard isPrefix ? text.utf8.starts(with: part.utf8) : text.ends(with: part) else {
        return .text(text)
      }
      let count = part.utf8.count
      return try made(
        TemplateText(utf8: Array(isPrefix ? text.utf8.dropFirst(count) : text.utf8.dropLast(count)))
      )
    case "split", "rsplit": return try split(name, text, arguments)
    case "splitlines":
      guard !(try bind(arguments, ["keepends"], name).flag("keepends")) else {
        throw unsupported("`splitlines` that keeps the ends")
      }
      try reserve(elements: text.lineEnds)
      let lines = text.lines()
      return try made(.list, lines.map { .text($0) })
    case "partition", "rpartition": return try partition(name, text, arguments)
    case "replace":
      let bound = try bind(arguments, ["old!", "new!", "count"], name)
      return try replaced(
        text, try bound.text("old") ?? text, try bound.text("new") ?? text,
        limit: try bound.integer("count"))
    case "find", "rfind", "index", "rindex", "count": return try found(name, text, arguments)
    case "join":
      return try joined(try bind(arguments, ["items!"], name)["items"] ?? .none, by: text)
    case "format": return try formatted(text, arguments)
    case "center", "ljust", "rjust": return try padded(name, text, arguments)
    case "zfill":
      let width = try bind(arguments, ["width!"], name).integer("width") ?? 0
      let missing = width - text.count
      guard missing > 0 else { return .text(text) }
      try reserve(text: text.utf8.count + min(missing, Limit.text + 1))
      let isSigned = text.utf8.first == UInt8(ascii: "-") || text.utf8.first == UInt8(ascii: "+")
      let sign = text.utf8.prefix(isSigned ? 1 : 0)
      return .text(
        TemplateText(
          utf8: sign + Array(repeating: UInt8(ascii: "0"), count: missing)
            + text.utf8.dropFirst(sign.count)))
    default:
      _ = try bind(arguments, [], name)
      try work(scalars: text)
      return try plain(name, text)
    }
  }

  /// Methods without arguments.
  private func plain(_ name: String, _ text: TemplateText) throws(ChatTemplateError)
    -> TemplateValue
  {
    func all(_ condition: (Unicode.Scalar) -> Bool) -> TemplateValue {
      .boolean(!text.isEmpty && text.string.unicodeScalars.allSatisfy(condition))
    }
    switch name {
    case "lower": return try made(text.lowercased())
    case "upper": return try made(text.uppercased())
    case "capitalize": return try made(text.capitalized())
    case "title": return try made(text.titled())
    case "swapcase": return try made(text.caseSwapped())
    case "islower": return .boolean(text.isAll(.lower))
    case "isupper": return .boolean(text.isAll(.upper))
    case "isspace": return all(\.isTemplateSpace)
    case "isascii": return .boolean(text.isASCII)
    case "isalpha": return all(\.isTemplateLetter)
    case "isdecimal": return all { $0.properties.numericType == .decimal }
    case "isdigit":
      return all { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
    case "isnumeric": return all { $0.properties.numericType != nil }
    case "isalnum": return all { $0.isTemplateLetter || $0.properties.numericType != nil }
    default: throw unsupported("the method `\(name)`")
    }
  }

  private func edges(
    _ name: String, _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let wanted = try bind(arguments, ["part!"], name)["part"] ?? .none
    var parts: [TemplateValue] = [wanted]
    if case .sequence(let sequence) = wanted, sequence.kind == .tuple { parts = sequence.elements }
    for part in parts {
      guard let part = part.asText else {
        throw failure("`\(name)` looks for \(part.typeName)")
      }
      try work(part.utf8.count)
      if name == "startswith" ? text.utf8.starts(with: part.utf8) : text.ends(with: part) {
        return .boolean(true)
      }
    }
    return .boolean(false)
  }

  /// `text` with every `old` made `new`.
  func replaced(
    _ text: TemplateText, _ old: TemplateText, _ new: TemplateText, limit: Int?
  ) throws(ChatTemplateError) -> TemplateValue {
    let limit = limit.map { $0 < 0 ? Int.max : $0 } ?? .max
    try work(text.utf8.count)
    if old.isEmpty {
      // Before every scalar, and at the end.
      let places = text.utf8.indices.filter { text.utf8[$0] & 0xC0 != 0x80 } + [text.utf8.count]
      return try replaced(text, at: Array(places.prefix(limit)), width: 0, new)
    }
    let places = try text.places(of: old, limit: limit) { (bytes) throws(ChatTemplateError) in
      try work(bytes)
    }
    return try replaced(text, at: places, width: old.utf8.count, new)
  }

  private func replaced(
    _ text: TemplateText, at places: [Int], width: Int, _ new: TemplateText
  ) throws(ChatTemplateError) -> TemplateValue {
    let (growth, overflow) = places.count.multipliedReportingOverflow(by: new.utf8.count)
    try reserve(text: overflow ? .max / 2 : text.utf8.count - width * places.count + growth)
    var utf8: [UInt8] = []
    utf8.reserveCapacity(text.utf8.count - width * places.count + growth)
    var start = 0
    for place in places {
      utf8 += text.utf8[start..<place]
      utf8 += new.utf8
      start = place + width
    }
    utf8 += text.utf8[start...]
    return .text(TemplateText(utf8: utf8))
  }

  private func split(
    _ name: String, _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["sep", "maxsplit"], name)
    let wanted = try bound.integer("maxsplit") ?? -1
    let limit = wanted < 0 ? Int.max : wanted
    try reserve(text: text.utf8.count)
    guard let separator = try bound.optionalText("sep") else {
      try reserve(elements: text.spaceCount)
      let parts = text.words(limit: limit, fromEnd: name == "rsplit")
      return try made(.list, parts.map { .text($0) })
    }
    guard !separator.isEmpty else { throw failure("`\(name)` by nothing") }
    var places = try places(of: separator, in: text, fromEnd: name == "rsplit")
    try reserve(elements: places.count)
    if places.count > limit {
      places = Array(name == "rsplit" ? places.suffix(limit) : places.prefix(limit))
    }
    var parts: [TemplateValue] = []
    var start = 0
    for place in places {
      parts.append(.text(TemplateText(utf8: Array(text.utf8[start..<place]))))
      start = place + separator.utf8.count
    }
    parts.append(.text(TemplateText(utf8: Array(text.utf8[start...]))))
    return try made(.list, parts)
  }

  /// Where `part` stands in `text`, ascending; looked for from the end where asked, which differs where
  /// places overlap.
  private func places(
    of part: TemplateText, in text: TemplateText, fromEnd: Bool
  ) throws(ChatTemplateError) -> [Int] {
    func look(_ part: TemplateText, _ text: TemplateText) throws(ChatTemplateError) -> [Int] {
      // More are more than a list may have.
      try text.places(of: part, limit: Limit.memory / 100) { (bytes) throws(ChatTemplateError) in
        try work(bytes)
      }
    }
    guard fromEnd else { return try look(part, text) }
    // Bytes turned round are no UTF-8, but they are only compared.
    let found = try look(
      TemplateText(utf8: part.utf8.reversed()), TemplateText(utf8: text.utf8.reversed()))
    return found.map { text.utf8.count - $0 - part.utf8.count }.reversed()
  }

  private func partition(
    _ name: String, _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let separator = try bind(arguments, ["sep!"], name).text("sep") ?? TemplateText("")
    guard !separator.isEmpty else { throw failure("`\(name)` by nothing") }
    let isLast = name == "rpartition"
    let places = try places(of: separator, in: text, fromEnd: isLast)
    try reserve(text: text.utf8.count)
    guard let place = isLast ? places.last : places.first else {
      return try made(
        .tuple, isLast ? [.text(""), .text(""), .text(text)] : [.text(text), .text(""), .text("")])
    }
    return try made(
      .tuple,
      [
        .text(TemplateText(utf8: Array(text.utf8[..<place]))), .text(separator),
        .text(TemplateText(utf8: Array(text.utf8[(place + separator.utf8.count)...]))),
      ])
  }

  private func found(
    _ name: String, _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let part = try bind(arguments, ["part!"], name).text("part") ?? TemplateText("")
    let isLast = name.hasPrefix("r")
    if part.isEmpty {
      return .integer(name == "count" ? text.count + 1 : isLast ? text.count : 0)
    }
    let places = try places(of: part, in: text, fromEnd: isLast)
    if name == "count" { return .integer(places.count) }
    guard let place = isLast ? places.last : places.first else {
      guard name.hasSuffix("find") else { throw failure("`\(name)` finds nothing") }
      return .integer(-1)
    }
    return .integer(TemplateText(utf8: Array(text.utf8[..<place])).count)
  }

  private func padded(
    _ name: String, _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, ["width!", "fillchar"], name)
    let fill = try bound.text("fillchar") ?? TemplateText(" ")
    guard fill.count == 1 else { throw failure("`\(name)` fills with one character") }
    return try padded(name, text, to: try bound.integer("width") ?? 0, with: fill)
  }

  func padded(
    _ name: String, _ text: TemplateText, to width: Int, with fill: TemplateText
  ) throws(ChatTemplateError) -> TemplateValue {
    let missing = width - text.count
    guard missing > 0 else { return .text(text) }
    guard missing <= Limit.text else { throw excess("a text would be too long") }
    try reserve(text: text.utf8.count + missing * fill.utf8.count)
    // As Python does it: the odd one goes left where the width is odd.
    let left =
      switch name {
      case "ljust": 0
      case "rjust": missing
      default: missing / 2 + (missing & width & 1)
      }
    func filling(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in fill.utf8 } }
    return .text(TemplateText(utf8: filling(left) + text.utf8 + filling(missing - left)))
  }

  /// Python's `join`, which takes strings alone.
  private func joined(
    _ items: TemplateValue, by separator: TemplateText
  ) throws(ChatTemplateError) -> TemplateValue {
    var parts: [TemplateText] = []
    for item in try elements(of: items) {
      guard let text = item.asText else { throw failure("`join` meets \(item.typeName)") }
      parts.append(text)
    }
    return try joined(parts, by: separator)
  }

  func joined(
    _ parts: [TemplateText], by separator: TemplateText
  ) throws(ChatTemplateError) -> TemplateValue {
    let (gaps, overflow) = separator.utf8.count.multipliedReportingOverflow(
      by: max(0, parts.count - 1))
    try reserve(text: overflow ? .max / 2 : parts.reduce(gaps) { $0 + $1.utf8.count })
    return .text(TemplateText(utf8: Array(parts.map(\.utf8).joined(separator: separator.utf8))))
  }
}

extension TemplateText {
  fileprivate func ends(with part: Self) -> Bool {
    utf8.count >= part.utf8.count && utf8.suffix(part.utf8.count).elementsEqual(part.utf8)
  }

  /// No fewer than there are words.
  fileprivate var spaceCount: Int {
    var count = 1
    var wasSpace = true
    for scalar in string.unicodeScalars {
      let isSpace = scalar.isTemplateSpace
      if isSpace, !wasSpace { count += 1 }
      wasSpace = isSpace
    }
    return count
  }

  /// No fewer than there are lines.
  var lineEnds: Int {
    string.unicodeScalars.reduce(1) { $0 + ($1.endsTemplateLine ? 1 : 0) }
  }

  /// Split at runs of white space.
  fileprivate func words(limit: Int, fromEnd: Bool) -> [Self] {
    let scalars = self.scalars
    var words: [Self] = []
    if fromEnd {
      var end = scalars.count
      while true {
        while end > 0, scalars[end - 1].isTemplateSpace { end -= 1 }
        guard end > 0 else { break }
        var start = end
        if words.count < limit {
          while start > 0, !scalars[start - 1].isTemplateSpace { start -= 1 }
        } else {
          start = 0
        }
        words.append(Self(scalars[start..<end]))
        end = start
      }
      return words.reversed()
    }
    var start = 0
    while true {
      while start < scalars.count, scalars[start].isTemplateSpace { start += 1 }
      guard start < scalars.count else { return words }
      var end = start
      if words.count < limit {
        while end < scalars.count, !scalars[end].isTemplateSpace { end += 1 }
      } else {
        end = scalars.count
      }
      words.append(Self(scalars[start..<end]))
      start = end
    }
  }

  /// Python's `str.title`: a letter behind what is no letter is upper, the others lower.
  fileprivate func titled() -> Self {
    var text = ""
    var isInside = false
    for scalar in string.unicodeScalars {
      text += isInside ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      isInside = scalar.properties.isCased
    }
    return Self(text)
  }

  fileprivate func caseSwapped() -> Self {
    var text = ""
    for scalar in string.unicodeScalars {
      text +=
        scalar.properties.isUppercase
        ? scalar.properties.lowercaseMapping
        : scalar.properties.isLowercase ? scalar.properties.uppercaseMapping : String(scalar)
    }
    return Self(text)
  }
}

extension Unicode.Scalar {
  /// Python's `str.isalpha` for one scalar.
  var isTemplateLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }
}
