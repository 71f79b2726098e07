import Records

/// A safetensors file, open for reading; its header is checked whole before any data is touched.
///
/// Nothing is read ahead: each call reads just the elements it is asked for.
public final class SafetensorsFile: Sendable {
  private let file: ModelDirectoryFile
  /// In the order of their data.
  public let tensors: [SafetensorsTensor]
  /// `__metadata__`, in file order.
  public let metadata: [(name: String, value: String)]
  public var path: String { file.path }

  /// - Throws: `ModelDirectoryError` if the file cannot be read or is not exactly what the format
  ///   allows.
  public init(path: String) throws(ModelDirectoryError) {
    file = try ModelDirectoryFile.reading(path)
    let header = try SafetensorsHeader(of: file)
    tensors = header.tensors
    metadata = header.metadata
  }

  /// The tensor called `name`, compared by UTF-8 bytes. Linear.
  public func tensor(named name: String) -> SafetensorsTensor? {
    tensors.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  /// A tensor's bytes as stored, of any dtype.
  public func bytes(of tensor: SafetensorsTensor) throws(ModelDirectoryError) -> [UInt8] {
    try file.bytes(at: tensor.range.lowerBound, count: tensor.range.count)
  }

  /// Elements of a tensor as they are stored.
  func bytes(
    of tensor: SafetensorsTensor, elements: Range<Int>
  ) throws(ModelDirectoryError) -> [UInt8] {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.count, "\(elements)")
    let stride = tensor.count == 0 ? 0 : tensor.range.count / tensor.count
    return try file.bytes(
      at: tensor.range.lowerBound + elements.lowerBound * stride, count: elements.count * stride)
  }

  /// A tensor widened to f32, exactly. Throws for dtypes other than F32, F16 and BF16.
  public func floats(of tensor: SafetensorsTensor) throws(ModelDirectoryError) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.count)
    try read(tensor, elements: 0..<tensor.count, into: &values, at: 0)
    return values
  }

  /// Reads elements `elements` of a tensor, widened to f32, into `values` from index `start`.
  public func read(
    _ tensor: SafetensorsTensor, elements: Range<Int>, into values: inout [Float], at start: Int
  ) throws(ModelDirectoryError) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.count, "\(elements)")
    precondition(start >= 0 && start <= values.count - elements.count, "\(start)")
    guard let storage = WeightStorage(rawValue: tensor.dataType.rawValue) else {
      throw .unsupported(
        path, field: tensor.name, "is stored as \(tensor.dataType.rawValue), not F32, F16 or BF16")
    }
    let first = tensor.range.lowerBound + elements.lowerBound * storage.stride
    switch storage {
    case .f32: try readSingles(at: first, count: elements.count, into: &values, at: start)
    case .bf16:
      try readHalves(at: first, count: elements.count, into: &values, at: start) {
        WeightStorage.float(bf16: $0)
      }
    case .f16:
      try readHalves(at: first, count: elements.count, into: &values, at: start) {
        WeightStorage.float(f16: $0)
      }
    }
  }

  /// Straight into the array: Swift's platforms are little-endian, as the format is.
  private func readSingles(
    at offset: Int, count: Int, into values: inout [Float], at start: Int
  ) throws(ModelDirectoryError) {
    let file = file
    try unsafe ModelDirectoryFile.withBytes(of: &values) { (bytes) throws(ModelDirectoryError) in
      try unsafe file.read(
        at: offset,
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[4 * start..<4 * (start + count)]))
    }
  }

  /// In pieces, so that no second copy of a large tensor is held.
  private func readHalves(
    at offset: Int, count: Int, into values: inout [Float], at start: Int,
    widen: (UInt16) -> Float
  ) throws(ModelDirectoryError) {
    let piece = 1 << 18
    for from in stride(from: 0, to: count, by: piece) {
      let until = min(from + piece, count)
      let bytes = try file.bytes(at: offset + 2 * from, count: 2 * (until - from))
      for index in 0..<until - from {
        values[start + from + index] = widen(
          UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8)
      }
    }
  }
}
