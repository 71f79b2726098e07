import COps

/// Instruction sets that the own kernels are built for; all give the same bits.
public enum ISA: UInt32, Sendable, CaseIterable, Comparable {
  /// What the target guarantees: SSE2 on x86-64, NEON on arm64.
  case baseline = 0
  case avx2 = 1
  case avx512 = 2

  public static func < (a: ISA, b: ISA) -> Bool { a.rawValue < b.rawValue }
}

/// The context of numeric operators: it owns the threads and their scratch memory.
///
/// A result depends on the inputs and on the product kernel (`productKernel`) alone, never on the number
/// of threads. A context, and whatever was made with it, is used by one thread at a time: it may be
/// handed over between threads, hence `Sendable`, and whoever holds it must not share it.
@safe public final class Compute: @unchecked Sendable {
  let context: OpaquePointer
  /// How the products of models on this context are computed, unless one says otherwise.
  public let products: Products

  /// - Parameters:
  ///   - threads: how many compute at once, the caller's included; at least 1.
  ///   - upTo: the best instruction set that may be used; nil means what the machine has.
  public init(threads: Int, upTo: ISA? = nil, products: Products = .f32) {
    precondition(threads >= 1, "Compute: \(threads) threads")
    let isa = (upTo ?? .avx512).rawValue
    guard let context = unsafe ops_context_create(UInt32(threads), ops_isa(rawValue: isa)) else {
      fatalError("Compute: no memory or no threads for a context of \(threads)")
    }
    unsafe self.context = context
    self.products = products
  }

  deinit { unsafe ops_context_destroy(context) }

  /// The instruction set in use.
  public var isa: ISA {
    guard let isa = unsafe ISA(rawValue: ops_context_isa(context).rawValue) else {
      preconditionFailure("Compute: an instruction set without a name")
    }
    return isa
  }

  public var threads: Int { Int(unsafe ops_context_threads(context)) }

  /// What decides the bits of `products` on this machine: `fma`, the same on every machine, or
  /// `avx512-bf16`.
  public var productKernel: String { productKernel(products) }

  /// The same of other products.
  public func productKernel(_ products: Products) -> String {
    unsafe String(cString: ops_product_kernel(context, products.c))
  }
}

/// How the products of a model's layers and head are computed; see `ops.h`.
public enum Products: String, Sendable, CaseIterable {
  case f32
  /// Weights and activations rounded to bf16, summed in f32, where the processor has AVX512-BF16;
  /// elsewhere as `f32`.
  case bf16

  var c: ops_products { self == .f32 ? OPS_PRODUCTS_F32 : OPS_PRODUCTS_BF16 }
}

/// How the values of a tensor are held; see `ops.h`.
public enum TensorType: UInt32, Sendable {
  case f32 = 0
  case bf16 = 1
  case f16 = 2

  /// Bytes of a value.
  public var stride: Int { self == .f32 ? 4 : 2 }
}

/// `count` values in the memory of the device. Host memory is reached by `write` and `read` alone.
///
/// Of any type but f32 are only parameters that are not trained: operators widen them as they use
/// them.
@safe public final class Tensor {
  let handle: OpaquePointer
  /// Keeps the context alive for as long as the tensor.
  public let compute: Compute
  public let count: Int
  public let type: TensorType

  /// Zeros.
  public init(count: Int, type: TensorType = .f32, compute: Compute) {
    let held = ops_type(rawValue: type.rawValue)
    guard let handle = unsafe ops_tensor_create(compute.context, count, held) else {
      fatalError("Tensor: no memory for \(count) values")
    }
    unsafe self.handle = handle
    self.compute = compute
    self.count = count
    self.type = type
  }

  public convenience init(_ values: [Float], compute: Compute) {
    self.init(count: values.count, compute: compute)
    write(values)
  }

  deinit { unsafe ops_tensor_destroy(handle) }

  /// Replaces values of an f32 tensor.
  public func write(_ values: [Float], at offset: Int = 0) {
    precondition(type == .f32, "Tensor: f32 values for a tensor of \(type)")
    precondition(
      offset >= 0 && offset + values.count <= count,
      "Tensor: \(values.count) values at \(offset) of \(count)")
    unsafe values.withUnsafeBufferPointer {
      unsafe ops_tensor_write(handle, offset, $0.baseAddress, $0.count)
    }
  }

  /// Replaces values by such as the tensor holds them, little-endian.
  public func write(stored bytes: UnsafeRawBufferPointer, at offset: Int) {
    let values = bytes.count / type.stride
    precondition(
      bytes.count % type.stride == 0 && offset >= 0 && offset + values <= count,
      "Tensor: \(bytes.count) bytes of \(type) at \(offset) of \(count)")
    guard let start = bytes.baseAddress else { return }
    unsafe ops_tensor_write_stored(handle, offset, start, values)
  }

  /// Values widened to f32.
  public func read(_ range: Range<Int>) -> [Float] {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "Tensor: \(range) of \(count)")
    return unsafe [Float](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      unsafe ops_tensor_read(handle, range.lowerBound, buffer.baseAddress, range.count)
      initialized = range.count
    }
  }

  /// All values.
  public var values: [Float] { read(0..<count) }

  public func zero() { unsafe ops_tensor_zero(handle, 0, count) }

  /// Copies `count` values of this tensor to another one of its type; the ranges may not overlap.
  public func copy(from offset: Int, count: Int, to other: Tensor, at place: Int) {
    precondition(type == other.type, "Tensor: copy of \(type) to \(other.type)")
    precondition(
      offset >= 0 && count >= 0 && offset + count <= self.count && place >= 0
        && place + count <= other.count,
      "Tensor: copy \(count) from \(offset) of \(self.count) to \(place) of \(other.count)")
    unsafe ops_tensor_copy(handle, offset, other.handle, place, count)
  }
}
