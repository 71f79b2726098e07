import Records

/// What a program answers: `{"id", "reward"}` with `components`, `reason` and `extracted` where it has
/// them, or `{"id", "error"}`.
struct CommandAnswer {
  let verdict: Verdict

  struct Problem: Error { var problem: String }

  private static let names: Set = ["id", "reward", "components", "reason", "extracted", "error"]

  /// - Throws: for what is no answer to the question `id`.
  init(_ line: [UInt8], to id: String) throws(Problem) {
    let value: JSONValue
    do { value = try JSONValue(parsing: line, location: "answer", valueLimit: 10_000) } catch {
      throw Problem(problem: "its answer is not a line of JSON: \(error.problem)")
    }
    guard let members = value.object else { throw Problem(problem: "its answer is no object") }
    if let other = members.first(where: { !Self.names.contains($0.name) }) {
      throw Problem(problem: "its answer has the unknown field \(other.name.shortened)")
    }
    guard let answered = value["id"]?.string else { throw Problem(problem: "its answer has no id") }
    guard answered == id else {
      throw Problem(problem: "it answered \(answered.shortened) where \(id) was asked")
    }
    if let error = value.present("error") {
      guard let reason = error.string, value.present("reward") == nil else {
        throw Problem(problem: "its answer has an error that is no text, or a reward beside it")
      }
      verdict = .unanswered(reason, by: "command")
      return
    }
    verdict = try Self.verdict(value)
  }

  private static func verdict(_ value: JSONValue) throws(Problem) -> Verdict {
    guard let reward = value["reward"]?.double, reward.isFinite else {
      throw Problem(problem: "its answer has no number as its reward")
    }
    var components: [RewardComponent] = []
    for member in value.present("components")?.object ?? [] {
      guard let number = member.value.double, number.isFinite else {
        throw Problem(problem: "its component \(member.name.shortened) is no number")
      }
      components.append(RewardComponent(name: member.name, value: number))
    }
    let isMisread = value.present("components").map { $0.object == nil } ?? false
    let texts = ["reason", "extracted"].map { value.present($0) }
    guard !isMisread, texts.allSatisfy({ $0 == nil || $0?.string != nil }) else {
      throw Problem(problem: "its components are no object, or its reason or extracted no text")
    }
    return Verdict(
      outcome: .scored(reward: reward, components: components), extracted: texts[1]?.string,
      rule: "command", critique: texts[0]?.string)
  }
}
