import Queue
public import Records
import Stages
import Tokenizer

/// A group with everything that is stored of it, decoded.
public struct GroupView: Sendable, Equatable, Encodable {
  /// A token as it stands in a trajectory.
  public struct Token: Sendable, Equatable, Encodable {
    public var id: Int32
    /// What it adds to the text; bytes that are no character appear as U+FFFD.
    public var text: String
    public var trained: Bool
    /// Stored at generation, in nats; nil in a demonstration.
    public var logProbability: Double?
    /// What else was recorded, by name: `entropy`, …
    public var quantities: [String: Double]
    /// Â of the loss batch; nil where the token is in none.
    public var advantage: Double?
  }

  public struct VerdictView: Sendable, Equatable, Encodable {
    public var reward: Double?
    /// Why there is no reward.
    public var error: String?
    public var rule: String
    /// The answer as found in the response, and where: UTF-8 offsets, end excluded.
    public var extracted: String?
    public var span: [Int]?
    public var components: [String: Double]
    public var critique: String?
  }

  /// A rollout or a demonstration.
  public struct Response: Sendable, Equatable, Encodable {
    /// Without special tokens, as the verifier read it.
    public var text: String
    public var tokenCount: Int
    /// `stop` or `length`.
    public var finish: String
    /// Sum of the stored log-probabilities, in nats.
    public var logProbability: Double?
    public var verdict: VerdictView?
    /// Whether the gate let it train; nil before the gate has decided.
    public var trains: Bool?
    /// Â of the loss batch, the mean over the tokens; nil where the response is in none.
    public var advantage: Double?
    /// Only where asked for.
    public var tokens: [Token]?
  }

  public struct DecisionView: Sendable, Equatable, Encodable {
    public var rule: String
    public var drop: String?
    public var rolloutWeight: Double
    /// Of a demonstration as a member of the group, and as something to imitate.
    public var offPolicyWeight: Double
    public var demonstrationWeight: Double
  }

  public var group: GroupID
  public var step: UInt64
  public var wave: UInt32
  public var dataset: UInt32
  public var epoch: UInt64
  public var position: UInt64
  public var id: String
  public var source: String
  public var tags: [String: String]
  public var prompt: String
  public var promptTokenCount: Int?
  public var groundTruth: String
  public var fate: GroupSummary.Fate
  public var solved: Int?
  public var total: Int?
  public var decision: DecisionView?
  /// The policy that sampled, and the first half of the SHA-256 of its weights.
  public var policyVersion: UInt64?
  public var weights: String?
  public var refusal: String?
  public var demonstrations: [Response]
  /// What an imported pair rejects.
  public var rejected: [Response]
  public var rollouts: [Response]
}

extension StoredRun {
  /// Everything that is stored of a group.
  ///
  /// - Parameter tokens: with a list of each response's tokens.
  /// - Throws: `.noGroup` when the run has no such group.
  public func group(_ group: GroupID, tokens: Bool = false) throws -> GroupView {
    var view = GroupView(try records(of: group), tokenizer: try tokenizer(), tokens: tokens)
    view.add(
      try queue.read { try $0.record(LossBatchRecord.self, .batches, RecordKey(view.step)) })
    return view
  }

  /// - Throws: `.noGroup` when the run has no such group.
  func records(of group: GroupID) throws -> GroupRecords {
    var drops = StepDrops()
    let (records, base, head) = try queue.read { transaction in
      (
        try GroupRecords(group, transaction, &drops), try RunBase(transaction).group,
        try transaction.head(.prompts)
      )
    }
    guard let records else {
      throw InspectorError(
        .noGroup, at: "\(directory.path): group \(group)",
        head == base
          ? "the run has no groups yet" : "the run has the groups \(base) to \(head - 1)",
        remedy: "List them with `pipeline inspect list \(directory.path)`.")
    }
    return records
  }
}

