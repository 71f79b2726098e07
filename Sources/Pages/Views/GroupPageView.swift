import Definition
import Inspector
import Records
import Replay
import Stages

/// A group with all that is stored of it, and under every algorithm of the switch.
struct GroupPageView: Encodable {
  struct Tokens: Encodable {
    var ids: [Int32]
    var texts: [String]
    var trained: [Bool]
    var logProbability: [Float]?
    var quantities: Named<[Float]>
  }

  struct Verdict: Encodable {
    var reward: Double?
    var error: String?
    var rule: String
    var extracted: String?
    var span: [Int]?
    var components: Named<Double>
    var critique: String?
  }

  struct Response: Encodable {
    var kind: TrajectoryKind
    var index: Int
    var text: String
    var tokenCount: Int
    var finish: String
    var logProbability: Double?
    /// Of the loss batch: mean over its tokens.
    var advantage: Double?
    var trains: Bool?
    var verdict: Verdict?
    var tokens: Tokens?
    var under: Named<TokenFactors>
  }

  struct Failure: Encodable {
    var problem: String
    var remedy: String
  }

  struct Decision: Encodable {
    var fate: GroupFate
    var reason: String?
  }

  struct Subject: Encodable {
    var name: String
    var title: String
    var own: Bool
    var failure: Failure?
    var decision: Decision?
  }

  var group: GroupID
  var step: UInt64
  var wave: UInt32
  var epoch: UInt64
  var position: UInt64
  var id: String
  var source: String
  var tags: Named<String>
  var prompt: String
  var promptTokens: Int?
  var groundTruth: String
  var fate: GroupSummary.Fate
  var solved: Int?
  var total: Int?
  var decision: GroupView.DecisionView?
  var policyVersion: UInt64?
  var weights: String?
  var refusal: String?
  var demonstrations: [Response]
  var rejected: [Response]
  var rollouts: [Response]
  var algorithms: [Subject]
  var previous: GroupID?
  var next: GroupID?
  var sources: Named<String>

  init(_ run: LibraryRun, _ id: GroupID) throws {
    let stored = run.stored
    let view = try stored.group(id, tokens: true)
    let (first, head) = try stored.groups()
    group = view.group
    step = view.step
    wave = view.wave
    epoch = view.epoch
    position = view.position
    self.id = view.id
    source = view.source
    tags = Named(view.tags)
    prompt = view.prompt
    promptTokens = view.promptTokenCount
    groundTruth = view.groundTruth
    fate = view.fate
    solved = view.solved
    total = view.total
    decision = view.decision
    policyVersion = view.policyVersion
    weights = view.weights
    refusal = view.refusal
    previous = id > first ? id - 1 : nil
    next = id + 1 < head ? id + 1 : nil
    let replay = Replays(id, stored)
    algorithms = replay.subjects
    rollouts = Self.responses(view.rollouts, .rollout, replay)
    demonstrations = Self.responses(view.demonstrations, .demonstration, replay)
    rejected = Self.responses(view.rejected, .rejected, replay)
    sources = Self.sources(view)
  }

  private static func responses(
    _ responses: [GroupView.Response], _ kind: TrajectoryKind, _ replay: Replays
  ) -> [Response] {
    responses.enumerated().map { index, response in
      Response(
        kind: kind, index: index, text: response.text, tokenCount: response.tokenCount,
        finish: response.finish, logProbability: response.logProbability,
        advantage: response.advantage, trains: response.trains,
        verdict: response.verdict.map(Verdict.init), tokens: response.tokens.map(Tokens.init),
        under: Named(replay.factors(kind, index)))
    }
  }

