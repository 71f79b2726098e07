import Records

/// A tensor as a safetensors header describes it.
public struct SafetensorsTensor: Sendable, Equatable {
  public let name: String
  public let dataType: SafetensorsDataType
  /// Row-major; `[]` is a single number.
  public let shape: [Int]
  /// Bytes in the file, checked to lie in it.
  public let range: Range<Int>
  /// Number of elements.
  public var count: Int { range.count * 8 / dataType.bits }
}

/// The parsed and checked header of a safetensors file.
///
/// Format: 8 bytes of little-endian length, a JSON object, the data. Refused: whatever leaves a byte
/// of data to no tensor or to two, and every length that would have to be believed. The official
/// library tolerates three things that the format does not allow, and that its own writer never
/// does: an unknown field in an entry, which may change what the bytes mean, white space before the
/// header's object, and padding after it with something else than spaces. Here they are refused.
struct SafetensorsHeader: Sendable {
  /// In the order of their data.
  let tensors: [SafetensorsTensor]
  /// `__metadata__`, in file order.
  let metadata: [(name: String, value: String)]

  /// Limit of the official library.
  private static let longest = 100_000_000
  /// Names go into errors.
  private static let longestName = 1024

  init(of file: ModelDirectoryFile) throws(ModelDirectoryError) {
    guard file.size >= 8 else {
      throw .malformed(file.path, "has \(file.size) bytes, too few for a safetensors header")
    }
    var declared: UInt64 = 0
    for byte in try file.bytes(at: 0, count: 8).reversed() {
      declared = declared << 8 | UInt64(byte)
    }
    guard declared <= Self.longest, Int(declared) <= file.size - 8 else {
      throw .malformed(
        file.path, "declares a header of \(declared) bytes; the file has \(file.size)")
    }
    let length = Int(declared)
    let text = try file.bytes(at: 8, count: length)
    guard text.first == UInt8(ascii: "{") else {
      throw .malformed(file.path, "the header does not begin with {")
    }
    guard text.last(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "}") else {
      throw .malformed(file.path, "the header is padded with something else than spaces")
    }
    let json: JSONValue
    do {
      json = try JSONValue(parsing: text, location: file.path)
    } catch {
      throw .malformed(file.path, "header: \(error.problem)")
    }
    guard case .object(let members) = json else {
      throw .malformed(file.path, "the header is not a JSON object")
    }
    var tensors: [SafetensorsTensor] = []
    var metadata: [(name: String, value: String)] = []
    for member in members {
      guard member.name.utf8.count <= Self.longestName else {
        throw .malformed(file.path, "a tensor's name has \(member.name.utf8.count) bytes")
      }
      if member.name == "__metadata__" {
        metadata = try Self.metadata(member.value, path: file.path)
      } else {
        tensors.append(try Self.tensor(member, dataStart: 8 + length, file: file))
      }
    }
    // Zero-size tensors sort before the one that begins where they do.
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try Self.checkCoverage(tensors, from: 8 + length, file: file)
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func metadata(
    _ value: JSONValue, path: String
  ) throws(ModelDirectoryError) -> [(name: String, value: String)] {
    guard let members = value.object else {
      throw .malformed(path, "__metadata__ is not an object")
    }
    var metadata: [(name: String, value: String)] = []
    for member in members {
      guard let text = member.value.string else {
        throw .malformed(path, "__metadata__.\(member.name) is not a string")
      }
      metadata.append((member.name, text))
    }
    return metadata
  }

  private static func tensor(
    _ member: JSONMember, dataStart: Int, file: ModelDirectoryFile
  ) throws(ModelDirectoryError) -> SafetensorsTensor {
    let path = file.path
    guard let fields = member.value.object else {
      throw .malformed(path, "\(member.name) is not an object")
    }
    for field in fields where !["dtype", "shape", "data_offsets"].contains(field.name) {
      throw .malformed(path, "\(member.name) has an unknown field `\(field.name)`")
    }
    guard let typeName = member.value["dtype"]?.string else {
      throw .malformed(path, "\(member.name) has no dtype")
    }
    guard let dataType = SafetensorsDataType(rawValue: typeName) else {
      throw .malformed(path, "\(member.name) has an unknown dtype `\(typeName)`")
    }
    guard let shape = naturals(member.value["shape"]) else {
      throw .malformed(path, "\(member.name).shape is not a list of natural numbers")
    }
    guard let offsets = naturals(member.value["data_offsets"]), offsets.count == 2,
      offsets[0] <= offsets[1]
    else { throw .malformed(path, "\(member.name).data_offsets is not an ascending pair") }
    guard let size = dataType.byteCount(shape: shape) else {
      throw .malformed(path, "\(member.name) has shape \(shape), whose bytes cannot be counted")
    }
    guard offsets[1] - offsets[0] == size else {
      throw .malformed(
        path,
        "\(member.name) covers \(offsets[1] - offsets[0]) bytes; \(typeName) \(shape) takes \(size)"
      )
    }
    guard offsets[1] <= file.size - dataStart else {
      throw .malformed(
        path, "\(member.name) ends at \(offsets[1]) of \(file.size - dataStart) bytes of data")
    }
    return SafetensorsTensor(
      name: member.name, dataType: dataType, shape: shape,
      range: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private static func naturals(_ value: JSONValue?) -> [Int]? {
    guard let values = value?.array else { return nil }
    let numbers = values.compactMap(\.integer)
    return numbers.count == values.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
  }

  /// Every byte of data belongs to exactly one tensor.
  private static func checkCoverage(
    _ tensors: [SafetensorsTensor], from start: Int, file: ModelDirectoryFile
  ) throws(ModelDirectoryError) {
    var end = start
    for tensor in tensors {
      guard tensor.range.lowerBound == end else {
        let fault = tensor.range.lowerBound < end ? "overlaps another tensor" : "follows a gap"
        throw .malformed(
          file.path, "\(tensor.name) \(fault): it begins at \(tensor.range.lowerBound), not \(end)")
      }
      end = tensor.range.upperBound
    }
    guard end == file.size else {
      throw .malformed(file.path, "the tensors end at byte \(end), the file at \(file.size)")
    }
  }
}
