import Foundation
import Records
import Stages

/// The page of `pipeline run --plan`.
struct RunPlanPage: Encodable {
  private let definition: String
  private let plan: RunPlan
  private let peakBytes: Int
  private let machineBytes: Int
  private let availableBytes: Int?

  init(_ plan: RunPlan, _ definition: String) {
    self.plan = plan
    self.definition = definition
    peakBytes = plan.bytes
    machineBytes = MachineMemory.limit
    availableBytes = MachineMemory.available
  }

  /// - Throws: where the plan does not fit into the memory that this process may use.
  func print(json: Bool) throws {
    let output = Output.standard
    if json {
      try output.json(self)
    } else {
      output.print("\(definition): \(plan.parameters.formatted()) parameters")
      for part in plan.parts where part.bytes > 0 { line(part.name, part.bytes, output) }
      line("peak, at most", peakBytes, output)
      line("this process may use", machineBytes, output)
      if let availableBytes { line("free now", availableBytes, output) }
      for note in plan.notes { output.print(note) }
    }
    try plan.requireFits(named: definition)
  }

  private func line(_ name: String, _ bytes: Int, _ output: Output) {
    let size = RunPlan.gibibytes(bytes)
    let gap = max(1, 48 - name.count - size.count)
    output.print("  " + name + String(repeating: " ", count: gap) + size)
  }
}
