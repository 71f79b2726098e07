import Check
import Foundation
import Records
import Testing

/// The authors' numbers: in double precision within each file's own tolerance, and as an engine in
/// single precision hands them over and takes them back.
///
/// No case is left out of the second mode: ratios are doubles from the border on, so that a log-ratio
/// near ±20 costs no more digits than another, and rewards, which nearly equal groups amplify, are
/// doubles in the records as well.
@Suite struct GoldenTests {
  static let files = [
    "aggregation", "cispo", "cispo_variants", "dapo", "dpo", "dr_grpo", "dynamic_sampling",
    "entropy", "entropy_cov", "gate", "gfpo", "grpo", "gspo", "gspo_token", "gvpo", "hpt",
    "kl_penalty", "luffy", "offline_reinforce", "opmd", "optimizer_step", "overlong_reward",
    "policy_clip", "ppo", "reinforce", "reinforce_plus_plus", "riskpo", "riskpo_paper",
    "riskpo_quantile", "rloo", "rollout_correction", "sapo", "sft", "srft", "toy_training",
  ]

  @Test(arguments: files, CheckPrecision.allCases)
  func everyCaseMeetsItsTolerance(name: String, precision: CheckPrecision) {
    let report = checkEstimator(file: Fixtures.path("\(name).json"), precision: precision)
    #expect(report.cases > 0)
    #expect(report.failures == [])
    #expect(report.passed == report.cases)
  }

  @Test func everyFileIsNamed() throws {
    let folder = URL(fileURLWithPath: Fixtures.path("gate.json")).deletingLastPathComponent()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.filter { $0.hasSuffix(".json") }.sorted() == Self.files.map { "\($0).json" })
  }
}

/// The check must be able to fail: it names what it does not understand, and it sees wrong numbers.
@Suite struct CheckTests {
  private func report(_ text: String) throws -> CheckReport.File {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("temper-check-\(UUID().uuidString).json").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { unlinkFile(path) }
    return checkEstimator(file: path)
  }

  private func unlinkFile(_ path: String) {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      Issue.record("\(error)")
    }
  }

  private func sft(expected: String, inputs: String = "", hyperparameters: String = "") -> String {
    """
    {"schema": "estimator-golden/1", "algorithm": "sft", "hyperparameters": {},
     "cases": [{"name": "a", "hyperparameters": {"aggregation": "token-mean"\(hyperparameters)},
       "inputs": {"response_lengths": [2], "is_demo": [true], "rewards": [1],
         "logprob": [[-1, -2]]\(inputs)}, "expected": {\(expected)}}]}
    """
  }

  @Test func rightNumbersPassAndWrongOnesFail() throws {
    #expect(try report(sft(expected: "\"loss\": 1.5")).passed == 1)
    #expect(try report(sft(expected: "\"loss\": 1.5001")).failed == 1)
    #expect(try report(sft(expected: "\"grad_logprob\": [[-0.5]]")).failed == 1)
  }

  /// `null` stands for a number that was not finite in the peer.
  @Test func nullComparesNothing() throws {
    #expect(
      try report(sft(expected: "\"loss\": null, \"grad_logprob\": [[-0.5, null]]")).passed == 1)
  }

  @Test func whatIsNotUnderstoodFailsByName() throws {
    let field = try report(sft(expected: "\"loss\": 1.5, \"curl\": 1"))
    #expect(field.failures.first?.contains("curl") == true)
    let input = try report(sft(expected: "\"loss\": 1.5", inputs: ", \"values\": [[0, 0]]"))
    #expect(input.failures.first?.contains("values") == true)
    let key = try report(sft(expected: "\"loss\": 1.5", hyperparameters: ", \"smoothing\": 0.1"))
    #expect(key.failures.first?.contains("smoothing") == true)
    let word = try report(sft(expected: "\"loss\": 1.5", hyperparameters: ", \"mode\": \"token\""))
    #expect(word.failures.first?.contains("mode") == true)
    let off = try report(sft(expected: "\"loss\": 1.5", hyperparameters: ", \"cap\": null"))
    #expect(off.failures.first?.contains("cap") == true)
    let prose = try report(
      sft(expected: "\"loss\": 1.5", hyperparameters: ", \"rule\": \"a text of words\""))
    #expect(prose.passed == 1)
    let other = try report(sft(expected: "\"loss\": 1.5").replacing("\"sft\"", with: "\"xpo\""))
    #expect(other.failures.first?.contains("xpo") == true)
    #expect(try report("{").failed == 1)
    #expect(checkEstimator(file: "/nonexistent.json").failed == 1)
  }

  /// Fields from which a case takes what it is given: they are read, not compared.
  private static let given: Set = ["notes", "metric", "k_per_group"]

  /// Every field that some case of a file has, changed by itself, fails the first case that has it.
  @Test(arguments: GoldenTests.files) func everyExpectedNumberIsCompared(name: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("\(name).json")))
    var file = try #require(
      try JSONSerialization.jsonObject(with: data) as? [String: Any])
    // Tables of rows and runs of steps have no `expected` of this shape.
    guard let cases = file["cases"] as? [[String: Any]] else { return }
    var changed: [[String: Any]] = []
    var seen: Set<String> = []
    for one in cases {
      guard let expected = one["expected"] as? [String: Any] else { continue }
      for (key, value) in expected where !Self.given.contains(key) {
        for (path, other) in variants(of: value) where !Self.given.contains(path) {
          guard seen.insert("\(key).\(path)").inserted else { continue }
          var copy = one
          copy["name"] = "\(one["name"] ?? "") \(key) \(path)"
          copy["expected"] = expected.merging([key: other]) { $1 }
          changed.append(copy)
        }
      }
    }
    file["cases"] = changed
    let text = try JSONSerialization.data(withJSONObject: file)
    let report = try report(String(decoding: text, as: UTF8.self))
    #expect(report.cases == changed.count)
    let passed = Set(changed.map { "\($0["name"] ?? "")" }).subtracting(
      report.failures.map { String($0.prefix { $0 != ":" }) })
    #expect(report.passed == 0, "\(passed.sorted().prefix(5))")
  }

  /// `value` with one number in it changed, for each of its fields.
  private func variants(of value: Any) -> [(path: String, value: Any)] {
    if let fields = value as? [String: Any] {
      return fields.sorted { $0.key < $1.key }.compactMap { key, inner in
        changed(inner).map { (key, fields.merging([key: $0]) { $1 }) }
      }
    }
    return changed(value).map { [("", $0)] } ?? []
  }

  /// With its first number, flag or text changed; nil: there is none. Not its last: a sample that
  /// trains no token has nothing to compare, and in these files it stands at the end.
  private func changed(_ value: Any) -> Any? {
    if let list = value as? [Any] {
      for index in list.indices {
        guard let inner = changed(list[index]) else { continue }
        var copy = list
        copy[index] = inner
        return copy
      }
      return nil
    }
    if let fields = value as? [String: Any] {
      for key in fields.keys.sorted() {
        guard !Self.given.contains(key), let inner = changed(fields[key] as Any) else { continue }
        return fields.merging([key: inner]) { $1 }
      }
      return nil
    }
    if let text = value as? String { return text + "x" }
    guard let number = value as? NSNumber else { return nil }
    if isFlag(number) { return !number.boolValue }
    return number.doubleValue + 1e-3 + 1e-3 * abs(number.doubleValue)
  }

  private func isFlag(_ number: NSNumber) -> Bool {
    unsafe String(cString: number.objCType) == "c"
  }
}
