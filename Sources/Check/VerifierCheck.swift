import Files
import Foundation
import Records
public import Verifiers

/// What a comparison of our verdicts with labelled cases came to, file by file.
public struct VerifierCheck: Sendable, Encodable {
  /// A case that went otherwise than its label says.
  public struct Failure: Sendable, Encodable {
    public var id: String
    /// In a few words; without text of the case.
    public var problem: String
    public var rule: String?
    public var extracted: String?
  }

  /// Our verdict beside those of other graders, where these disagree.
  public struct Comparison: Sendable, Encodable {
    public var id: String
    public var note: String?
    /// Nil: our verifier has no verdict.
    public var ours: Bool?
    public var rule: String
    public var graders: [String: Bool]
  }

  /// Of a verdict.
  public struct Microseconds: Sendable, Encodable {
    public var median = 0.0
    public var p99 = 0.0
    public var most = 0.0

    private enum CodingKeys: String, CodingKey {
      case median, p99
      case most = "max"
    }

    init(_ times: [Double]) {
      let sorted = times.sorted()
      guard let last = sorted.last else { return }
      median = sorted[sorted.count / 2]
      p99 = sorted[min(sorted.count - 1, Int((0.99 * Double(sorted.count)).rounded(.up)) - 1)]
      most = last
    }
  }

  public struct File: Sendable, Encodable {
    public var kind: VerifierCaseKind?
    public var cases = 0
    public var agreed = 0
    public var wrongAccepted = 0
    public var rightRefused = 0
    /// Cases whose label leaves it open, and cases of `disagreements`.
    public var undecided = 0
    /// Verdicts that are none. A case labelled true is failed by one; a case labelled false is neither
    /// agreed with nor failed, since nothing was accepted.
    public var errors = 0
    public var failures: [Failure] = []
    /// Cases labelled false without a verdict.
    public var unjudged: [Failure] = []
    public var comparisons: [Comparison] = []
    public var microseconds = Microseconds([])

    public var failed: Int { failures.count }

    private enum CodingKeys: String, CodingKey {
      case kind, cases, agreed, undecided, errors, failures, unjudged, comparisons, microseconds
      case wrongAccepted = "wrong_accepted"
      case rightRefused = "right_refused"
    }

    mutating func fail(_ id: String, _ problem: String, _ verdict: Verdict? = nil) {
      failures.append(
        Failure(id: id, problem: problem, rule: verdict?.rule, extracted: verdict?.extracted))
    }
  }

  public var cases = 0
  public var agreed = 0
  public var failed = 0
  /// By the path as given.
  public var files: [String: File] = [:]

  public init() {}

  public mutating func add(_ file: File, named name: String) {
    cases += file.cases
    agreed += file.agreed
    failed += file.failed
    files[name] = file
  }
}

/// Judges the cases of a JSON Lines file and compares with their labels.
///
/// - Parameter verifier: judges all of them, in place of the ones that the file's kind asks for.
public func checkVerifier(file path: String, verifier: (any Verifier)? = nil) -> VerifierCheck.File
{
  var file = VerifierCheck.File()
  let entries: [JSONValue]
  do { entries = try lines(of: path) } catch {
    file.fail(path, error.description)
    return file
  }
  guard let kind = VerifierCaseKind(path: path, entries) ?? verifier.map({ _ in .math }) else {
    file.fail(path, "holds no cases of a known kind; say with a verifier who judges them")
    return file
  }
  file.kind = kind
  var times: [Double] = []
  for (index, entry) in entries.enumerated() {
    file.cases += 1
    do throws(GoldenProblem) {
      if kind == .shaping {
        try file.check(try ShapingCase(entry), &times)
      } else {
        try file.check(try VerifierCase(entry, kind: kind, verifier: verifier), entry, &times)
      }
    } catch {
      file.errors += 1
      file.fail(entry["id"]?.string ?? "line \(index + 1)", error.description)
    }
  }
  file.microseconds = VerifierCheck.Microseconds(times)
  return file
}

private func lines(of path: String) throws(GoldenProblem) -> [JSONValue] {
  let bytes: [UInt8]
  do { bytes = try RegularFile.read(path, limit: 1 << 28) } catch {
    throw GoldenProblem("cannot be read: \(error)")
  }
  var entries: [JSONValue] = []
  for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
  where !line.isEmpty {
    do {
      entries.append(try JSONValue(parsing: Array(line), location: "line \(index + 1)"))
    } catch {
      throw GoldenProblem("\(error.location): \(error.problem)")
    }
  }
  return entries
}

extension VerifierCheck.File {
  fileprivate mutating func check(
    _ one: VerifierCase, _ entry: JSONValue, _ times: inout [Double]
  ) throws(GoldenProblem) {
    let response = Response(text: one.response)
    let clock = ContinuousClock()
    let began = clock.now
    let verdict = one.verifier.verify(response, of: one.prompt)
    times.append(Self.microseconds(began.duration(to: clock.now)))
    if verdict.reward == nil { errors += 1 }
    if kind == .disagreements {
      compare(one.id, verdict, entry)
      return
    }
    guard let expected = one.expected else {
      undecided += 1
      return
    }
    switch verdict.outcome {
    case .error(let reason):
      if expected {
        fail(one.id, "no verdict: \(reason)", verdict)
      } else {
        unjudged.append(
          VerifierCheck.Failure(
            id: one.id, problem: "no verdict: \(reason)", rule: verdict.rule, extracted: nil))
      }
    case .scored where verdict.isRight == expected: agreed += 1
    case .scored:
      if expected { rightRefused += 1 } else { wrongAccepted += 1 }
      fail(one.id, expected ? "right, refused" : "wrong, accepted", verdict)
    }
  }

  private mutating func compare(_ id: String, _ verdict: Verdict, _ entry: JSONValue) {
    undecided += 1
    var graders: [String: Bool] = [:]
    for member in entry["graders"]?.object ?? [] { graders[member.name] = member.value.boolean }
    if let suite = entry["suite_expected"]?.boolean { graders["suite"] = suite }
    comparisons.append(
      VerifierCheck.Comparison(
        id: id, note: entry["note"]?.string, ours: verdict.reward.map { _ in verdict.isRight },
        rule: verdict.rule, graders: graders))
  }

  fileprivate mutating func check(
    _ one: ShapingCase, _ times: inout [Double]
  ) throws(GoldenProblem) {
    let clock = ContinuousClock()
    let began = clock.now
    let value: Double?
    do {
      value = try Verifiers.value(of: one.part, for: one.response, accuracy: one.isRight ? 1 : 0)
    } catch {
      throw GoldenProblem(error.problem)
    }
    times.append(Self.microseconds(began.duration(to: clock.now)))
    // Theirs are doubles too, of other sums of the same numbers.
    if let value, abs(value - one.expected) <= 1e-9 {
      agreed += 1
    } else {
      fail(one.id, "\(value.map { "\($0)" } ?? "nothing") in place of \(one.expected)")
    }
  }

  private static func microseconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) * 1e6 + Double(duration.components.attoseconds) / 1e12
  }
}
