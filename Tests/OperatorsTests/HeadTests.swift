import COps
import Operators
import Testing

@Suite struct HeadTests {
  let compute = Compute(threads: 2)

  /// Every third row of x has logits; the first of them scores three tokens.
  struct Case {
    let m: SmallModel
    let xRows: Int
    var rows: [HeadRow] = []
    var cRows: [ops_head_row] = []
    var targets: [HeadTarget] = []
    var cTargets: [ops_target] = []
    var count: Int { targets.count }

    init(_ m: SmallModel, xRows: Int = 200) {
      self.m = m
      self.xRows = xRows
      for row in stride(from: 1, to: xRows, by: 3) {
        let first = targets.count
        for _ in 0..<(row == 1 ? 3 : 1) {
          let token = Int32(targets.count * 5 % m.model.vocabulary)
          targets.append(HeadTarget(index: targets.count, token: token))
          cTargets.append(ops_target(index: cTargets.count, token: token))
        }
        rows.append(HeadRow(row: row, targets: first..<targets.count))
        cRows.append(
          ops_head_row(row: row, first_target: first, targets: targets.count - first))
      }
    }

    func reference(_ parameters: [Double], _ x: [Double], _ temperature: Double)
      -> (logProbabilities: [Double], entropies: [Double])
    {
      var logProbabilities = [Double](repeating: .nan, count: count)
      var entropies = logProbabilities
      var model = m.model
      unsafe ops_head_reference(
        &model, parameters, x, cRows, cRows.count, cTargets, temperature, &logProbabilities,
        &entropies)
      return (logProbabilities, entropies)
    }
  }

  @Test(arguments: SmallModel.all.indices) func scoresAndTheirGradients(index: Int) {
    let m = SmallModel.all[index]
    let (shape, c) = (m.shape, Case(m))
    let x = m.numbers(c.xRows * shape.hidden, 2)
    let parameters = Tensor(floats(m.parameters), compute: compute)
    let xTensor = rowTensor(x, rows: c.xRows, width: shape.hidden, compute)
    for temperature in [1, 0.6] as [Float] {
      var logProbabilities = [Float](repeating: .nan, count: c.count)
      var entropies = logProbabilities
      compute.score(
        shape, parameters, x: xTensor, rows: c.rows, targets: c.targets,
        temperature: temperature, logProbabilities: &logProbabilities, entropies: &entropies)
      let wanted = c.reference(m.parameters, x, Double(temperature))
      #expect(relativeError(logProbabilities, wanted.logProbabilities) < 1e-5)
      #expect(relativeError(entropies, wanted.entropies) < 1e-5)

      let (w, v) = (m.numbers(c.count, 3), m.numbers(c.count, 4))
      let dx = rowTensor(nil, rows: c.xRows, width: shape.hidden, compute)
      let gradient = Tensor(count: m.parameterCount, compute: compute)
      compute.scoreBackward(
        shape, parameters, x: xTensor, xRows: c.xRows, rows: c.rows, targets: c.targets,
        temperature: temperature, dLogProbabilities: floats(w), dEntropies: floats(v), into: dx,
        gradient: gradient,
        workspace: Tensor(
          count: shape.backwardWorkspace(rows: c.xRows, headRows: c.rows.count), compute: compute))
      func loss(_ parameters: [Double], _ x: [Double]) -> Double {
        let scores = c.reference(parameters, x, Double(temperature))
        var sum = 0.0
        for i in 0..<c.count {
          sum += w[i] * scores.logProbabilities[i] + v[i] * scores.entropies[i]
        }
        return sum
      }
      let byX = gradientError(dx.read(0..<x.count), x, m) { loss(m.parameters, $0) }
      let byParameters = gradientError(gradient.values, m.parameters, m) { loss($0, x) }
      #expect(max(byX, byParameters) < 1e-4)
    }
  }

