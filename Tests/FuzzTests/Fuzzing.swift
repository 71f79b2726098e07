import Foundation
import Records
import Testing

/// One reader under mutated inputs.
struct FuzzTarget {
  var name: String
  /// Whole inputs to start from.
  var corpus: [[UInt8]]
  /// Pieces of the format.
  var words: [String]
  /// Reads an input: returns where it is accepted and throws the module's error where not. Anything
  /// else (a trap, an error of another type, a broken promise) is a finding.
  var read: ([UInt8]) throws -> Void
  /// Whether whole inputs are accepted as they are.
  var acceptsCorpus = true
}

/// A promise that does not hold for an accepted input.
struct BrokenPromise: Error {
  var what: String
}

/// Runs a target for a number of inputs, or for a time.
///
/// There is no instrumentation: an input whose refusal reads differently from all before it, or that
/// is accepted, joins the corpus, so that the words of the errors stand in for coverage.
struct Fuzzing {
  static let executions = 3000
  static let seconds =
    ProcessInfo.processInfo.environment["TEMPER_FUZZ_SECONDS"].flatMap(Double.init)
  /// Slowest input that is no finding; refusals may take 10 s on the command's whole way.
  private static let slowest = Duration.seconds(2)

  private(set) var findings: [String] = []
  private(set) var executed = 0
  private(set) var accepted = 0
  private(set) var classes: Set<String> = []

  mutating func run(_ target: FuzzTarget, seed: UInt64 = 1) {
    for (index, input) in target.corpus.enumerated() where target.acceptsCorpus {
      do { try target.read(input) } catch { findings.append("input \(index) is refused: \(error)") }
    }
    let clock = ContinuousClock()
    let start = clock.now
    var corpus = target.corpus
    var mutator = Mutator(seed: seed, words: target.words)
    // A trap ends the process: then this file holds the input that did it.
    let trace =
      Self.seconds == nil
      ? nil : InputFile(NSTemporaryDirectory() + "/temper-fuzz-\(target.name)")
    while goesOn(since: start, clock) {
      let input = mutator.mutated(
        corpus[mutator.below(corpus.count)], with: corpus[mutator.below(corpus.count)])
      trace?.write(input)
      let begin = clock.now
      let isNew = outcome(of: input, target)
      executed += 1
      if begin.duration(to: clock.now) > Self.slowest {
        findings.append("execution \(executed) took \(begin.duration(to: clock.now))")
      }
      if isNew, corpus.count < 2000 { corpus.append(input) }
    }
    if Self.seconds != nil {
      print(
        "fuzz \(target.name): \(executed) executions, \(accepted) accepted, "
          + "\(classes.count) kinds of refusal, \(findings.count) findings")
    }
  }

  private func goesOn(since start: ContinuousClock.Instant, _ clock: ContinuousClock) -> Bool {
    guard let seconds = Self.seconds else { return executed < Self.executions }
    return start.duration(to: clock.now) < .seconds(seconds)
  }

  /// Whether the input did what none before it did.
  private mutating func outcome(of input: [UInt8], _ target: FuzzTarget) -> Bool {
    do {
      try target.read(input)
      accepted += 1
      return accepted % 16 == 1
    } catch let error as any DescribedError {
      if error.description.utf8.count > 4000 {
        findings.append("execution \(executed): an error of \(error.description.utf8.count) bytes")
      }
      return classes.insert(String(error.problem.filter { !$0.isNumber }.prefix(60))).inserted
    } catch {
      findings.append("execution \(executed): \(String(describing: error).prefix(200))")
      return true
    }
  }
}

/// A file that holds one input after the other, without the cost of making it anew.
final class InputFile {
  private let descriptor: Int32

  init(_ path: String) {
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "\(path) cannot be made")
  }

  deinit { close(descriptor) }

  func write(_ input: [UInt8]) {
    let written = unsafe input.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, input.count, 0)
    }
    precondition(
      written == input.count && ftruncate(descriptor, off_t(input.count)) == 0,
      "the input cannot be kept")
  }
}
