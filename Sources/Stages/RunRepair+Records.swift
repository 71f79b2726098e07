import Queue
import Records

/// Records, and the states that follow from them.
extension RunRepair {
  mutating func mendRecords() throws {
    guard directory.exists else {
      // An evaluation has no definition of its own; it is made again by the run.
      for fault in survey.faults {
        report.remaining.append(
          .init(
            location: "\(fault.log)/\(fault.key)",
            problem: "\(fault.problem); remove the evaluation and run it again"))
      }
      return
    }
    let run = try Run(opening: directory, over: queue)
    let rederivation = try Rederivation(
      run, survey, base: base, heads: heads, comparesAll: false)
    try rederivation.work()
    report.remaining += rederivation.failures
    try write(rederivation)
    try mendHeadRecord()
  }

  /// The head record says what the logs hold now. What a queue that stepped back had held beyond is made
  /// again by the run.
  private mutating func mendHeadRecord() throws {
    func restored(_ problem: String) {
      report.restored.append(.init(location: "\(queue.folder)/head", problem: problem))
    }
    do {
      for (log, remembered) in try queue.rememberedHeads() ?? [:] where !log.usesPart {
        let head = heads[log] ?? 0
        if head < remembered { restored("\(log) reached \(remembered) once, and holds \(head)") }
      }
    } catch let error as QueueError where error.exitStatus == .corrupt { restored(error.problem) }
    try queue.writeHeadRecord()
  }

  /// nil when the last loss batch is among what could not be made again.
  private mutating func frontier(
    _ rederivation: Rederivation
  ) throws -> (group: GroupID, waves: UInt32)? {
    do { return try rederivation.frontier() } catch let error as any DescribedError {
      for stage in [StageName.loss]
      where try queue.read({ try $0.readableState(StageState.key(stage)) }) == nil {
        report.remaining.append(
          .init(location: "state/\(StageState.key(stage))", problem: error.problem))
      }
      return nil
    }
  }

  private mutating func write(_ rederivation: Rederivation) throws {
    let problems = Dictionary(
      survey.faults.map { ("\($0.log)/\($0.key)", $0) }, uniquingKeysWith: { first, _ in first })
    let values = try missingValues(rederivation)
    let made = rederivation.made
    try queue.write(claims: []) { transaction in
      for (log, key, record) in made {
        let fault = problems["\(log)/\(key)"]
        if let fault, fault.isStored {
          try transaction.setAside(log, key, reason: fault.problem)
        }
        try transaction.put(record, log, key)
      }
      for (name, cursor) in values.cursors { try transaction.restoreCursor(name, to: cursor) }
      for (name, state) in values.states { try transaction.setState(name, to: state) }
    }
    for (log, key, _) in made {
      report.rederived.append(
        .init(
          location: "\(log)/\(key)", problem: problems["\(log)/\(key)"]?.problem ?? "is missing"))
    }
    for name in values.cursors.map({ "cursors/\($0.name)" })
      + values.states.map({ "state/\($0.name)" })
    {
      report.restored.append(.init(location: name, problem: "worked out from the logs"))
    }
  }

  /// Cursors and states of reader, gate and assembler that are not there and follow from the logs.
  private mutating func missingValues(
    _ rederivation: Rederivation
  ) throws -> (cursors: [(name: String, value: UInt64)], states: [(name: String, value: [UInt8])]) {
    func isMissing(_ stage: StageName, state: Bool) throws -> Bool {
      try queue.read { transaction in
        state
          ? try transaction.readableState(StageState.key(stage)).map { !stage.reads($0) } ?? true
          : try transaction.readableCursor(stage.rawValue) == nil
      }
    }
    var cursors: [(name: String, value: UInt64)] = []
    var states: [(name: String, value: [UInt8])] = []
    if let place = rederivation.lastPlace {
      if try isMissing(.reader, state: false) {
        cursors.append((StageName.reader.rawValue, place.step))
      }
      if try isMissing(.reader, state: true) {
        states.append(
          (
            StageState.key(.reader),
            ReaderState(
              step: place.step, wave: place.wave + 1, position: heads[.prompts] ?? 0
            ).stored()
          ))
      }
    }
    guard let (group, waves) = try frontier(rederivation) else { return (cursors, states) }
    if group > 0, try isMissing(.loss, state: false) {
      cursors.append((StageName.loss.rawValue, group))
    }
    let hasAssembled = (heads[.batches] ?? 0) > 0 || waves > 1
    guard let memory = rederivation.memory else {
      let expected =
        (rederivation.fold.gateCarriesMemory ? [StageName.gate] : [])
        + (hasAssembled ? [.loss] : [])
      for stage in expected where try isMissing(stage, state: true) {
        report.remaining.append(
          .init(
            location: "state/\(StageState.key(stage))",
            problem: "its memory cannot be followed through the logs"))
      }
      return (cursors, states)
    }
    if !memory.gate.isEmpty, try isMissing(.gate, state: true) {
      states.append((StageState.key(.gate), PartMemory.bytes(memory.gate)))
    }
    if hasAssembled, try isMissing(.loss, state: true) {
      states.append(
        (
          StageState.key(.loss),
          AssemblerState(waves: waves, memory: memory.assembler).stored()
        ))
    }
    return (cursors, states)
  }
}

extension StageName {
  /// Whether the stage can go on from a stored state of its own.
  fileprivate func reads(_ state: [UInt8]) -> Bool {
    do {
      switch self {
      case .reader: _ = try ReaderState(stored: state)
      case .gate: _ = try PartMemory.numbers(state)
      case .loss: _ = try AssemblerState(stored: state)
      case .rollout, .verifier, .optimizer: break
      }
      return true
    } catch { return false }
  }
}
