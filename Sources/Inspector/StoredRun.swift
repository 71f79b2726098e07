import Definition
import Foundation
public import Queue
public import Records
public import Stages
import Synchronization
public import Tokenizer

/// A run, or an evaluation, opened for reading only: running, crashed, finished, or on a
/// disk that cannot be written. Transactions are short, so that a running stage is never held up.
public final class StoredRun: Sendable {
  /// The place that was named.
  public let directory: RunDirectory
  /// The run itself; for an evaluation the run whose weights it measures.
  public let home: RunDirectory
  public let queue: Queue
  /// What `list` and `serve` choose groups by.
  public let index: GroupIndex
  private let loadedTokenizer = Mutex<Tokenizer?>(nil)

  /// Something a person should know about how the queue was opened.
  public var notice: String? { queue.notice }
  public var isEvaluation: Bool { home != directory }

  /// - Parameter path: a run directory, `RUN/evaluations/STEP-SUITE`, or what `pipeline eval` made.
  /// - Throws: `.noRun` when there is no queue at this place; what opening the queue throws.
  public init(opening path: String) throws {
    directory = RunDirectory(path)
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory.path) else {
      throw Self.noRun(path, "there is no such directory")
    }
    guard manager.fileExists(atPath: directory.queue) else {
      throw Self.noRun(path, "it is not a run: it holds no queue")
    }
    home = directory.exists ? directory : Self.parent(of: directory)
    queue = try Self.openQueue(directory)
    index = GroupIndex(queue, folder: directory.index)
  }

  /// A run has its name only once its queue is whole, so an unfinished one is damage there.
  private static func openQueue(_ directory: RunDirectory) throws -> Queue {
    do {
      return try Queue.open(at: directory.queue, access: .inspection)
    } catch let error as QueueError where error.code == .unfinished && directory.exists {
      throw StageError(
        .damaged, at: directory.queue + "/data.mdb", "the run was whole and its queue is empty",
        remedy: "Restore the run from a backup; the checkpoints may still be good.")
    }
  }

  /// The run's name and number of steps, from its frozen definition.
  public func plan() throws -> (name: String, steps: UInt64) {
    let definition = try FrozenDefinition.read(of: home)
    return (definition.name, UInt64(definition.integer("steps")))
  }

  /// The tokenizer of the run's initial checkpoint, which all of its records were made with; an
  /// evaluation outside of any run has its own.
  public func tokenizer() throws -> Tokenizer {
    try loadedTokenizer.withLock { known in
      if let known { return known }
      let isAlone = FileManager.default.fileExists(atPath: directory.tokenizer)
      let tokenizer = try Tokenizer(
        file: isAlone ? directory.tokenizer : home.checkpoint(0) + "/tokenizer.json")
      known = tokenizer
      return tokenizer
    }
  }

  /// The groups that are kept: the first one, and the one behind the last.
  public func groups() throws -> (first: GroupID, end: GroupID) {
    try queue.read { transaction in
      let first = try RunBase(transaction).group
      return (first, max(first, try transaction.head(.prompts)))
    }
  }

  /// A group as a list shows it.
  public func summary(of group: GroupID) throws -> GroupSummary {
    GroupSummary(try records(of: group))
  }

  /// Whether a process holds one of the run's stages.
  public func isRunning() throws -> Bool {
    try !StageHolders(folder: directory.path + "/locks").pids.isEmpty
  }

  /// The model that the run starts from, as its definition names it.
  public func modelName() throws -> String {
    let definition = try FrozenDefinition.read(of: home)
    let keys = ["model.path", "model.pretrain"]
    return keys.compactMap { definition.textIfSet($0) }.first ?? "random weights"
  }

  /// The run around `RUN/evaluations/STEP-SUITE`; the directory itself where there is none.
  private static func parent(of directory: RunDirectory) -> RunDirectory {
    let place = URL(fileURLWithPath: directory.path).standardizedFileURL
    let run = RunDirectory(place.deletingLastPathComponent().deletingLastPathComponent().path)
    let isInside = place.deletingLastPathComponent().lastPathComponent == "evaluations"
    return isInside && run.exists ? run : directory
  }

  private static func noRun(_ path: String, _ problem: String) -> InspectorError {
    InspectorError(
      .noRun, at: path, problem, remedy: "Name the directory that `pipeline run` printed.")
  }
}
