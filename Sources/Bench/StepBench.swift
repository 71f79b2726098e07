import Definition
import Estimator
public import Operators
import Policy
import Queue
import Records
import Shards
import Stages

/// Whole steps of a run through the six stages in one process: reader, rollout generator, verifier,
/// gate, loss assembler, optimizer, with the queue's commits between them.
///
/// The run stands in a temporary folder and is removed. The first step is not counted, and neither is
/// the one after the last that is: a run ends with a checkpoint.
public struct StepBench {
  private let definition: Definition
  private let initialModel: String?
  private let steps: Int
  private let folder: TemporaryFolder

  /// The peers' GRPO job: prompts x rollouts x new tokens, Dr. GRPO, on sums.
  /// - Parameters:
  ///   - path: a model directory with a tokenizer that knows digits.
  ///   - place: folder to make the run in; nil: the system's for temporary files.
  public init(
    model path: String, shape: RolloutShape, precision: Products = .f32, steps: Int,
    threads: Int, in place: String?
  ) throws {
    folder = try TemporaryFolder(in: place)
    self.steps = steps
    initialModel = nil
    let data = folder.path + "/sums"
    // Nothing is asked twice.
    _ = try DatasetWriter.write(
      count: shape.prompts * (steps + 2), folder: data, name: SumQuestions.source,
      options: DatasetWriter.Options(), row: SumQuestions.row)
    let text = """
      seed: 1
      steps: \(steps + 2)
      model: {path: \(Self.quoted(path))}
      data: {prompts: \(Self.quoted(data)), prompts_per_step: \(shape.prompts)}
      rollout:
        count: \(shape.rollouts)
        maximum_tokens: \(shape.newTokens)
        chunk_groups: \(shape.prompts)
      verifier: {default: final_number}
      algorithm:
        name: dr_grpo
        aggregation: {constant: \(shape.newTokens)}
      optimizer: {learning_rate: 1.0e-4, micro_batch_groups: \(shape.prompts)}
      compute: {threads: \(threads), precision: \(precision.rawValue)}
      """
    definition = try RunKeys.schema.resolve(text: text, name: folder.path + "/step.yaml")
  }

  /// Any definition, for so many steps.
  /// - Parameters:
  ///   - file: a definition; what it names is found from this process's folder, as in a run.
  ///   - model: what to start from where it says `model.pretrain`.
  ///   - precision: nil: what the definition says.
  public init(
    definition file: String, model: String?, precision: Products? = nil, steps: Int,
    threads: Int, in place: String?
  ) throws {
    folder = try TemporaryFolder(in: place)
    self.steps = steps
    var overrides = [("steps", "\(steps + 2)"), ("compute.threads", "\(threads)")]
    if let precision { overrides.append(("compute.precision", precision.rawValue)) }
    definition = try RunKeys.schema.resolve(file: file, overrides: overrides)
    if ModelSettings.baseFile(of: definition) != nil, model == nil {
      throw BenchError.file(
        file, "begins with what another definition trains, and no model is named",
        remedy: "Name a model directory before --definition, such as that run's last checkpoint.")
    }
    initialModel = model
  }

  /// As a double-quoted scalar of YAML.
  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Trains. Signals end it between two passes.
  /// - Throws: `Interrupted` when a signal came.
  public func run() throws -> BenchRecord {
    let directory = RunDirectory(folder.path + "/run")
    try RunPlan(definition).requireFits(named: definition.source)
    try Run.create(definition, at: directory, initialModel: initialModel)
    let run = try Run(opening: directory)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    var clock = StageClock(steps: steps)
    let end = try session.work(atStage: { clock.enter($0) }, report: { clock.end(step: $0.step) })
    if case .interrupted = end { throw Interrupted() }
    return try StepTally(run, steps: steps).record(clock)
  }
}

/// Time by stage and by step, while a run is at work.
private struct StageClock {
  private(set) var seconds: [StageName: Double] = [:]
  private(set) var times = Times()
  private(set) var reading: Stopwatch.Reading?
  private let steps: UInt64
  private var stage: StageName?
  private var all = Stopwatch()
  private var lap = Stopwatch()
  private var step = Stopwatch()

  /// - Parameter steps: that count, after the first.
  init(steps: Int) { self.steps = UInt64(steps) }

  /// What was since the last turn, commits included, was the stage's that had it.
  mutating func enter(_ next: StageName?) {
    if let stage, reading == nil { seconds[stage, default: 0] += lap.elapsed }
    stage = next
    lap = Stopwatch()
  }

