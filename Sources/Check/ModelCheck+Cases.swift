import Operators
import Policy
import Randomness
import Records

/// Logits, scores, decoding and filters.
extension ModelCheck {
  mutating func sequencesCases() throws {
    let policy = try policy()
    try logitsCase("logits", policy)
    let temperatures: [(suffix: String, value: Float)] = [("", 1), ("_temperature_0.6", 0.6)]
    for temperature in temperatures {
      let scores = policy.score(sequences.map(\.group), temperature: temperature.value)
      var logProbabilities: [Double] = []
      var entropies: [Double] = []
      for sequence in sequences {
        logProbabilities += try Self.doubles(sequence.value, "logprobs" + temperature.suffix)
        entropies += try Self.doubles(sequence.value, "entropies" + temperature.suffix)
      }
      compare(
        "logprobs" + temperature.suffix, scores.logProbabilities.map(Double.init),
        logProbabilities, tolerance: Tolerance.logProbability)
      compare(
        "entropies" + temperature.suffix, scores.entropies.map(Double.init), entropies,
        tolerance: Tolerance.entropy)
    }
  }

  private mutating func logitsCase(_ name: String, _ policy: Policy) throws {
    let wanted = try tensor(name)
    var actual = [Double](repeating: .nan, count: wanted.count)
    let width = configuration.vocabularySize
    for sequence in sequences {
      let logits = try policy.logits(sequence.tokens).map(Double.init)
      let start = try Self.integer(sequence.value, "logits_row_start") * width
      guard start >= 0, start + logits.count <= actual.count else {
        throw Malformed(description: "logits_row_start is outside of \(name)")
      }
      actual.replaceSubrange(start..<start + logits.count, with: logits)
    }
    compare(name, actual, wanted, tolerance: Tolerance.logits)
  }

  mutating func meanCase(_ member: JSONMember) throws {
    let scores = try policy().score(sequences.map(\.group), temperature: 1)
    let values = member.name == "mean_entropy" ? scores.entropies : scores.logProbabilities
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    compare(
      member.name, [mean], [try Self.number(member.value, member.name)],
      tolerance: Tolerance.logProbability)
  }

  mutating func longCase(_ value: JSONValue) throws {
    let policy = try policy()
    let tokens = try Self.tokens(value, "tokens")
    let group = TrainingGroup(prompt: [tokens[0]], responses: [Array(tokens.dropFirst())])
    let scores = policy.score([group], temperature: 1)
    compare(
      "long.logprobs", scores.logProbabilities.map(Double.init),
      try Self.doubles(value, "logprobs"), tolerance: Tolerance.logProbability)
    let wanted = try tensor("long.logits_last4")
    compare(
      "long.logits_last4", try policy.logits(tokens).suffix(wanted.count).map(Double.init), wanted,
      tolerance: Tolerance.longLogits)
  }

  mutating func ropeOverrideCase(_ value: JSONValue) throws {
    let policy = try policy(ropeTheta: try Self.double(value, "rope_theta"))
    try logitsCase("rope_theta_override.logits", policy)
    let wanted = try Self.array(value, "logprobs").flatMap { list in
      try (list.array ?? []).map { try Self.number($0, "logprobs") }
    }
    let scores = policy.score(sequences.map(\.group), temperature: 1)
    compare(
      "rope_theta_override.logprobs", scores.logProbabilities.map(Double.init), wanted,
      tolerance: Tolerance.logProbability)
  }

  /// The frequencies that the rotary table is built from.
  mutating func ropeCase(_ value: JSONValue) throws {
    let wanted = try Self.doubles(value, "inv_freq_float64")
    compare(
      "rope.inv_freq", configuration.inverseFrequencies, wanted, tolerance: Tolerance.frequency)
  }

  mutating func parametersCase(_ value: JSONValue) throws {
    var wanted: [String: [Int]] = [:]
    for member in value.object ?? [] {
      wanted[member.name] = (member.value.array ?? []).compactMap(\.integer)
    }
    var actual: [String: [Int]] = [:]
    for tensor in configuration.parameters { actual[tensor.name] = tensor.shape }
    report.record(
      "parameters", failure: actual == wanted ? nil : "names or shapes differ from the checkpoint's"
    )
  }

  mutating func greedyCases(_ value: JSONValue) throws {
    let policy = try policy()
    for (index, item) in (value.array ?? []).enumerated() {
      let prompt = try Self.tokens(item, "prompt")
      let continuation = try Self.tokens(item, "continuation")
      let stopCase = try Self.member(item, "stop_case")
      let stop = try Self.integer(stopCase, "eos_token_id")
      try greedyCase(
        "greedy.\(index)", policy, prompt, continuation, stops: [], length: continuation.count)
      try greedyCase(
        "greedy.\(index).stop", policy, prompt, try Self.tokens(stopCase, "continuation"),
        stops: [Int32(stop)], length: continuation.count)
    }
  }

  /// The prompt is answered twice among others, so that the batch takes part.
  private mutating func greedyCase(
    _ name: String, _ policy: Policy, _ prompt: [Int32], _ wanted: [Int32], stops: [Int32],
    length: Int
  ) throws {
    let settings = SamplingSettings(
      temperature: 0, stopIDs: stops, maximumTokens: length,
      tokenLimit: configuration.vocabularySize)
    let requests = [
      GenerationRequest(group: 0, prompt: Array(prompt.prefix(1)), rollouts: 1),
      GenerationRequest(group: 1, prompt: prompt, rollouts: 2),
    ]
    let stream = RandomStream(seed: 0, purpose: .rollout)
    let generations = try policy.generate(requests, sampling: settings, stream: stream)[1]
    let endsByStop = wanted.last.map(stops.contains) ?? false
    let same = generations.allSatisfy { $0.tokens == wanted && $0.stopped == endsByStop }
    report.record(name, failure: same ? nil : "another continuation than the recorded one")
  }

  mutating func filterCases(_ value: JSONValue) throws {
    let policy = try policy()
    let width = configuration.vocabularySize
    for (index, item) in (value.array ?? []).enumerated() {
      let sequence = try Self.integer(item, "sequence")
      let position = try Self.integer(item, "position")
      guard sequences.indices.contains(sequence),
        sequences[sequence].tokens.indices.contains(position)
      else { throw Malformed(description: "filters.\(index) names no position") }
      let logits = try policy.logits(Array(sequences[sequence].tokens.prefix(position + 1)))
      let kept = compute.filteredDistribution(
        Array(logits.suffix(width)),
        SamplingFilters(
          temperature: Float(try Self.double(item, "temperature")),
          topK: try Self.integer(item, "top_k"), topP: Float(try Self.double(item, "top_p")),
          minP: Float(try Self.double(item, "min_p")), tokenLimit: width)
      ).sorted { $0.id < $1.id }
      guard kept.map(\.id) == (try Self.tokens(item, "ids")) else {
        report.record("filters.\(index)", failure: "other tokens are left than the recorded ones")
        continue
      }
      compare(
        "filters.\(index)", kept.map { Double($0.probability) }, try Self.doubles(item, "probs"),
        tolerance: Tolerance.logProbability)
    }
  }
}
