import Foundation

/// The environment that preloads the disk shim (`Tests/DiskShim/include/DiskShim.h`).
public struct Shim: Sendable {
  private var variables: [String: String]

  /// - Parameter root: only calls on paths below it are seen.
  public init(root: String) throws {
    guard let shim = Repository.shim else {
      throw LabError("libDiskShim.so is not built: swift build -c release --product DiskShim")
    }
    variables = ["LD_PRELOAD": shim, "DISKSHIM_ROOT": root]
  }

  public var environment: [String: String] { variables }

  private func with(_ name: String, _ value: String) -> Shim {
    var copy = self
    copy.variables["DISKSHIM_\(name)"] = value
    return copy
  }

  /// One line a call into a file.
  public func counting(to file: String) -> Shim { with("COUNT", file) }

  /// One binary record a call into a file.
  public func recording(to file: String) -> Shim { with("RECORD", file) }

  /// One fault, told in a file when it strikes.
  public func striking(_ fault: DiskFault, at place: DiskPlace, telling file: String) -> Shim {
    let shim = with("FAULT", "\(fault.action):\(place)").with("STRUCK", file)
    return fault.isLasting ? shim.with("FAULT_ONWARDS", "1") : shim
  }

  /// Only calls whose name and path contain a text count for the fault.
  public func matching(_ text: String) -> Shim { with("FAULT_MATCH", text) }

  /// Syncs of paths that contain a text succeed without being done; "*" takes all.
  public func omittingSyncs(of text: String) -> Shim { with("NOSYNC", text) }

  /// Seconds added to the real-time clock, each from a given reading on, counted from 1.
  public func steppingClock(_ steps: [(seconds: Int, from: Int)]) -> Shim {
    with("CLOCK", steps.map { "\($0.seconds)@\($0.from)" }.joined(separator: ","))
  }
}

/// What the shim does to a call.
public enum DiskFault: Sendable, Hashable {
  case killBefore, killWithin, killAfter
  /// - Parameter isLasting: every call after it fails as well.
  case inputOutput(isLasting: Bool)
  case noSpace(isLasting: Bool)

  var action: String {
    switch self {
    case .killBefore: "kill-before"
    case .killWithin: "kill-within"
    case .killAfter: "kill-after"
    case .inputOutput: "eio"
    case .noSpace: "enospc"
    }
  }

  var isLasting: Bool {
    switch self {
    case .inputOutput(let isLasting), .noSpace(let isLasting): isLasting
    default: false
    }
  }
}

/// Which call a fault is for.
public enum DiskPlace: Sendable, Hashable, CustomStringConvertible {
  /// The n-th of the process, from 1.
  case call(Int)
  /// The n-th from a place in the program, which has 16 hexadecimal digits.
  case site(String, Int)

  public var description: String {
    switch self {
    case .call(let number): "\(number)"
    case .site(let site, let number): "\(site)/\(number)"
    }
  }
}

/// One line of the shim's count.
public struct DiskCall: Sendable, Codable {
  public var number: Int
  public var name: String
  public var site: String
  /// Relative to the shim's root.
  public var path: String

  /// The calls that a process made, in order; of several processes in one file, those of the first.
  public static func read(_ file: String) throws -> [DiskCall] {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    var calls: [DiskCall] = []
    var first: Substring?
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count >= 6, let number = Int(fields[1]) else {
        throw LabError("\(file) has a line that is none of the shim's: \(line.prefix(80))")
      }
      first = first ?? fields[0]
      guard fields[0] == first else { continue }
      calls.append(
        DiskCall(
          number: number, name: String(fields[2]), site: String(fields[4]), path: String(fields[5]))
      )
    }
    return calls
  }
}
