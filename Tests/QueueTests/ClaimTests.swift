import Foundation
import Queue
import Records
import Testing

@Suite struct ClaimTests {
  @Test func aSecondClaimOfARunningStageIsRefusedWithTheHoldersPid() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let claim = try queue.claim(stage: "verifier")
    #expect(claim.epoch == 1)
    let error = #expect(throws: QueueError.self) { try queue.claim(stage: "verifier") }
    #expect(error?.code == .locked)
    #expect(error?.exitStatus == .tryAgain)
    #expect(error?.problem.contains("locked by pid \(getpid())") == true, "\(error?.problem ?? "")")
    // Another worker, and another stage, are free.
    _ = try queue.claim(stage: "verifier", worker: 2)
    _ = try queue.claim(stage: "gate")
    claim.release()
    #expect(try queue.claim(stage: "verifier").epoch == 2)
  }

  @Test func aSupersededClaimWritesNothing() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let sleeper = try queue.claim(stage: "gate")
    let other = try queue.claim(stage: "loss")
    try queue.write(claims: [sleeper]) { try $0.setCursor("gate", to: 1) }
    let successor = try queue.claim(stage: "gate", takeOver: true)
    let error = #expect(throws: QueueError.self) {
      try queue.write(claims: [other, sleeper]) { try $0.setCursor("gate", to: 2) }
    }
    #expect(error?.code == .superseded)
    #expect(try queue.read { try $0.cursor("gate") } == 1)
    try queue.write(claims: [successor, other]) { try $0.setCursor("gate", to: 5) }
    #expect(try queue.read { try $0.cursor("gate") } == 5)
    // The file that was taken over is locked by the successor alone.
    sleeper.release()
    #expect(throws: QueueError.self) { try queue.claim(stage: "gate") }
  }

  @Test func anotherProcessIsRefusedWhileAStageRunsAndGoesOnAfterwards() async throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let claim = try queue.claim(stage: "verifier")
    let (folder, pid) = (run.queueFolder, getpid())
    await #expect(processExitsWith: .exitCode(75)) {
      [folder = folder as String, pid = pid as Int32] in
      let other = try Queue.open(at: folder)
      do {
        _ = try other.claim(stage: "verifier")
      } catch let error as QueueError where error.problem.contains("pid \(pid),") {
        exit(error.exitStatus.rawValue)
      }
    }
    claim.release()
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      let other = try Queue.open(at: folder)
      let claim = try other.claim(stage: "verifier")
      try other.write(claims: [claim]) { try $0.put(verdict(of: 0), .verdicts, RecordKey(0)) }
    }
    let error = #expect(throws: QueueError.self) {
      try queue.write(claims: [claim]) { try $0.setCursor("verifier", to: 1) }
    }
    #expect(error?.code == .superseded)
    #expect(try queue.read { try $0.head(.verdicts) } == 1)
  }

  @Test func oneProcessOpensAQueueOnce() throws {
    let run = try TemporaryRun()
    do {
      let queue = try run.create()
      let error = #expect(throws: QueueError.self) { try run.open(.readOnly) }
      #expect(error?.code == .locked)
      // A link to the folder is the same queue.
      let link = "\(run.folder)/link"
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: queue.folder)
      #expect(throws: QueueError.self) { try Queue.open(at: link) }
    }
    _ = try run.open()
  }

  @Test func aTransactionInsideAnotherTraps() async {
    await #expect(processExitsWith: .failure) {
      let run = try TemporaryRun()
      let queue = try run.create()
      try queue.write(claims: []) { _ in try queue.read { _ in } }
    }
  }
}
