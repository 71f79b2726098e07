import CrashLab
import Foundation
import Testing

extension Crashes {
  /// A few trials of every campaign; `make crash` has all of them.
  @Suite(.serialized) struct CampaignTests {
    /// Ids of trials, or of every so-many-th trial of a campaign and subject.
    private enum Choice {
      case ids([String])
      case every(Int, of: String, Subject)
    }

    private func expectHeld(
      _ choice: Choice, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let laboratory = try TestLaboratory.shared()
      var trials: [Trial]
      switch choice {
      case .ids(let ids):
        trials = try ids.map { try #require(try Campaigns.trial($0, in: laboratory), "\($0)") }
      case .every(let stride, let name, let subject):
        let campaign = try #require(Campaigns.named(name))
        trials = try campaign.trials(subject, count: nil, in: laboratory).enumerated()
          .filter { $0.offset % stride == stride / 2 }.map(\.element)
      }
      let verdicts = try trials.map { try $0.run(in: laboratory) }
      let differences = verdicts.filter { !$0.holds }.map { "\($0.id): \($0.findings)" }
      #expect(differences.isEmpty, sourceLocation: sourceLocation)
      let disturbed = verdicts.count { $0.isDisturbed }
      #expect(disturbed > 0, sourceLocation: sourceLocation)
    }

    @Test func killedAtAnyTimeItResumesToTheSameBits() throws {
      try expectHeld(.ids(["kill/hpt/whole/1", "kill/ppo/whole/2", "kill/dapo/stages/0"]))
    }

    @Test func aStageThatIsKilledAndStartedAgainGivesTheSameBits() throws {
      try expectHeld(.ids(["kill-stage/riskpo/optimizer/11", "kill-stage/hpt/rollout/1"]))
    }

    @Test func killedAtADiskCallItResumesToTheSameBits() throws {
      try expectHeld(.every(53, of: "disk-kill", .brief))
    }

    @Test func aFailingDiskCallIsNamedAndNothingIsLost() throws {
      try expectHeld(.every(89, of: "disk-error", .brief))
    }

    /// Old checkpoints are removed by Foundation, whose errors do not say why; and an evaluation's
    /// queue that was not made whole is made again.
    @Test(arguments: [
      ("unlink", "run/checkpoints/5/"), ("rmdir", "run/checkpoints/5"),
      ("pwrite", "run/evaluations/18-modular_chains/queue/data.mdb"),
    ])
    func aCallThatFailsNamesItsCause(call: String, place: String) throws {
      let laboratory = try TestLaboratory.shared()
      let calls = try laboratory.diskCalls(.hpt, .whole)["whole"] ?? []
      let struck = try #require(calls.first { $0.name == call && $0.path.hasPrefix(place) })
      let ids = try DiskErrorCampaign().trials(.hpt, count: nil, in: laboratory).map(\.id)
        .filter { $0.contains("/whole/site-\(struck.site)-") }
      #expect(ids.count == 2)
      try expectHeld(.ids(ids))
    }

    @Test func careThatIsDisturbedIsGivenAgain() throws {
      try expectHeld(.every(29, of: "upkeep", .hpt))
      // A disk that fails a copy is not a checkpoint that went meanwhile.
      let copies = try UpkeepCampaign().trials(.hpt, count: nil, in: TestLaboratory.shared())
        .map(\.id).filter { $0.contains("/backup/") && $0.hasSuffix("/eio") }
      try expectHeld(.ids([copies[3], copies[5]]))
    }

    @Test func aStageThatWasTakenOverWritesNoMore() throws {
      try expectHeld(.ids(["stopped/hpt/rollout/1", "stopped/dapo/optimizer/5"]))
    }

    @Test func aSignalEndsItWithinAStep() throws {
      // Several, since a run that is faster than the undisturbed one was may end before its signal.
      try expectHeld(
        .ids([
          "signal/ppo/whole/TERM/0", "signal/hpt/whole/INT/1", "signal/hpt/whole/TERM/2",
          "signal/riskpo/stages/INT/1",
        ]))
    }

    @Test func ofTwoCopiesOneWorks() throws {
      try expectHeld(.ids(["twice/hpt/whole/0", "twice/dapo/whole/1", "twice/ppo/stages/2"]))
    }

    @Test func stepsOfTheClockChangeNothing() throws {
      try expectHeld(.ids(["clock/hpt/whole/1", "clock/riskpo/stages/0"]))
    }

    @Test func tooLittleMemoryOrTooFewFilesAreSaid() throws {
      try expectHeld(
        .ids([
          "limits/hpt/files-16/new", "limits/ppo/files-24/resumed", "limits/hpt/memory-192/new",
          "limits/ppo/memory-16600/resumed",
        ])
      )
    }

    @Test(.enabled(if: Mount.isPermitted, "skipped: needs the right to mount a file system"))
    func whatMayNotBeWrittenCanBeRead() throws {
      try expectHeld(.ids(["read-only/hpt/mount", "read-only/hpt/user"]))
    }
  }
}
