import CrashLab
import Foundation
import Testing

extension Crashes {
  @Suite(
    .serialized,
    .enabled(if: Mount.isPermitted, "skipped: needs the right to mount a file system"))
  struct DiskTests {
    /// Takes the room of a small disk, all but `rest` bytes.
    private func fill(_ mount: Mount, but rest: Int) throws -> String {
      let filler = mount.path + "/filler"
      _ = FileManager.default.createFile(atPath: filler, contents: nil)
      let handle = try #require(FileHandle(forWritingAtPath: filler))
      let attributes = try FileManager.default.attributesOfFileSystem(forPath: mount.path)
      let free = try #require((attributes[.systemFreeSize] as? NSNumber)?.intValue)
      var left = free - rest
      while left > 0 {
        let part = min(left, 1 << 20)
        do { try handle.write(contentsOf: Data(count: part)) } catch { break }
        left -= part
      }
      return filler
    }

    /// The disk runs full under a run, at several levels: it stops with one line that says so, what
    /// was committed is there, and with room again it comes to the same bits.
    @Test(arguments: [0, 200_000, 600_000])
    func aFullDiskStopsTheRunAndNothingIsLost(rest: Int) throws {
      let mount = try Mount(["-t", "tmpfs", "-o", "size=80m", "tmpfs"])
      let run = try RunFolder(in: mount)
      let command = try RunningCommand(run.command())
      #expect(command.waits { run.steps >= 4 })
      let filler = try fill(mount, but: rest)
      let ended = try command.wait()
      // A tiny run may find its end in what room is left.
      if ended.status != 0 {
        #expect(ended.status == 1, "\(ended.errors)")
        let last = ended.lines.last.map(String.init) ?? ""
        #expect(
          last.contains("disk") || last.contains("No space left") || last.contains("room"),
          "\(ended.errors)")
        let again = try PipelineCommand.run(run.command())
        #expect(again.status == 1 && again.lines.count == 1, "\(again.errors)")
        #expect(again.errors.contains("bytes free"), "\(again.errors)")
      } else {
        #expect(rest > 0, "no room at all, and the run went on")
      }
      try FileManager.default.removeItem(atPath: filler)
      try run.expectIdentical("room again after \(rest) bytes")
    }

    @Test func aRunIsNotCreatedWithoutRoom() throws {
      let mount = try Mount(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
      let run = try RunFolder(in: mount)
      let ended = try PipelineCommand.run(run.command())
      #expect(ended.status == 1 && ended.lines.count == 1 && !run.exists, "\(ended.errors)")
      #expect(ended.errors.contains("bytes free"), "\(ended.errors)")
    }

    /// On a file system that may not be written a run can be looked at, and says why it cannot go on.
    @Test func aReadOnlyDiskIsSaidAndTheRunCanBeRead() throws {
      let run = try RunFolder()
      let command = try RunningCommand(run.command())
      #expect(command.waits { run.steps >= 6 })
      command.send(SIGKILL)
      _ = try command.wait()
      let before = try PipelineCommand.run(["queue", "digest", run.path, "--json"])
      do {
        let mount = try Mount(["--bind", run.path])
        #expect(try Mount.call("/bin/mount", ["-o", "remount,ro,bind", mount.path]) == 0)
        let resumed = try PipelineCommand.run(["resume", mount.path, "-q"])
        #expect(resumed.status == 1 && resumed.lines.count == 1, "\(resumed.errors)")
        #expect(resumed.errors.contains(mount.path), "\(resumed.errors)")
        #expect(resumed.errors.contains("ead-only") || resumed.errors.contains("permission"))
        let digest = try PipelineCommand.run(["queue", "digest", mount.path, "--json"])
        #expect(digest.status == 0 && digest.output == before.output, "\(digest.errors)")
        #expect(try PipelineCommand.run(["status", mount.path]).status == 0)
      }
      try run.expectIdentical("writable again")
    }
  }
}
