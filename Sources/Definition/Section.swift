/// Values by path: a definition, or one item of a section list.
///
/// A wrong path or type in a getter is a bug of the program, as the schema is its own: it traps.
public protocol Settings {
  /// The value of a key.
  func value(_ path: String) -> Value
}

extension Settings {
  public func integer(_ path: String) -> Int { required(integerIfSet(path), path) }
  public func number(_ path: String) -> Double { required(numberIfSet(path), path) }
  public func text(_ path: String) -> String { required(textIfSet(path), path) }

  public func flag(_ path: String) -> Bool {
    guard case .flag(let flag) = value(path) else { return trap(path, "a flag") }
    return flag
  }

  /// `nil` where the value is `null`.
  public func integerIfSet(_ path: String) -> Int? {
    switch value(path) {
    case .absent: nil
    case .integer(let integer): integer
    default: trap(path, "an integer")
    }
  }

  /// `nil` where the value is `null`.
  public func numberIfSet(_ path: String) -> Double? {
    switch value(path) {
    case .absent: nil
    case .number(let number): number
    default: trap(path, "a number")
    }
  }

  /// The value of a text or a choice; `nil` where it is `null`.
  public func textIfSet(_ path: String) -> String? {
    switch value(path) {
    case .absent: nil
    case .text(let text): text
    default: trap(path, "text")
    }
  }

  /// A choice whose names are the raw values of an enum.
  public func choice<Choice: RawRepresentable<String>>(
    _ path: String, as type: Choice.Type = Choice.self
  ) -> Choice {
    Choice(rawValue: text(path)) ?? trap(path, "a case of \(type)")
  }

  /// The items of a list; an absent one is empty.
  public func list(_ path: String) -> [Value] {
    switch value(path) {
    case .absent: []
    case .list(let items): items
    default: trap(path, "a list")
    }
  }

  public func integers(_ path: String) -> [Int] {
    list(path).map { if case .integer(let item) = $0 { item } else { trap(path, "integers") } }
  }

  public func numbers(_ path: String) -> [Double] {
    list(path).map { if case .number(let item) = $0 { item } else { trap(path, "numbers") } }
  }

  public func texts(_ path: String) -> [String] {
    list(path).map { if case .text(let item) = $0 { item } else { trap(path, "texts") } }
  }

  /// A table's entries in the order of their names; an absent one is empty.
  public func table(_ path: String) -> [(name: String, value: Value)] {
    switch value(path) {
    case .absent: []
    case .table(let entries): entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    default: trap(path, "a table")
    }
  }

  /// A table of numbers, in the order of the names.
  public func numberTable(_ path: String) -> [(name: String, value: Double)] {
    table(path).map { entry in
      guard case .number(let number) = entry.value else { return trap(path, "a table of numbers") }
      return (entry.name, number)
    }
  }

  /// The items of a section list; an absent one is empty.
  public func sections(_ path: String) -> [Section] {
    switch value(path) {
    case .absent: []
    case .sections(let sections): sections
    default: trap(path, "a list of sections")
    }
  }

  private func required<Wanted>(_ value: Wanted?, _ path: String) -> Wanted {
    value ?? trap(path, "set (read it with …IfSet)")
  }

  private func trap<Wanted>(_ path: String, _ expected: String) -> Wanted {
    preconditionFailure("\(path) is \(value(path).inline), not \(expected)")
  }
}

/// One item of a section list, every key with its value.
public struct Section: Settings, Sendable {
  struct Entry: Sendable {
    var value: Value
    var origin: Origin
  }

  let schema: Schema
  let values: [String: Entry]

  public func value(_ path: String) -> Value { entry(path).value }

  /// Where the value was said, for errors of whoever finds that it does not fit the others.
  public func origin(_ path: String) -> Origin { entry(path).origin }

  private func entry(_ path: String) -> Entry {
    guard let entry = values[path] else { preconditionFailure("there is no key \(path)") }
    return entry
  }
}

extension Section {
  /// The keys but those that are without a value because nobody gave them one: the items of a list may
  /// have many of these, which nobody wants to read.
  var saidKeys: [Key] { schema.keys.filter { isSaid($0.path) } }

  func isSaid(_ path: String) -> Bool {
    value(path) != .absent || schema.table[path]?.standard != .absent
  }
}

extension Section: Equatable {
  /// Equal values; where they were said does not matter.
  public static func == (a: Section, b: Section) -> Bool {
    a.values.mapValues(\.value) == b.values.mapValues(\.value)
  }
}
