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

/// Runs a target for a number of inputs, or for a time (`TEMPER_FUZZ_EXECUTIONS`, `TEMPER_FUZZ_SECONDS`).
///
/// There is no instrumentation: an input whose refusal reads differently from all before it joins the
/// corpus, so that the words of the errors stand in for coverage; and some of those that are accepted do,
/// from which every second input is made, or damage would heap up until hardly one is.
struct Fuzzing {
  private static let environment = ProcessInfo.processInfo.environment
  private static let executions = environment["TEMPER_FUZZ_EXECUTIONS"].flatMap(Int.init)
  private static let seconds = environment["TEMPER_FUZZ_SECONDS"].flatMap(Double.init)
  /// Inputs of a test that was asked for no more.
  private static let few = 3000
  private static var isLong: Bool { executions != nil || seconds != nil }
  /// Slowest input that is no finding; refusals may take 10 s on the command's whole way.
  private static let slowest = Duration.seconds(2)
  /// Bytes that the process may have taken after a long run, this corpus and its mutations included.
  private static let mostMemory = 256_000_000
  /// Of inputs that joined the corpus.
  private static let corpusBytes = 16 << 20

  private(set) var findings: [String] = []
  private(set) var executed = 0
  private(set) var accepted = 0
  private(set) var classes: Set<String> = []

  /// Runs the target and expects that nothing is found.
  static func expectSound(_ target: FuzzTarget) {
    var fuzzing = Fuzzing()
    fuzzing.run(target)
    #expect(fuzzing.findings.isEmpty, "\(target.name): \(fuzzing.findings.prefix(3))")
    // Both must happen, or the inputs are too wild or too tame to show anything.
    #expect(fuzzing.classes.count >= 2, "\(target.name): \(fuzzing.classes)")
    #expect(!target.acceptsCorpus || fuzzing.accepted > 0, "\(target.name): no input is accepted")
  }

  mutating func run(_ target: FuzzTarget, seed: UInt64 = 1) {
    for (index, input) in target.corpus.enumerated() where target.acceptsCorpus {
      do { try target.read(input) } catch { findings.append("input \(index) is refused: \(error)") }
    }
    let clock = ContinuousClock()
    let start = clock.now
    var sound = target.corpus
    var refused: [[UInt8]] = []
    var room = Self.corpusBytes
    var slowest = Duration.zero
    var mutator = Mutator(seed: seed, words: target.words)
    // A trap ends the process: then this file holds the input that did it.
    let trace =
      Self.isLong ? InputFile(NSTemporaryDirectory() + "/temper-fuzz-\(target.name)") : nil
    while goesOn(since: start, clock) {
      let pool = refused.isEmpty || mutator.below(2) == 0 ? sound : refused
      let input = mutator.mutated(
        pool[mutator.below(pool.count)], with: sound[mutator.below(sound.count)])
      trace?.write(input)
      let begin = clock.now
      let before = accepted
      let isNew = outcome(of: input, target)
      executed += 1
      let time = begin.duration(to: clock.now)
      slowest = max(slowest, time)
      if time > Self.slowest { findings.append("execution \(executed) took \(time)") }
      guard isNew, sound.count + refused.count < 2000, input.count <= room else { continue }
      room -= input.count
      if accepted > before { sound.append(input) } else { refused.append(input) }
    }
    guard Self.isLong else { return }
    let memory = Self.peakMemory
    if memory > Self.mostMemory { findings.append("the process took \(memory) bytes") }
    print(
      "fuzz \(target.name): \(executed) executions in \(start.duration(to: clock.now)), \(accepted) "
        + "accepted, \(classes.count) kinds of refusal, slowest \(slowest), process "
        + "\(memory / 1_000_000) MB, \(findings.count) findings")
  }

  /// Bytes of memory that the process held at most (`VmHWM`).
  private static var peakMemory: Int {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  private func goesOn(since start: ContinuousClock.Instant, _ clock: ContinuousClock) -> Bool {
    if let seconds = Self.seconds, Self.executions == nil {
      return start.duration(to: clock.now) < .seconds(seconds)
    }
    return executed < Self.executions ?? Self.few
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
