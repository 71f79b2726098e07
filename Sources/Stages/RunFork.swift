import ChatTemplate
import Definition
import Digest
import Estimator
import Foundation
import Operators
import Policy
import Queue
import Records

/// A new run that begins with groups another run has sampled, under another algorithm: its first steps
/// generate no token.
///
/// What the source stored of its first steps (prompts, rollouts, verdicts) is copied; decisions and all
/// that follows are made anew. The first step is on-policy when both runs begin with the same weights,
/// which their digests tell. Later steps were sampled by weights that the fork will never have: they
/// are off-policy, and refused unless the algorithm bounds the ratio to the rollout policy.
public struct RunFork {
  public let source: RunDirectory
  /// Steps to take over.
  public let steps: Int

  public init(source: RunDirectory, steps: Int) {
    self.source = source
    self.steps = steps
  }

  /// Fills the queue of a run that is being created.
  /// - Parameter chat: the directory with its chat template, where that renders prompts.
  func fill(
    _ queue: Queue, _ settings: RunSettings, _ identity: RunIdentity, _ policy: Policy,
    _ critic: Critic?, anchor: Policy?, chat: String?
  ) throws {
    guard source.exists else {
      throw refusal("there is no run here (no pipeline.yaml)", "Name the directory of a run.")
    }
    let stored = try Queue.open(at: source.queue, access: .readOnly)
    let origin = try RunIdentity(encoded: stored.identity, at: source.queue)
    guard try stored.read({ try RunBase($0).step }) == 0 else {
      throw refusal(
        "its first steps are trimmed", "Take over the steps of a run that keeps everything.")
    }
    let definition = try FrozenDefinition.read(of: source)
    let other = try RunSettings(definition)
    try compare(settings, other, identity, origin)
    if let chat { try compareTemplates(chat) }
    let size = UInt64(settings.reader.promptsPerStep)
    let end = size * UInt64(steps)
    try checkSteps(stored, end, settings, other)
    var records = try stored.read { transaction in
      try (0..<end).map { try Self.existing(RolloutRecord.self, .rollouts, $0, transaction) }
    }
    try checkPolicy(records, settings, own: policy.weightsDigest(), size: size)
    try complete(&records, settings, policy, critic, anchor: anchor ?? policy)
    try write(records, from: stored, to: queue, settings, other, origin)
  }

  // MARK: What must agree

  /// The stored prompts were rendered with the other run's template.
  private func compareTemplates(_ folder: String) throws {
    let own = try ChatTemplate.load(directory: folder)
    let other = try ChatTemplate.load(directory: source.checkpoint(0))
    guard own?.source == other?.source, own?.specialTokens == other?.specialTokens else {
      throw refusal(
        "its chat template is not that of \(folder)", "Give the fork the same model directory.")
    }
  }

  private func compare(
    _ own: RunSettings, _ other: RunSettings, _ identity: RunIdentity, _ origin: RunIdentity
  ) throws {
    let pairs: [(String, String, String)] = [
      ("data", "\(identity.data)", "\(origin.data)"),
      ("tokenizer", identity.tokenizer, origin.tokenizer),
      ("model.overrides", own.model.overrides.text, other.model.overrides.text),
      ("adapter", Self.text(own.adapter), Self.text(other.adapter)),
      ("seed", "\(own.seed)", "\(other.seed)"),
      ("data.prompts_per_step", "\(own.reader.promptsPerStep)", "\(other.reader.promptsPerStep)"),
      ("data.template", own.reader.template, other.reader.template),
      ("data.chat", own.reader.chat.rawValue, other.reader.chat.rawValue),
      (
        "data.chat_date", own.reader.chatDate?.description ?? "",
        other.reader.chatDate?.description ?? ""
      ),
      ("rollout.count", "\(own.rollout.count)", "\(other.rollout.count)"),
      ("rollout.temperature", "\(own.rollout.temperature)", "\(other.rollout.temperature)"),
      ("rollout.top_k", "\(own.rollout.topK)", "\(other.rollout.topK)"),
      ("rollout.top_p", "\(own.rollout.topP)", "\(other.rollout.topP)"),
      ("rollout.min_p", "\(own.rollout.minP)", "\(other.rollout.minP)"),
      (
        "rollout.maximum_tokens", "\(own.rollout.maximumTokens)",
        "\(other.rollout.maximumTokens)"
      ),
      ("data.prompt_limit", "\(own.reader.promptLimit)", "\(other.reader.promptLimit)"),
      (
        "data.demonstration_limit", "\(own.reader.demonstrationLimit)",
        "\(other.reader.demonstrationLimit)"
      ),
    ]
    for (what, mine, theirs) in pairs where mine != theirs {
      throw refusal(
        "its \(what) is \(theirs), the definition's is \(mine)",
        "Give the fork the same \(what); the algorithm and what follows it may differ.")
    }
    guard steps >= 1, steps <= own.steps else {
      throw refusal(
        "\(steps) steps are asked of a run of \(own.steps)",
        "Take over 1 step or more, at most those of the definition.")
    }
  }

