import CrashLab
import DiskFaults
import Foundation
import Testing

extension Crashes {
  /// A few power cuts, damaged files and full disks, and whether the planted bugs still apply;
  /// `make crash` and `make crash-planted` have all of them.
  @Suite(.serialized) struct FaultTests {
    private func expectHeld(
      _ ids: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let laboratory = try TestLaboratory.shared()
      let differences = try ids.map { id in
        let trial = try #require(try Campaigns.trial(id, in: laboratory), "\(id)")
        return try trial.run(in: laboratory)
      }.filter { !$0.holds }.map { "\($0.id): \($0.findings)" }
      #expect(differences.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func afterAPowerCutNothingAcknowledgedIsLost() throws {
      try expectHeld(
        DiskModel.allCases.flatMap { model in
          (0..<4).map { "power-cut/brief/\(model.rawValue)/whole/\($0)" }
        } + ["power-cut/riskpo/strict/stages/0"])
    }

    /// The shim leaves syncs of one file out: without them the same cuts must lose something.
    @Test(arguments: ["model.safetensors", "data.mdb"])
    func aSyncThatIsLeftOutIsFound(file: String) throws {
      let laboratory = try TestLaboratory.shared()
      let trials = try PowerCutCampaign(omittingSyncsOf: file)
        .trials(.brief, count: 40, in: laboratory)
        .filter { $0.id.contains("/strict/whole/") }
      let finding = try trials.first {
        try !$0.run(in: laboratory, keepsFailure: false).holds
      }
      #expect(finding != nil)
    }

    @Test func damagedFilesAreNamedOrChangeNothing() throws {
      try expectHeld((0..<8).map { "damage/brief/killed/\($0)" })
      try expectHeld((0..<2).map { "damage/brief/stages/\($0)" })
      try expectHeld((0..<4).map { "damage/brief/finished/\($0)" })
    }

    @Test(.enabled(if: Mount.isPermitted, "skipped: needs the right to mount a file system"))
    func aFullDiskIsNamedAndNothingIsLost() throws {
      try expectHeld([
        "full-disk/hpt/tmpfs/checkpoint/4", "full-disk/hpt/ext4/middle/1",
        "full-disk/hpt/inodes/before/2",
      ])
    }

    @Test func everyPlantedBugAppliesToTheSources() {
      var failures: [String] = []
      for bug in PlantedBugs.all {
        do { _ = try bug.planted(in: Repository.root) } catch { failures.append("\(error)") }
        for hunt in bug.hunts where Campaigns.named(hunt.campaign) == nil {
          failures.append("\(bug.name): no campaign \(hunt.campaign)")
        }
      }
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }
}
