/// What a file system promises of data and names at a power cut.
public enum DiskModel: String, CaseIterable, Sendable {
  /// The least that POSIX allows. A file's data survives from its last fsync, fdatasync or
  /// synchronous write; anything later survives piece by piece, or not. A name survives from the
  /// last fsync of its folder; later creations, renames and removals survive in any subset in
  /// which what concerns one name keeps its order. A rename inside a folder is one change.
  case strict
  /// ext4 with `data=ordered` and `auto_da_alloc`. Names change in one order for the whole file
  /// system, and a prefix of it survives; each sync that has to write metadata commits all before
  /// it. Data as above, but a rename over an existing file first flushes the data of what it
  /// brings.
  case ext4
}

/// How much of what was not synced survives a cut. The extremes find the bugs, so they are drawn
/// as often as the mixtures.
public enum Survival: Sendable, Equatable {
  case nothing
  case everything
  /// Names without their data: the empty files of an early ext4.
  case names
  /// Data without names.
  case data
  /// Each thing by itself with this probability.
  case some(Double)

  public static func draw(_ choices: inout Choices) -> Survival {
    switch choices.integer(below: 8) {
    case 0, 1: .nothing
    case 2: .everything
    case 3: .names
    case 4: .data
    default: .some(Double(choices.integer(in: 1...9)) / 10)
    }
  }

  func keepsName(_ choices: inout Choices) -> Bool {
    switch self {
    case .nothing, .data: false
    case .everything, .names: true
    case .some(let probability): choices.chance(probability)
    }
  }

  /// Which of a piece's versions is on the disk. Lengths count as data too, but stay with the
  /// names where these survive alone: that gives zeros where data was.
  func version(
    in versions: ClosedRange<Int>, ofData isData: Bool, _ choices: inout Choices
  ) -> Int {
    switch self {
    case .nothing: return versions.lowerBound
    case .everything: return versions.upperBound
    case .names: return isData ? versions.lowerBound : versions.upperBound
    case .data: return versions.upperBound
    case .some(let probability):
      if choices.chance(probability) { return versions.upperBound }
      return choices.integer(in: versions)
    }
  }
}

/// One way in which the power can go.
public struct PowerCut: Sendable, Equatable {
  public var model: DiskModel
  /// Calls that had returned.
  public var operations: Int
  public var survival: Survival
  /// What the disk writes at once, in bytes.
  public var pieceSize: Int

  public init(model: DiskModel, operations: Int, survival: Survival, pieceSize: Int) {
    self.model = model
    self.operations = operations
    self.survival = survival
    self.pieceSize = pieceSize
  }

  /// A cut somewhere in `log`: half of them right behind a call that is no write, where the order
  /// of things matters most.
  public static func draw(
    _ model: DiskModel, in log: [DiskOperation], _ choices: inout Choices
  ) -> PowerCut {
    var operations = choices.integer(in: 0...log.count)
    if choices.chance(0.5) {
      let turns = log.indices.filter { log[$0].kind != .write }
      if !turns.isEmpty { operations = choices.pick(turns) + choices.integer(in: 0...1) }
    }
    return PowerCut(
      model: model, operations: operations, survival: .draw(&choices),
      pieceSize: choices.pick([512, 4096]))
  }
}

extension PowerCut: CustomStringConvertible {
  public var description: String {
    "\(model.rawValue), after call \(operations), \(survival) survives in pieces of \(pieceSize)"
  }
}
