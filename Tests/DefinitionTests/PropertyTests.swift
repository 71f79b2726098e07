import Definition
import Records
import Testing

@Suite struct PropertyTests {
  @Test func yamlReadsBackToAnEqualDefinition() throws {
    var failures: [String] = []
    for seed in 0..<400 {
      var random = Seeded(state: UInt64(seed))
      let original = try resolve(randomDefinition(&random))
      for origins in [false, true] {
        let text = original.yaml(origins: origins)
        let again = try? resolve(text)
        if again != original || again?.yaml() != original.yaml() {
          failures.append("seed \(seed):\n\(text)")
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.first ?? "")")
  }

  @Test func yamlIsCompleteAndOrdered() throws {
    let definition = try resolve(
      "steps: 60\ndata: {sets: [{path: a}]}\nstops: [\"a\\n\\0\\\"\", null_, 'null']",
      [("seed", "3")])
    #expect(
      definition.yaml(origins: true)
        == """
        name: x
        seed: 3  # --set seed
        steps: 60  # pipelines/x.yaml:1:8
        rollout:
          temperature: 1.0  # default
          top_k: null  # default
          greedy: false  # default
        optimizer:
          learning_rate: 1e-06  # default
          schedule: constant  # default
          timeout: 60.0  # default
        stops: ["a\\n\\u0000\\"", null_, "null"]  # pipelines/x.yaml:3:8
        weights: {}  # default
        judge: plain  # default
        judges: {}  # default
        token: null  # default
        data:
          sets:  # pipelines/x.yaml:2:14
            - path: a  # pipelines/x.yaml:2:22
              mix:
                weight: 1.0  # default
                cache: true  # default

        """)
  }

  /// Never traps; always a definition or an error with a place, in one line.
  @Test func mutatedTextsResolveOrSayWhere() throws {
    var random = Seeded(state: 11)
    var resolved = 0
    var failures: [String] = []
    let alphabet = Array(
      "\t\n \r:-?[]{},&*#!|>'\"%@`~0123456789.eEnulltrfasy<\u{0}\u{FEFF}é漢\u{2028}\\".unicodeScalars
    )
    let bases = (0..<40).map { _ in Array(randomDefinition(&random).unicodeScalars) }
    for round in 0..<20_000 {
      var text = bases[round % bases.count]
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let at = Int.random(in: 0...text.count, using: &random)
        let length = Int.random(in: 0...min(12, text.count - at), using: &random)
        let from = Int.random(in: 0...text.count, using: &random)
        let piece = text[from..<min(text.count, from + Int.random(in: 0...12, using: &random))]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: text.insert(alphabet.randomElement(using: &random)!, at: at)
        case 1: text.removeSubrange(at..<at + length)
        case 2: text.insert(contentsOf: Array(piece), at: at)
        default: if at < text.count { text[at] = alphabet.randomElement(using: &random)! }
        }
      }
      var mutated = ""
      mutated.unicodeScalars.append(contentsOf: text)
      do {
        let definition = try resolve(mutated)
        resolved += 1
        if try resolve(definition.yaml()) != definition { failures.append(mutated) }
      } catch {
        if case .file(_, let line, let column) = error.origin, line > 0, column > 0,
          !error.description.contains(where: \.isNewline)
        {
          continue
        }
        failures.append("\(error)\n\(mutated)")
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.first ?? "")")
    // Both outcomes must be common, or the test shows little.
    #expect(resolved > 1000 && resolved < 19_000, "\(resolved) resolved")
  }

  @Test func flagsReachAnyKeyAsFilesDo() throws {
    var failures: [String] = []
    for seed in 0..<100 {
      var random = Seeded(state: UInt64(1000 + seed))
      let original = try resolve(randomDefinition(&random))
      let flags = sample.keys.map { key -> (key: String, value: String) in
        let text: String
        if case .text(let verbatim) = original.value(key.path), key.path != "judge" {
          text = verbatim
        } else {
          text = original.value(key.path).inline
        }
        return (key.path, text)
      }
      if try resolve("name: \(original.name)", flags) != original {
        failures.append("seed \(seed)")
      }
    }
    #expect(failures.isEmpty, "\(failures)")
  }
}

/// A valid definition in one of the many spellings YAML has.
private func randomDefinition(_ random: inout Seeded) -> String {
  func text() -> String {
    let pool = Array(
      "abc xyz\n\t\"\\'#:-&*[]{}é漢😀\u{0}\u{1}\u{85}\u{2028}\u{FEFF}~.019".unicodeScalars)
    var result = ""
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      result.unicodeScalars.append(pool.randomElement(using: &random)!)
    }
    return Value.text(result).inline
  }
  var lines: [String] = []
  func maybe(_ line: @autoclosure () -> String) {
    if Bool.random(using: &random) { lines.append(line()) }
  }
  let bits = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
  let positive = bits.isFinite && bits != 0 ? abs(bits) : 1
  lines.append("steps: \(Int.random(in: 1...1_000_000, using: &random))")
  maybe("seed: \(Int.random(in: 0...Int.max, using: &random))")
  maybe("rollout: {top_k: \(Bool.random(using: &random) ? "~" : "7"), greedy: true}")
  maybe(
    "optimizer:\n  learning_rate: \(Double.random(in: 0...1, using: &random))\n  schedule: cosine")
  maybe("optimizer.timeout: \(positive)")
  maybe(
    Bool.random(using: &random)
      ? "stops: [\(text()), \(text()), plain text]  # a comment"
      : "stops:\n- \(text())\n- |\n  a block\n  of text")
  maybe("weights: {\(text()): 0.5, other: 1}")
  maybe(
    Bool.random(using: &random)
      ? "judge: \(text())" : "judge:\n- name: \(text())\n  weight: 0.5\n- {name: b, mode: c}")
  maybe("judges: {\(text()): other, second: [{name: \(text()), mode: \(text())}, {name: a}]}")
  maybe("token: ${A_1}")
  maybe("name: run-\(Int.random(in: 0...99, using: &random))")
  maybe(
    "data:\n  sets:\n  - path: \(text())\n    mix: {weight: 0.5}\n  - {path: a, mix: {cache: false}}"
  )
  return lines.shuffled(using: &random).joined(separator: "\n")
}
