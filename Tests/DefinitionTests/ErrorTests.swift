import Definition
import Records
import Testing

private let correct = "Correct the value; `pipeline config explain` with the key says what it does"
private let lists = "`pipeline config explain` lists the keys"

@Suite struct ErrorTests {
  @Test func errorsStayShortHoweverLongAKeyIs() throws {
    let long = String(repeating: "stepz", count: 20_000)
    for text in ["\(long): 1", "seed: \(long)", "{\(long): 1, \(long): 2}"] {
      let error = #expect(throws: DefinitionError.self) {
        try resolve(text)
      }
      #expect(error.map { $0.description.utf8.count < 4000 } == true)
    }
  }

  @Test(arguments: [
    ("steps: ten", "1:8: steps must be an integer from 1 to 1000000, found ten. \(correct)"),
    (
      "steps: '10'",
      "1:8: steps must be an integer from 1 to 1000000, found the text \"10\". \(correct)"
    ),
    ("steps: 1e3", "1:8: steps must be an integer from 1 to 1000000, found 1e3. \(correct)"),
    ("steps: 010", "1:8: steps must be an integer from 1 to 1000000, found 010. \(correct)"),
    ("steps: 0", "1:8: steps must be an integer from 1 to 1000000, found 0. \(correct)"),
    ("steps:", "1:7: steps must be an integer from 1 to 1000000, found null. \(correct)"),
    (
      "steps: [1]", "1:8: steps must be an integer from 1 to 1000000, found a list of 1. \(correct)"
    ),
    (
      "seed: 99999999999999999999",
      "1:7: seed must be an integer of at least 0, found 99999999999999999999. \(correct)"
    ),
    (
      "rollout:\n  temperature: .inf",
      "2:16: rollout.temperature must be a number above 0 and at most 10.0, found .inf. \(correct)"
    ),
    (
      "rollout:\n  top_k: 5.5",
      "2:10: rollout.top_k must be an integer from 1 to 1000, or null, found 5.5. \(correct)"
    ),
    ("rollout: {greedy: yes}", "1:19: rollout.greedy must be true or false, found yes. \(correct)"),
    (
      "optimizer: {schedule: linear}",
      "1:23: optimizer.schedule must be one of constant, cosine, found linear. \(correct)"
    ),
    ("stops: a", "1:8: stops must be a list, each item text, found a. \(correct)"),
    ("stops: [a, [b]]", "1:12: stops[1] must be text, found a list of 1. \(correct)"),
    ("weights: {a: 2}", "1:14: weights.a must be a number from 0.0 to 1.0, found 2. \(correct)"),
    ("data: {sets: [a]}", "1:15: data.sets[0] must be a map, found a. \(correct)"),
    ("judge: {a: 1}", "1:8: judge must be a name, or a list of maps, found a map of 1. \(correct)"),
    ("judge: [a]", "1:9: judge[0] must be a map, found a. \(correct)"),
    (
      "judges: {x: {}}",
      "1:13: judges.x must be a name, or a list of maps, found a map of 0. \(correct)"
    ),
    (
      "judges: {x: [{name: a, wight: 1}]}",
      "1:24: there is no key judges.x[0].wight. Did you mean judges.x[0].weight? \(lists)"
    ),
    (
      "judges: {x: [{weight: 1}]}",
      "1:14: the key judges.x[0].name is missing; it has no default. Set it to text"
    ),
    (
      "rollout: 3",
      "1:10: rollout must be a map of keys, found 3. Write KEY: VALUE, one a line"
    ),
    (
      "- a",
      "1:1: a definition must be a map of keys, found a list of 1. Write KEY: VALUE, one a line"
    ),
    (
      "token: abc",
      "1:8: token must be a reference to the environment, found a value (not shown). "
        + "Write ${NAME} and set NAME in the environment"
    ),
    (
      "name: ../x",
      "1:7: name must be 1 to 100 of the characters A-Z a-z 0-9 . _ - and not start with a point. "
        + "Choose another name"
    ),
    (
      "", "1:1: the key steps is missing; it has no default. Set it to an integer from 1 to 1000000"
    ),
    (
      "steps: 1\ndata:\n  sets:\n    - mix: {weight: 1}",
      "4:7: the key data.sets[0].path is missing; it has no default. Set it to text"
    ),
  ])
  func wrongValuesAreNamed(text: String, message: String) {
    #expect(complaint(text) == "pipelines/x.yaml:" + message + ".")
  }

  @Test(arguments: [
    ("stpes: 1", "1:1: there is no key stpes. Did you mean steps? \(lists)"),
    (
      "rollout:\n  temprature: 1",
      "2:3: there is no key rollout.temprature. Did you mean rollout.temperature? \(lists)"
    ),
    ("top_k: 1", "1:1: there is no key top_k. Did you mean rollout.top_k? \(lists)"),
    (
      "optimizer: {temperature: 1}",
      "1:13: there is no key optimizer.temperature. Did you mean rollout.temperature? \(lists)"
    ),
    ("rolout: {top_k: 1}", "1:1: there is no key rolout. Did you mean rollout? \(lists)"),
    ("extend: a.yaml", "1:1: there is no key extend. Did you mean extends? \(lists)"),
    ("zzzzzz: 1", "1:1: there is no key zzzzzz. \(lists)"),
    (
      "data: {sets: [{paht: a}]}",
      "1:16: there is no key data.sets[0].paht. Did you mean data.sets[0].path? \(lists)"
    ),
  ])
  func unknownKeysSuggestTheNearest(text: String, message: String) {
    #expect(complaint(text) == "pipelines/x.yaml:" + message + ".")
  }

  @Test(arguments: [
    (
      "seed: 1\nsteps: 1\nseed: 2",
      "1:1: the key \"seed\" stands more than once in this map. Keep one of them"
    ),
    (
      "seed: 1\n\"seed\": 2",
      "1:1: the key \"seed\" stands more than once in this map. Keep one of them"
    ),
    (
      "rollout: {top_k: 1}\nrollout.top_k: 2",
      "2:1: the key \"rollout.top_k\" stands more than once in this map. Keep one of them"
    ),
    ("rollout:\n\ttop_k: 1", "2:1: a tab stands where YAML allows only spaces. Indent with spaces"),
    (
      "seed: !!int 1",
      "1:7: the tag tag:yaml.org,2002:int is not accepted. Remove it; types follow from the key"
    ),
    ("? [a]\n: 1", "1:3: a key is a list or a map. Write a name as the key"),
  ])
  func yamlIsStrict(text: String, message: String) {
    #expect(complaint(text) == "pipelines/x.yaml:" + message + ".")
  }

  @Test(arguments: [
    ("stops: [a, b", 1...2), ("seed: 'a", 1...2), ("a: b: c", 1...1), ("seed: *n", 1...1),
    ("seed: 1\n---\nseed: 2", 2...2), ("seed: \u{1}", 1...1), ("  a: 1\n b: 2", 1...2),
  ])
  func syntaxErrorsAreOneLineWithAPlace(text: String, lines: ClosedRange<Int>) throws {
    let error = #expect(throws: DefinitionError.self) { try resolve(text) }
    let said = try #require(error)
    #expect(said.code == .syntax)
    #expect(!said.description.contains { $0.isNewline })
    guard case .file(_, let line, _) = said.origin else {
      Issue.record("no place in \(said)")
      return
    }
    #expect(lines.contains(line), "\(said)")
  }

  @Test func sizesAreBounded() {
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    let laughs = (1...9).map { level in
      "l\(level): &l\(level) ["
        + Array(repeating: "*l\(level - 1)", count: 9).joined(separator: ",")
        + "]"
    }.joined(separator: "\n")
    let cases: [(String, DefinitionError.Code)] = [
      ("stops: " + deep, .limit), (String(repeating: "[", count: 1 << 20), .syntax),
      (String(repeating: "- ", count: 1 << 19), .syntax),
      (String(repeating: "a", count: 1 << 21), .limit), ("l0: &l0 x\n" + laughs, .limit),
      ("stops: [" + String(repeating: "a,", count: 60_000) + "]", .limit),
    ]
    for (text, code) in cases {
      let error = #expect(throws: DefinitionError.self) { try resolve(text) }
      #expect(error?.code == code, "\(text.prefix(40)): \(String(describing: error))")
    }
  }

  @Test(arguments: [
    ("seed", "x", "--set seed: seed must be an integer of at least 0, found x. \(correct)"),
    ("sed", "1", "--set sed: there is no key sed. Did you mean seed? \(lists)"),
    (
      "rollout", "1",
      "--set rollout: rollout is a section, not a key. Set one of rollout.temperature, "
        + "rollout.top_k, rollout.greedy"
    ),
    (
      "optimizer.schedule", "linear",
      "--set optimizer.schedule: optimizer.schedule must be one of constant, cosine, found the text "
        + "\"linear\". \(correct)"
    ),
    ("seed", "1\nsteps: 2", "--set seed: the value has more than one line. Write one value"),
    ("extends", "a", "--set extends: extends belongs in a file. Name the other definition"),
    (
      "data.sets", "[{}]",
      "--set data.sets: the key data.sets[0].path is missing; it has no default. Set it to text"
    ),
  ])
  func flagsAreNamed(key: String, value: String, message: String) {
    #expect(complaint("steps: 1", [(key, value)]) == message + ".")
  }

  @Test func filesThatCannotBeReadAreNamed() throws {
    let files = [
      "a.yaml": "extends: b.yaml\nsteps: 1", "b.yaml": "seed: 1\nextends: ./a.yaml",
      "c.yaml": "steps: 1\nextends: none.yaml", "d.yaml": "steps: 1\nextends: [a]",
    ]
    try withFiles(files) { folder in
      func said(_ file: String) -> String {
        let error = #expect(throws: DefinitionError.self) {
          try sample.resolve(file: folder + "/" + file)
        }
        #expect(error?.exitStatus == .usage)
        return (error?.description ?? "").replacing(folder + "/", with: "")
      }
      let exist = "Name a definition that exists and can be read."
      #expect(
        said("a.yaml")
          == "b.yaml:2:10: ./a.yaml extends itself through this line. "
          + "Remove one extends: of the circle.")
      #expect(
        said("c.yaml")
          == "c.yaml:2:10: none.yaml, which it extends, does not exist. \(exist)")
      #expect(
        said("d.yaml") == "d.yaml:2:10: extends must be text, found a list of 1. Correct the value."
      )
      #expect(said("e.yaml") == "e.yaml: the definition does not exist. \(exist)")
      #expect(said("") == ": the definition is a folder. \(exist)")
    }
  }
}
