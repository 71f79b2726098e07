import ArgumentParser
import Bench

struct BenchGate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate", abstract: "The performance gate, in groups/s.")

  @Option(help: "Algorithms whose gates to measure, repeated.") var algorithm = ["hpt"]
  @OptionGroup var folder: BenchFolder
  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      for name in algorithm {
        sitting.measure("gate \(name)") {
          guard options.inThisProcess else {
            return .elsewhere(["gate", "--algorithm", name] + folder.arguments)
          }
          return .here(try GateBench(algorithm: name, in: folder.work).run(steps: options.steps))
        }
      }
    }
  }
}

struct BenchStore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "The queue as a store of groups, and as a durable queue.",
    discussion: """
      Groups of about 10 KB (a prompt, eight rollouts, their verdicts) are written, 1,000 in a \
      transaction, and read at random. Then payloads of 7.7 KB are pushed and popped, a batch in a \
      durable commit.
      """)

  @Option(
    help: ArgumentHelp("Numbers of groups, separated by commas; none with 0.", valueName: "n"))
  var groups = CommaSeparated([100_000])
  @Option(
    help: ArgumentHelp(
      "Simulated records of so many bytes in place of trajectories, 1 to 1000000.",
      valueName: "bytes"))
  var payload: Int?
  @Option(
    help: ArgumentHelp("Items of a commit, separated by commas; none with 0.", valueName: "n"))
  var batches = CommaSeparated([1, 32, 256])
  @Option(help: ArgumentHelp("Seconds of pushing and of popping.", valueName: "n"))
  var seconds = 3.0
  @OptionGroup var folder: BenchFolder
  @OptionGroup var options: BenchOptions

  func validate() throws {
    guard groups.elements.allSatisfy({ (0...100_000_000).contains($0) }) else {
      throw ValidationError("--groups are numbers from 0 to 100000000.")
    }
    guard batches.elements.allSatisfy({ (0...100_000).contains($0) }) else {
      throw ValidationError("--batches are numbers from 0 to 100000.")
    }
    guard payload.map({ (1...1_000_000).contains($0) }) ?? true, (0...3600).contains(seconds) else {
      throw ValidationError("--payload is 1 to 1000000 bytes, --seconds 0 to 3600.")
    }
  }

  func run() throws {
    let content = payload.map { StoreBench.Content.simulated(bytes: $0) } ?? .trajectories
    try BenchSitting.run(options) { sitting in
      for count in groups.elements where count > 0 {
        sitting.measure("store of \(count) groups") {
          guard options.inThisProcess else {
            return .elsewhere(
              ["store", "--groups", "\(count)", "--batches", "0"]
                + (payload.map { ["--payload", "\($0)"] } ?? []) + folder.arguments)
          }
          return .here(try StoreBench(content, count: count, in: folder.work).run())
        }
      }
      for batch in batches.elements where batch > 0 {
        sitting.measure("queue, \(batch) in a commit") {
          guard options.inThisProcess else {
            return .elsewhere(
              ["store", "--groups", "0", "--batches", "\(batch)", "--seconds", "\(seconds)"]
                + folder.arguments)
          }
          return .here(
            try DurableQueueBench(batch: batch, seconds: seconds, in: folder.work).run())
        }
      }
    }
  }
}

struct BenchTokenizer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Encoding of lines of text, in MB/s and tokens/s.")

  @Argument(help: ArgumentHelp("Directories with a tokenizer.json.", valueName: "dir"))
  var directories: [String]
  @Option(help: ArgumentHelp("Text to encode. (default: made here)", valueName: "file"))
  var text: String?
  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      for path in directories {
        sitting.measure("tokenizer \(path)") {
          guard options.inThisProcess else {
            return .elsewhere(["tokenizer", path] + (text.map { ["--text", $0] } ?? []))
          }
          return .here(try TokenizerBench(directory: path, file: text).run(steps: options.steps))
        }
      }
    }
  }
}

struct BenchVerifier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier", abstract: "Verdicts on responses, in responses/s.")

  @OptionGroup var options: BenchOptions

  func run() throws {
    try BenchSitting.run(options) { sitting in
      for name in VerifierBench.names {
        sitting.measure("verifier \(name)") {
          .here(VerifierBench(name).run(steps: options.steps))
        }
      }
    }
  }
}