extension GroupView {
  init(_ records: GroupRecords, tokenizer: Tokenizer, tokens: Bool) {
    let prompt = records.prompt
    group = records.group
    step = prompt.step
    wave = prompt.wave
    dataset = prompt.dataset
    epoch = prompt.epoch
    position = prompt.position
    id = prompt.prompt.id
    source = prompt.prompt.source
    tags = prompt.prompt.tags
    self.prompt = prompt.prompt.text
    groundTruth = prompt.prompt.groundTruth
    fate = GroupSummary.Fate(records)
    solved = records.solved?.solved
    total = records.solved?.total
    decision = records.decision.map(DecisionView.init)
    promptTokenCount = records.rollouts?.promptTokens.count
    policyVersion = records.rollouts?.policyVersion
    weights = records.rollouts.map { hexadecimal($0.weightsDigest.prefix(16)) }
    refusal = records.rollouts?.refusal
    let response = { Response($0, tokenizer: tokenizer, tokens: tokens) }
    demonstrations = (records.rollouts?.demonstrations ?? []).map { trajectory in
      var view = response(trajectory)
      view.trains = records.decision.map { $0.demonstration != .unused && $0.drop == nil }
      return view
    }
    // Before the generator has tokenised them, demonstrations are known as text.
    if records.rollouts == nil {
      demonstrations = prompt.prompt.demonstrations.map(Response.init(text:))
    }
    for (index, verdict) in (records.judgedDemonstrations ?? []).enumerated()
    where index < demonstrations.count { demonstrations[index].verdict = VerdictView(verdict) }
    rejected = (records.rollouts?.rejected ?? []).map(response)
    rollouts = (records.rollouts?.rollouts ?? []).enumerated().map { index, trajectory in
      var view = response(trajectory)
      if let verdicts = records.verdicts, index < verdicts.count {
        view.verdict = VerdictView(verdicts[index])
      }
      view.trains = records.decision.map { $0.drop == nil && $0.kept.contains(UInt32(index)) }
      return view
    }
  }
}

extension GroupView.Response {
  init(text: String) {
    self.text = text
    tokenCount = 0
    finish = "stop"
  }

  init(_ trajectory: Trajectory, tokenizer: Tokenizer, tokens wantsTokens: Bool) {
    text = tokenizer.decode(trajectory.tokens, skipSpecials: true)
    tokenCount = trajectory.tokens.count
    finish = trajectory.finish == .stop ? "stop" : "length"
    if !trajectory.logProbabilities.isEmpty {
      logProbability = trajectory.logProbabilities.reduce(0) { $0 + Double($1) }
    }
    guard wantsTokens else { return }
    let trained = trajectory.trained
    tokens = trajectory.tokens.enumerated().map { index, token in
      var quantities: [String: Double] = [:]
      for quantity in trajectory.quantities where index < quantity.values.count {
        quantities[quantity.name] = Double(quantity.values[index])
      }
      return GroupView.Token(
        id: token, text: tokenizer.decode([token]), trained: trained[index],
        logProbability: trajectory.logProbabilities.isEmpty
          ? nil : Double(trajectory.logProbabilities[index]),
        quantities: quantities)
    }
  }
}

extension GroupView.VerdictView {
  init(_ verdict: Verdict) {
    reward = verdict.reward
    rule = verdict.rule
    extracted = verdict.extracted
    span = verdict.span.map { [$0.lowerBound, $0.upperBound] }
    critique = verdict.critique
    switch verdict.outcome {
    case .scored(_, let parts):
      components = Dictionary(
        parts.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    case .error(let reason):
      error = reason
      components = [:]
    }
  }
}

extension GroupView.DecisionView {
  init(_ record: DecisionRecord) {
    rule = record.rule
    drop = record.drop
    rolloutWeight = record.rolloutWeight
    offPolicyWeight = record.offPolicyWeight
    demonstrationWeight = record.demonstrationWeight
  }
}

/// The bytes as lower-case hexadecimal digits.
private func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
