/// A string as Python has it: Unicode scalars, compared and counted one by one.
///
/// Not `String`, which takes composed and decomposed letters as equal and CR LF as one character.
/// Kept as UTF-8, which orders as scalars do.
struct TemplateText: Hashable, Sendable, Comparable {
  /// Valid UTF-8.
  let utf8: [UInt8]

  init(utf8: [UInt8]) { self.utf8 = utf8 }

  init(_ text: String) { utf8 = Array(text.utf8) }

  init(_ scalars: some Sequence<Unicode.Scalar>) {
    var utf8: [UInt8] = []
    for scalar in scalars { utf8.append(contentsOf: UTF8.encode(scalar)!) }
    self.utf8 = utf8
  }

  var string: String { String(decoding: utf8, as: UTF8.self) }
  var isEmpty: Bool { utf8.isEmpty }
  var scalars: [Unicode.Scalar] { Array(string.unicodeScalars) }

  /// The number of scalars.
  var count: Int { utf8.count { $0 & 0xC0 != 0x80 } }

  /// Whether every scalar is one byte, so that places can be looked up directly.
  var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }

  static func < (left: Self, right: Self) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }

  static func + (left: Self, right: Self) -> Self {
    var utf8: [UInt8] = []
    utf8.reserveCapacity(left.utf8.count + right.utf8.count)
    utf8 += left.utf8
    utf8 += right.utf8
    return Self(utf8: utf8)
  }
}

extension Unicode.Scalar {
  /// What Python's `str.isspace` says: White_Space, and the four separators below the space.
  var isTemplateSpace: Bool {
    if value < 0x80 {
      return value == 0x20 || (0x09...0x0D).contains(value) || (0x1C...0x1F).contains(value)
    }
    return properties.isWhitespace
  }

  /// Where Python's `str.splitlines` ends a line.
  var endsTemplateLine: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }
}

extension TemplateText {
  /// Without the scalars of `set` (of white space where nil) at the ends that are named.
  func stripped(_ set: TemplateText? = nil, left: Bool = true, right: Bool = true) -> Self {
    let unwanted = set.map { Set($0.scalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool {
      unwanted?.contains(scalar) ?? scalar.isTemplateSpace
    }
    let view = string.unicodeScalars
    var start = view.startIndex
    var end = view.endIndex
    while left, start < end, goes(view[start]) { start = view.index(after: start) }
    while right, start < end, goes(view[view.index(before: end)]) { end = view.index(before: end) }
    return Self(view[start..<end])
  }

  /// Places where `part`, which is not empty, stands, none overlapping: byte offsets, ascending.
  /// - Parameters:
  ///   - limit: most places.
  ///   - work: called with the number of bytes that were looked at, now and then.
  func places(
    of part: Self, limit: Int = .max, work: (Int) throws(ChatTemplateError) -> Void
  ) throws(ChatTemplateError) -> [Int] {
    var places: [Int] = []
    let first = part.utf8[0]
    var at = 0
    var looked = 0
    while at + part.utf8.count <= utf8.count, places.count < limit {
      looked += 1
      if utf8[at] == first {
        var length = 1
        while length < part.utf8.count, utf8[at + length] == part.utf8[length] { length += 1 }
        looked += length
        if length == part.utf8.count {
          places.append(at)
          at += length
          continue
        }
      }
      at += 1
      // A hostile pair makes this quadratic; the budget ends it.
      if looked >= 1 << 16 {
        try work(looked)
        looked = 0
      }
    }
    try work(looked)
    return places
  }

  /// The lines, without their ends.
  func lines() -> [Self] {
    var lines: [Self] = []
    var line = String.UnicodeScalarView()
    var open = false
    var previous: Unicode.Scalar?
    for scalar in string.unicodeScalars {
      defer { previous = scalar }
      if scalar == "\n", previous == "\r" { continue }
      if scalar.endsTemplateLine {
        lines.append(Self(line))
        line = String.UnicodeScalarView()
        open = false
      } else {
        line.append(scalar)
        open = true
      }
    }
    if open { lines.append(Self(line)) }
    return lines
  }

  func uppercased() -> Self {
    if isASCII {
      return Self(utf8: utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 })
    }
    var text = ""
    for scalar in string.unicodeScalars { text += scalar.properties.uppercaseMapping }
    return Self(text)
  }

  func lowercased() -> Self {
    if isASCII {
      return Self(utf8: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 })
    }
    let scalars = scalars
    var text = ""
    for place in scalars.indices { text += Self.lowercase(scalars, at: place) }
    return Self(text)
  }

  /// Python's `str.capitalize`: the first scalar in title case, the rest lower.
  func capitalized() -> Self {
    let scalars = scalars
    var text = ""
    for place in scalars.indices {
      text +=
        place == 0 ? scalars[0].properties.titlecaseMapping : Self.lowercase(scalars, at: place)
    }
    return Self(text)
  }

  /// A scalar in lower case; a sigma has another form at the end of a word.
  static func lowercase(_ scalars: [Unicode.Scalar], at place: Int) -> String {
    guard scalars[place] == "\u{3A3}" else { return scalars[place].properties.lowercaseMapping }
    let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }
    let after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }
    let endsWord = (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false)
    return endsWord ? "\u{3C2}" : "\u{3C3}"
  }
}
