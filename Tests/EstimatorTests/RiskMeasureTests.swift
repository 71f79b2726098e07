import Estimator
import Records
import Testing

/// RiskPO's bundles, quantiles and credit.
@Suite struct RiskMeasureTests {
  /// The case's bundles, its sample indices turned into rows of their groups.
  private func bundles(_ golden: AssemblyCase) throws -> [RiskBundle] {
    let membership = try golden.membership()
    let groups = try #require(golden.inputs["bundles"]?.array)
    let papers = try #require(golden.inputs["papers"]?.array)
    return try zip(groups, papers).map { groups, papers in
      let indices = try AssemblyCase.indices(groups)
      return RiskBundle(
        groups: indices,
        papers: try #require(papers.array).map { paper in
          try zip(indices, AssemblyCase.indices(paper)).map { group, sample in
            try #require(membership[group].firstIndex(of: sample))
          }
        })
    }
  }

  private func released(_ golden: AssemblyCase, bundleSize: Int) throws -> RiskMeasure {
    let credit = try #require(golden["credit_assign_mode"]?.string).replacing("-", with: "_")
    return RiskMeasure(
      form: .released, lowerLevel: try golden.number("quantile_down"),
      upperLevel: try golden.number("quantile_up"), bundleSize: bundleSize,
      credit: try #require(RiskMeasure.Credit(rawValue: credit)),
      quantiles: try #require(
        RiskMeasure.QuantileMode(rawValue: golden["use_q_track_mode"]?.string ?? "")),
      mixing: try golden.flag("use_mixing_risk_measure"),
      mixingWeight: try golden.number("w_mix"),
      upperTail: try golden.flag("risk_seeking_upper_tail"),
      upperWeight: try golden.number("upper_weight"),
      naturalBaseline: try golden.flag("natural_baseline_adv"),
      meanBaseline: try golden.flag("use_mean_as_baseline"),
      normalizeByStd: try golden.flag("norm_adv_by_std_in_grpo"))
  }

  private func scoreFailures(
    _ golden: AssemblyCase, _ measure: RiskMeasure, _ bundles: [RiskBundle],
    _ groups: [AssemblyGroup]
  ) throws -> [String] {
    let theirs = try AssemblyCase.ragged(golden.expected["decisions"]?["bundle_scores"])
    let ours = bundles.map { measure.scores($0, groups) }
    return ours == theirs ? [] : ["\(golden.name): scores \(ours), not \(theirs)"]
  }

  /// With the file's papers, and with those that we make ourselves.
  @Test func releasedFormMeetsItsGoldenFile() throws {
    var failures: [String] = []
    let cases = try AssemblyCase.all("riskpo")
    for golden in cases {
      let groups = try golden.groups()
      let theirs = try bundles(golden)
      let measure = try released(golden, bundleSize: theirs[0].groups.count)
      var tracked: RiskReference?
      if let lower = golden["q_track_down"]?.double, let upper = golden["q_track_up"]?.double {
        tracked = RiskReference(
          lower: lower, upper: upper, middleMean: golden["g_rvar_avg"]?.double ?? 0,
          tailMean: golden["g_cvar_avg"]?.double ?? 0)
      }
      let ours = try measure.assemble(groups, bundles: theirs, tracked: tracked)
      failures += try golden.failures("advantages", groups, ours)
      failures += try scoreFailures(golden, measure, theirs, groups)
      if measure.bundles(groups, seed: 1, step: 0) != theirs {
        failures.append("\(golden.name): other papers")
      }
    }
    #expect(failures == [])
    #expect(cases.count == 19)
  }

  @Test func paperFormMeetsItsGoldenFile() throws {
    var failures: [String] = []
    for golden in try AssemblyCase.all("riskpo_paper") {
      let groups = try golden.groups()
      let measure = RiskMeasure(
        lowerLevel: try golden.number("alpha"), upperLevel: try golden.number("beta"),
        omega: try golden.number("omega"))
      let papers = try bundles(golden)
      let tracked = RiskReference(
        lower: try golden.number("Q_alpha"), upper: try golden.number("Q_beta"))
      let ours = try measure.assemble(groups, bundles: papers, tracked: tracked)
      failures += try golden.failures("advantages", groups, ours)
      failures += try scoreFailures(golden, measure, papers, groups)
    }
    #expect(failures == [])
  }

  @Test func trackerMeetsItsGoldenFile() throws {
    var worst = 0.0
    for golden in try AssemblyCase.all("riskpo_quantile") {
      let steps = try AssemblyCase.ragged(golden.inputs["bundle_scores_per_step"])
      let theirs = try AssemblyCase.ragged(golden.expected["quantiles_after_step"])
      let lower = try #require(golden.expected["q_down_after_step"]?.array).map {
        $0.double ?? .nan
      }
      let upper = try #require(golden.expected["q_up_after_step"]?.array).map { $0.double ?? .nan }
      let measure = RiskMeasure(form: .released)
      var tracker = try measure.tracker(memory: [])
      #expect(tracker.isFresh && measure.reference(tracker) == nil)
      for step in steps.indices {
        tracker.observe(steps[step], learningRate: try golden.number("lr_q"))
        let reference = try #require(measure.reference(tracker))
        let pairs =
          Array(zip(tracker.values, theirs[step]))
          + [(reference.lower, lower[step]), (reference.upper, upper[step])]
        for (ours, theirs) in pairs { worst = max(worst, abs(ours - theirs)) }
      }
    }
    #expect(worst < 1e-12)
  }

  /// Our simplification of the paper's formula, which never rises above 0, against the formula.
  @Test func theSimplifiedFormIsThePapers() {
    var random = TestRandom(seed: 3)
    var worst = 0.0
    var highest = -1.0
    for _ in 0..<500 {
      let score = Double(Int.random(in: 0...5, using: &random))
      let a = Double.random(in: 0...3, using: &random)
      let b = a + Double.random(in: 0...3, using: &random)
      let omega = Double.random(in: 0...2, using: &random)
      let g = max(score - a, 0) - max(score - b, 0) + a - b
      let theirs = -(1 + omega) * max(a - score, 0) + g
      let ours = RiskMeasure(omega: omega)
        .paperAdvantages(scores: [score], tracked: RiskReference(lower: a, upper: b))[0]
      worst = max(worst, abs(ours - theirs))
      highest = max(highest, ours)
    }
    #expect(worst < 1e-12)
    #expect(highest == 0)
  }

  private func randomStep(_ random: inout TestRandom, groups: Int) -> [AssemblyGroup] {
    (0..<groups).map { _ in
      AssemblyGroup(
        id: random.next(),
        rows: (0..<4).map { _ in
          AssemblyRow(reward: Double(Int.random(in: 0...1, using: &random)), tokens: 3)
        })
    }
  }

  /// Each response stands in exactly one paper, each paper has one response of each question, and
  /// units number the papers of the step.
  @Test func papersUseEveryResponseOnce() throws {
    var random = TestRandom(seed: 5)
    for form in RiskMeasure.Form.allCases {
      let groups = randomStep(&random, groups: 7)
      let estimate = AdvantageEstimate(.riskBundle, risk: RiskMeasure(form: form, bundleSize: 3))
      let ours = try estimate.step(groups)
      #expect(ours.map(\.bundle) == [0, 0, 0, 1, 1, 1, 2])
      for (index, group) in ours.enumerated() {
        #expect(group.rows.map(\.unit).sorted() == (0..<4).map { $0 + 4 * (index / 3) })
      }
      if form == .paper {
        #expect(ours.contains { $0.rows.map(\.unit) != $0.rows.map(\.unit).sorted() })
      }
    }
  }

  /// A permutation belongs to its group: moving or removing other groups leaves it alone; another
  /// seed or step draws another.
  @Test func permutationsBelongToTheirGroup() {
    var random = TestRandom(seed: 6)
    let groups = randomStep(&random, groups: 12)
    let measure = RiskMeasure(bundleSize: 1)
    func papers(_ groups: [AssemblyGroup], seed: UInt64, step: UInt64) -> [[Int]] {
      measure.bundles(groups, seed: seed, step: step).map { bundle in
        (0..<bundle.paperCount).map { bundle.row(paper: $0, question: 0) }
      }
    }
    let drawn = papers(groups, seed: 1, step: 2)
    #expect(papers(groups.reversed(), seed: 1, step: 2) == drawn.reversed())
    #expect(papers(groups, seed: 2, step: 2) != drawn)
    #expect(papers(groups, seed: 1, step: 3) != drawn)
  }

  /// Stopping after any step and resuming from the stored numbers changes nothing.
  @Test func memoryCarriesTheTracker() throws {
    var failures: [String] = []
    for form in RiskMeasure.Form.allCases {
      var random = TestRandom(seed: 7)
      let steps = (0..<6).map { _ in randomStep(&random, groups: 5) }
      let estimate = AdvantageEstimate(
        .riskBundle, risk: RiskMeasure(form: form, bundleSize: 2, meanBaseline: true))
      var tracker = try estimate.risk.tracker(memory: [])
      var memory: [Double] = []
      for (index, groups) in steps.enumerated() {
        let step = UInt64(index)
        let bundles = estimate.risk.bundles(groups, seed: 1, step: step)
        let scores = bundles.flatMap { estimate.risk.scores($0, groups) }
        if form == .paper, tracker.isFresh { tracker.observe(scores, learningRate: 0.1) }
        let continuous = try estimate.risk.assemble(
          groups, bundles: bundles, tracked: estimate.risk.reference(tracker))
        if form == .released || index > 0 { tracker.observe(scores, learningRate: 0.1) }
        let resumed = try estimate.assemble(groups, seed: 1, step: step, memory: &memory)
        if resumed != continuous || memory.isEmpty || memory != tracker.values {
          failures.append("\(form) step \(index)")
        }
      }
    }
    #expect(failures == [])
  }

  /// Tracked quantiles q_s = s at s = 0.05 … 0.95, α = 0.2, β = 0.8. The trapezoids are exact, as both
  /// kinks lie on levels: ∫g = 0.6²/2 + 0.6·0.15 = 0.27, ∫−(α − q)+ = −0.15²/2.
  @Test func meanBaselineByHand() throws {
    var measure = RiskMeasure(form: .released, mixing: true, meanBaseline: true)
    let memory = (1..<20).map { Double($0) / 20 }
    var reference = try #require(measure.reference(try measure.tracker(memory: memory)))
    #expect(abs(reference.middleMean - 0.27) < 1e-12)
    #expect(abs(reference.tailMean + 0.01125) < 1e-12)
    measure.naturalBaseline = true
    reference = try #require(measure.reference(try measure.tracker(memory: memory)))
    #expect(abs(reference.middleMean - (0.27 - 0.6 * 0.9)) < 1e-12)
  }

  @Test func foreignMemoryIsRefused() {
    let estimate = AdvantageEstimate(.riskBundle)
    for bad in [[1.0], [1, .nan], [1, 2, 3]] {
      var memory = bad
      #expect(throws: EstimatorError.self) {
        try estimate.assemble([], seed: 1, step: 0, memory: &memory)
      }
    }
  }

  /// What GRPO has no signal from: questions all wrong beside questions all right.
  @Test func constantQuestionsStillPush() throws {
    let groups = [0.0, 0, 1, 1].enumerated().map { index, reward in
      AssemblyGroup(
        id: UInt64(index), rows: (0..<3).map { _ in AssemblyRow(reward: reward, tokens: 2) })
    }
    let estimate = AdvantageEstimate(.riskBundle, risk: RiskMeasure(bundleSize: 2))
    var memory = [0.5, 1.5]
    let ours = try estimate.assemble(groups, seed: 1, step: 1, memory: &memory)
    #expect(ours[0].rows[0].advantages == [-0.25 - 1.5])
    #expect(ours[2].rows[0].advantages == [0])
  }

  /// The bundle's scores are equal: the paper's form skips it, the release divides by 1e-6.
  @Test func zeroSpreadIsSkippedInThePapersForm() {
    let tracked = RiskReference(lower: 1, upper: 2)
    var measure = RiskMeasure(normalizeByStd: true)
    #expect(measure.paperAdvantages(scores: [0, 0, 0], tracked: tracked) == [0, 0, 0])
    // One paper has no spread to be 0.
    #expect(measure.paperAdvantages(scores: [0], tracked: tracked) == [-2.5])
    measure.form = .released
    measure.naturalBaseline = true
    #expect(measure.paperAdvantages(scores: [0, 0, 0], tracked: tracked)[0] < -1e6)
  }

  @Test func groupsWithoutMembersStandInNoBundle() throws {
    let imitated = AssemblyGroup(
      id: 1, rows: [AssemblyRow(kind: .demonstration, standing: .imitated, reward: 1, tokens: 2)])
    var random = TestRandom(seed: 8)
    let rest = randomStep(&random, groups: 2)
    let ours = try AdvantageEstimate(.riskBundle, risk: RiskMeasure(bundleSize: 2))
      .step([rest[0], imitated, rest[1]])
    #expect(ours.map(\.bundle) == [0, -1, 0])
    #expect(ours[1].rows == [AssembledRow(advantages: [1])])
  }

  @Test func impossibleSettingsAreRefused() {
    for bad in [
      RiskMeasure(lowerLevel: 0.8, upperLevel: 0.2), RiskMeasure(lowerLevel: .nan),
      RiskMeasure(upperLevel: 1.1), RiskMeasure(omega: -1), RiskMeasure(bundleSize: 0),
      RiskMeasure(form: .released, mixing: true, upperTail: true),
      RiskMeasure(quantileLearningRate: .infinity),
    ] {
      #expect(throws: EstimatorError.self) {
        try AdvantageEstimate(.riskBundle, risk: bad).validate()
      }
    }
  }
}
