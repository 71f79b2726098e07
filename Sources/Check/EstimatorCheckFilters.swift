import Estimator

// What stands before the advantage: overlong punishment, dynamic sampling, filters within a group.
extension GoldenParameters {
  /// Soft overlong punishment as the recipe has it; none without a limit.
  func overlong(factor: String) throws(GoldenProblem) -> RewardShaping {
    guard let limit = try integer("max_resp_len") else { return .none }
    return RewardShaping(
      overlongLimit: limit, overlongBuffer: try required("overlong_buffer_len").integer(),
      overlongFactor: try number(factor) ?? 1)
  }
}

extension GoldenRun {
  /// Responses are right with a reward above 0: the files write wrong as 0 or −1.
  fileprivate func accuracy(_ raw: [Double]) -> [Double] { raw.map { $0 > 0 ? 1 : 0 } }
}

// `dapo.json`, `overlong_reward.json`, `dynamic_sampling.json`
extension EstimatorCheck {
  /// Shapes the rewards, then filters on what the case names: `acc`, the bare correctness, or
  /// `seq_final_reward`. A case that lists the filter's `metric` among its decisions gives it so: the
  /// shaping behind it is not in the file.
  func routeShaped(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    let raw = run.rewards
    let shaper = try RewardShaper(run.algorithm.reward)
    for sample in run.rewards.indices {
      run.rewards[sample] = try shaper.shaped(
        GateRollout(reward: raw[sample], tokens: run.layout.lengths[sample]),
        location: "sample \(sample)")
    }
    run.components = [
      ("acc", run.accuracy(raw)),
      (
        "seq_final_reward",
        try run.golden.expected["decisions"]?["metric"]?.numbers() ?? run.rewards
      ),
    ]
    guard run.components.allSatisfy({ $0.values.count == raw.count }) else {
      throw GoldenProblem("decisions.metric and response_lengths differ")
    }
    try run.route()
  }

  func compareSpread(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    for key in golden.keys {
      let value = try golden.required(key)
      switch key {
      case "metric": break
      case "accuracy":
        comparison.numbers(key, run.components[0].values, try value.numbers())
      case "shaped_rewards": comparison.numbers(key, run.rewards, try value.numbers())
      case "overlong_penalty":
        comparison.numbers(
          key, run.layout.lengths.map { run.algorithm.reward.overlongPenalty(tokens: $0) },
          try value.numbers())
      case "group_kept":
        comparison.equal(key, run.decisions.map { $0.drop == nil }, try value.bools())
      case "sample_kept": comparison.equal(key, run.roles.map { $0 != nil }, try value.bools())
      default: throw GoldenProblem("the decision \(key) is not understood")
      }
    }
  }

  func compareOverlong(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    try golden.refuseKind()
    try golden.parameters.refuseUnknown(
      known: ["max_resp_len", "overlong_buffer_len", "penalty_factor"])
    try refuseUnknown("input", in: golden.inputs, known: ["response_lengths"])
    let released = try golden.parameters.overlong(factor: "penalty_factor")
    var paper = released
    paper.overlongFloor = true
    try released.validate()
    let lengths = try golden.inputs.required("response_lengths").integers()
    let limit = released.overlongLimit ?? .max
    for key in golden.expected.keys {
      let value = try golden.expected.required(key)
      switch key {
      case "penalty_verl":
        comparison.numbers(
          key, lengths.map { released.overlongPenalty(tokens: $0) },
          try value.comparableNumbers())
      case "penalty_paper":
        comparison.numbers(
          key, lengths.map { paper.overlongPenalty(tokens: $0) }, try value.comparableNumbers())
      case "regime":
        let regimes = lengths.map { tokens in
          tokens > limit ? "beyond_max" : tokens > limit - released.overlongBuffer ? "ramp" : "none"
        }
        comparison.equal(key, regimes, try value.strings())
      default: throw GoldenProblem("the expected field \(key) is not understood")
      }
    }
  }

  func compareDynamicSampling(
    _ golden: GoldenCase, _ comparison: inout GoldenComparison
  ) throws {
    if try golden.kind == "accumulate" { return try compareWaves(golden, &comparison) }
    try golden.refuseKind()
    try golden.parameters.refuseUnknown(known: ["rule"])
    try refuseUnknown("input", in: golden.inputs, known: ["groups", "metric"])
    let metric = try golden.inputs.required("metric").numbers()
    let groups = try golden.inputs.required("groups").raggedIntegers()
    guard groups.flatMap({ $0 }).sorted() == Array(metric.indices) else {
      throw GoldenProblem("groups do not hold every sample once")
    }
    let filter = SpreadFilter()
    let kept = groups.map { group in filter.keeps(group.map { metric[$0] }) }
    var sampleKept = metric.map { _ in false }
    for (group, isKept) in zip(groups, kept) { for sample in group { sampleKept[sample] = isKept } }
    try refuseUnknown("expected field", in: golden.expected, known: ["decisions"])
    let decisions = try golden.expected.required("decisions")
    for key in decisions.keys {
      let value = try decisions.required(key).bools()
      switch key {
      case "group_kept": comparison.equal(key, kept, value)
      case "sample_kept": comparison.equal(key, sampleKept, value)
      default: throw GoldenProblem("the decision \(key) is not understood")
      }
    }
  }

