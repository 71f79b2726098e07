import Glibc
import Queue
import Randomness
package import Records

/// Groups as the peers' store job makes them, from the same distributions: a prompt's text, eight
/// responses of 16 to 256 tokens from a skewed distribution over 512 ids, log-probabilities of which
/// half are nearly 0, and a reward for each. About 10 KB a group.
package struct SyntheticTrajectories {
  /// A group as it is stored: what the reader, the rollout generator and the verifier write.
  package struct Group: Equatable {
    var prompt: PromptRecord
    package var rollouts: RolloutRecord
    var verdicts: VerdictRecord
    /// As the peers count them: the text, and 4 bytes for every length, reward, id and
    /// log-probability.
    var rawBytes: Int
  }

  static let responses = 8
  private static let words =
    ("find the value of x such that sum product integer prime divided remainder triangle area circle "
    + "radius how many positive ways function real number let be and is for if then compute given "
    + "angle").split(separator: " ")

  /// Cumulative shares of the ids, Zipf with exponent 1.1.
  private let shares: [Double]
  private let stream = RandomStream(seed: 0, purpose: .dataset)

  package init() {
    var sum = 0.0
    let sums = (1...512).map { rank in
      sum += 1 / pow(Double(rank), 1.1)
      return sum
    }
    shares = sums.map { $0 / sum }
  }

  package func group(_ index: Int) -> Group {
    let key = UInt64(index)
    func integer(_ bound: UInt64, _ a: UInt32, _ b: UInt32 = 0) -> Int {
      Int(stream.integer(below: bound, key, a, b))
    }
    let words = (0..<UInt32(20 + integer(60, 0))).map { integer(UInt64(Self.words.count), 1, $0) }
    let number = "\(integer(10_000, 2))?"
    let text = words.map { Self.words[$0] }.joined(separator: " ") + " " + number
    // A token for each word, and one for each sign of the number.
    let tokens =
      words.map { Int32(256 + $0) } + number.utf8.map { Int32($0) }
    let mean = 64 + integer(192, 3)
    let rollouts = (0..<UInt32(Self.responses)).map { rollout in
      let length = min(max(mean / 2 + integer(UInt64(mean), 4, rollout), 16), 256)
      return trajectory(length, key, rollout)
    }
    let sampled = rollouts.reduce(0) { $0 + $1.tokens.count }
    let prompt = Prompt(
      id: "synthetic-\(index)", content: .text(text), groundTruth: "\(integer(1000, 5))",
      source: "synthetic")
    let verdicts = (0..<UInt32(Self.responses)).map { rollout in
      Verdict(
        outcome: .scored(
          reward: stream.uniform(key, 6, rollout) < 0.4 ? 1 : 0, components: []),
        rule: "integer-equal")
    }
    return Group(
      prompt: PromptRecord(
        step: 0, wave: 0, epoch: 0, position: key, dataset: 0, rollouts: UInt32(Self.responses),
        prompt: prompt),
      rollouts: RolloutRecord(
        policyVersion: 0, weightsDigest: [UInt8](repeating: 0, count: 32),
        promptTokens: tokens, demonstrations: [], rollouts: rollouts),
      verdicts: VerdictRecord(
        verdicts: verdicts, seconds: [Double](repeating: 0, count: Self.responses)),
      rawBytes: 8 + text.utf8.count + 8 * Self.responses + 8 * sampled)
  }

  private func trajectory(_ length: Int, _ key: UInt64, _ rollout: UInt32) -> Trajectory {
    var tokens: [Int32] = []
    var logProbabilities: [Float] = []
    for token in 0..<UInt32(length) {
      let place = (rollout + 16) << 16 | token
      let (first, second) = stream.uniformPair(key, 7, place)
      let (third, choice) = stream.uniformPair(key, 8, place)
      tokens.append(id(second))
      // Exponential with mean 0.7 at half of the tokens, and with mean 0.001 at all.
      logProbabilities.append(Float((choice < 0.5 ? 0.7 : 0) * log(first) + 1e-3 * log(third)))
    }
    return Trajectory(tokens: tokens, logProbabilities: logProbabilities, finish: .stop)
  }

  private func id(_ uniform: Double) -> Int32 {
    var (low, high) = (0, shares.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if shares[middle] < uniform { low = middle + 1 } else { high = middle }
    }
    return Int32(low)
  }
}

extension SyntheticTrajectories.Group {
  /// The group's records, to be put under a key.
  func records(under key: RecordKey) -> [(log: Log, key: RecordKey, record: any StoredRecord)] {
    [(.prompts, key, prompt), (.rollouts, key, rollouts), (.verdicts, key, verdicts)]
  }

  /// Reads what is stored under a key, and says whether it is there and, where it compares, this group.
  func stands(
    in transaction: ReadTransaction, _ key: RecordKey, _ what: StoreReading
  ) throws -> Bool {
    guard let rollouts = try transaction.record(RolloutRecord.self, .rollouts, key) else {
      return false
    }
    guard what != .rollouts else { return true }
    guard let prompt = try transaction.record(PromptRecord.self, .prompts, key),
      let verdicts = try transaction.record(VerdictRecord.self, .verdicts, key)
    else { return false }
    return what != .comparing
      || (prompt == self.prompt && rollouts == self.rollouts && verdicts == self.verdicts)
  }
}
