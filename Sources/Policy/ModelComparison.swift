/// What tells two model directories apart: configuration, tensors, values.
public struct ModelComparison: Sendable, Equatable {
  /// A field of config.json, as both say it; nil where one does not.
  public struct Field: Sendable, Equatable {
    public var name: String
    public var first: String?
    public var second: String?
  }

  /// A tensor of both models whose values differ.
  public struct Difference: Sendable, Equatable {
    public var name: String
    /// Elements that differ in any bit, after widening to f32.
    public var elements: Int
    public var count: Int
    /// The largest absolute difference; infinite where one value is no number and the other is not
    /// the same.
    public var largest: Double
    /// l2 norm of the difference over that of the first tensor.
    public var relative: Double
  }

  public var fields: [Field] = []
  /// Names of tensors that only one of them has.
  public var onlyInFirst: [String] = []
  public var onlyInSecond: [String] = []
  /// Tensors of both with another shape; their values are not compared.
  public var reshaped: [String] = []
  /// Tensors that are stored in another type; that alone is no difference.
  public var otherwiseStored: [String] = []
  public var differences: [Difference] = []
  /// Tensors whose values were compared.
  public var compared = 0

  public var isEqual: Bool {
    fields.isEmpty && onlyInFirst.isEmpty && onlyInSecond.isEmpty && reshaped.isEmpty
      && differences.isEmpty
  }
  public var largest: Double { differences.reduce(0) { max($0, $1.largest) } }

  /// Reads both models, a piece at a time.
  public init(_ first: StoredModel, _ second: StoredModel) throws(ModelDirectoryError) {
    try first.checkTiedHead()
    try second.checkTiedHead()
    compare(first.configuration, second.configuration)
    var others: [String: Int] = [:]
    for (index, tensor) in second.tensors.enumerated() { others[tensor.name] = index }
    for (index, tensor) in first.tensors.enumerated() {
      guard let other = others.removeValue(forKey: tensor.name) else {
        onlyInFirst.append(tensor.name)
        continue
      }
      guard second.tensors[other].shape == tensor.shape else {
        reshaped.append(tensor.name)
        continue
      }
      if second.tensors[other].storage != tensor.storage { otherwiseStored.append(tensor.name) }
      compared += 1
      if let difference = try Self.difference(first, index, second, other) {
        differences.append(difference)
      }
    }
    onlyInSecond = others.keys.sorted()
  }

  private mutating func compare(_ first: ModelConfiguration, _ second: ModelConfiguration) {
    // The storage is the tensors' matter.
    let ours = first.configurationFields(storage: .f32)
    let theirs = second.configurationFields(storage: .f32)
    for name in Set(ours.map(\.name) + theirs.map(\.name)).sorted() {
      let values = [ours, theirs].map { fields in fields.first { $0.name == name }?.value }
      if values[0] != values[1] {
        fields.append(Field(name: name, first: values[0], second: values[1]))
      }
    }
  }

  private static func difference(
    _ first: StoredModel, _ index: Int, _ second: StoredModel, _ other: Int
  ) throws(ModelDirectoryError) -> Difference? {
    let tensor = first.tensors[index]
    var found = Difference(
      name: tensor.name, elements: 0, count: tensor.count, largest: 0, relative: 0)
    var squares = 0.0
    var norm = 0.0
    let piece = 1 << 20
    for from in stride(from: 0, to: tensor.count, by: piece) {
      let range = from..<min(from + piece, tensor.count)
      let (a, b) = (try first.values(index, range), try second.values(other, range))
      for (a, b) in zip(a, b) {
        norm += Double(a) * Double(a)
        guard a.bitPattern != b.bitPattern else { continue }
        found.elements += 1
        let error = abs(Double(a) - Double(b))
        found.largest = error.isNaN ? .infinity : max(found.largest, error)
        squares += error * error
      }
    }
    guard found.elements > 0 else { return nil }
    found.relative =
      found.largest.isFinite ? (norm > 0 ? squares / norm : squares).squareRoot() : .infinity
    return found
  }
}
