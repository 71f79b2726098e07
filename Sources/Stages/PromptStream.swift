public import Records
import Shards

/// The endless sequence of prompts that a run reads: datasets in fixed shares, each in its own
/// seeded order, any place found in O(1).
public struct PromptStream: Sendable {
  /// What stands at a place of the stream.
  public struct Pick: Sendable {
    public var dataset: UInt32
    public var epoch: UInt64
    public var position: UInt64
    public var prompt: Prompt
  }

  private let sources: [any PromptSource]
  private let mixture: Mixture
  private let seed: UInt64
  /// The files of all datasets, by which a changed one is named.
  let files: [DataFileMark]
  /// Whether rows have messages in place of a text.
  let holdsMessages: Bool

  /// Opens what the definition names: prompts (with joined demonstrations), and plain SFT data.
  /// - Throws: `ShardError` for a missing or damaged dataset, `StageError` for an empty one.
  public init(_ settings: ReaderSettings, seed: UInt64) throws {
    let prompts = try Dataset(folder: settings.prompts)
    var sources: [any PromptSource] = [prompts]
    var files = prompts.marks("data.prompts")
    var holdsMessages = prompts.holdsMessages
    if let joined = settings.demonstrations {
      let demonstrations = try Dataset(folder: joined)
      files += demonstrations.marks("data.demonstrations")
      sources = [try JoinedDemonstrations(prompts: prompts, demonstrations: demonstrations)]
    }
    var shares = [1 - settings.supervisedShare]
    if let supervised = settings.supervised, settings.supervisedShare > 0 {
      let rows = try Dataset(folder: supervised)
      files += rows.marks("data.supervised")
      holdsMessages = holdsMessages || rows.holdsMessages
      sources.append(rows)
      shares.append(settings.supervisedShare)
    }
    for source in sources where source.rows == 0 {
      throw StageError(
        .badData, at: settings.prompts, "the dataset has no rows",
        remedy: "Name a dataset with prompts.")
    }
    self.sources = sources
    self.files = files
    self.holdsMessages = holdsMessages
    self.seed = seed
    mixture = try Mixture(weights: Mixture.weights(shares: shares), seed: seed)
  }

  /// What a run remembers of its data, one entry per dataset.
  public var fingerprints: [String] { sources.map(\.fingerprint) }

  /// Rows of the first dataset: an epoch of prompts.
  public var promptRows: Int { sources[0].rows }

  func prompt(at place: UInt64) throws -> Pick {
    let pick = mixture[place]
    let source = sources[pick.dataset]
    let position = DatasetPosition(ordinal: pick.ordinal, rows: source.rows)
    return Pick(
      dataset: UInt32(pick.dataset), epoch: position.epoch, position: position.position,
      prompt: try source.row(at: position, seed: seed))
  }
}

/// A file of a dataset as a run remembers it.
struct DataFileMark: Codable, Sendable, Equatable {
  /// The key of the definition that names the dataset.
  var key: String
  var file: String
  var rows: Int
  var sha256: String
}

extension Dataset {
  fileprivate var holdsMessages: Bool { manifest.fields.contains("messages") }

  fileprivate func marks(_ key: String) -> [DataFileMark] {
    manifest.shards.map {
      DataFileMark(key: key, file: $0.file, rows: $0.rows, sha256: $0.sha256)
    }
  }
}
