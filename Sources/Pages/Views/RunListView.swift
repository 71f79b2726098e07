import Foundation
import Inspector
import Stages

/// The first page: every run with what it has come to.
struct RunListView: Encodable {
  struct Line: Encodable {
    var key: String
    var name: String
    var path: String
    var state: String
    var algorithm: String?
    var model: String?
    var step: UInt64?
    var steps: UInt64?
    var updated: Double?
    var reward: Double?
    var accuracy: Double?
    var sftShare: Double?
    var lights: [Light] = []
    /// Why a run cannot be read; the others are shown all the same.
    var problem: String?
  }

  var folder: String
  var runs: [Line]
  var sources: Named<String>

  init(_ library: RunLibrary) throws {
    folder = library.folder
    runs = try library.keys().map { Self.line($0, library) }
    sources = Named([
      "step": "optimizer · its cursor",
      "reward": "loss assembler · batches/{step} · reward/mean",
      "accuracy": "loss assembler · batches/{step} · rollout/accuracy",
      "sft_share": "loss assembler · batches/{step} · gate/sft",
      "updated": "queue/data.mdb · the file's time",
    ])
  }

  private static func line(_ key: String, _ library: RunLibrary) -> Line {
    var line = Line(key: key, name: key, path: "", state: "unreadable")
    do {
      let run = try library.run(key)
      line.path = run.stored.directory.path
      line.updated = updated(run)
      guard run.stored.directory.exists else {
        line.state = "evaluation"
        return line
      }
      let settings = try run.settings()
      let status = try run.stored.status()
      let metrics = try run.metrics()
      line.name = status.definition
      line.state = status.state.rawValue
      line.algorithm = settings.algorithm.name
      line.model = try run.stored.modelName()
      line.step = status.step
      line.steps = status.steps
      line.reward = status.reward
      line.accuracy = status.rolloutAccuracy
      line.sftShare = status.sftShare
      line.lights = try Light.all(run, metrics, bound: settings.optimizer.mismatchBound ?? 0)
    } catch { line.problem = "\(error)" }
    return line
  }

  static func updated(_ run: LibraryRun) -> Double? {
    var status = stat()
    guard unsafe stat(run.stored.directory.queue + "/data.mdb", &status) == 0 else { return nil }
    return Double(status.st_mtim.tv_sec)
  }
}
