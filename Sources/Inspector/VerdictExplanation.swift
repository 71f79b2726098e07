import Definition
public import Records
import Stages
import Tokenizer
public import Verifiers

/// Why the responses to one prompt were judged as they were.
public struct VerdictExplanation: Sendable, Encodable {
  /// A part of a reward.
  public struct Component: Sendable, Equatable, Encodable {
    public var name: String
    public var value: Double
    /// Its factor in the reward; nil for what is counted beside it.
    public var weight: Double?
    /// It multiplies the sum of the others.
    public var multiplies: Bool
  }

  public struct Judged: Sendable, Encodable {
    /// The whole response.
    public var text: String
    public var tokenCount: Int?
    /// `stop` or `length`.
    public var finish: String
    public var reward: Double?
    public var right: Bool?
    /// Why there is no verdict.
    public var error: String?
    public var rule: String
    public var extracted: String?
    /// UTF-8 offsets of `extracted`, end excluded.
    public var span: [Int]?
    public var critique: String?
    public var components: [Component]
    /// What the verdict took, where it was measured.
    public var seconds: Double?

    private enum CodingKeys: String, CodingKey {
      case text, finish, reward, right, error, rule, extracted, span, critique, components, seconds
      case tokenCount = "tokens"
    }
  }

  /// Nil for a text without a run.
  public var group: GroupID?
  public var source: String
  public var prompt: String
  public var groundTruth: String
  public var verifier: String
  public var version: Int
  public var rollouts: [Judged] = []
  /// Where they were judged too.
  public var demonstrations: [Judged] = []

  private enum CodingKeys: String, CodingKey {
    case group, source, prompt, verifier, version, rollouts, demonstrations
    case groundTruth = "ground_truth"
  }

  private init(_ group: GroupID?, _ prompt: Prompt, _ verifier: any Verifier) {
    self.group = group
    source = prompt.source
    self.prompt = prompt.text
    groundTruth = prompt.groundTruth
    self.verifier = verifier.name
    version = verifier.version
  }

  /// Judges one text.
  public init(of response: Response, to prompt: Prompt, by verifier: any Verifier) {
    self.init(nil, prompt, verifier)
    let clock = ContinuousClock()
    let began = clock.now
    let verdict = verifier.complete([verifier.verify(response, of: prompt)], of: [response])[0]
    let seconds = began.duration(to: clock.now) / .seconds(1)
    rollouts = [Judged(verdict, response, seconds, verifier)]
  }

  /// What is stored of a group.
  init(_ records: GroupRecords, _ verifier: any Verifier, decode: (Trajectory) -> String) {
    self.init(records.group, records.prompt.prompt, verifier)
    func judged(
      _ verdicts: [Verdict], _ trajectories: [Trajectory], _ seconds: [Double]
    ) -> [Judged] {
      zip(verdicts, trajectories).enumerated().map { index, pair in
        let response = Response(
          text: decode(pair.1), tokens: pair.1.tokens, finish: pair.1.finish)
        return Judged(
          pair.0, response, seconds.indices.contains(index) ? seconds[index] : nil, verifier)
      }
    }
    let verdicts = records.verdicts ?? []
    rollouts = judged(verdicts, records.rollouts?.rollouts ?? [], records.verdictSeconds)
    demonstrations = judged(
      records.judgedDemonstrations ?? [], records.rollouts?.demonstrations ?? [],
      Array(records.verdictSeconds.dropFirst(verdicts.count)))
  }
}

extension VerdictExplanation.Judged {
  fileprivate init(
    _ verdict: Verdict, _ response: Response, _ seconds: Double?, _ verifier: any Verifier
  ) {
    text = response.text
    tokenCount = response.tokens?.count
    finish = response.finish == .stop ? "stop" : "length"
    reward = verdict.reward
    rule = verdict.rule
    extracted = verdict.extracted
    span = verdict.span.map { [$0.lowerBound, $0.upperBound] }
    critique = verdict.critique
    self.seconds = seconds
    let parts = (verifier as? Composition)?.parts ?? []
    switch verdict.outcome {
    case .scored(_, let components):
      right = verdict.isRight
      // The parts stand last, in their order; what the verifier says beside them is not weighted.
      let beside = max(0, components.count - parts.count)
      self.components = components.enumerated().map { index, component in
        let part = index >= beside && !parts.isEmpty ? parts[index - beside] : nil
        return VerdictExplanation.Component(
          name: component.name, value: component.value,
          weight: part.flatMap { $0.name == component.name && !$0.multiplies ? $0.weight : nil },
          multiplies: part?.name == component.name && part?.multiplies == true)
      }
    case .error(let reason):
      error = reason
      components = []
    }
  }
}

extension StoredRun {
  /// How the responses of a group were judged.
  ///
  /// - Throws: `.noGroup` when the run has no such group, or its verdicts are not there yet.
  public func explanation(of group: GroupID) throws -> VerdictExplanation {
    let records = try records(of: group)
    guard records.verdicts != nil else {
      throw InspectorError(
        .noGroup, at: "\(directory.path): group \(group)", "the group has not been judged yet",
        remedy: "See `pipeline status`.")
    }
    let table = try VerifierTable(FrozenDefinition.read(of: home))
    let tokenizer = try tokenizer()
    return VerdictExplanation(
      records, table.verifier(for: records.prompt.prompt.source)
    ) { tokenizer.decode($0.tokens, skipSpecials: true) }
  }
}
