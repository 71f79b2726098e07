/// The element types of the safetensors format; `rawValue` is the spelling in the header.
///
/// Source: huggingface/safetensors, `safetensors/src/tensor.rs`.
public enum SafetensorsDataType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// Bits of one element; those below 8 are packed.
  public var bits: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// Bytes that `shape` takes, or nil if a product overflows or does not end on a byte.
  func byteCount(shape: [Int]) -> Int? {
    var total = 1
    var overflowed = false
    for dimension in shape {
      // Every dimension is multiplied, also after a zero: a shape that overflows is refused even
      // where a later zero would hide it.
      let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
      total = product
      overflowed = overflowed || overflow
    }
    let (bitCount, overflow) = total.multipliedReportingOverflow(by: bits)
    guard !overflowed, !overflow, bitCount % 8 == 0 else { return nil }
    return bitCount / 8
  }
}

/// The element types that weights are stored in.
public enum WeightStorage: String, Sendable, CaseIterable {
  case f32 = "F32"
  case bf16 = "BF16"
  case f16 = "F16"

  /// `torch_dtype` of config.json.
  public var torchName: String {
    switch self {
    case .f32: "float32"
    case .bf16: "bfloat16"
    case .f16: "float16"
    }
  }

  /// Bytes of one element.
  public var stride: Int { self == .f32 ? 4 : 2 }
}

extension WeightStorage {
  /// Rounds to the nearest BF16, ties to even; overflow gives infinity, a NaN stays a NaN.
  public static func bf16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    // A NaN whose payload sits in the low half would round to infinity: make it quiet instead.
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
    let roundToEven = 0x7FFF + (bits >> 16 & 1)
    return UInt16(truncatingIfNeeded: (bits + roundToEven) >> 16)
  }

  /// Rounds to the nearest F16 (IEEE binary16), ties to even, subnormals kept, overflow to infinity.
  public static func f16(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16 & 0x8000)
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    // 65520 is half-way between the largest finite value, 65504, and the next power of two.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {  // below 2^-14: subnormal or zero
      // Adding 0.5 lines the result's last place, 2^-24, up with a float's; the addition rounds.
      let shifted = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: shifted.bitPattern - Float(0.5).bitPattern)
    }
    let rebased = magnitude - (127 - 15) << 23
    let roundToEven = 0x0FFF + (rebased >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: (rebased + roundToEven) >> 13)
  }

  /// The value of a BF16 pattern, exactly.
  public static func float(bf16 pattern: UInt16) -> Float {
    Float(bitPattern: UInt32(pattern) << 16)
  }

  /// The value of an F16 pattern, exactly.
  public static func float(f16 pattern: UInt16) -> Float {
    let sign: Float = pattern & 0x8000 == 0 ? 1 : -1
    let exponent = UInt32(pattern >> 10 & 0x1F)
    let fraction = UInt32(pattern & 0x3FF)
    switch exponent {
    case 0: return sign * Float(fraction) * 0x1p-24
    case 31:
      let bits = UInt32(pattern & 0x8000) << 16 | 0x7F80_0000 | fraction << 13
      return Float(bitPattern: bits)
    default: return sign * Float(bitPattern: (exponent + 112) << 23 | fraction << 13)
    }
  }
}
