import Digest
import Foundation
import Queue
import Records

/// What makes a run this run: kept with its queue, compared at every opening.
struct RunIdentity: Codable, Equatable {
  /// SHA-256 over the definition's identity keys.
  var definition: String
  /// Fingerprints of the datasets.
  var data: [String]
  /// Their files, by which a changed one is named; nil in runs of earlier versions.
  var files: [DataFileMark]?
  /// Digest of the initial weights.
  var model: String
  /// Of those that an adapter leaves frozen, where one is trained.
  var base: String?
  /// Digest of the KL anchor's weights where it is another model; of the critic's initial ones where
  /// the algorithm trains one.
  var anchor: String?
  var critic: String?
  /// SHA-256 of tokenizer.json.
  var tokenizer: String
  var productKernel: String

  private enum CodingKeys: String, CodingKey {
    case definition
    case data
    case files
    case model
    case base
    case anchor
    case critic
    case tokenizer
    case productKernel = "blas_core"
  }

  func encoded() throws -> String {
    String(decoding: try JSONLine.encode(self).dropLast(), as: UTF8.self)
  }

  init(
    definition: String, data: [String], files: [DataFileMark], model: String,
    base: String? = nil, anchor: String? = nil, critic: String? = nil, tokenizer: String,
    productKernel: String
  ) {
    self.definition = definition
    self.data = data
    self.files = files
    self.model = model
    self.base = base
    self.anchor = anchor
    self.critic = critic
    self.tokenizer = tokenizer
    self.productKernel = productKernel
  }

  /// - Parameter queue: the queue's folder in the run's directory.
  init(encoded: String, at queue: String) throws(StageError) {
    do {
      self = try JSONDecoder().decode(RunIdentity.self, from: Data(encoded.utf8))
    } catch {
      let run = queue[..<(queue.lastIndex(of: "/") ?? queue.endIndex)]
      throw StageError(
        .damaged, at: queue, "the queue's identity cannot be read",
        remedy: "Run `pipeline queue repair \(run)`, which makes it from pipeline.yaml.")
    }
  }

  /// Whether a queue's identity is what this program writes.
  static func isReadable(_ encoded: String) -> Bool {
    do { _ = try RunIdentity(encoded: encoded, at: "") } catch { return false }
    return true
  }

  /// Refuses to go on with other data, or, unless allowed, another product kernel.
  func check(
    _ stream: PromptStream, productKernel core: String, allowsOtherKernel: Bool, at path: String
  ) throws(StageError) {
    guard data == stream.fingerprints else {
      throw StageError(
        .changed, at: path, difference(to: stream),
        remedy: "Give back the dataset as it was (a moved one is named with "
          + "`--set data.prompts=DIR`), or go on from a step with the new one: "
          + "`pipeline at STEP fork \(path) --into DIR --set data.prompts=DIR`.")
    }
    guard productKernel == core || allowsOtherKernel else {
      throw StageError(
        .changed, at: path,
        "products run on the \(core) kernel here, and the run began with \(productKernel)",
        remedy: "Go on where that kernel is (`pipeline doctor` names a machine's), or pass "
          + "`--set compute.allow_other_kernel=true`; the bits then differ.")
    }
  }

  /// The first file that differs; without a memory of files the first dataset.
  private func difference(to stream: PromptStream) -> String {
    let (old, new) = (files ?? [], stream.files)
    for index in 0..<max(old.count, new.count) where files != nil {
      let was = old.indices.contains(index) ? old[index] : nil
      let now = new.indices.contains(index) ? new[index] : nil
      if was != now {
        return "the data has not the fingerprint that the run began with: "
          + "\(now.map(\.shown) ?? "nothing") stands where \(was.map(\.shown) ?? "nothing") was"
      }
    }
    let now = stream.fingerprints
    let changed = zip(data, now).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
    return "dataset \(changed) has the fingerprint "
      + "\((now.dropFirst(changed).first ?? "none").prefix(12))…, the run began with "
      + "\((data.dropFirst(changed).first ?? "none").prefix(12))…"
  }
}

extension DataFileMark {
  fileprivate var shown: String { "\(key) \(file) (\(rows) rows, SHA-256 \(sha256.prefix(12))…)" }
}

extension RunIdentity {
  /// The digests that the run logged for a policy version.
  func digests(version: UInt64, _ ledger: Ledger) throws -> PublishedPolicies.Digests {
    guard version > 0 else {
      return .init(
        policy: Self.bytes(ofHexadecimal: model), critic: Self.bytes(ofHexadecimal: critic ?? ""))
    }
    let floor = try ledger.floor
    if version == floor.step { return floor.digests }
    let update = try ledger.existing(UpdateRecord.self, .updates, version - 1)
    return .init(policy: update.weightsDigest, critic: update.criticDigest)
  }

  private static func bytes(ofHexadecimal text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var digits = Substring(text)
    while let pair = UInt8(digits.prefix(2), radix: 16) {
      bytes.append(pair)
      digits = digits.dropFirst(2)
    }
    return bytes
  }
}
