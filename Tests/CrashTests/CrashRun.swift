import Foundation
import Testing

/// A run directory of a test's own, and what a run in it came to.
final class CrashRun {
  let folder: String
  var path: String { folder + "/run" }
  let definition: String

  private let mount: Mount?

  /// - Parameters:
  ///   - lines: laid over the tiny definition, as YAML.
  ///   - mount: where, if not in the system's temporary folder; it stays as long as the run.
  init(_ lines: String = "", in mount: Mount? = nil) throws {
    self.mount = mount
    folder = (mount?.path ?? NSTemporaryDirectory()) + "/temper-crash-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    definition = folder + "/tiny.yaml"
    let tiny = PipelineCommand.root + "/Tests/CrashTests/Fixtures/tiny.yaml"
    try "extends: \(tiny)\n\(lines)".write(toFile: definition, atomically: true, encoding: .utf8)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("CrashRun: \(folder) stays: \(error)")
    }
  }

  var exists: Bool { FileManager.default.fileExists(atPath: path + "/pipeline.yaml") }

  /// `run` where there is no run yet, else `resume`.
  func command() -> [String] {
    exists ? ["resume", path, "-q"] : ["run", definition, "--run", path, "-q"]
  }

  func names(in part: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(part)")) ?? []
  }

  /// Whether a checkpoint is being written, or lies there without having been committed.
  var holdsUnfinishedCheckpoint: Bool {
    names(in: "checkpoints").contains { $0.hasPrefix("tmp-") }
  }

  /// Lines of the metrics file: steps that were committed.
  var steps: Int { (try? metricLines().count) ?? 0 }

  private func metricLines() throws -> [Substring] {
    try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
  }

  func summary() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path + "/summary.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  func generatedTokens() throws -> Int { try #require(summary()["generated_tokens"] as? Int) }

  /// Chunks that were started more than once are counted as often as they were started.
  func attempts() throws -> (started: Int, distinct: Int) {
    let text = try String(contentsOfFile: path + "/logs/generation.attempts", encoding: .utf8)
    let lines = text.split(separator: "\n")
    return (lines.count, Set(lines).count)
  }

  /// What every way to the end must agree on, bit for bit: logs, weights, optimizer state, metrics.
  func results(step: Int = 24) throws -> Results {
    let digest = try PipelineCommand.run(["queue", "digest", path, "--json"])
    #expect(digest.status == 0, "\(digest.errors)")
    var files: [String: Data] = [:]
    for name in ["model.safetensors", "optimizer.safetensors", "state.json"] {
      files[name] = try Data(
        contentsOf: URL(fileURLWithPath: "\(path)/checkpoints/\(step)/\(name)"))
    }
    return Results(digests: digest.output, files: files, metrics: try metrics())
  }

  struct Results: Equatable, Sendable {
    var digests: String
    var files: [String: Data]
    var metrics: [[String: String]]

    /// Names of what differs, for a failure's text.
    func differences(_ other: Results) -> [String] {
      (digests == other.digests ? [] : ["digests \(digests) \(other.digests)"])
        + files.keys.sorted().filter { files[$0] != other.files[$0] }
        + (metrics == other.metrics ? [] : ["metrics"])
    }
  }

  /// Metrics without times, rates and memory.
  private func metrics() throws -> [[String: String]] {
    try metricLines().map { line in
      let fields = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      return fields.filter { name, _ in
        !["seconds/", "tokens_per_second/", "memory/"].contains { name.hasPrefix($0) }
      }.mapValues { "\($0)" }
    }
  }

  /// Resumes until the end and compares with the undisturbed run.
  func expectIdentical(
    to reference: Results, _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let ended = try PipelineCommand.run(command())
    #expect(ended.status == 0, "\(what): \(ended.errors)", sourceLocation: sourceLocation)
    guard ended.status == 0 else { return }
    let differences = try results().differences(reference)
    #expect(differences.isEmpty, what, sourceLocation: sourceLocation)
  }
}

/// The run that nobody disturbed: made once, compared with by every test.
enum Undisturbed {
  struct Run: Sendable {
    var results: CrashRun.Results
    var generatedTokens: Int
    var chunks: Int
    var seconds: Double
    var blasCore: String
  }

  private static let made = Result {
    let run = try CrashRun()
    let began = Date()
    let ended = try PipelineCommand.run(run.command())
    let seconds = Date().timeIntervalSince(began)
    try #require(ended.status == 0, "\(ended.errors)")
    let attempts = try run.attempts()
    try #require(attempts.started == attempts.distinct)
    return Run(
      results: try run.results(), generatedTokens: try run.generatedTokens(),
      chunks: attempts.distinct, seconds: seconds,
      blasCore: try #require(run.summary()["blas_core"] as? String))
  }

  static func run() throws -> Run { try made.get() }
}
