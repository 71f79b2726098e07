import Foundation
import Records

/// A PEFT directory that is open: `adapter_config.json` is read, the header of
/// `adapter_model.safetensors` is checked, values are read as they are asked for.
public struct StoredAdapter {
  static let weightsName = "adapter_model.safetensors"

  public let path: String
  public let settings: AdapterSettings
  public let base: Adapter.Base
  private let file: SafetensorsFile

  /// Whether a directory holds an adapter.
  public static func stands(at path: String) -> Bool {
    FileManager.default.fileExists(atPath: path + "/" + AdapterConfiguration.fileName)
  }

  /// Opens the directory; reads no weights.
  /// - Throws: `ModelDirectoryError`, which names the file and the field that is not understood.
  public init(opening path: String) throws(ModelDirectoryError) {
    self.path = path
    guard Self.stands(at: path) else {
      throw .file(
        path, "has no \(AdapterConfiguration.fileName)",
        remedy: "Name a directory that PEFT or a run with an adapter wrote.")
    }
    let place = path + "/" + AdapterConfiguration.fileName
    (settings, base) = try AdapterConfiguration.read(
      try ModelDirectoryFile.contents(of: place), location: place)
    guard FileManager.default.fileExists(atPath: path + "/" + Self.weightsName) else {
      throw .file(
        path, "has no \(Self.weightsName)",
        remedy: "Save the adapter with safe_serialization=True.")
    }
    file = try SafetensorsFile(path: path + "/" + Self.weightsName)
  }

  public struct StoredTensor: Sendable, Equatable {
    public var name: String
    public var shape: [Int]
    public var dataType: SafetensorsDataType
    public var bytes: Int
  }

  /// As they stand in the file, in the order of their data.
  public var tensors: [StoredTensor] {
    file.tensors.map {
      StoredTensor(name: $0.name, shape: $0.shape, dataType: $0.dataType, bytes: $0.range.count)
    }
  }

  /// The adapter of `model`, its values widened to f32.
  /// - Throws: `ModelDirectoryError` for a tensor that is missing, unexpected or of another shape than
  ///   settings and model say.
  public func adapter(of model: ModelConfiguration) throws(ModelDirectoryError) -> Adapter {
    let wanted = settings.tensors(of: model)
    let known = Set(wanted.map(\.name))
    if let other = file.tensors.first(where: { !known.contains($0.name) }) {
      throw .inconsistent(
        file.path, "\(other.name) belongs to none of the targets of \(model.layerCount) layers")
    }
    // By name once: an adapter of a deep model has hundreds.
    let held = Dictionary(file.tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var places: [SafetensorsTensor] = []
    for tensor in wanted {
      guard let found = held[tensor.name] else {
        throw .inconsistent(file.path, "\(tensor.name) is missing")
      }
      guard found.shape == tensor.shape else {
        throw .inconsistent(
          file.path,
          "\(tensor.name) is \(found.shape); its rank and the model say \(tensor.shape)")
      }
      places.append(found)
    }
    var values = [Float](repeating: 0, count: wanted.reduce(0) { $0 + $1.count })
    var start = 0
    for place in places {
      try file.read(place, elements: 0..<place.count, into: &values, at: start)
      start += place.count
    }
    return Adapter(settings: settings, base: base, values: values)
  }
}

extension Adapter {
  /// Writes `adapter_config.json` and `adapter_model.safetensors` (F32) into an existing directory, as
  /// PEFT reads them, and waits until they are on the disk. No file is overwritten.
  /// - Throws: `ModelDirectoryError` if a file is there already or cannot be written.
  public func write(
    of model: ModelConfiguration, to path: String
  ) throws(ModelDirectoryError) {
    let file = try ModelDirectoryFile.creating(path + "/" + AdapterConfiguration.fileName)
    try file.write(Array(AdapterConfiguration.json(settings, base).utf8))
    try file.synchronize()
    try SafetensorsWriter.write(
      settings.tensors(of: model), values: values, to: path + "/" + StoredAdapter.weightsName)
    try ModelDirectoryFile.synchronize(directory: path)
  }
}
