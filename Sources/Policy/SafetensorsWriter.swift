import Records

/// Writes tensors as safetensors files.
public enum SafetensorsWriter {
  /// What stands in a tensor: elements `range` of tensor number `tensor`, asked for in order, some
  /// millions at a time.
  public typealias Values = (
    _ tensor: Int, _ range: Range<Int>
  ) throws(ModelDirectoryError) -> [Float]

  /// Elements that are written by one call, whichever tensors they belong to.
  private static var piece: Int { 1 << 18 }
  /// Elements that are asked for at once, at most: enough for several threads to share.
  private static var asked: Int { 1 << 22 }

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
    let starts = offsets(of: tensors)
    precondition(
      starts.last == values.count,
      "SafetensorsWriter: \(values.count) values for \(tensors.count) tensors")
    try write(tensors, storage: storage, to: path) { tensor, range in
      Array(values[starts[tensor] + range.lowerBound..<starts[tensor] + range.upperBound])
    }
  }

  /// The same with values that are asked for as they are written, so that a model that does not fit
  /// into memory can be written.
  public static func write(
    _ tensors: [TensorShape], storage: WeightStorage, to path: String, values: Values
  ) throws(ModelDirectoryError) {
    let file = try ModelDirectoryFile.creating(path)
    try file.write(header(of: tensors, storage: storage))
    var held: [Float] = []
    for (index, tensor) in tensors.enumerated() {
      for from in stride(from: 0, to: tensor.count, by: asked) {
        let range = from..<min(from + asked, tensor.count)
        let more = try values(index, range)
        precondition(more.count == range.count, "SafetensorsWriter: \(more.count) of \(range)")
        held += more
        var done = 0
        while held.count - done >= piece {
          try write(held[done..<done + piece], storage: storage, to: file)
          done += piece
        }
        held.removeFirst(done)
      }
    }
    if !held.isEmpty { try write(held[...], storage: storage, to: file) }
    try file.synchronize()
  }

  /// Where each tensor begins in a flat array, and the length of all at the end.
  static func offsets(of tensors: [TensorShape]) -> [Int] {
    var offsets = [0]
    for tensor in tensors { offsets.append(offsets[offsets.count - 1] + tensor.count) }
    return offsets
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

  /// Little-endian, as Swift's platforms are.
  private static func write(
    _ values: ArraySlice<Float>, storage: WeightStorage, to file: ModelDirectoryFile
  ) throws(ModelDirectoryError) {
    switch storage {
    case .f32: try file.write(numbers: Array(values))
    case .bf16: try file.write(numbers: values.map(WeightStorage.bf16))
    case .f16: try file.write(numbers: values.map(WeightStorage.f16))
    }
  }
}
