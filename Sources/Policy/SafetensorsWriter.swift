import Records

/// Writes tensors that lie one after the other in a flat array as a safetensors file.
public enum SafetensorsWriter {
  /// Writes `values`, cut into `tensors`, to a new file and waits until it is on the disk.
  ///
  /// The bytes are those of the official library: `{"format":"pt"}` as metadata, tensors by name,
  /// the header padded with spaces to a multiple of 8.
  /// - Parameters:
  ///   - tensors: in the order of `values`; ascending by name's UTF-8 bytes.
  ///   - storage: F32 keeps every bit; BF16 and F16 round to nearest even.
  /// - Throws: `ModelDirectoryError` if the file exists or cannot be written.
  public static func write(
    _ tensors: [TensorShape], values: [Float], storage: WeightStorage = .f32, to path: String
  ) throws(ModelDirectoryError) {
    precondition(
      tensors.reduce(0) { $0 + $1.count } == values.count,
      "SafetensorsWriter: \(values.count) values for \(tensors.count) tensors")
    let file = try ModelDirectoryFile.creating(path)
    try file.write(header(of: tensors, storage: storage))
    let piece = 1 << 18
    for from in stride(from: 0, to: values.count, by: piece) {
      let slice = values[from..<min(from + piece, values.count)]
      try file.write(bytes(of: slice, storage: storage))
    }
    try file.synchronize()
  }

  /// The length and the padded JSON header.
  static func header(of tensors: [TensorShape], storage: WeightStorage) -> [UInt8] {
    var json = #"{"__metadata__":{"format":"pt"}"#
    var offset = 0
    var last: TensorShape?
    for tensor in tensors {
      precondition(
        last.map { $0.name.utf8.lexicographicallyPrecedes(tensor.name.utf8) } ?? true,
        "SafetensorsWriter: \(tensor.name) is not in ascending order")
      last = tensor
      let end = offset + tensor.count * storage.stride
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      json +=
        ",\(JSONValue.quoted(tensor.name)):{\"dtype\":\"\(storage.rawValue)\","
        + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      offset = end
    }
    json += "}"
    var bytes = Array(json.utf8)
    bytes += Array(repeating: UInt8(ascii: " "), count: (8 - bytes.count % 8) % 8)
    return (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
  }

  private static func bytes(of values: ArraySlice<Float>, storage: WeightStorage) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * storage.stride)
    for value in values {
      switch storage {
      case .f32:
        let bits = value.bitPattern
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
      case .bf16, .f16:
        let bits = storage == .bf16 ? WeightStorage.bf16(value) : WeightStorage.f16(value)
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      }
    }
    return bytes
  }
}
