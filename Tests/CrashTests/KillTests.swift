import Foundation
import Randomness
import Testing

/// Everything here drives the built command, one test at a time: kills are spread over measured time.
@Suite(
  .serialized,
  .enabled(
    if: PipelineCommand.path != nil,
    "skipped: needs the pipeline command (swift build -c release --product pipeline)"))
struct Crashes {}

extension Crashes {
  @Suite(.serialized) struct KillTests {
    private let random = RandomStream(seed: 11, purpose: .shuffle)

    /// Tokens that one chunk of groups can hold: groups × rollouts × response limit of tiny.yaml.
    private static let tokensPerChunk = 5 * 4 * 20

    /// The run comes to the bits of the undisturbed one, and repeats one chunk of groups a kill at most.
    private func expectResumes(
      _ run: CrashRun, kills: Int, _ what: Comment
    ) throws {
      let reference = try Undisturbed.run()
      try run.expectIdentical(to: reference.results, what)
      let attempts = try run.attempts()
      #expect(attempts.distinct == reference.chunks, what)
      #expect(attempts.started - attempts.distinct <= kills, "\(what): one chunk a kill at most")
      let tokens = try run.generatedTokens()
      #expect(tokens >= reference.generatedTokens, what)
      #expect(tokens <= reference.generatedTokens + kills * Self.tokensPerChunk, what)
      #expect(!run.holdsUnfinishedCheckpoint, "\(what): rubbish stays")
    }

    /// The run can be looked at after any kill, and what was committed never goes back.
    private func expectReadable(_ run: CrashRun, _ what: Comment) throws -> Int {
      guard run.exists else { return 0 }
      let status = try PipelineCommand.run(["status", run.path, "--json"])
      #expect(status.status == 0, "\(what): \(status.errors)")
      let fields = try JSONSerialization.jsonObject(with: Data(status.output.utf8))
      return try #require((fields as? [String: Any])?["step"] as? Int)
    }

    /// Kill -9 at times spread over the whole run, and half of the resumed runs once more.
    @Test func killedAtAnyTimeItResumesToTheSameBits() throws {
      let reference = try Undisturbed.run()
      let trials = PipelineCommand.trials
      for trial in 0..<trials {
        let run = try CrashRun()
        var kills = 0
        var committed = 0
        // The first kill falls into the trial's own part of the run, creation included.
        let share = (Double(trial) + random.uniform(UInt64(trial))) / Double(trials)
        var delays = [share * reference.seconds]
        if trial % 2 == 1 {
          delays.append(random.uniform(UInt64(trial), 1) * reference.seconds / 2)
        }
        let what: Comment = "trial \(trial), killed after \(delays) s"
        for delay in delays {
          if try RunningCommand(run.command()).kill(after: delay) { kills += 1 }
          let step = try expectReadable(run, what)
          #expect(step >= committed, what)
          committed = step
        }
        try expectResumes(run, kills: kills, what)
      }
    }

    /// Kill -9 while a checkpoint is being written: its folder lies there, and counts for nothing.
    @Test func killedInsideACheckpointItResumesToTheSameBits() throws {
      let wanted = max(2, PipelineCommand.trials / 5)
      var inside = 0
      for trial in 0..<4 * wanted where inside < wanted {
        let run = try CrashRun()
        let command = try RunningCommand(run.command())
        // Step 0's checkpoint is written elsewhere, at creation: the run's own are at 5, 10, …
        let after = 5 * (trial % 4)
        _ = command.waits { run.steps > after && run.holdsUnfinishedCheckpoint }
        usleep(UInt32(random.integer(below: 3000, UInt64(trial), 2)))
        command.send(SIGKILL)
        guard try command.wait().status == -SIGKILL else { continue }
        if run.holdsUnfinishedCheckpoint { inside += 1 }
        try expectResumes(run, kills: 1, "trial \(trial), inside the checkpoint after \(after)")
      }
      #expect(inside >= wanted, "kills inside a checkpoint")
    }

    /// Kill -9 at chosen renames and syncs, where the order of writes matters most.
    @Test(
      .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace"), "skipped: needs strace"
      ))
    func killedAtARenameOrSyncItResumesToTheSameBits() throws {
      // 21 files are renamed and some hundred synced; these fall into creation, checkpoints and end.
      var places = [("rename", 3), ("fsync", 30), ("rename", 6), ("fdatasync", 40)]
      for extra in 0..<max(0, PipelineCommand.trials - 6) {
        let call = ["rename", "fsync", "fdatasync", "unlink"][extra % 4]
        places.append((call, 1 + Int(random.integer(below: 60, UInt64(extra), 3))))
      }
      var killed = 0
      for (call, number) in places {
        let run = try CrashRun()
        let tool = [
          "/usr/bin/strace", "-f", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=KILL:when=\(number)",
        ]
        let ended = try RunningCommand(run.command(), under: tool).wait()
        if ended.status != 0 { killed += 1 }
        try expectResumes(run, kills: ended.status == 0 ? 0 : 1, "killed at \(call) \(number)")
      }
      #expect(killed >= 3, "kills that came before the run's end")
    }
  }
}
