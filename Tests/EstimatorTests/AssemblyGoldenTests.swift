import Estimator
import Foundation
import Records
import Testing

/// One case of a golden file of the schema `estimator-golden/1`, as far as the assembly reads it.
struct AssemblyCase {
  let name: String
  let inputs: JSONValue
  let expected: JSONValue
  private let own: JSONValue?
  private let shared: JSONValue?

  static func all(_ file: String) throws -> [AssemblyCase] {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("\(file).json")))
    let golden = try JSONValue(parsing: [UInt8](data), location: file)
    let cases = try #require(golden["cases"]?.array)
    return try cases.map { try AssemblyCase($0, shared: golden["hyperparameters"]) }
  }

  init(_ value: JSONValue, shared: JSONValue?) throws {
    name = try #require(value["name"]?.string)
    inputs = try #require(value["inputs"])
    expected = try #require(value["expected"])
    own = value.present("hyperparameters")
    self.shared = shared
  }

  /// A hyperparameter of the case, or of the file; nil if it is absent or switched off.
  subscript(key: String) -> JSONValue? { own?[key] ?? shared?[key] }

  func number(_ key: String) throws -> Double { try #require(self[key]?.double, "\(name) \(key)") }
  func flag(_ key: String) throws -> Bool {
    let value = self[key]?.boolean
    return try #require(value as Bool?, "\(name) \(key)")
  }

  func samples(_ key: String) throws -> [Double] {
    try #require(inputs[key]?.array).map { try #require($0.double) }
  }

  /// `[sample][token]`; a number that was not finite in the peer is NaN here.
  static func ragged(_ value: JSONValue?) throws -> [[Double]] {
    try #require(value?.array).map { row in
      try #require(row.array).map { $0.double ?? .nan }
    }
  }

  static func indices(_ value: JSONValue?) throws -> [Int] {
    try #require(value?.array).map { try #require($0.integer) }
  }

  /// Sample indices per group.
  func membership() throws -> [[Int]] {
    try #require(inputs["groups"]?.array).map { try Self.indices($0) }
  }

  func trained() throws -> [[Bool]] {
    guard inputs["mask"] != nil else { return [] }
    return try Self.ragged(inputs["mask"]).map { $0.map { $0 == 1 } }
  }

  /// The groups of the case, every sample a member unless `adjust` says otherwise.
  func groups(
    _ adjust: (_ sample: Int, _ row: inout AssemblyRow) throws -> Void = { _, _ in }
  ) throws -> [AssemblyGroup] {
    let rewards = try samples("rewards")
    let lengths = try samples("response_lengths")
    let mask = try trained()
    let isDemo = inputs["is_demo"]?.array?.map { $0.boolean ?? false } ?? []
    return try membership().enumerated().map { index, samples in
      AssemblyGroup(
        id: UInt64(index),
        rows: try samples.map { sample in
          var row = AssemblyRow(
            kind: isDemo[sample] ? .demonstration : .rollout, reward: rewards[sample],
            tokens: Int(lengths[sample]), trained: mask.isEmpty ? [] : mask[sample])
          try adjust(sample, &row)
          return row
        })
    }
  }

  /// What is wrong with `ours` beside the ragged numbers called `field`.
  func failures(
    _ field: String, _ groups: [AssemblyGroup], _ ours: [AssembledGroup],
    _ number: (AssembledRow, Int) -> Double = { $0.advantage($1) }
  ) throws -> [String] {
    let theirs = try Self.ragged(expected[field])
    var failures: [String] = []
    for (group, samples) in try membership().enumerated() {
      for (row, sample) in samples.enumerated() {
        let trained = groups[group].rows[row].trained
        for (token, theirNumber) in theirs[sample].enumerated()
        where theirNumber.isFinite && (trained.isEmpty || trained[token]) {
          let mine = number(ours[group].rows[row], token)
          if !(abs(mine - theirNumber) <= 1e-9 + 1e-7 * abs(theirNumber)) {
            failures.append("\(name) \(field)[\(sample)][\(token)]: \(mine), not \(theirNumber)")
          }
        }
      }
    }
    return failures
  }
}

