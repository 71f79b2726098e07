import Glibc

/// Debian's OpenBLAS, to measure what it does alone.
///
/// Loaded when it is measured, and not linked: a library that starts a thread for every core as it is
/// loaded has no place in the other commands, and none in a job whose memory is measured.
@safe final class OpenBLAS: Sendable {
  private typealias GetThreads = @convention(c) () -> Int32
  private typealias SetThreads = @convention(c) (Int32) -> Void
  private typealias Multiply =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void

  private let getThreads: GetThreads
  private let setThreads: SetThreads
  private let multiply: Multiply

  private static let file = "libopenblas.so.0"

  /// - Throws: `BenchError.Code.file` where it is not installed.
  init() throws(BenchError) {
    // A kernel that is forced from outside would be measured in the place of the library's choice.
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] { unsafe unsetenv(name) }
    guard let library = unsafe dlopen(Self.file, RTLD_NOW | RTLD_LOCAL) else {
      throw .file(
        Self.file, "cannot be loaded, so that nothing is compared with its products",
        remedy: "Install libopenblas0-pthread, or leave the comparison out with --no-roofline.")
    }
    func symbol(_ name: String) throws(BenchError) -> UnsafeMutableRawPointer {
      guard let symbol = unsafe dlsym(library, name) else {
        throw .file(
          Self.file, "has no \(name)", remedy: "Install libopenblas0-pthread, which has it.")
      }
      return unsafe symbol
    }
    // The signatures are those of OpenBLAS's cblas.h, whose enumerations are of C's int.
    unsafe getThreads = unsafeBitCast(try symbol("openblas_get_num_threads"), to: GetThreads.self)
    unsafe setThreads = unsafeBitCast(try symbol("openblas_set_num_threads"), to: SetThreads.self)
    unsafe multiply = unsafeBitCast(try symbol("cblas_sgemm"), to: Multiply.self)
  }

  /// Threads of a call; of the whole process.
  var threads: Int {
    get { Int(getThreads()) }
    set { setThreads(Int32(newValue)) }
  }

  /// A matrix in rows of `stride` values.
  @unsafe struct Operand {
    var values: UnsafeMutablePointer<Float>
    var stride: Int
    var isTransposed = false
  }

  /// `c [rows, columns] = a [rows, depth] · b [depth, columns]`.
  func multiply(_ a: Operand, _ b: Operand, into c: Operand, rows: Int, columns: Int, depth: Int) {
    // 101: rows after each other; 111 and 112: as it stands, and transposed.
    unsafe multiply(
      101, a.isTransposed ? 112 : 111, b.isTransposed ? 112 : 111, Int32(rows), Int32(columns),
      Int32(depth), 1, a.values, Int32(a.stride), b.values, Int32(b.stride), 0, c.values,
      Int32(c.stride))
  }
}
