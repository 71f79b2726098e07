import CrashLab
import Foundation
import Testing

extension Crashes {
  @Suite(.serialized) struct KillTests {
    /// Kill -9 while a checkpoint is being written: its folder lies there, and counts for nothing.
    @Test func killedInsideACheckpointItResumesToTheSameBits() throws {
      let calls = try #require(
        try TestLaboratory.shared().diskCalls(.hpt, .whole)["whole"], "no calls")
      // Step 0's checkpoint is written elsewhere, at creation.
      let inside = calls.filter {
        $0.path.contains("checkpoints/tmp-") && !$0.path.contains("tmp-0")
      }
      for part in 1...2 {
        let call = inside[part * inside.count / 3]
        let run = try RunFolder()
        let shim = try Shim(root: run.folder).striking(
          .killBefore, at: .call(call.number), telling: run.folder + "/struck")
        let ended = try PipelineCommand.run(run.command(), environment: shim.environment)
        #expect(ended.status == -SIGKILL && run.holdsUnfinishedCheckpoint, "\(call)")
        try run.expectIdentical("killed at \(call)")
        #expect(!run.holdsUnfinishedCheckpoint, "\(call): rubbish stays")
      }
    }
  }
}
