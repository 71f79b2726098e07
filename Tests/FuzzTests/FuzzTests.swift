import Definition
import Foundation
import Queue
import Records
import Shards
import Stages
import Testing

/// Every reader of foreign bytes: accepted or refused, never a trap, a hang or another error.
@Suite struct FuzzTests {
  @Test func definitions() throws {
    let folder = Self.root + "/pipelines"
    let corpus = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0.hasSuffix(".yaml") }.prefix(6)
      .map { name in Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))) }
    let schema = RunKeys.schema
    let words = [
      "&a ", "*a", "<<: ", "!!int ", "? ", "- ", "|\n", ">\n", "\n  ", "%YAML 1.1\n", "---\n",
    ]
    Fuzzing.expectSound(
      FuzzTarget(
        name: "definition", corpus: Array(corpus), words: words + schema.keys.map { "\($0.path): " }
      ) { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        let definition = try schema.resolve(text: text, name: folder + "/x.yaml")
        let again = try schema.resolve(text: definition.yaml(), name: folder + "/x.yaml")
        guard again == definition else { throw BrokenPromise(what: "another definition") }
      })
  }

  @Test func manifests() throws {
    let path = Self.root + "/shards/ladder-test/manifest.json"
    let corpus = [Array(try Data(contentsOf: URL(fileURLWithPath: path)))]
    let words = ["\"file\":", "\"rows\":", "\"bytes\":", "\"sha256\":", "../", "/etc/passwd", ","]
    Fuzzing.expectSound(
      FuzzTarget(name: "manifest", corpus: corpus, words: words) { bytes in
        let manifest = try DatasetManifest(json: bytes, location: "manifest.json")
        let isInside = manifest.shards.allSatisfy {
          // Two points in the middle of a name lead nowhere.
          !$0.file.contains("/") && !$0.file.hasPrefix(".") && $0.rows >= 0 && $0.bytes > 0
        }
        guard isInside, manifest.rows >= 0 else { throw BrokenPromise(what: "a shard elsewhere") }
      })
  }

  @Test func rows() {
    let corpus = [
      #"{"id":"a","prompt":"1 + 1 = ?","ground_truth":"2","demonstrations":["2"],"source":"s","tags":{"k":"v"}}"#,
      #"{"id":"b","messages":[{"role":"user","content":"\ud83e\uddee\n"}],"chosen":"x","rejected":["y"]}"#,
    ].map { Array($0.utf8) }
    let words = [
      "\"id\":", "\"prompt\":", "\"messages\":", "\"tags\":", "\"demonstrations\":", ",",
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "row", corpus: corpus, words: words) { bytes in
        _ = try Prompt(line: bytes, location: "row")
      })
  }

  /// Each kind of record, behind the byte that tells which.
  @Test func records() {
    let kinds = SampleRecords.all
    let corpus = kinds.enumerated().map { [UInt8($0)] + Self.flattened($1.payload()) }
    Fuzzing.expectSound(
      FuzzTarget(name: "record", corpus: corpus, words: ["\u{1}\u{2}", "~~~~~~~~"]) { bytes in
        guard let first = bytes.first, bytes.count > 2 else { return }
        try kinds[Int(first) % kinds.count].reread(Array(bytes.dropFirst()))
      })
  }

  /// Rollout records as version 2 wrote them: a prompt, one rollout with log-probabilities and a
  /// quantity.
  @Test func recordsOfVersion2() {
    let digest = [UInt8](repeating: 0, count: 9)
    let prompt: [UInt8] = [1, 5, 0, 0, 0]
    let tokens: [UInt8] = [2, 7, 8, 0, 1, 0, 0, 0, 0]
    let floats: [UInt8] = [2, 0, 0, 0, 0, 0x80, 0xC0, 0xBF, 0xBF]
    let rollout = tokens + [1, 0, 1, 2] + floats + [0, 1, 1, UInt8(ascii: "e")] + floats
    let corpus = [digest + prompt + [0, 0, 1] + rollout + [0]]
    let volatile = [UInt8](repeating: 0, count: 8)
    func read(_ stable: [UInt8]) throws -> RolloutRecord {
      try RolloutRecord(payload: RecordPayload(stable: stable, volatile: volatile), version: 2)
    }
    #expect(throws: Never.self) { try read(corpus[0]) }
    Fuzzing.expectSound(
      FuzzTarget(name: "record-2", corpus: corpus, words: ["\u{1}\u{2}", "~~~~~~~~"]) { bytes in
        let record = try read(bytes)
        // What was read is the same record in today's bytes.
        guard try RolloutRecord(payload: record.payload()).payload() == record.payload() else {
          throw BrokenPromise(what: "other bytes")
        }
      })
  }

  /// The envelope as stored, and frames that a sound envelope vouches for.
  @Test func envelopes() {
    let codec = FrameCodec()
    let key = RecordKey(7)
    let record = SampleRecords.all[1].payload()
    let whole = record.stable + record.volatile
    let sealed = Envelope(
      kind: 2, recordVersion: RolloutRecord.version, dictionary: 0, rawLength: whole.count,
      stableLength: record.stable.count
    ).sealed(codec.compress(whole, with: nil), log: .rollouts, key: key)
    Fuzzing.expectSound(
      FuzzTarget(name: "envelope", corpus: [sealed], words: ["TMPR"]) { bytes in
        let (envelope, frame) = try Envelope.open(bytes, log: .rollouts, key: key)
        _ = try codec.decompress(frame, length: envelope.rawLength, with: nil, place: "x")
      })
    // The checksum refuses nearly everything; so here it is made to fit. Two bytes say how long the
    // record is to be.
    let frame =
      [UInt8(whole.count & 255), UInt8(whole.count >> 8)]
      + codec.compress(whole, with: nil)
    Fuzzing.expectSound(
      FuzzTarget(name: "frame", corpus: [frame], words: ["(\u{B5}/\u{FD}"]) { bytes in
        guard bytes.count > 2 else { return }
        let length = Int(bytes[0]) | Int(bytes[1]) << 8
        let envelope = Envelope(
          kind: 2, recordVersion: RolloutRecord.version, dictionary: 0, rawLength: length,
          stableLength: max(0, length - 8))
        let stored = envelope.sealed(Array(bytes.dropFirst(2)), log: .rollouts, key: key)
        let (opened, frame) = try Envelope.open(stored, log: .rollouts, key: key)
        let raw = try codec.decompress(frame, length: opened.rawLength, with: nil, place: "x")
        _ = try RolloutRecord(
          payload: RecordPayload(
            stable: Array(raw[..<opened.stableLength]), volatile: Array(raw[opened.stableLength...])
          ))
      })
  }
}

extension FuzzTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Stable and volatile part in one input: the first byte halves it.
  private static func flattened(_ payload: RecordPayload) -> [UInt8] {
    [UInt8(min(255, payload.volatile.count))] + payload.stable + payload.volatile
  }
}

extension StoredRecord {
  /// Reads `bytes` as a record of this kind; the first byte says how many at the end are volatile.
  fileprivate func reread(_ bytes: [UInt8]) throws {
    let volatile = min(Int(bytes[0]), bytes.count - 1)
    let payload = RecordPayload(
      stable: Array(bytes[1..<bytes.count - volatile]), volatile: Array(bytes.suffix(volatile)))
    let again = try Self(payload: payload).payload()
    // What was read once is written in one way only.
    guard try Self(payload: again).payload() == again else {
      throw BrokenPromise(what: "other bytes")
    }
  }
}
