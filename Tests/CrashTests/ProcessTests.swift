import Foundation
import Testing

private let stages = ["reader", "rollout", "verifier", "gate", "loss", "optimizer"]

extension Crashes {
  /// Stages as processes of their own, and what happens when they are asked to end.
  @Suite(.serialized) struct ProcessTests {
    private func follow(_ stage: String, _ run: CrashRun) throws -> RunningCommand {
      try RunningCommand(
        ["run", "stage", stage, run.definition, "--run", run.path, "--follow", "-q"])
    }

    private func expectAllEnd(_ processes: [RunningCommand], _ what: Comment) throws {
      for (stage, process) in zip(stages, processes) {
        let ended = try process.wait()
        #expect(ended.status == 0, "\(what), \(stage): \(ended.errors)")
      }
    }

    /// All six start on a run that is not there yet: one of them creates it.
    @Test func sixProcessesGiveTheBitsOfOne() throws {
      let run = try CrashRun()
      try expectAllEnd(try stages.map { try follow($0, run) }, "six processes")
      #expect(try run.results().differences(Undisturbed.run().results).isEmpty)
      let beside = try FileManager.default.contentsOfDirectory(atPath: run.folder).sorted()
      #expect(beside == ["run", "tiny.yaml"], "half-made runs stay")
    }

    /// Which stage is killed, one after the other, as the run goes on.
    private static let victims =
      [["rollout", "optimizer"]]
      + (PipelineCommand.trials > 6 ? stages.map { [$0, $0, $0] } : [])

    @Test(arguments: victims)
    func stagesThatAreKilledAndStartedAgainGiveTheSameBits(victims: [String]) throws {
      let run = try CrashRun()
      var processes = try stages.map { try follow($0, run) }
      for (number, stage) in victims.enumerated() {
        let index = try #require(stages.firstIndex(of: stage))
        _ = processes[index].waits { run.steps >= 3 + 8 * number }
        processes[index].send(SIGKILL)
        #expect(try processes[index].wait().status == -SIGKILL, "\(stage) ended before its kill")
        processes[index] = try follow(stage, run)
      }
      try expectAllEnd(processes, "\(victims) killed")
      #expect(try run.results().differences(Undisturbed.run().results).isEmpty)
    }

    /// Strictly on-policy, a round of the six is a step: what is pending is worked off, no more.
    @Test func stagesOneAfterTheOtherGiveTheBitsOfOneProcess() throws {
      let whole = try CrashRun("steps: 2\n")
      #expect(try PipelineCommand.run(whole.command()).status == 0)
      let run = try CrashRun("steps: 2\n")
      for round in 0..<2 {
        for stage in stages {
          let ended = try PipelineCommand.run(
            ["run", "stage", stage, run.definition, "--run", run.path])
          #expect(ended.status == 0, "round \(round), \(stage): \(ended.errors)")
        }
      }
      #expect(try run.results(step: 2).differences(whole.results(step: 2)).isEmpty)
      let idle = try PipelineCommand.run(["run", "stage", "prompt-shard-reader", "--run", run.path])
      #expect(idle.status == 0 && idle.errors.contains("nothing to do"), "\(idle.errors)")
    }

    /// A second copy of a stage, and a resume beside a running stage: refused, and nothing happens
    /// to the first.
    @Test func aStageThatRunsIsLockedWithItsPid() throws {
      let run = try CrashRun()
      let first = try follow("rollout", run)
      let lock = run.path + "/locks/rollout-1.lock"
      #expect(
        first.waits {
          (try? String(contentsOfFile: lock, encoding: .utf8).contains("pid \(first.pid)")) == true
        })
      for arguments in [
        ["run", "stage", "rollout", "--run", run.path, "-q"], ["resume", run.path, "-q"],
      ] {
        let second = try PipelineCommand.run(arguments)
        #expect(second.status == 75, "\(second.errors)")
        #expect(second.lines.count == 1 && second.errors.contains("locked by pid \(first.pid)"))
      }
      first.send(SIGTERM)
      #expect(try first.wait().status == 143)
      try run.expectIdentical(to: Undisturbed.run().results, "after a locked stage")
    }

    @Test(arguments: [(SIGINT, Int32(130), 1), (SIGTERM, Int32(143), 1), (SIGINT, Int32(130), 2)])
    func aSignalEndsARunWithItsStatusAndItResumesToTheSameBits(
      signal: Int32, status: Int32, times: Int
    ) throws {
      let run = try CrashRun()
      let command = try RunningCommand(run.command())
      #expect(command.waits { run.steps >= 7 })
      for _ in 0..<times { command.send(signal) }
      #expect(try command.wait().status == status)
      if times == 1 {
        let summary = try run.summary()
        let done = try #require(summary["steps_done"] as? Int)
        #expect(summary["state"] as? String == "interrupted" && done >= 7 && done < 24)
        #expect(run.names(in: "checkpoints").contains("\(done)"), "what was committed is saved")
      }
      try run.expectIdentical(to: Undisturbed.run().results, "signal \(signal) × \(times)")
      if times == 1 {
        #expect(try run.generatedTokens() <= Undisturbed.run().generatedTokens + 400)
      }
    }

    /// Another kernel of the BLAS library: other bits, the same promise, a wider bound.
    @Test func theHaswellKernelRunsWithinItsBoundAndRepeatsItself() throws {
      let haswell = ["OPENBLAS_CORETYPE": "Haswell"]
      var found: [CrashRun.Results] = []
      for _ in 0..<2 {
        let run = try CrashRun("steps: 6\n")
        let ended = try PipelineCommand.run(run.command(), environment: haswell)
        #expect(ended.status == 0, "\(ended.errors)")
        let summary = try run.summary()
        #expect(summary["blas_core"] as? String == "Haswell")
        #expect(try #require(summary["logprob_mismatch_max"] as? Double) <= 1e-4)
        found.append(try run.results(step: 6))
        // Going on with the machine's own kernel would give other bits.
        guard try Undisturbed.run().blasCore != "Haswell" else { continue }
        let own = try PipelineCommand.run(["resume", run.path, "--set", "steps=7", "-q"])
        #expect(own.status == 3 && own.lines.count == 1, "\(own.errors)")
        #expect(own.errors.contains("the run began with Haswell"), "\(own.errors)")
      }
      #expect(found[0].differences(found[1]).isEmpty)
    }
  }
}
