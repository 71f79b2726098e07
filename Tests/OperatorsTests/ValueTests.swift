import COps
import Operators
import Testing

/// A critic's head against its reference, and against central differences of it.
@Suite struct ValueTests {
  /// Some rows of x have values; the first of them is shared by three targets.
  struct Case {
    let m: SmallModel
    let xRows: Int
    /// The head stands where the language-model head does: offsets are all that counts.
    var head: ValueHead { ValueHead(weight: m.model.head, bias: m.model.head + m.model.hidden) }
    var rows: [HeadRow] = []
    var cRows: [ops_head_row] = []
    var targets: [HeadTarget] = []
    var cTargets: [ops_target] = []
    var count: Int { targets.count }

    init(_ m: SmallModel, xRows: Int = 400, every step: Int = 3) {
      self.m = m
      self.xRows = xRows
      for row in stride(from: 1, to: xRows, by: step) {
        let first = targets.count
        for _ in 0..<(row == 1 ? 3 : 1) {
          targets.append(HeadTarget(index: targets.count, token: -1))
          cTargets.append(ops_target(index: cTargets.count, token: -1))
        }
        rows.append(HeadRow(row: row, targets: first..<targets.count))
        cRows.append(
          ops_head_row(row: row, first_target: first, targets: targets.count - first))
      }
    }

    func reference(_ parameters: [Double], _ x: [Double]) -> [Double] {
      var values = [Double](repeating: .nan, count: count)
      var model = m.model
      var head = ops_value_head(weight: m.model.head, bias: m.model.head + m.model.hidden)
      unsafe ops_value_reference(
        &model, &head, parameters, x, cRows, cRows.count, cTargets, &values)
      return values
    }

    func values(_ x: [Double], _ compute: Compute) -> [Float] {
      var values = [Float](repeating: .nan, count: count)
      compute.values(
        m.shape, head, Tensor(floats(m.parameters), compute: compute),
        x: rowTensor(x, rows: xRows, width: m.model.hidden, compute), rows: rows,
        targets: targets, into: &values)
      return values
    }

    func backward(_ x: [Double], _ dValues: [Double], _ compute: Compute)
      -> (dx: [Float], gradient: [Float])
    {
      let dx = rowTensor(nil, rows: xRows, width: m.model.hidden, compute)
      let gradient = Tensor(count: m.parameterCount, compute: compute)
      compute.valuesBackward(
        m.shape, head, Tensor(floats(m.parameters), compute: compute),
        x: rowTensor(x, rows: xRows, width: m.model.hidden, compute), xRows: xRows, rows: rows,
        targets: targets, dValues: floats(dValues), into: dx, gradient: gradient,
        workspace: Tensor(
          count: m.shape.backwardWorkspace(rows: xRows, headRows: rows.count), compute: compute))
      return (dx.read(0..<x.count), gradient.values)
    }
  }

