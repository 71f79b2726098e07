import COps
import Foundation
import Operators
import Testing

@Suite struct ElementaryTests {
  /// Every 97th float of [-87, 88], and the ends.
  @Test func exponentialIsWithinTwoUlpAndTheSameOnEveryInstructionSet() {
    var x: [Float] = [-87, -86.99999, 0, -0.0, 88, -1e-30, 1e-30]
    for end in [Float(-87), 88] {
      let last = end.magnitude.bitPattern
      x += stride(from: UInt32(0), through: last, by: 97 * 64).map {
        Float(bitPattern: $0) * (end < 0 ? -1 : 1)
      }
    }
    let results = ISA.allCases.map { Compute(threads: 1, upTo: $0).exponentials(x) }
    var worst = 0.0
    for (x, y) in zip(x, results[0]) {
      let exact = exp(Double(x))
      worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst < 2)
    #expect(results.allSatisfy { $0.map(\.bitPattern) == results[0].map(\.bitPattern) })
  }

  @Test func exponentialOutsideOfItsRange() {
    let x: [Float] = [-.infinity, -1e30, -87.5, 89, 1e30, .infinity]
    let y = Compute(threads: 1).exponentials(x)
    #expect(Array(y[0..<3]) == [0, 0, 0])
    #expect(y[3...].allSatisfy { $0 == y[3] && $0 > 1e38 && $0.isFinite })
  }

  @Test(arguments: [1, 15, 16, 17, 4096, 10_000]) func adamWMatchesTheReference(count: Int) {
    let compute = Compute(threads: 2)
    let m = SmallModel.all[0]
    let parameters = Tensor(floats(m.numbers(count, 1)), compute: compute)
    let first = Tensor(count: count, compute: compute)
    let second = Tensor(count: count, compute: compute)
    var wanted = m.numbers(count, 1)
    var (m1, m2) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    for update in 1...5 as ClosedRange<UInt64> {
      let gradient = m.numbers(count, 10 + update)
      compute.adamW(
        learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1,
        gradientScale: 0.5, update: update, gradient: Tensor(floats(gradient), compute: compute),
        parameters: parameters, first: first, second: second)
      var settings = ops_adamw(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1,
        gradient_scale: 0.5, update: update)
      unsafe ops_adamw_reference(&settings, count, gradient, &wanted, &m1, &m2)
    }
    #expect(relativeError(parameters.values, wanted) < 1e-6)
    #expect(relativeError(first.values, m1) < 1e-6)
    #expect(relativeError(second.values, m2) < 1e-6)
  }

  @Test func sumsOfSquaresDoNotDependOnThreads() {
    let m = SmallModel.all[0]
    for count in [0, 1, 15, 16, 17, 4095, 4097, 50_000] {
      let values = m.numbers(count, 3)
      let sums = (1...3).map { threads in
        let compute = Compute(threads: threads)
        return compute.sumOfSquares(Tensor(floats(values), compute: compute))
      }
      let wanted = values.reduce(0) { $0 + $1 * $1 }
      #expect(sums.allSatisfy { $0 == sums[0] })
      #expect(abs(sums[0] - wanted) <= 1e-12 * wanted)
    }
  }

  @Test func contextsUseAtMostTheInstructionSetTheyAreGiven() {
    for isa in ISA.allCases { #expect(Compute(threads: 1, upTo: isa).isa <= isa) }
    #expect(Compute(threads: 3).threads == 3)
    #expect(!Compute(threads: 1).productKernel.isEmpty)
  }
}
