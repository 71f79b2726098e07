public import Records

/// One part of a composition as it is asked for.
public struct VerifierPart: Sendable, Equatable {
  public var name: String
  /// The part's factor in the sum that is the reward.
  public var weight: Double
  /// Its value multiplies the sum instead of adding to it: a format without which nothing counts.
  public var multiplies: Bool
  public var parameters: VerifierParameters

  public init(
    _ name: String, weight: Double = 1, multiplies: Bool = false,
    parameters: VerifierParameters = VerifierParameters()
  ) {
    self.name = name
    self.weight = weight
    self.multiplies = multiplies
    self.parameters = parameters
  }
}

/// One verifier, and what else its reward is made of: format, length, repetition.
///
/// reward = (Σ weight · value over the parts that add) · Π value over the parts that multiply, in the
/// order of the parts. Every part is a component under its name, beside the verifier's own components,
/// of which `accuracy` says whether the answer is right whatever the reward comes to. Answer, span and
/// rule are the verifier's; so is its error, which no part changes.
public struct Composition: Verifier {
  public let name: String
  public let parts: [VerifierPart]
  private let verifier: any Verifier
  private let made: [VerifierEntry.Made]

  public var version: Int { verifier.version }
  public var isRepeatable: Bool { verifier.isRepeatable }
  public var asking: Asking { verifier.asking }
  public var fingerprint: String? { verifier.fingerprint }
  public var spent: String? { verifier.spent }

  init(_ verifier: any Verifier, _ parts: [VerifierPart], _ made: [VerifierEntry.Made]) {
    self.verifier = verifier
    self.parts = parts
    self.made = made
    name = parts.map(\.name).joined(separator: "+")
  }

  public func prepare() throws { try verifier.prepare() }
  public func stop() { verifier.stop() }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    verify(Response(text: response, finish: finish), of: prompt)
  }

  public func verify(_ response: Response, of prompt: Prompt) -> Verdict {
    shaped(verifier.verify(response, of: prompt), response)
  }

  public func verify(all responses: [Response], of prompt: Prompt) -> [Verdict] {
    zip(verifier.verify(all: responses, of: prompt), responses).map(shaped)
  }

  /// The verdict with the parts that look at its response alone.
  private func shaped(_ verdict: Verdict, _ response: Response) -> Verdict {
    var verdict = verdict
    guard case .scored(let reward, var components) = verdict.outcome else { return verdict }
    let judged = JudgedResponse(response, accuracy: verdict.accuracy ?? reward)
    for (part, made) in zip(parts, made) {
      let value: Double
      switch made {
      case .verifier: value = reward
      // What it comes to is known with the whole group; until then it counts nothing.
      case .groupShape: value = 0
      case .shape(let shape):
        guard let number = shape.value(of: judged) else { return .unmeasured(part.name) }
        value = number
      }
      components.append(RewardComponent(name: part.name, value: value))
    }
    verdict.outcome = .scored(reward: total(components), components: components)
    return verdict
  }

  public func complete(_ verdicts: [Verdict], of responses: [Response]) -> [Verdict] {
    var verdicts = verifier.complete(verdicts, of: responses)
    // An error has neither length nor accuracy to compare with.
    let places = verdicts.indices.filter { verdicts[$0].reward != nil }
    for (part, made) in zip(parts, made) {
      guard case .groupShape(let shape) = made else { continue }
      let values = shape.values(
        of: places.map { JudgedResponse(responses[$0], accuracy: verdicts[$0].accuracy ?? 0) })
      for (index, place) in places.enumerated() {
        guard let value = values?[index] else {
          verdicts[place] = .unmeasured(part.name)
          continue
        }
        verdicts[place].set(part.name, to: value, total)
      }
    }
    return verdicts
  }

  /// The reward that the parts' components come to.
  private func total(_ components: [RewardComponent]) -> Double {
    var sum = 0.0
    var factor = 1.0
    // The parts stand last, in their order.
    for (part, component) in zip(parts, components.suffix(parts.count)) {
      if part.multiplies { factor *= component.value } else { sum += part.weight * component.value }
    }
    return sum * factor
  }
}

extension Verdict {
  fileprivate static func unmeasured(_ part: String) -> Verdict {
    Verdict(outcome: .error("\(part) counts tokens, and the response has none"), rule: "error")
  }

  fileprivate mutating func set(
    _ name: String, to value: Double, _ total: ([RewardComponent]) -> Double
  ) {
    guard case .scored(_, var components) = outcome,
      let index = components.lastIndex(where: { $0.name == name })
    else { return }
    components[index].value = value
    outcome = .scored(reward: total(components), components: components)
  }
}

extension Verifiers {
  /// The verifier that these parts make: a composition, or the verifier itself where it is the only one
  /// and counts once.
  public static func make(
    _ parts: [VerifierPart], _ context: VerifierContext = VerifierContext()
  ) throws(VerifierError) -> any Verifier {
    var made: [VerifierEntry.Made] = []
    for (index, part) in parts.enumerated() {
      do throws(VerifierError) {
        if parts[..<index].contains(where: { $0.name == part.name }) {
          throw VerifierError("name", "\(part.name) is there twice", remedy: "Keep one of them.")
        }
        made.append(try make(part, context))
      } catch {
        var error = error
        error.part = index
        throw error
      }
    }
    let verifiers = made.compactMap {
      if case .verifier(let verifier) = $0 { verifier } else { nil }
    }
    guard let verifier = verifiers.first, verifiers.count == 1 else {
      throw VerifierError(
        "name", "\(verifiers.count) of the \(parts.count) parts say whether an answer is right",
        remedy: "Name one of \(VerifierEntry.verifiers.map(\.name).joined(separator: ", "))"
          + ", and beside it parts that shape the reward.")
    }
    if parts.count == 1, parts[0].weight == 1 { return verifier }
    return Composition(verifier, parts, made)
  }

  static func make(
    _ part: VerifierPart, _ context: VerifierContext
  ) throws(VerifierError) -> VerifierEntry.Made {
    guard let entry = VerifierEntry.named(part.name) else {
      throw VerifierError(
        "name", "there is no verifier \(part.name)",
        remedy: "Use one of \(VerifierEntry.all.map(\.name).joined(separator: ", ")).")
    }
    guard part.weight.isFinite else {
      throw VerifierError("weight", "it is \(part.weight)", remedy: "Give a number.")
    }
    if part.multiplies, part.weight != 1 || entry.judges {
      throw VerifierError(
        "multiplies",
        entry.judges
          ? "\(part.name) says whether the answer is right" : "what multiplies has no weight",
        remedy: "Leave out one of the two, or let a format multiply.")
    }
    let taken =
      entry.parameters + (part.parameters.text("of").flatMap(VerifierEntry.named)?.parameters ?? [])
    for name in part.parameters.values.keys.sorted() where !taken.contains(name) {
      throw VerifierError(
        name, "\(part.name) does not take it",
        remedy: taken.isEmpty
          ? "It takes no parameters." : "It takes \(taken.joined(separator: ", ")).")
    }
    return try entry.make(part.parameters, context)
  }
}

extension VerifierEntry {
  /// Whether it says right or wrong; the others shape a reward.
  public var judges: Bool { VerifierEntry.verifiers.contains { $0.name == name } }
}