  private func compareWaves(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    try golden.parameters.refuseUnknown(
      known: ["rule", "train_batch_size", "rollout_n", "max_num_gen_batches"])
    try refuseUnknown("input", in: golden.inputs, known: ["rounds"])
    try refuseUnknown("expected field", in: golden.expected, known: ["decisions"])
    let filter = SpreadFilter(
      maximumWaves: try golden.parameters.integer("max_num_gen_batches") ?? 0, whenShort: .fail)
    let target = try golden.parameters.required("train_batch_size").integer()
    guard target > 0 else { throw GoldenProblem("train_batch_size is \(target)") }
    let rounds = try golden.inputs.required("rounds").array().map { try $0.ragged() }
    var kept: [[Bool]] = []
    var waves: [[[Int]]] = []
    var fill = filter.fill(target: target, waves: waves)
    while fill.outcome == .unfinished, waves.count < rounds.count {
      let wave = rounds[waves.count].map(filter.keeps)
      waves.append(wave.indices.filter { wave[$0] }.map { [waves.count, $0] })
      kept.append(wave)
      fill = filter.fill(target: target, waves: waves)
    }
    let decisions = try golden.expected.required("decisions")
    for key in decisions.keys {
      let value = try decisions.required(key)
      switch key {
      case "group_kept_per_round":
        comparison.equal(key, kept, try value.array().map { try $0.bools() })
      case "generation_rounds_used": comparison.equal(key, fill.waves, try value.integer())
      case "batch_groups": comparison.equal(key, fill.taken, try value.raggedIntegers())
      case "dropped_surplus": comparison.equal(key, fill.surplus, try value.raggedIntegers())
      case "error_too_many_rounds":
        comparison.equal(key, fill.outcome == .failed, try value.bool())
      default: throw GoldenProblem("the decision \(key) is not understood")
      }
    }
  }
}

// `gfpo.json`
extension EstimatorCheck {
  /// How many are kept stands among the decisions, group by group: the files give it there.
  func routeFiltered(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    let counts = try run.golden.expected.required("decisions").required("k_per_group").integers()
    guard counts.count == run.layout.groups.count else {
      throw GoldenProblem("k_per_group and groups differ")
    }
    let filter = try filter(run.golden.parameters)
    try run.route { group in
      var filter = filter
      filter.keep = counts[group]
      return Gate(.reinforce, filter: filter)
    }
  }

  private func filter(_ parameters: GoldenParameters) throws(GoldenProblem) -> SampleFilter {
    let scores = ["shortest": "-length", "token_efficiency": "reward / length"]
    let normalisers = ["all sampled": true, "kept only": false]
    let name = try parameters.required("filter").string()
    let variant = try parameters.required("variant").string()
    let normaliser = try parameters.text("token_normaliser")
    guard let score = scores[name], ["paper", "trl"].contains(variant),
      let counts = normaliser.map({ normalisers[$0] }) ?? (variant == "paper")
    else {
      throw GoldenProblem("the filter \(name) in the variant \(variant) is not understood")
    }
    return SampleFilter(score: score, keepsRejectedInNormalizer: counts)
  }

  func compareFilter(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    for key in golden.keys {
      let value = try golden.required(key)
      switch key {
      case "k_per_group": break
      case "filter_score":
        let score = try ScoreExpression(filter(run.golden.parameters).score)
        let ours = try run.rewards.indices.map { sample in
          try score.value(
            of: GateRollout(reward: run.rewards[sample], tokens: run.layout.lengths[sample]),
            location: "sample \(sample)")
        }
        comparison.numbers(key, ours, try value.comparableNumbers())
      case "sample_kept":
        comparison.equal(key, run.roles.map { $0?.standing == .member }, try value.bools())
      default: throw GoldenProblem("the decision \(key) is not understood")
      }
    }
  }

  /// `k` by difficulty. The quartiles are given; means that have them stand in for the memory.
  func compareAdaptive(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    let levels = ["k_very_hard", "k_hard", "k_medium", "k_easy"]
    try golden.parameters.refuseUnknown(known: Set(levels + ["clip"]))
    try refuseUnknown(
      "input", in: golden.inputs, known: ["group_mean_reward", "quartiles", "tracker_ready"])
    try refuseUnknown("expected field", in: golden.expected, known: ["decisions"])
    let quartiles = try golden.inputs.required("quartiles").numbers()
    guard quartiles.count == 3 else { throw GoldenProblem("there are three quartiles") }
    // Of five numbers in order the second, third and fourth are the quartiles.
    let remembered = [quartiles[0]] + quartiles + [quartiles[2]]
    let isReady = try golden.inputs["tracker_ready"]?.bool() ?? true
    var counts: [Int] = []
    for level in levels { counts.append(try golden.parameters.required(level).integer()) }
    let filter = SampleFilter(
      adaptive: counts, warmup: isReady ? remembered.count : remembered.count + 1)
    let ours = try golden.inputs.required("group_mean_reward").numbers().map {
      filter.keep(mean: $0, remembered: remembered)
    }
    let decisions = try golden.expected.required("decisions")
    try refuseUnknown("decision", in: decisions, known: ["k_per_group"])
    comparison.equal("k_per_group", ours, try decisions.required("k_per_group").integers())
  }
}