  private static func text(_ adapter: AdapterSettings?) -> String {
    guard let adapter else { return "none" }
    let targets = adapter.targets.map(\.rawValue).joined(separator: ", ")
    return "of rank \(adapter.rank), scaled by \(adapter.scale), beside \(targets)"
  }

  private func checkSteps(
    _ stored: Queue, _ end: GroupID, _ own: RunSettings, _ other: RunSettings
  ) throws {
    let (head, last) = try stored.read { transaction in
      (
        try transaction.head(.verdicts),
        try transaction.record(
          PromptRecord.self, .prompts, RecordKey(end - 1))
      )
    }
    guard head >= end, let last else {
      throw refusal(
        "it has verdicts for \(head) groups, \(steps) steps need \(end)",
        "Take over fewer steps with --fork-steps.")
    }
    if last.step != UInt64(steps - 1) || last.wave > 0 {
      throw refusal(
        "its steps took several waves of prompts, and only whole first waves can be taken over",
        "Take over 1 step.")
    }
    if steps > 1, own.algorithm.algorithm.gate.spread?.fill == true {
      throw refusal(
        "\(own.algorithm.name) asks for further waves of each step, and only the last step can get "
          + "one", "Take over 1 step, or set algorithm.gate.spread.fill to false.")
    }
  }

  private func checkPolicy(
    _ records: [RolloutRecord], _ settings: RunSettings, own: [UInt8], size: UInt64
  ) throws {
    let algorithm = settings.algorithm.algorithm
    guard algorithm.gate.usesRollouts else { return }
    let bounds =
      algorithm.rollouts.correction != nil || algorithm.rollouts.reference == .rollout
    for (group, record) in records.enumerated() {
      let isOnPolicy = UInt64(group) < size && record.weightsDigest == own
      guard !isOnPolicy, !record.rollouts.isEmpty, !bounds else { continue }
      throw refusal(
        "group \(group), of step \(UInt64(group) / size), was sampled by the weights "
          + "\(hexadecimal(record.weightsDigest).prefix(12))…, which the fork does not have at that "
          + "step (it begins with \(hexadecimal(own).prefix(12))…): it is off-policy",
        "Take over fewer steps, or bound the ratio with algorithm.correction.kind or "
          + "algorithm.reference: rollout.")
    }
  }

  // MARK: What is missing, and what is written

