import Foundation
import Inspector
import Records
import Stages
import Synchronization

/// Stored runs and what pages show of them. Everything is read when it is asked for, in short
/// transactions, from runs that may be going on.
public final class RunLibrary: Sendable {
  /// Runs that stay open: each takes a map, a few descriptors and a slot among the queue's readers only
  /// while it is read.
  private static let openLimit = 16

  private enum Place: Sendable {
    /// All runs in a folder, the folder's own path resolved.
    case folder(String)
    /// Named runs, by key.
    case runs([(key: String, path: String)])
  }

  private let place: Place
  private let shelf = Mutex(Shelf())

  /// - Parameter folder: the folder with the runs, or a run.
  /// - Throws: `.notFound` where there is no such folder.
  public init(folder: String) throws(PagesError) {
    let path = Self.resolved(folder)
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw PagesError(
        .notFound, at: folder, "there is no such folder", remedy: "Name the folder with the runs.")
    }
    place =
      RunDirectory(path).exists || Self.holdsQueue(path)
      ? .runs([(key: Self.name(path), path: path)]) : .folder(path)
  }

  /// Some runs, each under the name of its folder; a name that stands twice gets a number.
  public init(runs: [String]) {
    var known: Set<String> = []
    var keyed: [(key: String, path: String)] = []
    for path in runs {
      let name = Self.name(Self.resolved(path))
      var key = name
      var number = 2
      while !known.insert(key).inserted {
        key = "\(name) (\(number))"
        number += 1
      }
      keyed.append((key, path))
    }
    place = .runs(keyed)
  }

  /// Where the runs are, as a person named it.
  var folder: String {
    switch place {
    case .folder(let path): path
    case .runs(let runs): runs.count == 1 ? runs[0].path : "\(runs.count) runs"
    }
  }

  /// Keys of all runs, in order.
  public func keys() throws -> [String] {
    switch place {
    case .runs(let runs): return runs.map(\.key)
    case .folder(let folder):
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        .filter { !$0.hasPrefix(".") && path(of: $0, in: folder) != nil }
    }
  }

  /// The run under `key`: a run's name, or `NAME/evaluations/STEP-SUITE`.
  ///
  /// - Throws: `.notFound`; what opening a run throws.
  func run(_ key: String) throws -> LibraryRun {
    let path: String?
    switch place {
    case .runs(let runs):
      path =
        runs.first { $0.key == key }?.path
        ?? runs.lazy.compactMap { run in
          key.hasPrefix(run.key + "/evaluations/")
            ? Self.inside(String(key.dropFirst(run.key.count + 1)), of: Self.resolved(run.path))
            : nil
        }.first
    case .folder(let folder): path = self.path(of: key, in: folder)
    }
    guard let path else {
      throw PagesError(
        .notFound, at: key.shortened, "there is no such run", remedy: "The first page lists them.")
    }
    return try opened(key, path)
  }

  /// A queue is opened once in a process: a run that somebody still looks at is the one that is there.
  private func opened(_ key: String, _ path: String) throws -> LibraryRun {
    try shelf.withLock { shelf in
      if let known = shelf.live[key]?.run, known.isCurrent {
        shelf.keep(known, most: Self.openLimit)
        return known
      }
      shelf.forget(key)
      let run = try LibraryRun(key: key, path: path)
      shelf.live[key] = Shelf.Weak(run: run)
      shelf.keep(run, most: Self.openLimit)
      return run
    }
  }

  /// Runs that are open: all of them by key, and the last few kept so.
  private struct Shelf {
    struct Weak {
      weak var run: LibraryRun?
    }

    var live: [String: Weak] = [:]
    private var kept: [LibraryRun] = []

    mutating func keep(_ run: LibraryRun, most: Int) {
      kept.removeAll { $0 === run }
      kept.append(run)
      if kept.count > most { kept.removeFirst() }
      live = live.filter { $0.value.run != nil }
    }

    mutating func forget(_ key: String) {
      kept.removeAll { $0.key == key }
      live[key] = nil
    }
  }

  // MARK: Places

  /// The path of a run that lies in `folder`, links followed; nil for anything else.
  private func path(of key: String, in folder: String) -> String? {
    guard let path = Self.inside(key, of: folder) else { return nil }
    return RunDirectory(path).exists || Self.holdsQueue(path) ? path : nil
  }

  private static func inside(_ name: String, of folder: String) -> String? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }), !name.contains("\0") else {
      return nil
    }
    let path = resolved("\(folder)/\(name)")
    return path.hasPrefix(folder == "/" ? folder : folder + "/") ? path : nil
  }

  private static func holdsQueue(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path + "/queue/data.mdb")
  }

  private static func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }

  private static func name(_ path: String) -> String {
    URL(fileURLWithPath: path).lastPathComponent
  }
}
