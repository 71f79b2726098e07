import Estimator

/// The ragged layout of a case's samples, and the engine's numbers on it.
struct GoldenLayout {
  let lengths: [Int]
  let trained: [[Bool]]
  /// Question of each sample.
  let group: [Int]
  let groups: [[Int]]
  let isDemonstration: [Bool]
  let paddedLength: Double?
  private let inputs: GoldenValue
  private let precision: CheckPrecision

  init(inputs: GoldenValue, precision: CheckPrecision) throws(GoldenProblem) {
    self.inputs = inputs
    self.precision = precision
    let lengths = try inputs.required("response_lengths").integers()
    let samples = lengths.count
    guard lengths.allSatisfy({ $0 >= 0 }) else { throw GoldenProblem("a length is negative") }
    var groups = [Array(0..<samples)]
    if let given = inputs["groups"] { groups = try given.raggedIntegers() }
    guard groups.flatMap({ $0 }).sorted() == Array(0..<samples) else {
      throw GoldenProblem("groups do not hold every sample once")
    }
    var group = Array(repeating: 0, count: samples)
    for (index, members) in groups.enumerated() { for row in members { group[row] = index } }
    var trained = lengths.map { Array(repeating: true, count: $0) }
    if let mask = inputs["mask"] {
      var given: [[Bool]] = []
      for row in try mask.array() { given.append(try row.bools()) }
      trained = given
    }
    guard trained.map(\.count) == lengths else {
      throw GoldenProblem("mask and response_lengths differ")
    }
    var demonstrations = Array(repeating: false, count: samples)
    if let given = inputs["is_demo"] { demonstrations = try given.bools() }
    guard demonstrations.count == samples else {
      throw GoldenProblem("is_demo and response_lengths differ")
    }
    self.lengths = lengths
    self.trained = trained
    self.group = group
    self.groups = groups
    isDemonstration = demonstrations
    paddedLength = try inputs["padded_length"]?.number()
  }

  /// A number per token as an engine hands it over; nil: the case has none.
  func tokens(_ key: String) throws(GoldenProblem) -> [[Double]]? {
    guard let ragged = try inputs[key]?.ragged() else { return nil }
    guard ragged.map(\.count) == lengths else {
      throw GoldenProblem("\(key) and response_lengths differ")
    }
    return ragged.map(precision.rounded)
  }

  /// A number per sample; nil: the case has none.
  func samples(_ key: String) throws(GoldenProblem) -> [Double]? {
    guard let values = try inputs[key]?.numbers() else { return nil }
    guard values.count == lengths.count else {
      throw GoldenProblem("\(key) and response_lengths differ")
    }
    return values
  }

  func shapes() -> [RowShape] {
    lengths.indices.map { sample in
      RowShape(
        kind: isDemonstration[sample] ? .demonstration : .rollout, group: group[sample],
        trainedTokens: trained[sample].count { $0 })
    }
  }

  /// Numbers over the tokens of `samples`, spread over all samples, 0 elsewhere.
  func spread(_ flat: [Double], of samples: [Int]) -> [[Double]] {
    var result = lengths.map { Array(repeating: 0.0, count: $0) }
    var next = 0
    for sample in samples {
      result[sample] = Array(flat[next..<(next + lengths[sample])])
      next += lengths[sample]
    }
    return result
  }
}
