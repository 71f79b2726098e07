/// A value of an algorithm's parameter, as YAML writes it.
public enum PartValue: Sendable, Equatable {
  case number(Double)
  case integer(Int)
  case flag(Bool)
  case text(String)
  case numbers([Double])
  case texts([String])
}

/// One parameter of an algorithm under the name by which YAML knows it: how it is read and written,
/// and when it means anything.
///
/// The table ``Algorithm/keys`` is the only place that names parameters: definitions, the listing of
/// an algorithm's parts and the documentation are made from it.
public struct PartKey: Sendable {
  public enum Kind: Sendable, Equatable {
    case number
    case integer
    case flag
    case text
    case choice([String])
    case numbers
    case texts
  }

  /// Path below `algorithm`, for example `mask.clip_low`.
  public let name: String
  public let kind: Kind
  /// One sentence.
  public let meaning: String
  /// Whether the parameter is read by any part of the algorithm as it is composed.
  public let applies: @Sendable (Algorithm) -> Bool
  /// Nil: not set, which for a bound means that there is none.
  public let read: @Sendable (Algorithm) -> PartValue?
  let write: @Sendable (inout Algorithm, PartValue) throws(EstimatorError) -> Void

  /// When a parameter is of use.
  typealias Condition = @Sendable (Algorithm) -> Bool

  init(
    _ name: String, _ kind: Kind, _ meaning: String, when applies: @escaping Condition,
    read: @escaping @Sendable (Algorithm) -> PartValue?,
    write: @escaping @Sendable (inout Algorithm, PartValue) throws(EstimatorError) -> Void
  ) {
    self.name = name
    self.kind = kind
    self.meaning = meaning
    self.applies = applies
    self.read = read
    self.write = write
  }
}

/// Where a parameter stands in an algorithm.
struct Place<Value>: Sendable {
  let get: @Sendable (Algorithm) -> Value
  let set: @Sendable (inout Algorithm, Value) -> Void
}

func at<Value>(_ path: any WritableKeyPath<Algorithm, Value> & Sendable) -> Place<Value> {
  Place(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 })
}

/// A place inside one of the three terms.
func at<Value>(
  _ term: any WritableKeyPath<Algorithm, PolicyTerm> & Sendable,
  _ path: any WritableKeyPath<PolicyTerm, Value> & Sendable
) -> Place<Value> {
  Place(
    get: { $0[keyPath: term][keyPath: path] }, set: { $0[keyPath: term][keyPath: path] = $1 })
}

extension PartKey {
  static func number(
    _ name: String, _ place: Place<Double>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .number, meaning, when: applies, read: { .number(place.get($0)) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.number(name))
      })
  }

  static func integer(
    _ name: String, _ place: Place<Int>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .integer, meaning, when: applies, read: { .integer(place.get($0)) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.integer(name))
      })
  }

  static func flag(
    _ name: String, _ place: Place<Bool>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .flag, meaning, when: applies, read: { .flag(place.get($0)) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.flag(name))
      })
  }

  static func text(
    _ name: String, _ place: Place<String>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .text, meaning, when: applies, read: { .text(place.get($0)) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.text(name))
      })
  }

  static func numbers(
    _ name: String, _ place: Place<[Double]>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .numbers, meaning, when: applies, read: { .numbers(place.get($0)) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.numbers(name))
      })
  }

  /// A bound; 0 switches it off.
  static func bound(
    _ name: String, _ place: Place<Double?>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey {
    PartKey(
      name, .number, meaning + " 0: none.", when: applies,
      read: { place.get($0).map { .number($0) } },
      write: { (algorithm, value) throws(EstimatorError) in
        let number = try value.number(name)
        place.set(&algorithm, number == 0 ? nil : number)
      })
  }

  static func choice<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ place: Place<Choice>, _ meaning: String,
    when applies: @escaping Condition = { _ in true }
  ) -> PartKey where Choice.RawValue == String {
    PartKey(
      name, .choice(Choice.allCases.map(\.rawValue)), meaning, when: applies,
      read: { .text(place.get($0).rawValue) },
      write: { (algorithm, value) throws(EstimatorError) in
        place.set(&algorithm, try value.choice(name))
      })
  }

  /// A part that may be absent: the name `none`, or one of its kinds.
  static func optional<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ meaning: String, when applies: @escaping Condition = { _ in true },
    get: @escaping @Sendable (Algorithm) -> Choice?,
    none: @escaping @Sendable (inout Algorithm) -> Void,
    set: @escaping @Sendable (inout Algorithm, Choice) -> Void
  ) -> PartKey where Choice.RawValue == String {
    PartKey(
      name, .choice(["none"] + Choice.allCases.map(\.rawValue)), meaning, when: applies,
      read: { .text(get($0)?.rawValue ?? "none") },
      write: { (algorithm, value) throws(EstimatorError) in
        if try value.text(name) == "none" {
          none(&algorithm)
        } else {
          set(&algorithm, try value.choice(name))
        }
      })
  }
}

extension PartValue {
  func number(_ key: String) throws(EstimatorError) -> Double {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: throw mismatch(key, "a number")
    }
  }

  func integer(_ key: String) throws(EstimatorError) -> Int {
    if case .integer(let value) = self { return value }
    throw mismatch(key, "a whole number")
  }

  func flag(_ key: String) throws(EstimatorError) -> Bool {
    if case .flag(let value) = self { return value }
    throw mismatch(key, "true or false")
  }

  func text(_ key: String) throws(EstimatorError) -> String {
    if case .text(let value) = self { return value }
    throw mismatch(key, "a text")
  }

  func numbers(_ key: String) throws(EstimatorError) -> [Double] {
    if case .numbers(let values) = self { return values }
    throw mismatch(key, "a list of numbers")
  }

  func texts(_ key: String) throws(EstimatorError) -> [String] {
    if case .texts(let values) = self { return values }
    throw mismatch(key, "a list of texts")
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String
  ) throws(EstimatorError) -> Choice where Choice.RawValue == String {
    let name = try text(key)
    guard let choice = Choice(rawValue: name) else {
      throw .unknown(key, name, known: Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  private func mismatch(_ key: String, _ wanted: String) -> EstimatorError {
    .parameter(key, "it is not \(wanted)", remedy: "Write \(wanted).")
  }
}
