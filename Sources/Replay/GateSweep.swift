public import Definition
import Estimator
public import Queue
import Records
import Stages

/// A threshold of the gate to try: `γ` as a share of the rollouts, or a count.
public enum GateThreshold: Sendable, Equatable {
  case share(Double)
  case count(Int)

  public var label: String {
    switch self {
    case .share(let share): "gamma=\(share)"
    case .count(let count): "count=\(count)"
    }
  }

  /// Reads `gamma=0,0.125,0.25,count=0,1`: a name holds for the numbers that follow it.
  public static func list(_ text: String) throws(ReplayError) -> [GateThreshold] {
    var name = ""
    var thresholds: [GateThreshold] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { name = String(parts[0]) }
      let number = String(parts[parts.count - 1])
      if name == "gamma", let share = Double(number), share.isFinite {
        thresholds.append(.share(share))
      } else if name == "count", let count = Int(number), count >= 0 {
        thresholds.append(.count(count))
      } else {
        throw ReplayError(
          .badRequest, at: "--gate \(text)", "\"\(item)\" is no threshold",
          remedy: "Write gamma=0,0.125,0.25 for shares of the rollouts, count=0,1,2 for counts.")
      }
    }
    return thresholds
  }

  /// HPT's switch at this threshold.
  fileprivate func gate(like own: Gate) -> Gate {
    var gate = own.kind == .switch ? own : Gate(.switch, component: own.component)
    gate.thresholdOffCount = nil
    switch self {
    case .share(let share):
      gate.thresholdShare = share
      gate.thresholdCount = 0
    case .count(let count):
      gate.thresholdShare = nil
      gate.thresholdCount = count
    }
    return gate
  }
}

/// What the switch of HPT would have done at other thresholds, step by step.
public struct GateSweep: Sendable, Equatable, Encodable {
  public struct Line: Sendable, Equatable, Encodable {
    public var threshold: String
    /// Shares of each step's groups; they add up to 1.
    public var sft: [Double]
    public var rl: [Double]
    public var dropped: [Double]
    /// Groups of all steps.
    public var totals: [String: Int]

    /// Of all groups, the share that would have been imitated.
    public var sftShare: Double {
      let all = totals.values.reduce(0, +)
      return all == 0 ? 0 : Double(totals[GroupFate.imitated.rawValue] ?? 0) / Double(all)
    }
  }

  public var steps: [UInt64]
  /// Mean rollout accuracy of each step; NaN without rollouts.
  public var accuracy: [Double]
  public var lines: [Line]

  /// - Parameter steps: nil: all whole steps.
  public init(
    _ queue: Queue, definition: Definition, at thresholds: [GateThreshold],
    steps wanted: ClosedRange<UInt64>? = nil
  ) throws {
    let settings = try RunSettings(definition)
    let own = settings.algorithm.algorithm.gate
    let gates = thresholds.map { $0.gate(like: own) }
    for gate in gates { try gate.validate() }
    let stored = try StoredSteps(queue, promptsPerStep: settings.reader.promptsPerStep)
    let spans = try stored.choose(Replay.Request(steps: wanted))
    var memories = [[Double]](repeating: [], count: gates.count)
    steps = spans.map(\.step)
    accuracy = []
    lines = thresholds.map { Line(threshold: $0.label, sft: [], rl: [], dropped: [], totals: [:]) }
    for span in spans {
      let step = try stored.load(span)
      accuracy.append(step.accuracy(own))
      for index in gates.indices {
        lines[index].add(try step.fates(gates[index], &memories[index]))
      }
    }
  }
}

extension GateSweep.Line {
  fileprivate mutating func add(_ fates: [GroupFate]) {
    func share(_ chosen: GroupFate...) -> Double {
      Double(fates.count { chosen.contains($0) }) / Double(max(fates.count, 1))
    }
    sft.append(share(.imitated))
    rl.append(share(.reinforced, .mixed))
    dropped.append(share(.dropped))
    for fate in fates { totals[fate.rawValue, default: 0] += 1 }
  }
}

extension StoredStep {
  fileprivate func fates(_ gate: Gate, _ memory: inout [Double]) throws -> [GroupFate] {
    var prepared = PreparedStep()
    for group in groups {
      prepared.decisions.append(
        try gate.decide(
          group.group, step: group.prompt.step, group.rollouts, group.verdicts.verdicts,
          memory: &memory))
    }
    prepared.drops = prepared.decisions.map(\.drop)
    return groups.indices.map(prepared.fate)
  }

  /// Solved rollouts among all, by the component that the gate names.
  fileprivate func accuracy(_ gate: Gate) -> Double {
    var (solved, total) = (0, 0)
    for verdict in groups.flatMap(\.verdicts.verdicts) {
      guard case .scored(let reward, let components) = verdict.outcome else { continue }
      let value =
        gate.component == "reward"
        ? reward : components.first { $0.name == gate.component }?.value ?? 0
      solved += Gate.isSolved(value) ? 1 : 0
      total += 1
    }
    return total == 0 ? .nan : Double(solved) / Double(total)
  }
}
