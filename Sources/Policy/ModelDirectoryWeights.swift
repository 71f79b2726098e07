import Foundation
import Records

/// The tensors of a model directory, in one file or in shards with an index.
struct ModelDirectoryWeights {
  /// A tensor that weights are stored in.
  typealias Held = (file: SafetensorsFile, tensor: SafetensorsTensor, storage: WeightStorage)

  private let directory: String
  /// Each tensor by name, with the file that holds it.
  private let tensors: [String: (file: SafetensorsFile, tensor: SafetensorsTensor)]
  static let indexName = "model.safetensors.index.json"

  /// Whether a directory has files of weights.
  static func stand(at directory: String) -> Bool {
    ["model.safetensors", indexName].contains {
      FileManager.default.fileExists(atPath: directory + "/" + $0)
    }
  }

  /// Opens the files and checks all headers, and the index against them; reads no data.
  init(directory: String) throws(ModelDirectoryError) {
    self.directory = directory
    let single = directory + "/model.safetensors"
    let index = directory + "/" + Self.indexName
    if FileManager.default.fileExists(atPath: single) {
      let file = try SafetensorsFile(path: single)
      var tensors: [String: (file: SafetensorsFile, tensor: SafetensorsTensor)] = [:]
      for tensor in file.tensors { tensors[tensor.name] = (file, tensor) }
      self.tensors = tensors
    } else if FileManager.default.fileExists(atPath: index) {
      tensors = try Self.sharded(directory: directory, index: index)
    } else {
      throw .file(
        directory, "has neither model.safetensors nor \(Self.indexName)",
        remedy: "Fetch the weights, or convert them to safetensors.")
    }
  }

  /// The tensors that an index names; index and shards must say the same of every tensor.
  private static func sharded(
    directory: String, index: String
  ) throws(ModelDirectoryError) -> [String: (file: SafetensorsFile, tensor: SafetensorsTensor)] {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: try ModelDirectoryFile.contents(of: index), location: index)
    } catch let error as JSONError {
      throw .malformed(index, error.problem)
    } catch let error as ModelDirectoryError {
      throw error
    } catch {
      throw .malformed(index, "\(error)")
    }
    guard let map = json["weight_map"]?.object else {
      throw .malformed(index, "weight_map is not an object")
    }
    var fileNames: [String: String] = [:]
    for member in map {
      // A longer name is no file's anywhere, and would fill the error that says so.
      guard let name = member.value.string, name.hasSuffix(".safetensors"), !name.contains("/"),
        !name.contains("\\"), !name.contains(".."), name.utf8.count <= 255
      else {
        throw .malformed(index, "\(member.name) is mapped to something else than a file beside it")
      }
      fileNames[member.name] = name
    }
    var tensors: [String: (file: SafetensorsFile, tensor: SafetensorsTensor)] = [:]
    var total = 0
    for name in Set(fileNames.values).sorted() {
      let shard = try SafetensorsFile(path: directory + "/" + name)
      for tensor in shard.tensors {
        guard fileNames[tensor.name] == name else {
          let place = fileNames[tensor.name] ?? "no file"
          throw .inconsistent(
            index, "\(tensor.name) stands in \(name), the index maps it to \(place)")
        }
        tensors[tensor.name] = (shard, tensor)
        total += tensor.range.count
      }
    }
    for member in map where tensors[member.name] == nil {
      throw .inconsistent(
        index, "\(member.name) does not stand in \(fileNames[member.name] ?? ""), its file")
    }
    if let stated = json["metadata"]?.present("total_size"), stated.integer != total {
      throw .inconsistent(
        index, "total_size is not \(total), the bytes of all tensors in the shards")
    }
    return tensors
  }

  /// The files' tensors in the order of `wanted`; a missing, unexpected or misshapen one is named.
  func check(
    against wanted: [TensorShape], tied: Bool
  ) throws(ModelDirectoryError) -> [Held] {
    var held: [Held] = []
    var missing: [String] = []
    for expected in wanted {
      guard let (file, tensor) = tensors[expected.name] else {
        missing.append(expected.name)
        continue
      }
      guard tensor.shape == expected.shape else {
        throw .inconsistent(
          file.path, "\(tensor.name) is \(tensor.shape), config.json says \(expected.shape)")
      }
      guard let storage = WeightStorage(rawValue: tensor.dataType.rawValue) else {
        throw .unsupported(
          file.path, field: tensor.name,
          "is stored as \(tensor.dataType.rawValue), not F32, F16 or BF16")
      }
      held.append((file, tensor, storage))
    }
    guard missing.isEmpty else {
      throw .inconsistent(directory, Self.list(missing, "missing"))
    }
    var known = Set(wanted.map(\.name))
    if tied { known.insert("lm_head.weight") }
    let unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
    guard unexpected.isEmpty else {
      throw .inconsistent(directory, Self.list(unexpected, "not part of such a model"))
    }
    return held
  }

  private static func list(_ names: [String], _ what: String) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3
      ? "\(shown) and \(names.count - 3) more tensors are \(what)"
      : "\(shown): \(what)"
  }

  /// A tied model's own `lm_head.weight` must hold the embedding's values, in pieces of a megabyte.
  func checkTiedHead() throws(ModelDirectoryError) {
    guard let (headFile, head) = tensors["lm_head.weight"],
      let (file, embedding) = tensors["model.embed_tokens.weight"]
    else { return }
    guard head.shape == embedding.shape else {
      throw .inconsistent(
        headFile.path,
        "lm_head.weight is \(head.shape), the embedding it is tied to \(embedding.shape)")
    }
    let piece = 1 << 18
    for from in stride(from: 0, to: head.count, by: piece) {
      let elements = from..<min(from + piece, head.count)
      var left = [Float](repeating: 0, count: elements.count)
      var right = left
      try headFile.read(head, elements: elements, into: &left, at: 0)
      try file.read(embedding, elements: elements, into: &right, at: 0)
      guard left.elementsEqual(right, by: { $0.bitPattern == $1.bitPattern }) else {
        throw .inconsistent(
          headFile.path, "lm_head.weight differs from the embedding that config.json ties it to")
      }
    }
  }
}
