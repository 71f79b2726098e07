import DiskFaults
import Foundation
import Glibc

/// The disk runs full: before a run is made, in its middle, inside a checkpoint; on a small tmpfs, on
/// an ext4 file system in a file, and where there are no more inodes.
///
/// The command ends with a line that names the disk, the run can be looked at meanwhile, and with
/// room again it comes to what the undisturbed one came to.
public struct FullDiskCampaign: Campaign {
  public let name = "full-disk"

  public init() {}

  /// Bytes left, from none to more than a run takes.
  static let levels = [
    0, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20,
    32 << 20, 80 << 20,
  ]

  enum Moment: String, CaseIterable { case before, middle, checkpoint }

  /// - Parameter count: of the levels; all by itself.
  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    SmallDisk.Kind.allCases.flatMap { kind in
      Moment.allCases.flatMap { moment in
        (0..<min(count ?? Self.levels.count, Self.levels.count)).map { number in
          let id = "\(name)/\(subject.name)/\(kind.rawValue)/\(moment.rawValue)/\(number)"
          return Trial(id: id, subject: subject) { trial in
            try Self.fill(kind, moment, Self.levels[number], trial)
          }
        }
      }
    }
  }

  private static func fill(
    _ kind: SmallDisk.Kind, _ moment: Moment, _ rest: Int, _ trial: TrialRun
  ) throws {
    let disk = try SmallDisk(kind, at: trial.folder)
    let run = try RunFolder(trial.subject, at: disk.path + "/trial")
    let what = "\(rest) bytes left on \(kind.rawValue), \(moment.rawValue)"
    if moment == .before { try disk.fill(leaving: rest) }
    let command = try RunningCommand(run.command())
    if moment != .before {
      let half = trial.subject.steps / 2
      _ = command.waits {
        run.steps >= half && (moment == .middle || run.holdsUnfinishedCheckpoint)
      }
      // Stopped meanwhile, so that the moment is the one that was meant.
      command.send(SIGSTOP)
      try disk.fill(leaving: rest)
      command.send(SIGCONT)
    }
    let ended = try command.wait()
    trial.isDisturbed = ended.status != 0
    if ended.status != 0 {
      expectNamed(ended, trial, what)
      _ = try trial.expectReadable(run, "\(what), meanwhile")
      let again = try PipelineCommand.run(run.command())
      if again.status != 0 { expectNamed(again, trial, "\(what), again") }
    } else {
      trial.expect(rest > 0, "\(what): no room at all, and the run went on")
    }
    try disk.empty()
    guard try trial.finish(.whole, run, "\(what): room again") else { return }
    try trial.expectSameResults(.whole, run, what)
  }

  private static func expectNamed(_ ended: Ended, _ trial: TrialRun, _ what: String) {
    trial.expect(ended.status == 1, "\(what): ends with \(ended.status): \(ended.errors)")
    let last = ended.lines.last ?? ""
    let words = ["disk", "No space left", "bytes free"]
    trial.expect(
      words.contains { last.contains($0) }, "\(what): does not name the disk: \(ended.errors)")
  }
}

/// A small file system of a trial's own.
final class SmallDisk {
  enum Kind: String, CaseIterable {
    case tmpfs
    case ext4
    /// A tmpfs that runs out of inodes, and not of bytes.
    case inodes
  }

  /// More than what a queue asks for at its opening, and a run.
  private static let size = 112 << 20
  private static let inodes = 400

  var path: String { mount.path }
  private let kind: Kind
  private let mount: Mount
  private let image: String?

  init(_ kind: Kind, at folder: String) throws {
    self.kind = kind
    switch kind {
    case .tmpfs: mount = try Mount(["-t", "tmpfs", "-o", "size=\(Self.size)", "tmpfs"])
    case .inodes:
      mount = try Mount(
        ["-t", "tmpfs", "-o", "size=\(Self.size),nr_inodes=\(Self.inodes)", "tmpfs"])
    case .ext4:
      let file = folder + "/disk.img"
      _ = FileManager.default.createFile(atPath: file, contents: nil)
      guard unsafe truncate(file, off_t(Self.size)) == 0 else {
        throw LabError("\(file) cannot be made")
      }
      // Nothing is kept back for the superuser, as whom the laboratory may run.
      guard try Mount.call("/sbin/mkfs.ext4", ["-q", "-F", "-m", "0", file]) == 0 else {
        throw LabError("mkfs.ext4 fails")
      }
      mount = try Mount(["-o", "loop", file])
      image = file
      return
    }
    image = nil
  }

  deinit { if let image { unsafe unlink(image) } }

  private var fillers: String { path + "/filler" }

  /// Takes all room but `rest` bytes; of inodes all but one for each 8 KiB of `rest`.
  func fill(leaving rest: Int) throws {
    var room = statvfs()
    guard unsafe statvfs(path, &room) == 0 else { throw LabError("statvfs \(path)") }
    if kind == .inodes {
      try FileManager.default.createDirectory(atPath: fillers, withIntermediateDirectories: true)
      for number in 0..<max(0, Int(room.f_ffree) - 1 - rest / 8192) {
        _ = FileManager.default.createFile(atPath: "\(fillers)/\(number)", contents: nil)
      }
      return
    }
    let file = unsafe open(fillers, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw LabError("\(fillers) cannot be made") }
    defer { close(file) }
    // Extents of an ext4 take room themselves: so the last bytes are asked for piece by piece.
    var taken = max(0, Int(room.f_bavail) * Int(room.f_frsize) - rest)
    while taken > 0, posix_fallocate(file, 0, off_t(taken)) != 0 { taken -= 4096 }
  }

  /// Gives the room back.
  func empty() throws {
    guard FileManager.default.fileExists(atPath: fillers) else { return }
    try FileManager.default.removeItem(atPath: fillers)
  }
}
