import Definition
import Digest
import Foundation
import Policy

extension RunIdentity {
  /// What the head of `pipeline.yaml` says of data, model, tokenizer and kernel, with the digest of the
  /// definition in it: what the run's identity was made of.
  /// - Throws: `.damaged` when a part is not there.
  static func frozen(in directory: RunDirectory) throws -> String {
    let text = String(decoding: try DurableFile.read(directory.definition), as: UTF8.self)
    var found: [String: String] = [:]
    for line in text.split(separator: "\n").prefix(while: { $0.hasPrefix("#") }) {
      let parts = line.dropFirst(2).split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        found[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    let definition = try FrozenDefinition.read(of: directory)
    var data: [String] = []
    while let fingerprint = found["dataset \(data.count)"] { data.append(fingerprint) }
    guard let model = found["model"], let tokenizer = found["tokenizer"],
      let kernel = found["BLAS kernel"], !data.isEmpty
    else {
      throw StageError(
        .damaged, at: directory.definition, "does not say what the run was made of",
        remedy: "Restore the queue from a backup.")
    }
    let settings = try RunSettings(definition)
    let stream = try PromptStream(settings.reader, seed: settings.seed)
    let critic = CheckpointFiles.readableState(of: directory.checkpoint(0))?.criticDigest
    let anchor = try settings.model.anchor.map { path in
      hexadecimal(try StoredModel(opening: path).weightsDigest())
    }
    return try RunIdentity(
      definition: hexadecimal(SHA256.hash(Array(definition.identityText.utf8))), data: data,
      files: stream.files, model: model, base: found["base"], anchor: anchor, critic: critic,
      tokenizer: tokenizer,
      productKernel: kernel
    ).encoded()
  }
}