  /// Scores what this algorithm reads and the source did not record.
  private func complete(
    _ records: inout [RolloutRecord], _ settings: RunSettings, _ policy: Policy, _ critic: Critic?,
    anchor: Policy
  ) throws {
    let joins = settings.algorithm.algorithm.gate.joinsDemonstrations
    // What every trajectory that is to be scored carries; one without it makes all of them be scored.
    let wanted = Set(settings.rollout.record).filter { name in
      !records.allSatisfy { record in
        let reads = name == RecordedQuantity.anchor && joins
        let scored = record.rollouts + (reads ? record.demonstrations + record.rejected : [])
        return scored.allSatisfy { $0.quantity(name) != nil }
      }
    }
    if steps > 1, wanted.contains(RecordedQuantity.value) {
      throw refusal(
        "\(settings.algorithm.name) needs critic values of the time of each rollout",
        "Take over 1 step.")
    }
    for name in [RecordedQuantity.entropy, RecordedQuantity.filtered] where wanted.contains(name) {
      throw refusal(
        "it did not record \(name), which only the sampler knows",
        "Leave \(name) out of rollout.record.")
    }
    for (group, record) in records.enumerated() where !wanted.isEmpty && record.refusal == nil {
      let training = TrainingGroup(
        prompt: record.promptTokens,
        responses: (record.rollouts + record.demonstrations + record.rejected).map(\.tokens))
      try policy.validate(training, of: UInt64(group))
    }
    let scorer = RolloutScorer(
      record: wanted, temperature: settings.rollout.temperature,
      scoresDemonstrations: joins, anchor: { anchor })
    try scorer.score(
      &records,
      with: SourcedPolicy(weightsDigest: policy.weightsDigest(), policy: policy, critic: critic))
  }

  private func write(
    _ records: [RolloutRecord], from stored: Queue, to queue: Queue, _ own: RunSettings,
    _ other: RunSettings, _ origin: RunIdentity
  ) throws {
    let count = UInt64(records.count)
    // Verdicts of another verifier, or without those of demonstrations, are made again.
    let keepsVerdicts =
      own.verifier == other.verifier && !own.algorithm.algorithm.gate.judgesDemonstrations
    // A portion at a time bounds the memory of a transaction.
    for start in stride(from: 0, to: count, by: 1024) {
      let range = start..<min(start + 1024, count)
      let (prompts, verdicts) = try stored.read { transaction in
        (
          try range.map { try Self.existing(PromptRecord.self, .prompts, $0, transaction) },
          try range.map { try Self.existing(VerdictRecord.self, .verdicts, $0, transaction) }
        )
      }
      try queue.write(claims: []) { transaction in
        for (index, group) in range.enumerated() {
          try transaction.put(prompts[index], .prompts, RecordKey(group))
          try transaction.put(records[Int(group)], .rollouts, RecordKey(group))
          if keepsVerdicts { try transaction.put(verdicts[index], .verdicts, RecordKey(group)) }
        }
      }
    }
    try queue.write(claims: []) { transaction in
      let step = UInt64(steps - 1)
      try transaction.setCursor(StageName.reader.rawValue, to: step)
      try transaction.setState(
        StageState.key(.reader),
        to: ReaderState(step: step, wave: 1, position: count).stored())
      try transaction.setCursor(StageName.rollout.rawValue, to: count)
      if keepsVerdicts { try transaction.setCursor(StageName.verifier.rawValue, to: count) }
      try transaction.setState(
        ForkOrigin.key, to: ForkOrigin(definition: origin.definition, groups: count).stored())
    }
  }

  private static func existing<R: StoredRecord>(
    _: R.Type, _ log: Log, _ group: GroupID, _ transaction: ReadTransaction
  ) throws -> R {
    guard let record = try transaction.record(R.self, log, RecordKey(group)) else {
      throw StageError(
        .damaged, at: "\(log.rawValue)/\(group)", "the record is missing below the log's head",
        remedy: "Run `pipeline queue repair RUN` on the run that is forked.")
    }
    return record
  }

  private func refusal(_ problem: String, _ remedy: String) -> StageError {
    StageError(.badRun, at: source.path, problem, remedy: remedy)
  }
}

/// Where a run's first groups come from, as it remembers it.
struct ForkOrigin: Equatable {
  static let key = "fork"

  /// SHA-256 over the identity keys of the definition that sampled them.
  var definition: String
  var groups: UInt64

  init(definition: String, groups: UInt64) {
    self.definition = definition
    self.groups = groups
  }

  init(stored: [UInt8]) throws(RecordError) {
    var reader = ByteReader(stored)
    definition = try reader.string()
    groups = try reader.uint64()
    try reader.expectEnd()
  }

  func stored() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(definition)
    writer.put(groups)
    return writer.bytes
  }
}
