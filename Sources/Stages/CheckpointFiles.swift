import Digest
import Foundation
import Policy

/// The files of one checkpoint: a model directory, Adam's moments, `state.json`, the same for a critic
/// in its folder, and a manifest over all of them.
enum CheckpointFiles {
  static let manifest = "MANIFEST.json"
  static let state = "state.json"

  /// What a checkpoint holds beside the model directory.
  struct State: Codable, Equatable {
    var step: UInt64
    var adamUpdates: UInt64
    var weightsDigest: String
    /// Of the critic, where there is one.
    var criticUpdates: UInt64?
    var criticDigest: String?

    private enum CodingKeys: String, CodingKey {
      case step
      case adamUpdates = "adam_updates"
      case weightsDigest = "weights_digest"
      case criticUpdates = "critic_updates"
      case criticDigest = "critic_digest"
    }
  }

  struct ManifestEntry: Codable {
    var name: String
    var bytes: Int
    var sha256: String
  }

  /// A file that is not what its manifest says, and why.
  struct Flaw: Equatable {
    var path: String
    var problem: String
  }

  // MARK: Manifest

  static func entries(of folder: String) throws -> [ManifestEntry] {
    let critic = RunDirectory.critic(in: folder)
    let manager = FileManager.default
    let hasCritic = manager.fileExists(atPath: critic)
    let inside = hasCritic ? try manager.contentsOfDirectory(atPath: critic) : []
    let names = try manager.contentsOfDirectory(atPath: folder) + inside.map { "critic/\($0)" }
    return try names.sorted().filter { $0 != manifest && $0 != "critic" }
      .map { name in
        let bytes = try DurableFile.read("\(folder)/\(name)")
        return ManifestEntry(
          name: name, bytes: bytes.count, sha256: hexadecimal(SHA256.hash(bytes)))
      }
  }

  /// The entries of the manifest whose SHA-256 is `digest`, or what is wrong with it.
  static func entries(
    of folder: String, manifest digest: [UInt8]
  ) -> Result<[ManifestEntry], FlawError> {
    let path = "\(folder)/\(manifest)"
    func flaw(_ problem: String) -> Result<[ManifestEntry], FlawError> {
      .failure(FlawError(flaw: Flaw(path: path, problem: problem)))
    }
    guard let bytes = FileManager.default.contents(atPath: path) else {
      return flaw("it is not there or not readable")
    }
    guard SHA256.hash([UInt8](bytes)) == digest else {
      return flaw("it is not the manifest that the queue names")
    }
    do {
      return .success(try JSONDecoder().decode([ManifestEntry].self, from: bytes))
    } catch { return flaw("it cannot be read") }
  }

  /// Every file that differs from the manifest with the digest `digest`; empty: the folder is whole.
  ///
  /// - Parameter matters: the names of the files to look at.
  static func flaws(
    of folder: String, manifest digest: [UInt8], where matters: (String) -> Bool = { _ in true }
  ) -> [Flaw] {
    switch entries(of: folder, manifest: digest) {
    case .failure(let error): return [error.flaw]
    case .success(let entries):
      return entries.filter { matters($0.name) }.compactMap { entry in
        let path = "\(folder)/\(entry.name)"
        guard let bytes = FileManager.default.contents(atPath: path) else {
          return Flaw(path: path, problem: "it is not there or not readable")
        }
        guard bytes.count == entry.bytes else {
          return Flaw(
            path: path, problem: "it has \(bytes.count) bytes, the manifest says \(entry.bytes)")
        }
        guard hexadecimal(SHA256.hash([UInt8](bytes))) == entry.sha256 else {
          return Flaw(
            path: path, problem: "its \(bytes.count) bytes are not those the manifest names")
        }
        return nil
      }
    }
  }

  struct FlawError: Error { let flaw: Flaw }

  /// nil where it cannot be read.
  static func readState(of folder: String) -> State? {
    guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(state)") else { return nil }
    do { return try JSONDecoder().decode(State.self, from: bytes) } catch { return nil }
  }

  // MARK: Adam's moments

  /// A safetensors file of their own: `first.NAME` and `second.NAME`.
  private static func momentTensors(_ configuration: ModelConfiguration) -> [TensorShape] {
    ["first", "second"].flatMap { moment in
      configuration.parameters.map {
        TensorShape(name: "\(moment).\($0.name)", shape: $0.shape)
      }
    }
  }

  static func write(
    _ moments: AdamWState, of configuration: ModelConfiguration, to folder: String
  ) throws {
    try SafetensorsWriter.write(
      momentTensors(configuration), values: moments.first + moments.second,
      to: folder + "/optimizer.safetensors")
  }

  /// - Throws: a ``FlawError`` for a tensor that is missing.
  static func moments(
    in folder: String, of configuration: ModelConfiguration
  ) throws -> (first: [Float], second: [Float]) {
    let path = folder + "/optimizer.safetensors"
    let file = try SafetensorsFile(path: path)
    var values: [Float] = []
    values.reserveCapacity(2 * configuration.parameterCount)
    for wanted in momentTensors(configuration) {
      guard let tensor = file.tensor(named: wanted.name), tensor.shape == wanted.shape else {
        throw FlawError(
          flaw: Flaw(path: path, problem: "\(wanted.name) is missing or has another shape"))
      }
      values += try file.floats(of: tensor)
    }
    let count = configuration.parameterCount
    return (Array(values[..<count]), Array(values[count...]))
  }
}
