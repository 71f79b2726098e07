import Estimator
import Randomness
import Testing

/// The largest difference of two lists; infinite if they have different lengths.
func difference(_ left: [Double], _ right: [Double]) -> Double {
  guard left.count == right.count else { return .infinity }
  return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

extension Algorithm {
  /// What a step does before it cuts a mini-batch: correction, selection, normalisers.
  func prepared(_ batch: TokenBatch) throws -> (TokenBatch, Normalizers) {
    var batch = batch
    try correct(&batch)
    try select(&batch, stream: RandomStream(seed: 3, purpose: .selection), key: 1)
    let rows = batch.shapes()
    return (
      batch,
      normalizers(rows: rows, pairs: [batch.pairs.count], microBatches: [0..<rows.count])[0]
    )
  }

  /// Where a gradient is held back by definition, the loss is no surrogate whose slope it is: the
  /// capped or corrected weight (CISPO, REINFORCE with π/μ), and a response's ratio that tokens of
  /// different advantages share (GSPO-token). ``StopGradientTests`` derives these anew.
  var holdsGradientsBack: Bool {
    terms.contains {
      $0.mask.kind == .cap || $0.correction?.numerator == .current
        || ($0.level == .sequence && advantage.isPerToken)
    }
  }
}

/// What must hold for every algorithm of the catalogue, on seeded random groups.
@Suite struct PropertyTests {
  static let seeds: Range<UInt64> = 1..<7

  /// Central differences, h = 1e-5, of the loss with respect to every log-probability and entropy, with
  /// correction weights, selected tokens and normalisers held. H in SRFT's weights carries no gradient,
  /// so its entropies are left out.
  @Test func weightsEqualFiniteDifferencesOfTheLoss() throws {
    var failures: [String] = []
    var compared: Set<String> = []
    for seed in Self.seeds {
      let groups = RandomGroups(seed: seed)
      for algorithm in try Algorithm.everyOne() where !algorithm.holdsGradientsBack {
        let (batch, normalizers) = try algorithm.prepared(try groups.batch(algorithm))
        let ours = try algorithm.evaluate(batch, normalizers: normalizers)
        compared.insert(algorithm.label)
        func slope(_ change: (inout TokenBatch, Double) -> Void) throws -> Double {
          var (above, below) = (batch, batch)
          change(&above, 1e-5)
          change(&below, -1e-5)
          return try
            (algorithm.evaluate(above, normalizers: normalizers).loss
            - algorithm.evaluate(below, normalizers: normalizers).loss) / 2e-5
        }
        for token in 0..<batch.tokenCount {
          let along = try slope { $0.logProbability[token] += $1 }
          if abs(along - ours.gradLogProbability[token]) > 1e-7 {
            failures.append(
              "seed \(seed) \(algorithm.label) token \(token): \(ours.gradLogProbability[token]), "
                + "slope \(along)")
          }
          guard !ours.gradEntropy.isEmpty else { continue }
          let spread = try slope { $0.entropy?[token] += $1 }
          if abs(spread - ours.gradEntropy[token]) > 1e-7 {
            failures.append("seed \(seed) \(algorithm.label) entropy \(token)")
          }
        }
      }
    }
    #expect(failures.prefix(5) == [])
    #expect(compared.count > 40)
  }

  @Test func everyEntryHasAGradientSomewhere() throws {
    for algorithm in try Algorithm.everyOne() {
      let norm = try Self.seeds.reduce(0) { sum, seed in
        let batch = try RandomGroups(seed: seed).batch(algorithm)
        return try sum + algorithm.evaluate(batch).diagnostics.weightNorm
      }
      #expect(norm > 0, "\(algorithm.label)")
    }
  }

  /// `weight_t = mask · ratio · shape · Â · norm + added`.
  @Test func thePartsMultiplyToTheWeight() throws {
    var failures: [String] = []
    for seed in Self.seeds {
      for algorithm in try Algorithm.everyOne() {
        let batch = try RandomGroups(seed: seed).batch(algorithm)
        let ours = try algorithm.evaluate(batch, recordingParts: true)
        let parts = try #require(ours.parts)
        let weights = (0..<batch.tokenCount).map { -parts.weight($0) }
        let error = difference(ours.gradLogProbability, weights)
        if error > 1e-14 { failures.append("seed \(seed) \(algorithm.label): \(error)") }
        // The mask scales and never turns a weight round.
        if parts.mask.contains(where: { !(0...1).contains($0) }) {
          failures.append("seed \(seed) \(algorithm.label): a mask")
        }
        if try algorithm.evaluate(batch) != ours.withoutParts {
          failures.append("seed \(seed) \(algorithm.label): recording changes something")
        }
      }
    }
    #expect(failures.prefix(5) == [])
  }

  @Test func cuttingReorderingAndPaddingChangeNothing() throws {
    var failures: [String] = []
    for seed in Self.seeds {
      var random = TestRandom(seed: seed)
      for algorithm in try Algorithm.everyOne() where algorithm.normalizerScope == .miniBatch {
        let (batch, normalizers) = try algorithm.prepared(
          try RandomGroups(seed: seed).batch(algorithm))
        let whole = try algorithm.evaluate(batch, normalizers: normalizers)
        let (padded, origin) = batch.padded(using: &random)
        let order = padded.shuffledGroups(using: &random)
        let border = padded.groupBorder(in: order, using: &random)
        let pieces = try [Array(order[..<border]), Array(order[border...])].map {
          try algorithm.evaluate(padded.selecting($0), normalizers: normalizers)
        }
        // Back to the order and the tokens of the batch.
        var gradient = Array(repeating: 0.0, count: batch.tokenCount)
        let joined = pieces.flatMap(\.gradLogProbability)
        var next = 0
        for row in order {
          for token in padded.rowStarts[row]..<padded.rowStarts[row + 1] {
            if let source = origin[token] {
              gradient[source] = joined[next]
            } else if joined[next] != 0 {
              failures.append("seed \(seed) \(algorithm.label): padding has a gradient")
            }
            next += 1
          }
        }
        let error = difference(gradient, whole.gradLogProbability)
        if error > 1e-14 { failures.append("seed \(seed) \(algorithm.label): gradient \(error)") }
        if abs(pieces[0].loss + pieces[1].loss - whole.loss) > 1e-12 {
          failures.append("seed \(seed) \(algorithm.label): loss")
        }
        var sums = pieces[0].diagnostics
        sums.add(pieces[1].diagnostics)
        if sums.clippedTokens != whole.diagnostics.clippedTokens
          || abs(sums.referenceKL - whole.diagnostics.referenceKL) > 1e-12
        {
          failures.append("seed \(seed) \(algorithm.label): diagnostics")
        }
      }
    }
    #expect(failures.prefix(5) == [])
  }

  @Test func theFloatBorderKeepsFourDigits() throws {
    var worst = 0.0
    for seed in Self.seeds {
      for algorithm in try Algorithm.everyOne() {
        // What is selected is decided once: a covariance on the edge of the band may round across.
        let (batch, normalizers) = try algorithm.prepared(
          try RandomGroups(seed: seed).batch(algorithm))
        let exact = try algorithm.evaluate(batch, normalizers: normalizers).gradLogProbability
        var rounded = batch
        func round(_ values: inout [Double]?) {
          values = values.map { TokenBatch.widened($0.map { Float($0) }) }
        }
        rounded.logProbability = TokenBatch.widened(batch.logProbability.map { Float($0) })
        round(&rounded.logProbabilityOld)
        round(&rounded.logProbabilityRollout)
        round(&rounded.logProbabilityAnchor)
        round(&rounded.logProbabilityBehaviour)
        round(&rounded.entropy)
        let single = try algorithm.evaluate(rounded, normalizers: normalizers)
          .gradLogProbabilityFloat()
        for (one, other) in zip(exact, single) {
          worst = max(worst, abs(one - Double(other)) / (1e-6 + 1e-4 * abs(one)))
        }
      }
    }
    #expect(worst < 1)
  }

  /// What is written out makes the same algorithm again, from its entry and from nothing.
  @Test func settingsWriteAnAlgorithmOutInFull() throws {
    for algorithm in try Algorithm.everyOne() {
      let base = Algorithm.names.contains(algorithm.name) ? algorithm.name : "custom"
      var again = try Algorithm.named(base, form: algorithm.form, settings: algorithm.settings)
      again.name = algorithm.name
      again.form = algorithm.form
      #expect(again.settings == algorithm.settings, "\(algorithm.label)")
      #expect(again.reading == algorithm.reading, "\(algorithm.label)")
      var composed = try Algorithm.named("custom", settings: algorithm.settings)
      composed.name = algorithm.name
      composed.form = algorithm.form
      #expect(composed.reading == algorithm.reading, "\(algorithm.label) from nothing")
      let groups = RandomGroups(seed: 2)
      #expect(
        try composed.evaluate(groups.batch(composed))
          == algorithm.evaluate(groups.batch(algorithm)),
        "\(algorithm.label)")
    }
  }

  @Test func everyEntryIsValidOnceItHasItsConstant() throws {
    for algorithm in try Algorithm.everyOne() {
      #expect(throws: Never.self, "\(algorithm.label)") { try algorithm.validate() }
    }
  }

  /// A number that is none stops the batch by name, whichever entry reads it and wherever it stands.
  @Test func numbersThatAreNoneNeverBecomeWeights() throws {
    var failures: [String] = []
    for algorithm in try Algorithm.everyOne() {
      let batch = try RandomGroups(seed: 5).batch(algorithm)
      let needed = algorithm.quantities
      let tokens = batch.trained.indices.filter { batch.trained[$0] }
      for value in [Double.nan, .infinity, -.infinity] {
        for token in [tokens[0], tokens[tokens.count - 1]] {
          var broken = batch
          broken.logProbability[token] = value
          if !stops(algorithm, broken) { failures.append("\(algorithm.label) logprob \(value)") }
        }
        var old = batch
        old.logProbabilityOld = old.logProbabilityOld?.map { _ in value }
        if needed.contains(.logProbabilityOld), !stops(algorithm, old) {
          failures.append("\(algorithm.label) logprob_old \(value)")
        }
        var entropy = batch
        entropy.entropy = entropy.entropy?.map { _ in value }
        if needed.contains(.entropy), !stops(algorithm, entropy) {
          failures.append("\(algorithm.label) entropy \(value)")
        }
      }
    }
    #expect(failures.prefix(5) == [])
  }

  private func stops(_ algorithm: Algorithm, _ batch: TokenBatch) -> Bool {
    do {
      _ = try algorithm.evaluate(batch)
      return false
    } catch {
      return error.code == .notFinite
    }
  }
}

extension Evaluation {
  fileprivate var withoutParts: Evaluation {
    var plain = self
    plain.parts = nil
    return plain
  }
}

extension Algorithm {
  /// The parts that some row reads: the rest of an entry may differ without a meaning.
  fileprivate var reading: [String] { settings.map { "\($0.key): \($0.value)" } }
}

extension TokenBatch {
  /// All rows, the groups in a random order and each group's rows in a random order.
  func shuffledGroups(using random: inout TestRandom) -> [Int] {
    let groups = Set(rows.map(\.group)).sorted().shuffled(using: &random)
    return groups.flatMap { group in
      rows.indices.filter { rows[$0].group == group }.shuffled(using: &random)
    }
  }

  /// A place in `order` between two groups, or at an end.
  func groupBorder(in order: [Int], using random: inout TestRandom) -> Int {
    let borders = (0...order.count).filter {
      $0 == 0 || $0 == order.count || rows[order[$0]].group != rows[order[$0 - 1]].group
    }
    return borders.randomElement(using: &random) ?? 0
  }
}