  @Test(arguments: SmallModel.all.indices) func valuesAndTheirGradients(index: Int) {
    let m = SmallModel.all[index]
    let compute = Compute(threads: 2)
    let c = Case(m)
    let x = m.numbers(c.xRows * m.model.hidden, 2)
    #expect(relativeError(c.values(x, compute), c.reference(m.parameters, x)) < 1e-6)
    let w = m.numbers(c.count, 3)
    let (dx, gradient) = c.backward(x, w, compute)
    func loss(_ parameters: [Double], _ x: [Double]) -> Double {
      zip(w, c.reference(parameters, x)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(gradientError(dx, x, m) { loss(m.parameters, $0) } < 1e-6)
    #expect(gradientError(gradient, m.parameters, m) { loss($0, x) } < 1e-6)
    // Rows without a value pass nothing back.
    let width = m.model.hidden
    #expect(dx[..<width].allSatisfy { $0 == 0 } && !dx[width..<2 * width].contains(0))
  }

  /// h = x / sqrt(mean(x²)) = (3, 4) / sqrt(12.5), times the norm's weight (1, 2), on (0.5, -1): with
  /// s = sqrt(12.5), v = (1.5 - 8) / s + 0.25.
  @Test func aCaseByHand() {
    let compute = Compute(threads: 1)
    let shape = TransformerShape(
      vocabulary: 1, hidden: 2, intermediate: 2, heads: 1, keyValueHeads: 1, headDimension: 2,
      normEpsilon: 0, embedding: 0, finalNorm: 0, head: nil)
    let parameters = Tensor([1, 2, 0.5, -1, 0.25], compute: compute)
    let x = rowTensor([3, 4], rows: 1, width: 2, compute)
    let rows = [HeadRow(row: 0, targets: 0..<1)]
    let targets = [HeadTarget(index: 0, token: 0)]
    let head = ValueHead(weight: 2, bias: 4)
    var values: [Float] = [.nan]
    compute.values(shape, head, parameters, x: x, rows: rows, targets: targets, into: &values)
    let s = 12.5.squareRoot()
    #expect(abs(Double(values[0]) - (-6.5 / s + 0.25)) < 1e-6)
    // dL/dvalue = 2: dweight = 2 h = 2 (3, 8) / s; dnorm = 2 weight x / s = 2 (1.5, -4) / s; dbias = 2.
    // With g = 2 weight norm = (1, -4): dx = (g - n mean(g n)) / s, n = x / s, mean(g n) = -6.5 / s.
    let dx = rowTensor(nil, rows: 1, width: 2, compute)
    let gradient = Tensor([0, 0, 0, 0, 1], compute: compute)
    compute.valuesBackward(
      shape, head, parameters, x: x, xRows: 1, rows: rows, targets: targets, dValues: [2],
      into: dx, gradient: gradient,
      workspace: Tensor(count: shape.backwardWorkspace(rows: 1, headRows: 1), compute: compute))
    #expect(relativeError(gradient.values, [3 / s, -8 / s, 6 / s, 16 / s, 3]) < 1e-6)
    let slope = 6.5 / 12.5
    #expect(relativeError(dx.read(0..<2), [(1 + 3 * slope) / s, (-4 + 4 * slope) / s]) < 1e-6)
  }

  /// No product kernel takes part, so this holds on every machine.
  @Test func threadsInstructionSetsAndNeighboursChangeNoBit() {
    let m = SmallModel.all[1]
    let c = Case(m, xRows: 300, every: 1)
    let x = m.numbers(c.xRows * m.model.hidden, 2)
    let w = m.numbers(c.count, 3)
    let values = c.values(x, Compute(threads: 1, upTo: .baseline)).map(\.bitPattern)
    let (dx, gradient) = c.backward(x, w, Compute(threads: 1, upTo: .baseline))
    for threads in [1, 2, 3] {
      for isa in ISA.allCases {
        let compute = Compute(threads: threads, upTo: isa)
        #expect(c.values(x, compute).map(\.bitPattern) == values, "\(threads) \(isa)")
        let again = c.backward(x, w, compute)
        #expect(again.dx.map(\.bitPattern) == dx.map(\.bitPattern), "\(threads) \(isa)")
        #expect(again.gradient.map(\.bitPattern) == gradient.map(\.bitPattern), "\(threads) \(isa)")
      }
    }
    // The same rows among fewer: every 7th, from the first that both cases read.
    let few = Case(m, xRows: 300, every: 7)
    let fewValues = few.values(x, Compute(threads: 2)).map(\.bitPattern)
    let picked = few.rows.map { values[$0.row == 1 ? 0 : $0.row + 1] }
    #expect(Array(fewValues.dropFirst(2)) == picked)
  }

  @Test(arguments: [0, 1, 15, 16, 17, 63, 64, 65]) func anyNumberOfRows(count: Int) {
    let m = SmallModel.all[2]
    let compute = Compute(threads: 2)
    let c = Case(m, xRows: count + 1, every: 1)
    let x = m.numbers(c.xRows * m.model.hidden, 2)
    #expect(
      c.count == 0 || relativeError(c.values(x, compute), c.reference(m.parameters, x)) < 1e-6)
    let w = m.numbers(c.count, 3)
    let gradient = c.backward(x, w, compute).gradient
    // dbias is the sum of dL/dvalue.
    let bias = gradient[m.model.head + m.model.hidden]
    #expect(abs(Double(bias) - w.reduce(0, +)) < 1e-5)
  }

  @Test func aCriticHasNoLogits() async {
    await #expect(processExitsWith: .failure) {
      let compute = Compute(threads: 1)
      let shape = TransformerShape(
        vocabulary: 1, hidden: 2, intermediate: 2, heads: 1, keyValueHeads: 1, headDimension: 2,
        normEpsilon: 0, embedding: 0, finalNorm: 0, head: nil)
      let tensor = Tensor(count: 1 << 12, compute: compute)
      _ = compute.logits(shape, tensor, x: tensor, rows: [0])
    }
  }
}
