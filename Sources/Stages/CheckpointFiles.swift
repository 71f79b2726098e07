import Digest
import Foundation
import Policy

/// The files of one checkpoint: a model directory, Adam's moments, `state.json`, the same for a critic
/// in its folder, and a manifest over all of them.
enum CheckpointFiles {
  static let manifest = "MANIFEST.json"
  static let state = "state.json"
  /// Most bytes of each of the two; some hundred are usual.
  private static let longest = 1 << 20

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
        let (bytes, sha256) = try DurableFile.digest(of: "\(folder)/\(name)")
        return ManifestEntry(name: name, bytes: bytes, sha256: sha256)
      }
  }

  /// The entries of the manifest whose SHA-256 is `digest`, or what is wrong with it.
  static func entries(
    of folder: String, manifest digest: [UInt8]
  ) -> Result<[ManifestEntry], FlawError> {
    Result { () throws(FlawError) in
      let bytes = try contents(of: manifest, in: folder)
      guard SHA256.hash(bytes) == digest else {
        throw FlawError("\(folder)/\(manifest)", "it is not the manifest that the queue names")
      }
      return try decode([ManifestEntry].self, bytes, "\(folder)/\(manifest)")
    }
  }

  /// All bytes of the manifest or `state.json`, whatever they say.
  static func contents(of name: String, in folder: String) throws(FlawError) -> [UInt8] {
    let path = "\(folder)/\(name)"
    do { return try DurableFile.read(path, limit: longest) } catch {
      throw FlawError(path, error.problem)
    }
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], _ path: String
  ) throws(FlawError) -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw FlawError(path, "it does not hold what it must")
    }
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
      return entries.filter { matters($0.name) }.compactMap { entry -> Flaw? in
        do throws(FlawError) {
          try compare(folder, entry)
          return nil
        } catch { return error.flaw }
      }
    }
  }

  private static func compare(_ folder: String, _ entry: ManifestEntry) throws(FlawError) {
    let path = "\(folder)/\(entry.name)"
    // Of a longer file the length alone is told, and no byte is read.
    let (bytes, sha256): (Int, String)
    do { (bytes, sha256) = try DurableFile.digest(of: path, limit: entry.bytes) } catch {
      throw FlawError(path, error.problem)
    }
    guard bytes == entry.bytes else {
      throw FlawError(path, "it has \(bytes) bytes, the manifest says \(entry.bytes)")
    }
    guard sha256 == entry.sha256 else {
      throw FlawError(path, "its \(bytes) bytes are not those the manifest names")
    }
  }

  struct FlawError: Error {
    let flaw: Flaw

    init(_ path: String, _ problem: String) { flaw = Flaw(path: path, problem: problem) }
  }

  static func readState(of folder: String) throws(FlawError) -> State {
    try decode(State.self, try contents(of: state, in: folder), "\(folder)/\(state)")
  }

  /// nil where it cannot be read.
  static func readableState(of folder: String) -> State? {
    do { return try readState(of: folder) } catch { return nil }
  }

  // MARK: Adam's moments

  /// A safetensors file of their own: `first.NAME` and `second.NAME`, in the order in which the
  /// moments of a model stand one after the other.
  private static func momentTensors(_ tensors: [TensorShape])
    -> [(moment: AdamWState.Moment, start: Int, tensor: TensorShape)]
  {
    AdamWState.Moment.allCases.flatMap { moment in
      var start = 0
      return tensors.map { tensor in
        defer { start += tensor.count }
        let name = "\(moment.rawValue).\(tensor.name)"
        return (moment, start, TensorShape(name: name, shape: tensor.shape))
      }
    }
  }

  /// Memory: small pieces.
  /// - Parameter trained: the tensors that the moments belong to, in their order.
  static func write(
    _ moments: AdamWState, of trained: [TensorShape], to folder: String
  ) throws {
    let tensors = momentTensors(trained)
    try SafetensorsWriter.write(
      tensors.map(\.tensor), storage: .f32, to: folder + "/optimizer.safetensors"
    ) { index, range in
      let (moment, start, _) = tensors[index]
      return moments.values(moment, start + range.lowerBound..<start + range.upperBound)
    }
  }

  /// Reads the moments of a checkpoint into `moments`. Memory: small pieces.
  /// - Throws: a ``FlawError`` for a tensor that is missing.
  static func read(
    _ moments: AdamWState, of trained: [TensorShape], in folder: String
  ) throws {
    let path = folder + "/optimizer.safetensors"
    let file = try SafetensorsFile(path: path)
    let piece = 1 << 20
    for (moment, start, wanted) in momentTensors(trained) {
      guard let tensor = file.tensor(named: wanted.name), tensor.shape == wanted.shape else {
        throw FlawError(path, "\(wanted.name) is missing or has another shape")
      }
      for from in stride(from: 0, to: tensor.count, by: piece) {
        let elements = from..<min(from + piece, tensor.count)
        var values = [Float](repeating: 0, count: elements.count)
        try file.read(tensor, elements: elements, into: &values, at: 0)
        moments.write(values, moment, at: start + from)
      }
    }
  }
}
