import Definition
import Foundation
import Records
import Testing

@Suite struct ResolutionTests {
  @Test func valuesKeepTheirTypes() throws {
    let definition = try resolve(
      """
      steps: 60
      rollout: {temperature: 1e-1, top_k: 50, greedy: true}
      optimizer.learning_rate: 1e-4
      stops: ["<end>", no, 12]
      weights: {format: 0.25, accuracy: 1}
      token: ${SERVER_TOKEN}
      data:
        sets:
          - path: shards/ladder
          - path: shards/countdown
            mix: {weight: .5}
      """)
    #expect(definition.name == "x")
    #expect(definition.integer("seed") == 17)
    #expect(definition.integer("steps") == 60)
    #expect(definition.number("rollout.temperature") == 0.1)
    #expect(definition.integerIfSet("rollout.top_k") == 50)
    #expect(definition.flag("rollout.greedy"))
    #expect(definition.number("optimizer.learning_rate") == 1e-4)
    #expect(definition.texts("stops") == ["<end>", "no", "12"])
    #expect(definition.numberTable("weights").map(\.name) == ["accuracy", "format"])
    #expect(definition.numberTable("weights").map(\.value) == [1, 0.25])
    #expect(definition.sections("data.sets").map { $0.text("path") }.last == "shards/countdown")
    #expect(definition.sections("data.sets").map { $0.number("mix.weight") } == [1, 0.5])
    #expect(try definition.secret("token", environment: ["SERVER_TOKEN": "s3"]) == "s3")
    #expect(throws: DefinitionError.self) { try definition.secret("token", environment: [:]) }
    #expect(definition.origin("seed") == .schema)
    #expect(definition.origin("rollout.top_k").description == "pipelines/x.yaml:2:37")
  }

  @Test func laterLayersWin() throws {
    let files = [
      "base/far.yaml": "seed: 1\nsteps: 1\nstops: [a, b]\nname: far\nrollout: {top_k: 9}\n",
      "near.yaml": "extends: base/far.yaml\nseed: 2\nstops: [c]\n",
      "top.yaml": "extends: near.yaml\nrollout: {top_k: null}\n",
    ]
    try withFiles(files) { folder in
      let definition = try sample.resolve(
        file: folder + "/top.yaml", overrides: [("seed", "3"), ("seed", "4"), ("stops", "[d, e]")])
      #expect(definition.name == "top")
      #expect(definition.integer("seed") == 4)
      #expect(definition.integer("steps") == 1)
      #expect(definition.texts("stops") == ["d", "e"])
      #expect(definition.integerIfSet("rollout.top_k") == nil)
      #expect(definition.origin("steps").description == folder + "/base/far.yaml:2:8")
      #expect(definition.origin("seed").description == "--set seed")
    }
  }

  @Test func overridesReadTextVerbatim() throws {
    let definition = try resolve(
      "steps: 1",
      [
        ("optimizer.schedule", "cosine"), ("token", "${A}"), ("name", "other"),
        ("rollout.temperature", "2e0"), ("data.sets", "[{path: a b}]"), ("weights", "{a: 1}"),
      ])
    #expect(definition.text("optimizer.schedule") == "cosine")
    #expect(definition.text("token") == "${A}")
    #expect(definition.name == "other")
    #expect(definition.number("rollout.temperature") == 2)
    #expect(definition.sections("data.sets").first?.text("path") == "a b")
  }

  @Test func anchorsServeWithinBounds() throws {
    let definition = try resolve("steps: &n 3\nseed: *n\nstops: [a *b*, '&c', *n]\n")
    #expect(definition.integer("seed") == 3)
    #expect(definition.texts("stops") == ["a *b*", "&c", "3"])
  }

  @Test func onlyIdentityKeysStopAResume() throws {
    let frozen = try resolve("steps: 1\ndata: {sets: [{path: a}]}")
    let longer = try resolve("steps: 2\ndata: {sets: [{path: a, mix: {cache: false}}]}")
    #expect(
      try longer.changes(resuming: frozen) == [
        Change(path: "steps", old: "1", new: "2", role: .operational),
        Change(path: "data.sets[0].mix.cache", old: "true", new: "false", role: .operational),
      ])
    let other = try resolve(
      "steps: 1\noptimizer: {learning_rate: 2e-6}\ndata: {sets: [{path: b}]}")
    let said = #expect(throws: DefinitionError.self) { try other.changes(resuming: frozen) }
    #expect(
      said?.description
        == "pipelines/x.yaml:2:28: optimizer.learning_rate was 1e-06 when the run was created and "
        + "is 2e-06 now (and data.sets[0].path). Set it back, or start another run with "
        + "`pipeline run`.")
    #expect(longer.changes(from: longer).isEmpty)
    #expect(frozen.identityText != other.identityText)
    #expect(
      frozen.identityText == (try resolve("steps: 5\ndata: {sets: [{path: a}]}")).identityText)
  }

  @Test func operationalKeysInTablesOfListsMayChange() throws {
    func judged(_ part: String) throws -> Definition {
      try resolve("steps: 1\njudges: {a: [{name: x}, \(part)], b: plain}\njudge: [\(part)]")
    }
    let frozen = try judged("{name: y}")
    let quicker = try judged("{name: y, workers: 4}")
    #expect(
      try quicker.changes(resuming: frozen).map(\.path) == [
        "judge[0].workers", "judges.a[1].workers",
      ])
    #expect(quicker.identityText == frozen.identityText && quicker.yaml() != frozen.yaml())
    for (part, path) in [("{name: z}", "judge[0].name"), ("{name: y, mode: m}", "judge[0].mode")] {
      let said = #expect(throws: DefinitionError.self) {
        try judged(part).changes(resuming: frozen)
      }
      #expect(said?.description.contains("\(path) was") == true, "\(said?.description ?? "")")
      #expect(said?.description.contains("judges.a[1].") == true)
    }
    // Another number of parts, or a name in their place, is a change of the whole table.
    let other = try resolve("steps: 1\njudges: {a: plain, b: plain}\njudge: [{name: y}]")
    let said = #expect(throws: DefinitionError.self) { try other.changes(resuming: frozen) }
    #expect(said?.description.hasPrefix("pipelines/x.yaml:2:9: judges was {a:") == true)
  }

  @Test func explanationsSayEverything() throws {
    #expect(
      try sample.explain("optimizer.timeout")
        == """
        optimizer.timeout
          a number of at least 0.0, in seconds
          default: 60.0
          operational: a run may be resumed with another value
          How long a step may take.

        """)
    #expect(
      try sample.explain("rollout")
        == """
        rollout.temperature  1.0
        rollout.top_k        null
        rollout.greedy       false

        """)
    #expect(try sample.explain("data.sets.mix.weight").hasPrefix("data.sets.mix.weight\n"))
    #expect(try sample.explain().contains("\nsteps                    required\n"))
    let typo = #expect(throws: DefinitionError.self) { try sample.explain("rolout.top_k") }
    #expect(typo?.remedy.hasPrefix("Did you mean rollout.top_k?") == true)
  }
}