extension AdvantageEstimate {
  /// One step without a past.
  func step(_ groups: [AssemblyGroup]) throws -> [AssembledGroup] {
    var memory: [Double] = []
    let result = try assemble(groups, seed: 1, step: 0, memory: &memory)
    #expect(kind == .riskBundle || memory.isEmpty)
    return result
  }
}

/// The authors' advantages and returns, within the files' tolerance.
@Suite struct AssemblyGoldenTests {
  /// Compares `field` of every case that has it; `estimate` is nil for a case to be left out.
  private func compare(
    _ file: String, _ field: String = "advantages", cases wanted: Int,
    _ estimate: (AssemblyCase) throws -> AdvantageEstimate
  ) throws {
    var failures: [String] = []
    var compared = 0
    for golden in try AssemblyCase.all(file) where golden.expected[field] != nil {
      let groups = try golden.groups()
      failures += try golden.failures(field, groups, try estimate(golden).step(groups))
      compared += 1
    }
    #expect(failures == [])
    #expect(compared == wanted)
  }

  private func unionKind(_ golden: AssemblyCase) throws -> AdvantageEstimate {
    try golden.flag("normalise_by_std") ? AdvantageEstimate(.normalized) : .init(.centered)
  }

  @Test func reinforceWithEveryBaseline() throws {
    let kinds: [String: AdvantageEstimate.Kind] = [
      "no-baseline": .reward, "plus-minus-one": .signed, "group-mean-baseline": .centered,
    ]
    try compare("reinforce", cases: 18) { golden in
      AdvantageEstimate(try #require(kinds[golden["baseline"]?.string ?? ""]))
    }
  }

  @Test func rlooInBothForms() throws {
    try compare("rloo", cases: 5) { _ in AdvantageEstimate(.leaveOneOut) }
    try compare("rloo", "advantages_vectorized", cases: 5) { _ in
      AdvantageEstimate(.leaveOneOut, singleton: .zero)
    }
  }

  @Test func grpoWithEveryEpsilon() throws {
    try compare("grpo", cases: 13) {
      AdvantageEstimate(.normalized, stdEpsilon: try $0.number("epsilon"))
    }
  }

  @Test func drGRPOAndGVPOCentre() throws {
    try compare("dr_grpo", cases: 10) { _ in AdvantageEstimate(.centered) }
    try compare("gvpo", cases: 10) { _ in AdvantageEstimate(.centered) }
  }

  @Test func opmdWithBothBaselines() throws {
    try compare("opmd", cases: 4) { golden in
      if golden["baseline"]?.string == "mean" { return AdvantageEstimate(.centered) }
      return AdvantageEstimate(.logAverageExp, temperature: try golden.number("tau"))
    }
  }

  /// Statistics over rollouts and the demonstration that joined them.
  @Test func luffyAndSRFTOverTheUnion() throws {
    try compare("luffy", cases: 12, unionKind)
    try compare("srft", cases: 9, unionKind)
  }

  /// The rejected rows stay out of the statistics; with the paper's form they stand by idle.
  @Test func gfpoOverTheKeptRows() throws {
    var failures: [String] = []
    var compared = 0
    for golden in try AssemblyCase.all("gfpo") where golden.expected["advantages"] != nil {
      compared += 1
      let kept = try #require(golden.expected["decisions"]?["sample_kept"]?.array)
      let groups = try golden.groups { sample, row in
        row.standing = kept[sample].boolean == true ? .member : .idle
      }
      let isPaper = golden["variant"]?.string == "paper"
      let estimate = AdvantageEstimate(
        .normalized, stdEpsilon: isPaper ? 0 : 1e-4, bessel: !isPaper)
      failures += try golden.failures("advantages", groups, try estimate.step(groups))
    }
    #expect(failures == [])
    #expect(compared == 16)
  }

  @Test func reinforcePlusPlusInBothVariants() throws {
    var failures: [String] = []
    var seen: Set<String> = []
    for golden in try AssemblyCase.all("reinforce_plus_plus") {
      let groups = try golden.groups()
      let variant = try #require(golden["variant"]?.string)
      seen.insert(variant)
      if variant == "global-whitening" {
        let estimate = AdvantageEstimate(
          .reward, discount: try golden.number("gamma"), discounted: true, whiten: .bessel)
        let ours = try estimate.step(groups)
        failures += try golden.failures("advantages", groups, ours)
        failures += try golden.failures("returns", groups, ours) { $0.returns[$1] }
      } else {
        let ours = try AdvantageEstimate(.centered, whiten: .bessel).step(groups)
        failures += try golden.failures("advantages", groups, ours)
      }
    }
    #expect(failures == [])
    #expect(seen.count == 2)
  }

  @Test func ppoWithGapsAndWhitening() throws {
    var failures: [String] = []
    for golden in try AssemblyCase.all("ppo") where golden["kl_kind"] == nil {
      let values = try AssemblyCase.ragged(golden.inputs["values_old"])
      let groups = try golden.groups { $1.values = values[$0] }
      var estimate = AdvantageEstimate(
        .gae, discount: try golden.number("gamma"), lambda: try golden.number("lam"))
      let raw = try estimate.step(groups)
      failures += try golden.failures("advantages_raw", groups, raw)
      failures += try golden.failures("returns", groups, raw) { $0.returns[$1] }
      estimate.whiten = .bessel
      failures += try golden.failures("advantages", groups, try estimate.step(groups))
    }
    #expect(failures == [])
  }

  @Test func ppoWithKLInTheReward() throws {
    var failures: [String] = []
    for golden in try AssemblyCase.all("ppo") where golden["kl_kind"] != nil {
      let values = try AssemblyCase.ragged(golden.inputs["values_old"])
      let old = try AssemblyCase.ragged(golden.inputs["logprob_old"])
      let anchor = try AssemblyCase.ragged(golden.inputs["logprob_ref"])
      let coefficient = try golden.number("kl_coef")
      let isK1 = golden["kl_kind"]?.string == "k1"
      let groups = try golden.groups { sample, row in
        row.values = values[sample]
        row.penalties = zip(old[sample], anchor[sample]).map { old, anchor in
          coefficient * (isK1 ? old - anchor : exp(anchor - old) - 1 - anchor + old)
        }
      }
      let estimate = AdvantageEstimate(
        .gae, discount: try golden.number("gamma"), lambda: try golden.number("lam"),
        whiten: .bessel)
      let ours = try estimate.step(groups)
      failures += try golden.failures("advantages", groups, ours)
      failures += try golden.failures("returns", groups, ours) { $0.returns[$1] }
      let rewards = groups.map { group in
        AssembledGroup(rows: group.rows.map { AssembledRow(advantages: $0.tokenRewards) })
      }
      failures += try golden.failures("token_rewards", groups, rewards)
      let mean = try #require(golden.expected["sequence_mean_kl"]?.double)
      if abs(AssemblyGroup.meanPenalty(groups) / coefficient - mean) > 1e-9 {
        failures.append("\(golden.name) sequence_mean_kl")
      }
    }
    #expect(failures == [])
  }

  /// The whole way of DAPO: correctness, overlong punishment, filter, advantage.
  @Test func dapoOnShapedRewards() throws {
    var failures: [String] = []
    for golden in try AssemblyCase.all("dapo") where golden.expected["advantages"] != nil {
      var shaping = RewardShaping()
      if let limit = golden["max_resp_len"]?.integer {
        shaping.overlongLimit = limit
        shaping.overlongBuffer = Int(try golden.number("overlong_buffer_len"))
        shaping.overlongFactor = try golden.number("overlong_penalty_factor")
      }
      let shaper = try RewardShaper(shaping)
      let decisions = golden.expected["decisions"]
      let kept = decisions?["sample_kept"]?.array?.map { $0.boolean ?? false }
      let theirs = decisions?["shaped_rewards"]?.array?.map { $0.double ?? .nan }
      let groups = try golden.groups { sample, row in
        row.reward = try shaper.shaped(
          GateRollout(reward: row.reward, tokens: row.tokens), location: "sample \(sample)")
        if let theirs, abs(row.reward - theirs[sample]) > 1e-12 {
          failures.append("\(golden.name) shaped reward \(sample)")
        }
        if let kept, !kept[sample] { row.standing = .idle }
      }
      let ours = try AdvantageEstimate(.normalized).step(groups)
      failures += try golden.failures("advantages", groups, ours)
    }
    #expect(failures == [])
  }
}
