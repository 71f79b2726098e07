import Estimator
import Randomness
import Testing

@Suite struct TokenSelectionTests {
  /// The slow obvious version: sort everything, take the first.
  private func picked(_ quota: Int, _ values: [Double]) -> [Int] {
    values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }.prefix(quota).sorted()
  }

  @Test func theLargestCovariancesArePickedAndTheEarlierOfEqualOnes() {
    let stream = RandomStream(seed: 1, purpose: .selection)
    var failures: [String] = []
    for seed in UInt64(1)..<40 {
      var random = TestRandom(seed: seed)
      let count = [1, 2, 15, 16, 17, 100, 1000][Int(seed % 7)]
      // Few different values: ties everywhere.
      let values = (0..<count).map { _ in Double(Int.random(in: -3...3, using: &random)) }
      for ratio in [0.0001, 0.1, 0.5, 0.99, 1] {
        let selection = TokenSelection(.klCovariance, ratio: ratio)
        let ours = selection.picks(
          covariances: values, clipped: values.map { _ in false }, stream: stream, key: 1)
        if ours != picked(max(1, Int(ratio * Double(count))), values) {
          failures.append("seed \(seed), \(ratio) of \(count)")
        }
      }
    }
    #expect(failures == [])
  }

  @Test func theBandIsDrawnFromAndTheSameKeyDrawsTheSame() {
    let stream = RandomStream(seed: 1, purpose: .selection)
    let values = (0..<1000).map { Double($0 % 7) }
    let clipped = values.indices.map { $0 % 3 == 0 }
    let selection = TokenSelection(.clipCovariance, ratio: 0.05, lower: 1, upper: 5)
    let first = selection.picks(covariances: values, clipped: clipped, stream: stream, key: 1)
    #expect(first.count == 50 && first == first.sorted())
    #expect(first.allSatisfy { !clipped[$0] && values[$0] > 1 && values[$0] < 5 })
    #expect(
      selection.picks(covariances: values, clipped: clipped, stream: stream, key: 1) == first)
    #expect(
      selection.picks(covariances: values, clipped: clipped, stream: stream, key: 2) != first)
  }
}
