import Bench
import Foundation
import Operators
import Policy
import Records
import Testing

@Suite("training and generation")
struct ComputeJobTests {
  @Test(
    "a training step of either loss has times, rates and parts", arguments: TrainBench.Loss.allCases
  )
  func train(loss: TrainBench.Loss) throws {
    let model = try TinyModel()
    let bench = try TrainBench(
      model: model.path, shape: try TrainShape("3x9"), loss: loss, compute: Compute(threads: 1))
    let record = try bench.run(steps: 3)
    #expect(record.job == "train" && record.shape == "3x9" && record.loss == loss.rawValue)
    #expect(record.tokens == 27 && record.steps == 3 && record.threads == 1)
    let (best, median) = try (#require(record.secondsBest), #require(record.secondsMedian))
    #expect(best > 0 && best <= median)
    let rate = try #require(record.tokensPerSecondBest)
    #expect(abs(rate * best - 27) < 1e-6)
    #expect(record.parts.keys.sorted() == ["backward", "forward", "loss", "optimizer"])
    #expect(record.parts.values.allSatisfy { $0 > 0 })
    // Rows that go through the layers: all but the last of each sequence.
    #expect(record.products?.first?.rows == 24)
    // Predicted are 8 tokens of each, or those from the sixth on.
    let head = try #require(record.products?.last)
    #expect(head.name == "head" && head.rows == (loss == .crossEntropy ? 24 : 12))
    #expect((record.peakMemoryBytes ?? 0) > 1 << 20)
  }

  @Test("every rollout gets all of its tokens, in as many passes")
  func rollout() throws {
    let model = try TinyModel()
    let bench = try RolloutBench(
      model: model.path, shape: try RolloutShape("2x3x5"), weights: .f32,
      compute: Compute(threads: 2))
    let record = try bench.run(steps: 2)
    #expect(record.tokens == 30 && record.precision == "f32")
    #expect(record.products?.allSatisfy { $0.kind == .forward && $0.rows == 6 } == true)
    // Five passes over weights of four bytes.
    let read = try #require(record.weightsGbPerSecond) * #require(record.secondsBest) * 1e9
    #expect(abs(read - Double(5 * 4 * TinyModel.configuration.parameterCount)) < 1)
  }

  @Test("products in bf16 are named, with what they come to on this machine")
  func precision() throws {
    let model = try TinyModel()
    let compute = Compute(threads: 1, products: .bf16)
    let bench = try RolloutBench(
      model: model.path, shape: try RolloutShape("1x2x3"), weights: .f32, compute: compute)
    let record = try bench.run(steps: 1)
    #expect(record.precision == "bf16" && record.productKernel == compute.productKernel)
    // Two bytes of a weight where the processor has such products.
    let read = try #require(record.weightsGbPerSecond) * #require(record.secondsBest) * 1e9
    let bytes = compute.productKernel == compute.productKernel(.f32) ? 4 : 2
    #expect(abs(read - Double(3 * bytes * TinyModel.configuration.parameterCount)) < 1)
  }

  @Test("passes are counted from the order of what is drawn")
  func passes() {
    var passes = PassCount()
    for (request, rollout) in [(0, 0), (0, 1), (1, 0), (0, 1), (1, 0), (1, 0)] {
      passes.see(request, rollout)
    }
    #expect(passes.count == 3)
  }

  @Test("the roofline is a rate for every product and for memory; OpenBLAS keeps its threads")
  func roofline() throws {
    let model = try TinyModel()
    let roofline = Roofline(threads: 2)
    var record = try RooflineBench.products(
      model: model.path, shape: try TrainShape("2x4"), roofline)
    record.compare(with: roofline)
    #expect(record.products?.allSatisfy { ($0.gflopPerSecond ?? 0) > 0 } == true)
    let rates = record.products?.compactMap(\.gflopPerSecond) ?? []
    let whole = try #require(record.productsGflopPerSecond)
    #expect(try whole >= #require(rates.min()) && whole <= #require(rates.max()))
  }

  @Test("a job that does not fit is refused before its weights are read")
  func memory() throws {
    let model = try TinyModel()
    let bench = try BenchModel(model.path)
    try bench.requireFits(1 << 20)
    let error = #expect(throws: BenchError.self) { try bench.requireFits(1 << 50) }
    #expect(error?.code == .memory && error?.exitStatus == .runFailed)
    #expect(error?.problem.contains("1073741824 MiB") == true)
  }

  @Test("a record is its JSON again")
  func json() throws {
    var record = BenchRecord(job: "train", threads: 2, steps: 5)
    record.products = [
      Product(name: "qkv", kind: .weightGradient, rows: 1, outputs: 2, inputs: 3, count: 4)
    ]
    record.tokensPerSecondMedian = 12.5
    record.parts = ["first_token": 0.5]
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let again = try BenchRecord(json: try encoder.encode(record))
    #expect(again.tokensPerSecondMedian == 12.5 && again.parts == ["first_token": 0.5])
    #expect(again.products == record.products)
  }
}
