import Digest
import Foundation

/// A run directory of a trial's own, with the commands that make, continue and read it.
public final class RunFolder {
  public let folder: String
  public var path: String { folder + "/run" }
  public let definition: String
  /// Whether the folder stays when the object goes: for looking at a failure.
  public var isKept = false

  private let mount: Mount?

  /// - Parameters:
  ///   - lines: laid over the subject's definition, as YAML.
  ///   - place: a folder that does not exist yet; one in the system's temporary folder if nil.
  ///   - mount: a file system to stand in instead; it stays mounted as long as the run.
  public init(
    _ subject: Subject, _ lines: String = "", at place: String? = nil, in mount: Mount? = nil
  ) throws {
    self.mount = mount
    let base = Repository.canonical(mount?.path ?? NSTemporaryDirectory())
    folder = place ?? base + "/temper-crash-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    definition = folder + "/\(subject.name).yaml"
    try "extends: \(subject.definition)\n\(lines)".write(
      toFile: definition, atomically: true, encoding: .utf8)
  }

  deinit {
    guard !isKept else { return }
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("RunFolder: \(folder) stays: \(error)")
    }
  }

  // MARK: Commands

  public var exists: Bool { FileManager.default.fileExists(atPath: path + "/pipeline.yaml") }

  /// `run` where there is no run yet, else `resume`.
  public func command() -> [String] {
    exists ? ["resume", path, "-q"] : ["run", definition, "--run", path, "-q"]
  }

  /// One stage as a process of its own, which creates the run if nobody has.
  public func command(stage: String) -> [String] {
    ["run", "stage", stage, definition, "--run", path, "--follow", "-q"]
  }

  /// The commands of a form: one, or one a stage.
  public func commands(_ form: Form) -> [[String]] {
    form == .whole ? [command()] : Form.stageNames.map { command(stage: $0) }
  }

  // MARK: Looking at it from outside

  public func names(in part: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(part)")) ?? []
  }

  /// Whether a checkpoint is being written, or lies there without having been committed.
  public var holdsUnfinishedCheckpoint: Bool {
    names(in: "checkpoints").contains { $0.hasPrefix("tmp-") }
  }

  /// Whether a process holds the lock file at `path`, which must be there.
  static func isLocked(_ path: String) throws -> Bool {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw LabError("\(path) cannot be opened: errno \(errno)") }
    defer { close(file) }
    return flock(file, LOCK_SH | LOCK_NB) != 0
  }

  /// Lines of the metrics file: steps that were committed; 0 where there is none yet.
  public var steps: Int { metricLines.count }

  private var metricLines: [Substring] {
    let data = FileManager.default.contents(atPath: path + "/metrics.jsonl")
    return data.map { String(decoding: $0, as: UTF8.self).split(separator: "\n") } ?? []
  }

  /// Chunks that were started more than once are counted as often as they were started.
  public func attempts() throws -> (started: Int, distinct: Int) {
    let text = try String(contentsOfFile: path + "/logs/generation.attempts", encoding: .utf8)
    let lines = text.split(separator: "\n")
    return (lines.count, Set(lines).count)
  }

  public func summary() throws -> [String: Any] {
    try Self.object(try Data(contentsOf: URL(fileURLWithPath: path + "/summary.json")))
  }

  public func generatedTokens() throws -> Int {
    guard let tokens = try summary()["generated_tokens"] as? Int else {
      throw LabError("\(path)/summary.json has no generated_tokens")
    }
    return tokens
  }

  static func object(_ data: Data) throws -> [String: Any] {
    guard let fields = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw LabError("no JSON object: \(String(decoding: data.prefix(80), as: UTF8.self))")
    }
    return fields
  }

  // MARK: What it came to

  /// What every way to the end must agree on, bit for bit.
  ///
  /// - Parameter step: of the checkpoint that is read: the last.
  public func results(step: Int) throws -> Results {
    let digest = try PipelineCommand.run(["queue", "digest", path, "--json"])
    guard digest.status == 0 else { throw LabError("queue digest: \(digest.errors)") }
    let checkpoint = "\(path)/checkpoints/\(step)"
    var files: [String: String] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: checkpoint) {
      var isFolder: ObjCBool = false
      let file = "\(checkpoint)/\(name)"
      _ = unsafe FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
      guard !isFolder.boolValue else { continue }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      files[name] = hexadecimal(SHA256.hash([UInt8](bytes)))
    }
    return Results(
      digests: digest.output, files: files,
      metrics: try metricLines.map { try Self.fixed(Self.object(Data($0.utf8))) },
      summary: try Self.fixed(summary()))
  }

  /// Fields that hold times, rates, memory or how often something was repeated.
  private static let volatilePrefixes = [
    "seconds/", "tokens_per_second/", "memory/", "wall_seconds", "peak_memory", "generated_tokens",
    "stored_bytes",
  ]

  /// Fields as text, without the volatile ones.
  private static func fixed(_ fields: [String: Any]) throws -> [String: String] {
    try fields.filter { name, _ in !volatilePrefixes.contains { name.hasPrefix($0) } }
      .mapValues { value in
        let text = try JSONSerialization.data(
          withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
        return String(decoding: text, as: UTF8.self)
      }
  }
}
