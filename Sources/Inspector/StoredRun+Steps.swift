import Queue
import Records
import Stages

extension StoredRun {
  /// The first and the last step that have groups; nil before the first group.
  public func steps() throws -> ClosedRange<UInt64>? {
    try queue.read { transaction in
      let base = try RunBase(transaction)
      let head = try transaction.head(.prompts)
      guard head > base.group,
        let last = try transaction.record(PromptRecord.self, .prompts, RecordKey(head - 1))
      else { return nil }
      return min(base.step, last.step)...last.step
    }
  }

  /// The groups of one step, in order.
  public func groups(ofStep step: UInt64) throws -> [GroupSummary] {
    var groups: [GroupSummary] = []
    try forEachGroup(from: try firstGroup(ofStep: step)) { records in
      guard records.prompt.step == step else { return false }
      groups.append(GroupSummary(records))
      return true
    }
    return groups
  }
}
