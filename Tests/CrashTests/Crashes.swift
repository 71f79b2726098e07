import CrashLab
import Foundation
import Testing

/// Everything here drives the built command, one test at a time: kills are spread over measured time.
@Suite(
  .serialized,
  .enabled(
    if: Repository.pipeline != nil,
    "skipped: needs the pipeline command (swift build -c release --product pipeline)"))
struct Crashes {}

/// The laboratory of this test process, and its undisturbed runs: made once, compared with by all.
enum TestLaboratory {
  private static let made = Result {
    try Laboratory(work: NSTemporaryDirectory() + "/temper-crash-tests")
  }

  static func shared() throws -> Laboratory { try made.get() }

  static func reference(_ subject: Subject = .hpt) throws -> Reference {
    try shared().reference(subject)
  }
}

extension RunFolder {
  /// A run of the subject `hpt`, with lines laid over its definition.
  convenience init(_ lines: String = "", in mount: Mount? = nil) throws {
    try self.init(.hpt, lines, in: mount)
  }

  func results() throws -> Results { try results(step: Subject.hpt.steps) }

  /// Resumes until the end and compares with the undisturbed run.
  func expectIdentical(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let ended = try PipelineCommand.run(command())
    #expect(ended.status == 0, "\(what): \(ended.errors)", sourceLocation: sourceLocation)
    guard ended.status == 0 else { return }
    let differences = try results().differences(TestLaboratory.reference().results)
    #expect(differences.isEmpty, what, sourceLocation: sourceLocation)
  }
}
