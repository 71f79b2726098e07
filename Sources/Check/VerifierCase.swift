import Foundation
import Records
import Verifiers

/// What a file of verifier cases holds, by its name, else by the fields of its cases.
public enum VerifierCaseKind: String, Sendable, CaseIterable, Codable {
  /// `prediction` is a whole response, judged by the verifier `math`.
  case math
  /// With a `mode`: strict, flexible or `A:`.
  case gsm8k
  /// With `metadata` of the options.
  case choice
  /// With a `rule`: think-required or answer-tag, around the verifier `math`.
  case tags
  /// Rewards by length, repetition and format: `expected` is a number.
  case shaping
  /// With a `kind` that names the verifier.
  case adversarial
  /// With other graders' verdicts, which agree with nobody's: shown, not counted.
  case disagreements

  init?(path: String, _ cases: [JSONValue]) {
    let name = (path as NSString).lastPathComponent
    if let kind = Self.allCases.first(where: { name.hasPrefix($0.rawValue) }) {
      self = kind
      return
    }
    func have(_ field: String) -> Bool { cases.contains { $0[field] != nil } }
    if have("graders") {
      self = .disagreements
    } else if have("mode") {
      self = .gsm8k
    } else if have("rule") {
      self = .tags
    } else if have("kind") {
      self = have("gold") ? .adversarial : .shaping
    } else if have("metadata") {
      self = .choice
    } else if have("category") {
      self = .math
    } else {
      return nil
    }
  }
}

/// One labelled response.
struct VerifierCase {
  var id: String
  var verifier: any Verifier
  var prompt: Prompt
  var response: String
  /// Nil: either verdict will do.
  var expected: Bool?

  /// - Parameter verifier: in place of the one that the case asks for.
  init(_ entry: JSONValue, kind: VerifierCaseKind, verifier: (any Verifier)?) throws(GoldenProblem)
  {
    guard let id = entry["id"]?.string else { throw GoldenProblem("has no id") }
    self.id = id
    expected = entry.present("expected")?.boolean
    response = try Self.response(entry)
    prompt = Prompt(id: id, content: .text(""), groundTruth: "", source: "check")
    switch entry["gold"] {
    case .string(let gold): prompt.groundTruth = gold
    case .integer(let index): prompt.tags["answer_index"] = "\(index)"
    case .number(let number): prompt.tags["answer_index"] = "\(Int(exactly: number) ?? -1)"
    default: throw GoldenProblem("has no gold")
    }
    for member in entry["metadata"]?.object ?? [] {
      prompt.tags[member.name] = member.value.string ?? member.value.text
    }
    if let verifier {
      self.verifier = verifier
    } else {
      self.verifier = try Self.verifier(entry, kind)
    }
  }

  private static func verifier(
    _ entry: JSONValue, _ kind: VerifierCaseKind
  ) throws(GoldenProblem) -> any Verifier {
    func make(
      _ name: String, _ parameters: [String: String] = [:]
    ) throws(GoldenProblem) -> any Verifier {
      let values = parameters.mapValues { VerifierParameters.Value.text($0) }
      let part = VerifierPart(name, parameters: VerifierParameters(values))
      do throws(VerifierError) { return try Verifiers.make([part]) } catch {
        throw GoldenProblem(error.problem)
      }
    }
    switch kind {
    case .math, .disagreements: return try make("math")
    case .choice: return try make("choice")
    case .tags: return try make("tags", ["of": "math", "rule": entry["rule"]?.string ?? ""])
    case .gsm8k:
      let mode = entry["mode"]?.string ?? ""
      return try make("gsm8k", ["mode": mode == "A:" ? GSM8KMode.answerLine.rawValue : mode])
    case .adversarial: return try make(entry["kind"]?.string ?? "")
    case .shaping: throw GoldenProblem("is no response with a label")
    }
  }

  /// `prediction`, or `prediction_parts`: texts, each so many times.
  private static func response(_ entry: JSONValue) throws(GoldenProblem) -> String {
    guard let parts = entry.present("prediction_parts") else {
      return entry.present("prediction")?.string ?? ""
    }
    var response = ""
    for part in parts.array ?? [] {
      guard let pair = part.array, pair.count == 2, let text = pair[0].string,
        let times = pair[1].integer, (0...100_000_000).contains(times),
        text.utf8.count * times <= 100_000_000
      else { throw GoldenProblem("has parts of a response that are no [text, times]") }
      response += String(repeating: text, count: times)
    }
    return response
  }
}

/// One value that a rule of shaping gave elsewhere.
struct ShapingCase {
  var id: String
  var part: VerifierPart
  var response: Response
  var isRight: Bool
  var expected: Double

  init(_ entry: JSONValue) throws(GoldenProblem) {
    guard let id = entry["id"]?.string, let kind = entry["kind"]?.string,
      let expected = entry["expected"]?.double
    else { throw GoldenProblem("has no id, kind or expected value") }
    self.id = id
    self.expected = expected
    part = VerifierPart(kind, parameters: try Self.parameters(entry["params"]))
    isRight = entry["correct"]?.boolean ?? false
    let length = entry["length"]?.integer ?? 0
    guard (0...10_000_000).contains(length) else {
      throw GoldenProblem("has a length of \(length)")
    }
    let tokens = (entry["token_ids"]?.array ?? []).compactMap {
      $0.integer.flatMap { Int32(exactly: $0) }
    }
    response = Response(
      text: entry["text"]?.string ?? "",
      tokens: tokens.isEmpty ? Array(repeating: 0, count: length) : tokens)
    // The rule's own name for it; here cosine_length is one of several by length.
    if kind == "cosine_length", part.parameters.values["limit"] == nil {
      throw GoldenProblem("does not say how long a response may be")
    }
  }

  /// Their names of parameters, and ours.
  private static let names = [
    "max_completion_len": "limit", "soft_punish_cache": "buffer", "max_len": "limit",
    "min_value_wrong": "minimum_wrong", "max_value_wrong": "maximum_wrong",
    "min_value_correct": "minimum_correct", "max_value_correct": "maximum_correct",
    "ngram_size": "ngram", "max_penalty": "maximum_penalty",
  ]

  private static func parameters(
    _ given: JSONValue?
  ) throws(GoldenProblem) -> VerifierParameters {
    var parameters = VerifierParameters()
    for member in given?.object ?? [] {
      guard let name = names[member.name],
        let parameter = VerifierParameter.all.first(where: { $0.name == name }),
        let number = member.value.double
      else { throw GoldenProblem("has the unknown parameter \(member.name)") }
      if case .integer = parameter.kind {
        parameters.values[name] = .integer(Int(exactly: number) ?? 0)
      } else {
        parameters.values[name] = .number(number)
      }
    }
    return parameters
  }
}

extension JSONValue {
  /// As JSON text, members in their order.
  fileprivate var text: String {
    switch self {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let text): JSONValue.quoted(text)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.map { JSONValue.quoted($0.name) + ":" + $0.value.text }.joined(separator: ",")
        + "}"
    }
  }
}
