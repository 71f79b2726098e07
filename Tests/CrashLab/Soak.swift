import Foundation
import Glibc

/// Hours of one run, watched from outside: memory, descriptors, threads and the queue's file must not
/// grow with time.
///
/// The run is tiny and has a retention window, so an hour holds as many steps, commits and checkpoints
/// as weeks of a large one.
public struct Soak {
  /// What `/proc` and the file system say of one process and its run at one time.
  public struct Sample {
    /// Since the process began.
    public var seconds: Double
    /// Memory that no file backs. The queue's map is counted by its file.
    public var anonymousBytes: Double
    public var descriptors: Double
    public var threads: Double
    public var queueBytes: Double
    /// Bytes of `metrics.jsonl`: one line a step, so it tells how far the run is.
    public var metricsBytes: Double
  }

  /// What the samples of one process come to, after its first tenth.
  public struct Figures {
    public var process: String
    public var samples: Int
    /// Least-squares slopes over time, in bytes an hour.
    public var memorySlope: Double
    public var queueSlope: Double
    public var memoryLast: Double
    public var queueLast: Double
    public var descriptors: ClosedRange<Double>
    public var threads: ClosedRange<Double>

    /// Memory grows by less than 5 MB an hour; descriptors and threads stay as they are, but for one
    /// that is open at the instant of a sample; the queue's file stays within a tenth.
    public var holds: Bool {
      memorySlope < 5e6 && descriptors.upperBound - descriptors.lowerBound <= 4
        && threads.upperBound - threads.lowerBound <= 2 && queueSlope < 0.1 * max(queueLast, 1)
    }
  }

  private let pipeline: String
  private let definition: String
  private let folder: String
  private let duration: Double
  private let interval: Double

  /// - Parameters:
  ///   - pipeline: the command.
  ///   - definition: a run without an end, with a retention window.
  ///   - folder: where the runs and `samples.csv` go; made anew.
  ///   - duration: in seconds.
  ///   - interval: between samples, in seconds.
  public init(
    pipeline: String, definition: String, folder: String, duration: Double, interval: Double = 10
  ) {
    self.pipeline = pipeline
    self.definition = definition
    self.folder = folder
    self.duration = duration
    self.interval = interval
  }

  /// The six stages in one process, or a process for each.
  public enum Form: String, CaseIterable, Sendable {
    case one
    case six
  }

  /// Runs all forms beside each other until the time is over, then ends them with SIGTERM.
  ///
  /// - Throws: when a process ends before its time, or ends otherwise than by the signal.
  public func run(_ forms: [Form]) throws -> [Figures] {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let watched = try forms.flatMap(start)
    defer { for each in watched where each.process.isRunning { each.process.terminate() } }
    let began = Date()
    var log = "seconds,process,anonymous_bytes,descriptors,threads,queue_bytes,metrics_bytes\n"
    var samples = [[Sample]](repeating: [], count: watched.count)
    while Date().timeIntervalSince(began) < duration {
      Thread.sleep(forTimeInterval: interval)
      for (index, each) in watched.enumerated() {
        guard each.process.isRunning else { throw Failure(each.name + " ended before its time") }
        let sample = try sample(each, seconds: Date().timeIntervalSince(began))
        samples[index].append(sample)
        log +=
          "\(Int(sample.seconds)),\(each.name),\(Int(sample.anonymousBytes)),"
          + "\(Int(sample.descriptors)),\(Int(sample.threads)),\(Int(sample.queueBytes)),"
          + "\(Int(sample.metricsBytes))\n"
      }
      try log.write(toFile: folder + "/samples.csv", atomically: true, encoding: .utf8)
    }
    for each in watched { each.process.terminate() }
    for each in watched {
      each.process.waitUntilExit()
      guard each.process.terminationStatus == 143 else {
        throw Failure("\(each.name) ended with \(each.process.terminationStatus), not 143")
      }
    }
    return zip(watched, samples).map { figures($0.name, $1) }
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }

  // MARK: Processes

  private struct Watched {
    var name: String
    var run: String
    var process: Process
  }

  private func start(_ form: Form) throws -> [Watched] {
    let run = "\(folder)/\(form.rawValue)"
    switch form {
    case .one:
      let process = try launch(["run", definition, "--run", run, "-q"])
      return [Watched(name: "one", run: run, process: process)]
    case .six:
      let stages = ["reader", "rollout", "verifier", "gate", "loss", "optimizer"]
      return try stages.map { stage in
        let process = try launch(
          ["run", "stage", stage, definition, "--run", run, "--follow", "-q"])
        return Watched(name: "six/\(stage)", run: run, process: process)
      }
    }
  }

  private func launch(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: pipeline)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  // MARK: Samples

  private func sample(_ watched: Watched, seconds: Double) throws -> Sample {
    let proc = "/proc/\(watched.process.processIdentifier)"
    let status = try String(contentsOfFile: proc + "/status", encoding: .utf8)
    func field(_ name: String) -> Double {
      let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
        ?? .nan
    }
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: proc + "/fd").count
    return Sample(
      seconds: seconds, anonymousBytes: 1024 * field("RssAnon"), descriptors: Double(descriptors),
      threads: field("Threads"), queueBytes: size(watched.run + "/queue/data.mdb"),
      metricsBytes: size(watched.run + "/metrics.jsonl"))
  }

  /// 0 where there is no such file yet.
  private func size(_ path: String) -> Double {
    var facts = stat()
    return unsafe stat(path, &facts) == 0 ? Double(facts.st_size) : 0
  }

  private func figures(_ name: String, _ all: [Sample]) -> Figures {
    let settled = Array(all.dropFirst(all.count / 10))
    func range(_ value: (Sample) -> Double) -> ClosedRange<Double> {
      let values = settled.map(value)
      return (values.min() ?? 0)...(values.max() ?? 0)
    }
    return Figures(
      process: name, samples: settled.count,
      memorySlope: slope(settled, \.anonymousBytes), queueSlope: slope(settled, \.queueBytes),
      memoryLast: settled.last?.anonymousBytes ?? .nan,
      queueLast: settled.last?.queueBytes ?? .nan, descriptors: range(\.descriptors),
      threads: range(\.threads))
  }

  /// Least squares, per hour; NaN for fewer than two samples.
  private func slope(_ samples: [Sample], _ value: (Sample) -> Double) -> Double {
    let count = Double(samples.count)
    let time = samples.reduce(0) { $0 + $1.seconds } / count
    let mean = samples.reduce(0) { $0 + value($1) } / count
    let across = samples.reduce(0) { $0 + ($1.seconds - time) * (value($1) - mean) }
    let square = samples.reduce(0) { $0 + ($1.seconds - time) * ($1.seconds - time) }
    return 3600 * across / square
  }
}