  mutating func end(step number: UInt64) {
    enter(nil)
    if number == 0 {
      seconds = [:]
      all = Stopwatch()
    } else if number <= steps {
      times.add(step.elapsed)
    }
    if number == steps { reading = all.reading }
    step = Stopwatch()
  }
}

/// What the records of a run say of the steps that count.
private struct StepTally {
  private let run: Run
  private let steps: Int
  private var parts = Parts()
  private var figures = Parts()
  private var tokens = 0
  private var passes = 0
  private var flop = 0.0
  private var trained: [TrainingGroup] = []
  private let configuration: ModelConfiguration
  private let work: UsefulWork

  init(_ run: Run, steps: Int) throws {
    self.run = run
    self.steps = steps
    configuration = try ModelDirectory.configuration(at: run.directory.checkpoint(0))
    work = UsefulWork(configuration)
    for step in 1...UInt64(steps) { try note(step) }
  }

  private mutating func note(_ step: UInt64) throws {
    let batch = try run.ledger.existing(LossBatchRecord.self, .batches, step)
    var longest = 0
    for group in batch.firstGroup..<batch.endGroup {
      let record = try run.ledger.existing(RolloutRecord.self, .rollouts, group)
      let lengths = record.rollouts.map(\.tokens.count)
      parts.add("generation", record.seconds)
      tokens += lengths.reduce(0, +)
      longest = max(longest, lengths.max() ?? 0)
      flop += work.generation(promptTokens: record.promptTokens.count, responses: lengths)
    }
    passes += longest
    for index in batch.updates.flatMap(\.self) {
      let group = batch.groups[Int(index)]
      let record = try run.ledger.existing(RolloutRecord.self, .rollouts, group.group)
      trained.append(
        TrainingGroup(
          prompt: record.promptTokens, responses: group.rows.map { Self.tokens($0, record) }))
    }
    let update = try run.ledger.existing(UpdateRecord.self, .updates, step)
    for timing in update.timings where timing.name.hasPrefix("seconds/") {
      let name = String(timing.name.dropFirst(8))
      switch name {
      case "scoring", "forward", "backward", "critic": parts.add(name, timing.value)
      case "update": parts.add("optimizer", timing.value)
      case "estimator", "digest": figures.add("seconds_\(name)", timing.value)
      default: break
      }
    }
  }

  private static func tokens(_ row: LossRow, _ record: RolloutRecord) -> [Int32] {
    switch row.source {
    case .rollout(let index): record.rollouts[Int(index)].tokens
    case .demonstration(let index): record.demonstrations[Int(index)].tokens
    case .rejected(let index): record.rejected[Int(index)].tokens
    }
  }

  func record(_ clock: StageClock) throws -> BenchRecord {
    var record = BenchRecord(job: "step", threads: run.compute.threads, steps: steps)
    let settings = run.settings
    record.parameters = configuration.parameterCount
    record.take(run.compute)
    record.shape =
      "\(settings.reader.promptsPerStep)x\(settings.rollout.count)"
      + "x\(settings.rollout.maximumTokens)"
    record.loss = settings.algorithm.algorithm.name
    record.tokens = tokens / steps
    record.usefulGflop = (flop + work.training(trained)) / 1e9 / Double(steps)
    record.products = products
    record.take(clock.times, clock.reading ?? Stopwatch().reading)
    var parts = parts.means(over: steps)
    let wall = clock.times.all.reduce(0, +) / Double(steps)
    parts["outside"] = wall - parts.values.reduce(0, +)
    record.parts = parts
    record.figures = figures.means(over: steps)
    record.figures["share_outside"] = (parts["outside"] ?? 0) / wall
    for (stage, seconds) in clock.seconds {
      record.figures["seconds_in_\(stage.rawValue)"] = seconds / Double(steps)
    }
    return record
  }

  /// Of a mean step: those of every pass that draws tokens, and those of training.
  private var products: [Product] {
    let passes = max(1, self.passes / steps)
    let rows = max(1, tokens / max(1, self.passes))
    let drawing = work.products(rows: rows, headRows: rows, trains: false).map { product in
      var product = product
      product.count *= passes
      return product
    }
    let trainedRows = work.rows(trained) / steps
    guard trainedRows > 0 else { return drawing }
    return drawing
      + work.products(
        rows: trainedRows, headRows: max(1, work.headRows(trained) / steps), trains: true)
  }
}
