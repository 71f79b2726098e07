public import ArgumentParser
public import Bench
import Foundation
public import Operators

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure training, generation and what the machine could do at most.",
    discussion: """
      Every job runs in a process of its own, so that its peak of memory is its own. Inputs are the \
      same each time. The roofline is OpenBLAS's rate at the products of the job, and the memory's \
      bandwidth, on the same threads. Exit 1 when a job failed, 2 when one was asked for wrongly; the \
      others are measured all the same.
      """,
    subcommands: [
      BenchTrain.self, BenchRollout.self, BenchStep.self, BenchGate.self, BenchStore.self,
      BenchTokenizer.self, BenchVerifier.self, BenchRoofline.self, BenchSynthetic.self,
    ])
}

/// What all jobs take.
struct BenchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(help: ArgumentHelp("Repetitions that count, after one that does not.", valueName: "n"))
  var steps = 5
  @Flag(inversion: .prefixedNo, help: "Measure what the machine could do at most.")
  var roofline = true
  @Option(
    help: ArgumentHelp(
      "Also append a line of JSON for every job to a file, for docs/tools/bench-table.py.",
      valueName: "file"))
  var out: String?
  @Flag(help: ArgumentHelp("Measure in this process.", visibility: .private))
  var inThisProcess = false
  @OptionGroup var facts: FactOptions

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); use 1 to 1024.")
    }
    guard (1...1_000_000).contains(steps) else {
      throw ValidationError("--steps is \(steps); use 1 to 1000000.")
    }
  }

  /// The options again, for the process of one job.
  var arguments: [String] {
    ["--threads", "\(threads)", "--steps", "\(steps)", "--in-this-process"]
  }
}

/// Shapes as they are given: repeated, or separated by commas. Each is read when its turn comes, so
/// that a wrong one costs none of the others.
struct BenchShapes: ParsableArguments {
  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp("Shapes, repeated or separated by commas.", valueName: "shape"))
  var texts: [String] = []

  /// - Parameter standard: where none is given.
  func all(or standard: [String]) -> [String] {
    let given = texts.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
    return given.isEmpty ? standard : given.map(String.init)
  }
}

/// How products are computed.
struct BenchPrecision: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Precisions of products, separated by commas: f32, bf16.", valueName: "precision"))
  var precision = CommaSeparated([Products.f32])

  var all: [Products] { precision.elements }
}

struct BenchTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Forward, backward and AdamW, in tokens/s.",
    discussion: """
      A shape is sequences x tokens: 64x96. Each sequence has its full length. Loss ce imitates every \
      token; grpo is PPO's clip over the second half of each sequence.
      """)

  @Argument(help: ArgumentHelp("Model directories.", valueName: "model")) var models: [String]
  @OptionGroup var shapes: BenchShapes
  @Option(help: "Loss: ce or grpo.") var loss = TrainBench.Loss.crossEntropy
  @Flag(help: "Compute the layers again in the backward pass: less memory, more time.")
  var gradientCheckpointing = false
  @OptionGroup var precision: BenchPrecision
  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      for model in models {
        for text in shapes.all(or: ["64x96", "8x512"]) {
          for precision in precision.all { measure(model, text, precision, sitting) }
        }
      }
    }
  }

  private func measure(
    _ model: String, _ text: String, _ precision: Products, _ sitting: BenchSitting
  ) {
    sitting.measure("train \(model) \(text) \(precision)") {
      let shape = try TrainShape(text)
      guard options.inThisProcess else {
        return .elsewhere(
          [
            "train", model, "--shape", text, "--loss", loss.rawValue, "--precision",
            precision.rawValue,
          ] + (gradientCheckpointing ? ["--gradient-checkpointing"] : []))
      }
      let bench = try TrainBench(
        model: model, shape: shape, loss: loss,
        compute: Compute(threads: options.threads, products: precision),
        checkpoints: gradientCheckpointing)
      return .here(try bench.run(steps: options.steps))
    }
  }
}

extension TrainBench.Loss: ExpressibleByArgument {}
extension Products: ExpressibleByArgument {}
extension BenchWeights: ExpressibleByArgument {}

struct BenchRollout: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollout",
    abstract: "Sampling at temperature 1, in new tokens/s.",
    discussion: """
      A shape is prompts x rollouts of each x new tokens: 128x8x64. Prompts have twelve tokens.
      """)

  @Argument(help: ArgumentHelp("Model directories.", valueName: "model")) var models: [String]
  @OptionGroup var shapes: BenchShapes
  @Option(help: "How weights are held: f32, or stored as in the directory.")
  var weights = BenchWeights.f32
  @OptionGroup var precision: BenchPrecision
  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      for model in models {
        for text in shapes.all(or: ["128x8x64", "1x8x32", "1x1x64"]) {
          for precision in precision.all { measure(model, text, precision, sitting) }
        }
      }
    }
  }

  private func measure(
    _ model: String, _ text: String, _ precision: Products, _ sitting: BenchSitting
  ) {
    sitting.measure("rollout \(model) \(text) \(precision)") {
      let shape = try RolloutShape(text)
      guard options.inThisProcess else {
        return .elsewhere([
          "rollout", model, "--shape", text, "--weights", weights.rawValue, "--precision",
          precision.rawValue,
        ])
      }
      let bench = try RolloutBench(
        model: model, shape: shape, weights: weights,
        compute: Compute(threads: options.threads, products: precision))
      return .here(try bench.run(steps: options.steps))
    }
  }
}

struct BenchRoofline: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roofline",
    abstract: "What the machine can do at most: bandwidth, and OpenBLAS's products.",
    discussion: "With models: OpenBLAS's rate at the products of a training step of each shape.")

  @Argument(help: ArgumentHelp("Model directories.", valueName: "model")) var models: [String] = []
  @OptionGroup var shapes: BenchShapes
  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      sitting.measure("roofline") { .here(RooflineBench.memory(sitting.roofline)) }
      for model in models {
        for text in shapes.all(or: ["64x96"]) {
          sitting.measure("roofline \(model) \(text)") {
            .here(
              try RooflineBench.products(
                model: model, shape: try TrainShape(text), sitting.roofline))
          }
        }
      }
    }
  }
}
