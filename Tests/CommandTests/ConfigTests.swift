import Foundation
import Testing

@Suite("config", .needsBinary)
struct ConfigTests {
  private static let sound = """
    steps: 2
    model: {tokenizer: t}
    data: {prompts: d}
    algorithm: {name: sft}
    """

  @Test("show fills in defaults, and overrides win")
  func show() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.sound, to: "a.yaml")
    let result = try Binary.run(["config", "show", file, "--set", "seed=3", "--origins"])
    #expect(result.status == 0, "\(result)")
    #expect(result.out.hasPrefix("name: a\n"))
    #expect(result.out.contains("seed: 3  # --set seed\n"))
    #expect(result.out.contains("steps: 2  # \(file):1:"))
    let values = try Binary.run(["config", "show", file, "--json"]).object()
    #expect(values["seed"] as? String == "17")
  }

  @Test("what show prints is a definition of the same values")
  func roundTrip() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.sound, to: "a.yaml")
    let shown = try Binary.run(["config", "show", file]).out
    let again = try Binary.run(["config", "show", try scratch.write(shown, to: "b.yaml")]).out
    #expect(again == shown)
  }

  @Test("explain says meaning and default; a mistyped key gets the nearest one")
  func explain() throws {
    let key = try Binary.run(["config", "explain", "seed"])
    #expect(key.status == 0 && key.out.contains("default: 17"))
    #expect(try Binary.run(["config", "explain"]).out.contains("rollout.temperature"))
    let wrong = try Binary.run(["config", "explain", "rollout.temprature"])
    #expect(
      wrong.status == 2 && wrong.isOneLineError && wrong.error.contains("rollout.temperature"))
  }

  @Test("validate names file, line and column of every kind of mistake")
  func validate() throws {
    let scratch = try Scratch()
    let good = try scratch.write(Self.sound, to: "good.yaml")
    #expect(try Binary.run(["config", "validate", good]).status == 0)
    let cases = [
      ("unknown", Self.sound + "\nsede: 3\n", ":5:1: ", "seed"),
      ("malformed", "steps: [1\n", "malformed.yaml:", "YAML"),
      ("type", "steps: many\n", ":1:8: ", "integer"),
      ("twice", "steps: 1\nsteps: 2\n", "twice.yaml:", "steps"),
    ]
    for (name, text, place, part) in cases {
      let file = try scratch.write(text, to: "\(name).yaml")
      let result = try Binary.run(["config", "validate", file])
      #expect(
        result.status == 2 && result.isOneLineError && result.error.contains(place)
          && result.error.contains(part), "\(name): \(result)")
    }
    let missing = try Binary.run(["config", "validate", good, "\(scratch.path)/none.yaml"])
    #expect(missing.status == 2 && missing.isOneLineError && missing.out.contains("valid"))
    let both = try Binary.run(["config", "validate", good, "\(scratch.path)/none.yaml", "--json"])
    #expect(both.out.contains("\"valid\" : true") && both.out.contains("\"valid\" : false"))
  }
}