  /// Logits that are kept go through the vocabulary slab by slab; of so many rows that are not kept,
  /// chunks go through the whole of it.
  @Test(arguments: [Products.f32, .bf16]) func slabsGiveTheBitsOfTheWhole(products: Products) {
    let m = SmallModel(
      hidden: 24, intermediate: 8, heads: 1, kvHeads: 1, headDimension: 8, vocabulary: 40_001,
      biases: false, seed: 7)
    let c = Case(m, xRows: 1400)
    let x = rowTensor(
      m.numbers(c.xRows * m.shape.hidden, 2), rows: c.xRows, width: m.shape.hidden, compute)
    let parameters = Tensor(floats(m.parameters), compute: compute)
    func pass(keeps: Bool) -> (scores: [Float], dx: [Float], gradient: [Float]) {
      var shape = m.shape
      shape.products = products
      shape.keepsPanels = !keeps
      let logits =
        keeps ? Tensor(count: shape.logitFloats(rows: c.rows.count), compute: compute) : nil
      var scores = [Float](repeating: .nan, count: c.count)
      var entropies = scores
      compute.score(
        shape, parameters, x: x, rows: c.rows, targets: c.targets, temperature: 0.7,
        logProbabilities: &scores, entropies: &entropies, keeping: logits)
      let dx = rowTensor(nil, rows: c.xRows, width: shape.hidden, compute)
      let gradient = Tensor(count: m.parameterCount, compute: compute)
      compute.scoreBackward(
        shape, parameters, x: x, xRows: c.xRows, rows: c.rows, targets: c.targets,
        temperature: 0.7, dLogProbabilities: floats(m.numbers(c.count, 3)),
        dEntropies: floats(m.numbers(c.count, 4)), into: dx, gradient: gradient,
        workspace: Tensor(
          count: shape.backwardWorkspace(rows: c.xRows, headRows: c.rows.count), compute: compute),
        kept: logits)
      return (
        scores + entropies, dx.read(0..<c.xRows * shape.hidden).map { Float($0) }, gradient.values
      )
    }
    let (slabs, whole) = (pass(keeps: true), pass(keeps: false))
    #expect(slabs.scores == whole.scores && slabs.scores.allSatisfy { $0.isFinite })
    #expect(slabs.dx == whole.dx && slabs.dx.contains { $0 != 0 })
    let head = m.model.head..<m.model.head + m.model.vocabulary * m.model.hidden
    #expect(slabs.gradient[head] == whole.gradient[head])
    // Chunks are added up one by one.
    let norm = m.model.final_norm..<m.model.final_norm + m.model.hidden
    #expect(
      relativeError(Array(slabs.gradient[norm]), whole.gradient[norm].map { Double($0) }) < 1e-6)
  }

  @Test func filtersMatchTheReference() {
    var failures: [String] = []
    for vocabulary in [1, 15, 16, 17, 333] {
      let m = SmallModel.all[vocabulary % 4]
      for ties in [false, true] {
        let logits = m.numbers(vocabulary, UInt64(vocabulary), scale: 4).map {
          ties ? $0.rounded() : $0
        }
        for topK in [0, 1, 5, 400] {
          for topP in [1, 0.9, 0.3] as [Float] {
            for minP in [0, 0.1] as [Float] {
              for limit in [vocabulary, (vocabulary + 1) / 2] {
                var sampling = ops_sampling(
                  temperature: 0.7, top_k: topK, top_p: topP, min_p: minP, token_limit: limit)
                let actual = compute.filteredDistribution(
                  floats(logits),
                  SamplingFilters(
                    temperature: 0.7, topK: topK, topP: topP, minP: minP, tokenLimit: limit))
                var ids = [Int32](repeating: -1, count: vocabulary)
                var probabilities = [Double](repeating: .nan, count: vocabulary)
                let kept = unsafe ops_filtered_distribution_reference(
                  logits, vocabulary, &sampling, &ids, &probabilities)
                let error = relativeError(
                  actual.map(\.probability), Array(probabilities.prefix(kept)))
                if actual.map(\.id) != Array(ids.prefix(kept)) || !(error < 1e-5) {
                  failures.append(
                    "\(vocabulary) \(ties) \(topK) \(topP) \(minP) \(limit): \(error)")
                }
              }
            }
          }
        }
      }
    }
    #expect(failures == [])
  }
}
