import CrashLab
import Foundation
import Testing

extension Crashes {
  /// What stands between a process and its disk calls, on a process whose calls are known: `dd`
  /// creates a file, writes three blocks and syncs it.
  @Suite struct ShimTests {
    private final class Place {
      let folder = NSTemporaryDirectory() + "/temper-shim-\(UUID().uuidString)"
      var file: String { folder + "/root/file" }

      init() throws {
        try FileManager.default.createDirectory(
          atPath: folder + "/root", withIntermediateDirectories: true)
      }

      deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(error)") }
      }

      func shim() throws -> Shim {
        try Shim(root: folder + "/root").counting(to: folder + "/calls")
      }

      var length: Int? { FileManager.default.contents(atPath: file)?.count }

      /// The exit status of `dd`, or minus the signal that killed it.
      func run(_ shim: Shim) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/dd")
        process.arguments = ["if=/dev/zero", "of=" + file, "bs=1000", "count=3", "conv=fsync"]
        process.environment = shim.environment
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let code = process.terminationStatus
        return process.terminationReason == .uncaughtSignal ? -code : code
      }
    }

    @Test func seesEveryCallInOrder() throws {
      let place = try Place()
      #expect(try place.run(place.shim()) == 0)
      let calls = try DiskCall.read(place.folder + "/calls")
      #expect(calls.map(\.name) == ["open", "write", "write", "write", "fsync"])
      #expect(calls.map(\.number) == [1, 2, 3, 4, 5])
      #expect(calls.allSatisfy { $0.path == "file" })
      let writes = calls.filter { $0.name == "write" }
      #expect(Set(writes.map(\.site)).count == 1, "one place in the program writes")
    }

    @Test func killsBeforeWithinAndAfterACall() throws {
      for (fault, length) in [
        (DiskFault.killBefore, 1000), (.killWithin, 1500), (.killAfter, 2000),
      ] {
        let place = try Place()
        let shim = try place.shim().striking(fault, at: .call(3), telling: place.folder + "/struck")
        #expect(try place.run(shim) == -SIGKILL && place.length == length, "\(fault)")
      }
    }

    @Test func failsOneCallOrAllThatFollow() throws {
      let place = try Place()
      let struck = place.folder + "/struck"
      let once = try place.shim().striking(
        .inputOutput(isLasting: false), at: .call(5), telling: struck)
      #expect(try place.run(once) != 0 && place.length == 3000, "the sync fails")
      let told = try String(contentsOfFile: struck, encoding: .utf8)
      #expect(told.hasSuffix("5 fsync eio file\n"))
      let full = try Place()
      let lasting = try full.shim().striking(
        .noSpace(isLasting: true), at: .call(3), telling: full.folder + "/struck")
      #expect(try full.run(lasting) != 0 && full.length == 1500, "half a block fits")
    }

    @Test func strikesAPlaceInTheProgram() throws {
      let first = try Place()
      #expect(try first.run(first.shim()) == 0)
      let site = try #require(try DiskCall.read(first.folder + "/calls").dropFirst().first?.site)
      let place = try Place()
      let shim = try place.shim().striking(
        .killBefore, at: .site(site, 3), telling: place.folder + "/struck")
      #expect(try place.run(shim) == -SIGKILL && place.length == 2000)
    }

    /// The whole run makes the same calls every time: call N of a trial is call N of the profile.
    @Test func aRunInOneProcessRepeatsItsCalls() throws {
      let known = try #require(
        try TestLaboratory.shared().diskCalls(.brief, .whole)["whole"], "no calls")
      #expect(known.count <= 300, "few enough to strike at every one")
      let run = try RunFolder(.brief)
      let shim = try Shim(root: run.folder).counting(to: run.folder + ".calls")
      #expect(try PipelineCommand.run(run.command(), environment: shim.environment).status == 0)
      let again = try DiskCall.read(run.folder + ".calls")
      try FileManager.default.removeItem(atPath: run.folder + ".calls")
      #expect(again.map(\.name) == known.map(\.name) && again.map(\.site) == known.map(\.site))
    }
  }
}
