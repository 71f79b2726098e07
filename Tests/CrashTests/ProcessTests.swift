import CrashLab
import Foundation
import Testing

private let stages = ["reader", "rollout", "verifier", "gate", "loss", "optimizer"]

extension Crashes {
  /// Stages as processes of their own, and what happens when they are asked to end.
  @Suite(.serialized) struct ProcessTests {
    private func follow(_ stage: String, _ run: RunFolder) throws -> RunningCommand {
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
      let run = try RunFolder()
      try expectAllEnd(try stages.map { try follow($0, run) }, "six processes")
      #expect(
        try run.results().differences(
          TestLaboratory.reference().results, withSummary: false
        ).isEmpty)
      let beside = try FileManager.default.contentsOfDirectory(atPath: run.folder).sorted()
      #expect(beside == ["hpt.yaml", "run"], "half-made runs stay")
    }

    /// Strictly on-policy, a round of the six is a step: what is pending is worked off, no more.
    @Test func stagesOneAfterTheOtherGiveTheBitsOfOneProcess() throws {
      let whole = try RunFolder("steps: 2\n")
      #expect(try PipelineCommand.run(whole.command()).status == 0)
      let run = try RunFolder("steps: 2\n")
      for round in 0..<2 {
        for stage in stages {
          let ended = try PipelineCommand.run(
            ["run", "stage", stage, run.definition, "--run", run.path])
          #expect(ended.status == 0, "round \(round), \(stage): \(ended.errors)")
        }
      }
      #expect(
        try run.results(step: 2).differences(whole.results(step: 2), withSummary: false).isEmpty)
      let idle = try PipelineCommand.run(["run", "stage", "prompt-shard-reader", "--run", run.path])
      #expect(idle.status == 0 && idle.errors.contains("nothing to do"), "\(idle.errors)")
    }

    /// A second copy of a stage, and a resume beside a running stage: refused, and nothing happens
    /// to the first.
    @Test func aStageThatRunsIsLockedWithItsPid() throws {
      let run = try RunFolder()
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
      try run.expectIdentical("after a locked stage")
    }

    /// What is too small an address space is said before anything runs out of it, with the size.
    @Test func tooSmallAnAddressSpaceIsRefusedWithTheSizeThatIsNeeded() throws {
      let subjects = "Tests/CrashLab/Subjects"
      for (command, limit, words) in [
        (["doctor"], 135, ["135 MiB are allowed", "a command takes 136"]),
        (["run", "-q", subjects + "/brief.yaml"], 16_600, ["16600 MiB", "takes 16712"]),
        (["run", "-q", subjects + "/hpt.yaml"], 33_000, ["33000 MiB", "takes 33096"]),
        (["run", "stage", "gate", "--run", "/absent"], 16_600, ["16600 MiB", "takes 16712"]),
      ] {
        let ended = try PipelineCommand.run(
          command, environment: ["OPENBLAS_NUM_THREADS": "1"],
          under: ["/usr/bin/prlimit", "--as=\(limit << 20)"])
        let what: Comment = "\(command), \(limit) MiB: \(ended.status) \(ended.errors)"
        #expect(ended.status == 1 && ended.lines.count == 1, what)
        for word in words + ["ulimit -v"] { #expect(ended.errors.contains(word), what) }
      }
    }

    @Test(arguments: [(SIGINT, Int32(130), 1), (SIGTERM, Int32(143), 1), (SIGINT, Int32(130), 2)])
    func aSignalEndsARunWithItsStatusAndItResumesToTheSameBits(
      signal: Int32, status: Int32, times: Int
    ) throws {
      let run = try RunFolder()
      let command = try RunningCommand(run.command())
      #expect(command.waits { run.steps >= 7 })
      for _ in 0..<times { command.send(signal) }
      #expect(try command.wait().status == status)
      if times == 1 {
        let summary = try run.summary()
        let done = try #require(summary["steps_done"] as? Int)
        #expect(
          summary["state"] as? String == "interrupted" && done >= 7 && done < Subject.hpt.steps)
        #expect(run.names(in: "checkpoints").contains("\(done)"), "what was committed is saved")
      }
      try run.expectIdentical("signal \(signal) × \(times)")
      if times == 1 {
        #expect(try run.generatedTokens() <= TestLaboratory.reference().generatedTokens + 400)
      }
    }

    /// The instructions of another machine: the same bits.
    @Test func otherInstructionsGiveTheSameRun() throws {
      let run = try RunFolder("steps: 6\n")
      let ended = try PipelineCommand.run(run.command(), environment: ["TEMPER_ISA": "avx2"])
      #expect(ended.status == 0, "\(ended.errors)")
      #expect(try run.summary()["logprob_mismatch_max"] as? Double == 0)
      let usual = try RunFolder("steps: 6\n")
      let other = try PipelineCommand.run(usual.command(), environment: [:])
      #expect(other.status == 0, "\(other.errors)")
      #expect(try run.results(step: 6).differences(usual.results(step: 6)).isEmpty)
    }
  }
}
