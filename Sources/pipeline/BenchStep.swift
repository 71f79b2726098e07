import ArgumentParser
import Bench
import Operators

/// Where jobs put their files.
struct BenchFolder: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder on the disk to measure, for what is written meanwhile. (default: the system's for "
        + "temporary files)", valueName: "dir"))
  var work: String?

  var arguments: [String] { work.map { ["--work", $0] } ?? [] }
}

struct BenchStep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Whole steps of a run: six stages in one process, in s/step.",
    discussion: """
      Dr. GRPO on sums, prompts x rollouts x new tokens as the shape says; or any definition, for so \
      many steps. Parts are seconds of a mean step; outside is what is none of the others.
      """)

  @Argument(
    help: ArgumentHelp(
      "Model directory with a tokenizer; of a definition that says model.pretrain, what it begins with.",
      valueName: "model"))
  var model: String?
  @OptionGroup var shapes: BenchShapes
  @Option(help: ArgumentHelp("A definition in place of sums.", valueName: "file"))
  var definition: String?
  @Option(
    help: ArgumentHelp(
      "Precisions of products, separated by commas: f32, bf16. (default: f32, or what the "
        + "definition says)", valueName: "precision"))
  var precision: CommaSeparated<Products>?
  @OptionGroup var folder: BenchFolder
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard model != nil || definition != nil else {
      throw ValidationError("name a model directory, or a definition with --definition.")
    }
    guard definition == nil || shapes.texts.isEmpty else {
      throw ValidationError("--shape is of the step on sums; a definition says its own.")
    }
  }

  func run() throws {
    let precisions = precision.map { $0.elements.map(Optional.some) } ?? [nil]
    try BenchSitting.run(options) { sitting in
      for precision in precisions {
        if let definition {
          measure(definition: definition, precision, sitting)
        } else if let model {
          for text in shapes.all(or: ["16x8x32"]) { measure(model, text, precision, sitting) }
        }
      }
    }
  }

  private func measure(
    definition: String, _ precision: Products?, _ sitting: BenchSitting
  ) {
    sitting.measure("step \(definition)") {
      guard options.inThisProcess else {
        let words = ["step"] + (model.map { [$0] } ?? []) + ["--definition", definition]
        return .elsewhere(words + arguments(precision))
      }
      let bench = try StepBench(
        definition: definition, model: model, precision: precision, steps: options.steps,
        threads: options.threads, in: folder.work)
      return .here(named(try bench.run(), definition))
    }
  }

  private func measure(
    _ model: String, _ text: String, _ precision: Products?, _ sitting: BenchSitting
  ) {
    sitting.measure("step \(model) \(text) \(precision ?? .f32)") {
      let shape = try RolloutShape(text)
      guard options.inThisProcess else {
        return .elsewhere(["step", model, "--shape", text] + arguments(precision))
      }
      let bench = try StepBench(
        model: model, shape: shape, precision: precision ?? .f32, steps: options.steps,
        threads: options.threads, in: folder.work)
      return .here(named(try bench.run(), model))
    }
  }

  private func arguments(_ precision: Products?) -> [String] {
    (precision.map { ["--precision", $0.rawValue] } ?? []) + folder.arguments
  }

  private func named(_ record: BenchRecord, _ name: String) -> BenchRecord {
    var record = record
    record.model = name
    return record
  }
}
