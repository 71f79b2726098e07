import Foundation
import Operators
import Testing

/// The f32 AdamW operator and gradient norm against `optimizer_step.json`, whose numbers come from
/// torch in double: within rtol 1e-4 and atol 1e-6, skipped updates included.
@Suite struct OptimizerStepTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      struct Settings: Decodable {
        var lr, beta1, beta2, eps, weightDecay, gradClip: Double
        var skipAbove: Double?
      }
      struct Inputs: Decodable {
        var initial: [[Double]]
        var steps: [Step]
      }
      struct Step: Decodable {
        struct Expected: Decodable {
          var gradientNorm: Double?
          var stepped: Bool
          var parameters: [[Double]]
        }
        var gradients: [[Double]]
        var expected: Expected
      }
      var name: String
      var hyperparameters: Settings
      var inputs: Inputs
    }
    var cases: [Case]
  }

  private static func cases() throws -> [Golden.Case] {
    let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appendingPathComponent("EstimatorTests/Fixtures/optimizer_step.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(Golden.self, from: Data(contentsOf: file)).cases
  }

  @Test func followsTorchInSinglePrecision() throws {
    let compute = Compute(threads: 1)
    var failures: [String] = []
    var compared = 0
    for golden in try Self.cases() {
      let settings = golden.hyperparameters
      let initial = golden.inputs.initial.flatMap { $0.map { Float($0) } }
      let parameters = Tensor(initial, compute: compute)
      let first = Tensor(count: initial.count, compute: compute)
      let second = Tensor(count: initial.count, compute: compute)
      var updates: UInt64 = 0
      for (number, step) in golden.inputs.steps.enumerated() {
        let gradient = Tensor(step.gradients.flatMap { $0.map { Float($0) } }, compute: compute)
        let norm = compute.sumOfSquares(gradient).squareRoot()
        let steps = norm.isFinite && norm <= settings.skipAbove ?? .infinity
        if steps != step.expected.stepped { failures.append("\(golden.name) \(number): stepped") }
        if let expected = step.expected.gradientNorm, abs(norm - expected) > 1e-4 * expected {
          failures.append("\(golden.name) \(number): norm \(norm), not \(expected)")
        }
        if steps {
          updates += 1
          compute.adamW(
            learningRate: settings.lr, beta1: settings.beta1, beta2: settings.beta2,
            epsilon: settings.eps, weightDecay: settings.weightDecay,
            gradientScale: min(1, settings.gradClip / (norm + 1e-6)), update: updates,
            gradient: gradient, parameters: parameters, first: first, second: second)
        }
        for (value, expected) in zip(parameters.values, step.expected.parameters.flatMap { $0 }) {
          compared += 1
          if abs(Double(value) - expected) > 1e-6 + 1e-4 * abs(expected) {
            failures.append("\(golden.name) \(number): \(value), not \(expected)")
          }
        }
      }
    }
    #expect(compared > 0)
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }
}
