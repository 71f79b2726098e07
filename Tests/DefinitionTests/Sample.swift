import Definition
import Foundation
import Records

private let judges = [
  Key("name", .text, meaning: "Which one."),
  Key("weight", .number(0...1), default: .number(1), meaning: "Its share."),
  Key("mode", .text, default: .absent, meaning: "How it reads."),
  Key("workers", .integer(1...9), default: .absent, role: .operational, meaning: "At once."),
]

/// A small schema with every kind of key.
let sample = Schema([
  Key(
    "seed", .integer(0...Int.max), default: .integer(17),
    meaning: "Keys every random stream of the run."),
  Key("steps", .integer(1...1_000_000), role: .operational, meaning: "Where the run ends."),
  Key(
    "rollout.temperature", .number(.leastNonzeroMagnitude...10), default: .number(1),
    meaning: "Divides the logits."),
  Key(
    "rollout.top_k", .integer(1...1000), default: .absent,
    meaning: "Keeps only the most likely tokens."),
  Key("rollout.greedy", .flag, default: .flag(false), meaning: "Takes the most likely token."),
  Key(
    "optimizer.learning_rate", .number(0...1), default: .number(1e-6),
    meaning: "The peak of the schedule."),
  Key(
    "optimizer.schedule", .choice(["constant", "cosine"]), default: .text("constant"),
    meaning: "How the rate moves."),
  Key(
    "optimizer.timeout", .number(0...(.infinity)), default: .number(60), role: .operational,
    unit: "seconds", meaning: "How long a step may take."),
  Key("stops", .list(of: .text), default: .list([]), meaning: "Texts that end a response."),
  Key(
    "weights", .table(of: .number(0...1)), default: .table([:]), meaning: "Of reward components."),
  Key(
    "judge", .nameOrSections(judges), default: .text("plain"), meaning: "Who judges."),
  Key(
    "judges", .table(of: .nameOrSections(judges)), default: .table([:]), meaning: "By source."),
  Key("token", .text, default: .absent, secret: true, meaning: "For the server."),
  Key(
    "data.sets",
    .sections([
      Key("path", .text, meaning: "The folder."),
      Key("mix.weight", .number(0...1), default: .number(1), meaning: "Its share."),
      Key("mix.cache", .flag, default: .flag(true), role: .operational, meaning: "Keeps rows."),
    ]), default: .sections([]), meaning: "What is read."),
])

func resolve(
  _ text: String, _ overrides: [(key: String, value: String)] = []
) throws(DefinitionError) -> Definition {
  try sample.resolve(text: text, name: "pipelines/x.yaml", overrides: overrides)
}

/// What a person reads, or the definition's text where nothing is wrong.
func complaint(_ text: String, _ overrides: [(key: String, value: String)] = []) -> String {
  do {
    return try resolve(text, overrides).yaml()
  } catch {
    return error.description
  }
}

/// Runs `body` in a folder of its own that holds `files`.
func withFiles<Result>(
  _ files: [String: String], _ body: (String) throws -> Result
) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  defer { try? FileManager.default.removeItem(at: folder) }
  for (name, text) in files {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
  return try body(folder.path)
}

/// SplitMix64, seeded: the same cases on every run.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