  private static func sources(_ view: GroupView) -> Named<String> {
    let group = view.group
    let weight =
      "replay of step \(view.step) · weight = mask · ratio · shape · advantage · norm + added"
    return Named([
      "prompt": "prompt shard reader · prompts/\(group)",
      "ground_truth": "prompt shard reader · prompts/\(group)",
      "text":
        "rollout generator · rollouts/\(group) · rollout {index}, decoded by the run's tokenizer",
      "token_count": "rollout generator · rollouts/\(group) · rollout {index}",
      "finish": "rollout generator · rollouts/\(group) · rollout {index}",
      "log_probability":
        "rollout generator · rollouts/\(group) · rollout {index}; nats, from the logits that were sampled",
      "quantities": "rollout generator · rollouts/\(group) · rollout {index}",
      "reward": "verifier · verdicts/\(group) · rollout {index}",
      "rule": "verifier · verdicts/\(group) · rollout {index}",
      "solved": "performance gate · decisions/\(group)",
      "decision": "performance gate · decisions/\(group)",
      "advantage": "loss assembler · batches/\(view.step) · row of rollout {index}",
      "trains": "performance gate · decisions/\(group) · kept",
      "under": weight, "mask": weight, "ratio": weight + "; ratio = π_θ / π_ref", "weight": weight,
      "log_reference": "replay of step \(view.step) · log π_ref, nats",
    ])
  }
}

extension GroupPageView.Verdict {
  fileprivate init(_ view: GroupView.VerdictView) {
    self.init(
      reward: view.reward, error: view.error, rule: view.rule, extracted: view.extracted,
      span: view.span, components: Named(view.components), critique: view.critique)
  }
}

extension GroupPageView.Tokens {
  fileprivate init(_ tokens: [GroupView.Token]) {
    ids = tokens.map(\.id)
    texts = tokens.map(\.text)
    trained = tokens.map(\.trained)
    let known = tokens.compactMap { $0.logProbability.map { Float($0) } }
    logProbability = known.count == tokens.count ? known : nil
    let names = Set(tokens.flatMap(\.quantities.keys))
    quantities = Named(
      Dictionary(
        uniqueKeysWithValues: names.map { name in
          (name, tokens.map { Float($0.quantities[name] ?? .nan) })
        }))
  }
}

/// What replays of a group come to; without numbers where its step cannot be replayed.
private struct Replays {
  private(set) var subjects: [GroupPageView.Subject] = []
  private var known: [TrajectoryKind: [Int: [String: TokenFactors]]] = [:]

  init(_ group: GroupID, _ stored: StoredRun) {
    let own: String
    let result: GroupAlgorithms.Result
    do {
      guard stored.directory.exists else {
        // An evaluation trains nothing.
        return
      }
      own = try FrozenDefinition.read(of: stored.home).text("algorithm.name")
      result = try GroupAlgorithms.replay(group, stored)
    } catch {
      let failure = Self.failure(error)
      subjects = GroupAlgorithms.choices(of: "").map {
        .init(name: $0.name, title: $0.title, own: $0.own, failure: failure)
      }
      return
    }
    let choices = Dictionary(
      uniqueKeysWithValues: GroupAlgorithms.choices(of: own).map { ($0.name, $0) })
    subjects = result.report.algorithms.map { summary in
      let choice = choices[summary.label]
      let decision = result.decisions.first { $0.label == summary.label }
      return .init(
        name: summary.label, title: choice?.title ?? summary.label, own: choice?.own ?? false,
        failure: summary.failure.map { .init(problem: $0.problem, remedy: $0.remedy) },
        decision: decision.map { .init(fate: $0.fate, reason: $0.drop ?? $0.rule) })
    }
    for trajectory in result.trajectories where trajectory.group == group {
      known[trajectory.kind, default: [:]][trajectory.index, default: [:]][trajectory.label] =
        TokenFactors(trajectory)
    }
  }

  func factors(_ kind: TrajectoryKind, _ index: Int) -> [String: TokenFactors] {
    known[kind]?[index] ?? [:]
  }

  private static func failure(_ error: any Error) -> GroupPageView.Failure {
    guard let error = error as? any DescribedError else {
      return .init(problem: "\(error)", remedy: "Look at the run with `pipeline queue verify`.")
    }
    return .init(problem: error.problem, remedy: error.remedy)
  }
}
