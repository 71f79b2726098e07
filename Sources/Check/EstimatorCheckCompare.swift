/// The comparison of one case: keeps the largest error over its tolerance, and where it was.
///
/// An error is measured as `|a − b| / (atol + rtol · |b|)` with b the golden number, so that 1 is the
/// limit. What is no number fails.
struct GoldenComparison {
  let rtol: Double
  let atol: Double
  let metricsTolerance: Double
  private(set) var worst = 0.0
  private(set) var worstPlace = ""
  private(set) var failure: String?

  init(file: GoldenValue, precision: CheckPrecision) throws(GoldenProblem) {
    let tolerance = file["tolerance"]
    let metrics = try file["metrics_tolerance"]?.number() ?? 1e-6
    switch precision {
    case .double:
      rtol = try tolerance?["rtol"]?.number() ?? 1e-7
      atol = try tolerance?["atol"]?.number() ?? 1e-9
      metricsTolerance = metrics
    case .single:
      rtol = 1e-4
      atol = 1e-6
      metricsTolerance = max(metrics, 1e-4)
    }
  }

  mutating func fail(_ problem: String) {
    if failure == nil { failure = problem }
  }

  mutating func number(_ place: String, _ ours: Double, _ golden: Double) {
    score(place, ours, golden, tolerance: atol + rtol * abs(golden))
  }

  /// `null` in a file means that the peer's number was not finite: ours must be, and no more.
  mutating func number(_ place: String, _ ours: Double, _ golden: GoldenValue)
    throws(GoldenProblem)
  {
    number(place, ours, golden == .null ? .nan : try golden.number())
  }

  /// Metrics have a relative tolerance of their own; the file's absolute one saves their zeros. Some
  /// files round them to six decimals: then half a unit of the last place is the file's own error.
  mutating func metric(_ place: String, _ ours: Double, _ golden: Double) {
    let millionths = golden * 1e6
    let isRounded = abs(millionths) < 1e14 && abs(millionths - millionths.rounded()) < 1e-6
    score(
      place, ours, golden,
      tolerance: atol + metricsTolerance * abs(golden) + (isRounded ? 5.01e-7 : 0))
  }

  mutating func numbers(_ place: String, _ ours: [Double], _ golden: [Double]) {
    guard ours.count == golden.count else {
      return fail("\(place): \(ours.count) numbers instead of \(golden.count)")
    }
    for index in ours.indices { number("\(place)[\(index)]", ours[index], golden[index]) }
  }

  mutating func ragged(_ place: String, _ ours: [[Double]], _ golden: GoldenValue)
    throws(GoldenProblem)
  {
    let rows = try golden.array()
    guard ours.count == rows.count else {
      return fail("\(place): \(ours.count) rows instead of \(rows.count)")
    }
    for index in rows.indices {
      numbers("\(place)[\(index)]", ours[index], try rows[index].comparableNumbers())
    }
  }

  mutating func equal<Value: Equatable>(_ place: String, _ ours: Value, _ golden: Value) {
    if ours != golden { fail("\(place): \(ours) instead of \(golden)") }
  }

  private mutating func score(
    _ place: String, _ ours: Double, _ golden: Double, tolerance: Double
  ) {
    if golden.isNaN {
      if !ours.isFinite { fail("\(place): ours is \(ours)") }
      return
    }
    let error = ours == golden ? 0 : abs(ours - golden) / tolerance
    guard error.isFinite else { return fail("\(place): \(ours) instead of \(golden)") }
    guard error > worst else { return }
    worst = error
    worstPlace = "\(place): \(ours) instead of \(golden)"
  }

  /// What the report says of a case that failed.
  var summary: String? {
    if let failure { return failure }
    return worst > 1 ? "\(worstPlace), \(worst) times the tolerance" : nil
  }
}
