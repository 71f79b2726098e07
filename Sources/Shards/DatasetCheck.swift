import Digest
public import Records

/// What `pipeline data check` finds in a dataset.
public struct DatasetCheck: Sendable, Equatable {
  /// Something wrong at one place; never holds the text of a row.
  public struct Finding: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      /// Missing, or other bytes than the manifest says, or not to be decoded.
      case shard
      /// A row that is not JSON or lacks a field.
      case schema
      case duplicateID = "duplicate_id"
      case emptyID = "empty_id"
      case emptyPrompt = "empty_prompt"
      case emptyGroundTruth = "empty_ground_truth"
      case emptyDemonstration = "empty_demonstration"
      /// The same question as an earlier row, under another id. Not counted as damage.
      case duplicatePrompt = "duplicate_prompt"
      /// Almost the words of an earlier row.
      case nearDuplicate = "near_duplicate"
      /// A ground truth to which the verifier can compare nothing.
      case unverifiable
      /// A demonstration that the verifier takes for wrong.
      case unacceptedDemonstration = "unaccepted_demonstration"
      case longPrompt = "long_prompt"
      case longDemonstration = "long_demonstration"

      /// Whether a dataset with such a finding should not be trained on.
      public var isError: Bool {
        switch self {
        case .shard, .schema, .duplicateID, .emptyID, .emptyPrompt: true
        case .emptyGroundTruth, .emptyDemonstration, .duplicatePrompt, .nearDuplicate,
          .unverifiable, .unacceptedDemonstration, .longPrompt, .longDemonstration:
          false
        }
      }
    }

    public var kind: Kind
    /// File and row, as the error names them.
    public var location: String
    public var problem: String
  }

  public var rows: Int
  public var shards: Int
  public var fingerprint: String
  /// How often each kind was found; kinds not found are absent.
  public var counts: [String: Int] = [:]
  /// The first findings of each kind.
  public var findings: [Finding] = []

  /// Whether nothing was found that forbids training.
  public var passes: Bool {
    Finding.Kind.allCases.allSatisfy { !$0.isError || counts[$0.rawValue] == nil }
  }

  /// Reads the whole dataset; a damaged shard is a finding and the others are still read.
  /// - Parameters:
  ///   - findingsPerKind: how many of each kind are listed; all are counted.
  ///   - examiners: who looks at each row, with the dataset at hand.
  /// - Throws: only for the manifest, and what examiners throw.
  public init(
    folder: String, findingsPerKind: Int = 20,
    examiners make: (Dataset) throws(ShardError) -> [any RowExaminer] = { _ in [RowExamination()] }
  ) throws(ShardError) {
    let dataset = try Dataset(folder: folder)
    rows = dataset.rows
    shards = dataset.manifest.shards.count
    fingerprint = dataset.fingerprint
    var examiners = try make(dataset)
    var first = 0
    for (number, shard) in dataset.manifest.shards.enumerated() {
      let range = first..<first + shard.rows
      first = range.upperBound
      do throws(ShardError) {
        try dataset.verifyShard(at: number)
      } catch {
        record(.shard, error.location, error.problem, limit: findingsPerKind)
        continue
      }
      for index in range {
        let location = "\(dataset.folder)/\(shard.file) row \(index - range.lowerBound)"
        do throws(ShardError) {
          let row = try dataset.row(index)
          for place in examiners.indices {
            for (kind, problem) in try examiners[place].examine(row, index) {
              record(kind, location, problem, limit: findingsPerKind)
            }
          }
        } catch {
          record(.schema, error.location, error.problem, limit: findingsPerKind)
        }
      }
    }
  }

  private mutating func record(
    _ kind: Finding.Kind, _ location: String, _ problem: String, limit: Int
  ) {
    let count = counts[kind.rawValue, default: 0] + 1
    counts[kind.rawValue] = count
    if count <= limit {
      findings.append(Finding(kind: kind, location: location, problem: problem))
    }
  }
}

/// Looks at the rows of a dataset, one after the other in stored order.
public protocol RowExaminer {
  /// What is wrong with a row, which earlier rows may have a part in; never with text of the row.
  mutating func examine(
    _ row: Prompt, _ index: Int
  ) throws(ShardError) -> [(kind: DatasetCheck.Finding.Kind, problem: String)]
}

/// What is wrong with a row by itself, and ids and prompts that occur again. They are known by the first
/// half of their SHA-256: a stray collision among 10^9 rows has a chance of 10^-20.
public struct RowExamination: RowExaminer {
  private struct Key: Hashable {
    var high: UInt64
    var low: UInt64

    init(_ text: String) {
      let digest = SHA256.hash(Array(text.utf8))
      let word = { (bytes: ArraySlice<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
      high = word(digest[0..<8])
      low = word(digest[8..<16])
    }
  }

  private var ids: [Key: Int] = [:]
  private var prompts: [Key: Int] = [:]

  public init() {}

  public mutating func examine(
    _ row: Prompt, _ index: Int
  ) -> [(kind: DatasetCheck.Finding.Kind, problem: String)] {
    var found: [(kind: DatasetCheck.Finding.Kind, problem: String)] = []
    if row.id.isEmpty { found.append((.emptyID, "its id is empty")) }
    if let other = ids.updateValue(index, forKey: Key(row.id)) {
      found.append((.duplicateID, "its id stands at row \(other) of the dataset too"))
    }
    let content = row.content.text
    if content.allSatisfy(\.isWhitespace) {
      found.append((.emptyPrompt, "its prompt is empty"))
    } else if let other = prompts.updateValue(index, forKey: Key(content)) {
      found.append((.duplicatePrompt, "its prompt stands at row \(other) of the dataset too"))
    }
    if row.groundTruth.allSatisfy(\.isWhitespace) {
      found.append((.emptyGroundTruth, "its ground truth is empty"))
    }
    if row.demonstrations.contains(where: { $0.allSatisfy(\.isWhitespace) }) {
      found.append((.emptyDemonstration, "a demonstration is empty"))
    }
    return found
  }
}

extension Prompt.Content {
  /// All text of a prompt; of messages each with its role before it.
  var text: String {
    switch self {
    case .text(let text): text
    case .messages(let messages):
      messages.map { "\($0.role)\n\($0.content)\n" }.joined()
    }
  }

  /// The text without roles: what lengths are counted of.
  public var body: String {
    switch self {
    case .text(let text): text
    case .messages(let messages): messages.map(\.content).joined(separator: "\n")
    }
  }
}
