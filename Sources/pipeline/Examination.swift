import Foundation
import Inspector
import Judges
import Operators
import Queue

/// What `pipeline doctor` finds on this machine.
struct Examination: Encodable {
  /// Something to know or to mend.
  struct Finding: Encodable {
    /// Whether a run cannot do without it.
    var isEssential: Bool
    var problem: String
    var remedy: String
  }

  /// What equal weights promise of stored and recomputed log-probabilities.
  enum Promise: String, Encodable {
    case sameBits = "same_bits"
    case within = "within_1e-4"
  }

  struct Libraries: Encodable {
    var lmdb: String
    var zstd: String
  }

  struct Products: Encodable {
    /// What decides the bits of products in f32, and in bf16.
    var kernel: String
    var bf16Kernel: String
    var promise: Promise
    /// Shapes of products whose rows changed bits with their place, of how many.
    var dependentShapes: Int
    var shapes: Int
  }

  struct Processor: Encodable {
    var name: String
    var instructionSet: String
    var features: [String]
    var threads: Int
  }

  struct Disk: Encodable {
    var folder: String
    var fileSystem: String?
    var isSuitable: Bool
    var freeBytes: UInt64
    var totalBytes: UInt64
  }

  let libraries: Libraries
  let products: Products
  let processor: Processor
  let memoryBytes: UInt64
  /// What can be had without swapping; nil where the system does not say.
  let availableMemoryBytes: UInt64?
  let disk: Disk
  /// Whether programs that a model wrote can be kept apart from the machine (the verifier `code`).
  let hasSandbox: Bool
  let findings: [Finding]
  let isWell: Bool

  /// Half a gibibyte: a run's queue refuses to open with little room, long before it is full.
  private static let requiredDisk: UInt64 = 512 << 20
  /// What the demonstration needs at most.
  private static let requiredMemory: UInt64 = 2 << 30

  /// - Parameter folder: where runs would be kept.
  init(folder: String) throws {
    let compute = Compute(threads: 1)
    let rows = compute.measureRowIndependence()
    let place = try QueuePlace(at: folder)
    libraries = Libraries(
      lmdb: LibraryVersions.lmdb, zstd: LibraryVersions.zstd)
    products = Products(
      kernel: rows.productKernel, bf16Kernel: compute.productKernel(.bf16),
      promise: rows.holds ? .sameBits : .within,
      dependentShapes: rows.shapes.count { $0.dependentRows > 0 }, shapes: rows.shapes.count)
    processor = Processor(
      name: Self.processorFact("model name") ?? "unknown", instructionSet: "\(compute.isa)",
      features: Self.features, threads: ProcessInfo.processInfo.activeProcessorCount)
    memoryBytes = ProcessInfo.processInfo.physicalMemory
    availableMemoryBytes = Self.availableMemory
    disk = Disk(
      folder: URL(fileURLWithPath: folder).path, fileSystem: place.fileSystem,
      isSuitable: place.problem == nil, freeBytes: place.space.free,
      totalBytes: place.space.total)
    let sandbox = Self.sandboxFinding()
    hasSandbox = sandbox == nil
    findings = Self.findings(products, place, memoryBytes) + (sandbox.map { [$0] } ?? [])
    isWell = !findings.contains(where: \.isEssential)
  }

  /// What a person reads, in order.
  var facts: [(name: String, value: String)] {
    var facts = [
      ("LMDB", libraries.lmdb), ("zstd", libraries.zstd),
      ("products", "\(products.kernel) in f32, \(products.bf16Kernel) in bf16"),
      (
        "rows",
        products.dependentShapes == 0
          ? "a row's result does not depend on its place (\(products.shapes) shapes measured)"
          : "depend on their place in \(products.dependentShapes) of \(products.shapes) shapes"
      ),
      (
        "promise",
        products.promise == .sameBits
          ? "stored and recomputed log-probabilities are the same bits"
          : "stored and recomputed log-probabilities agree within 1e-4"
      ),
      ("processor", processor.name),
      (
        "instruction set",
        "\(processor.instructionSet), of " + processor.features.joined(separator: " ")
      ),
      ("threads", "\(processor.threads)"),
      ("memory", Self.gibibytes(memoryBytes)),
    ]
    if let availableMemoryBytes {
      facts[facts.count - 1].1 += ", \(Self.gibibytes(availableMemoryBytes)) available"
    }
    facts.append(
      (
        "disk",
        "\(Self.gibibytes(disk.freeBytes)) free of \(Self.gibibytes(disk.totalBytes))"
          + (disk.fileSystem.map { ", \($0)" } ?? "") + " at \(disk.folder)"
      ))
    if hasSandbox {
      facts.append(("sandbox", "programs that a model wrote can be run (the verifier code)"))
    }
    return facts
  }

  /// No run but one with the verifier `code` asks for it.
  private static func sandboxFinding() -> Finding? {
    do { try Judges.probeSandbox() } catch {
      return Finding(
        isEssential: false, problem: "no \(error.location): \(error.problem)", remedy: error.remedy)
    }
    return Judges.sandboxWeakness.map {
      Finding(isEssential: false, problem: $0, remedy: "A newer kernel has it.")
    }
  }

  private static func findings(
    _ products: Products, _ place: QueuePlace, _ memory: UInt64
  ) -> [Finding] {
    var findings: [Finding] = []
    if let problem = place.problem {
      findings.append(
        Finding(
          isEssential: true, problem: "the current folder \(problem)",
          remedy: "Keep runs on a local disk: pass --run DIR."))
    }
    if place.space.free < requiredDisk {
      findings.append(
        Finding(
          isEssential: true, problem: "the disk has \(gibibytes(place.space.free)) free",
          remedy: "Make room, at least \(gibibytes(requiredDisk))."))
    }
    if memory < requiredMemory {
      findings.append(
        Finding(
          isEssential: false, problem: "the machine has \(gibibytes(memory)) of memory",
          remedy: "Use smaller models and fewer prompts a step."))
    }
    if products.promise == .within {
      findings.append(
        Finding(
          isEssential: false,
          problem: "the kernel \(products.kernel) gives up bit-identical log-probabilities",
          remedy: "Runs are still repeatable on this machine."))
    }
    return findings
  }

  // MARK: What the system says

  private static var features: [String] {
    let known = Set((processorFact("flags") ?? "").split(separator: " "))
    let wanted = ["sse2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"]
    return wanted.filter { known.contains(Substring($0)) }
  }

  /// A field of the first processor in `/proc/cpuinfo`; nil where there is none.
  private static func processorFact(_ name: String) -> String? {
    field(name, of: "/proc/cpuinfo")
  }

  private static var availableMemory: UInt64? {
    guard let text = field("MemAvailable", of: "/proc/meminfo"),
      let kibibytes = text.split(separator: " ").first.flatMap({ UInt64($0) })
    else { return nil }
    return kibibytes << 10
  }

  /// The value of `name: value` in a file of `/proc`; nil where there is no such file or field.
  private static func field(_ name: String, of path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name {
        return parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }

  private static func gibibytes(_ bytes: UInt64) -> String {
    String(format: "%.1f GiB", Double(bytes) / Double(1 << 30))
  }
}
