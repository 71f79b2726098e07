import Estimator
import Randomness
import Testing

@Suite struct ScoreExpressionTests {
  private let rollout = GateRollout(
    reward: 3, components: [("correct", 1), ("format_2", 0.5), ("zero", 0), ("length", 99)],
    tokens: 4)

  private func value(_ text: String) throws -> Double {
    try ScoreExpression(text).value(of: rollout, location: "group 1, rollout 0")
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func operatorsBindAsInArithmetic() throws {
    #expect(try value("1 + 2 * 3") == 7)
    #expect(try value("(1 + 2) * 3") == 9)
    #expect(try value("8 - 2 - 1") == 5)
    #expect(try value("8 / 2 / 2") == 2)
    #expect(try value("-2 * -3") == 6)
    #expect(try value("2--3") == 5)
    #expect(try value("+.5e1 - 1E+0") == 4)
  }

  /// `length` is the number of tokens, whatever a component of that name says.
  @Test func namesAreRewardLengthAndComponents() throws {
    #expect(try value("reward / length") == 0.75)
    #expect(try value("correct + format_2*2\t- zero") == 2)
    let expression = try ScoreExpression("b + a * b - reward")
    #expect(expression.names == ["b", "a", "reward"])
    #expect(expression.missing(in: rollout) == "b")
    #expect(try ScoreExpression("reward").missing(in: rollout) == nil)
    #expect(try expression.value(names: [2, 3, 4], location: "") == 4)
  }

  @Test func errorsPointAtTheCharacter() {
    let texts = [
      "": "at character 1 ", "reward +": "at character 9 ", "reward * / 2": "at character 10 ",
      "(reward": "at character 8 ", "reward)": "at character 7 ", "reward length": "character 8 ",
      "1.2.3": "1.2.3 is no number, at character 1 ", "2 * 1e999": "no number, at character 5 ",
      "a % b": "before \"%\", at character 3 ", "é": "at character 1 ", "1e": "at character 1 ",
    ]
    var failures: [String] = []
    for (text, part) in texts.sorted(by: { $0.key < $1.key }) {
      let found = problem { _ = try ScoreExpression(text, key: "gate.filter.score") }
      if !found.contains(part) || !found.hasPrefix("gate.filter.score: ") {
        failures.append("\(text): \(found)")
      }
    }
    #expect(failures == [])
  }

  @Test func nestingIsBoundedAndNeverEndsTheStack() throws {
    let depth = 60
    let nested = String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
    #expect(try value(nested) == 1)
    for text in [String(repeating: "(", count: 100_000), String(repeating: "-", count: 100_000)] {
      #expect(problem { _ = try ScoreExpression(text) }.contains("nests deeper"))
    }
  }

  @Test func whatIsNoNumberIsRefusedByPlace() {
    let zero = problem { _ = try value("reward / zero") }
    #expect(zero.contains("group 1, rollout 0") && zero.contains("zero at character 8"))
    #expect(problem { _ = try value("1 / (0 * -1)") }.contains("divides by zero"))
    #expect(problem { _ = try value("1e308 * 10") }.contains("comes to inf"))
    #expect(problem { _ = try value("absent") }.contains("reads absent"))
    // An infinite divisor gives 0, which must not hide it.
    let bad = GateRollout(reward: .infinity, tokens: 1)
    let hidden = problem { _ = try ScoreExpression("1 / reward").value(of: bad, location: "x") }
    #expect(hidden.contains("comes to inf"))
  }

  /// A random tree, written with random brackets and spaces, comes to what the tree comes to.
  @Test func randomExpressionsComeToTheirTrees() throws {
    var failures: [String] = []
    for seed in 0..<500 as Range<UInt64> {
      var tree = RandomTree(seed: seed)
      let (text, expected, _) = tree.grow(depth: 5)
      let found = try ScoreExpression(text).value(of: rollout, location: "seed \(seed)")
      if found != expected { failures.append("seed \(seed): \(text) = \(found), not \(expected)") }
    }
    #expect(failures == [])
  }
}

/// Writes a random expression beside its value. Divisors are numbers above 0.
private struct RandomTree {
  private let random: RandomStream
  private var drawn: UInt64 = 0

  init(seed: UInt64) { random = RandomStream(seed: seed, purpose: .mixing) }

  private mutating func draw(_ bound: UInt64) -> Int {
    drawn += 1
    return Int(random.integer(below: bound, drawn))
  }

  /// The text, its value, and how tightly its outermost operator binds: 0 for a sum, 1 for a
  /// product, 2 for what needs no brackets.
  mutating func grow(depth: Int) -> (String, Double, Int) {
    if depth == 0 || draw(5) == 0 {
      let leaves: [(String, Double)] = [
        ("reward", 3), ("length", 4), ("correct", 1), ("0.25", 0.25),
      ]
      let leaf = leaves[draw(4)]
      return draw(4) == 0 ? ("-\(leaf.0)", -leaf.1, 2) : (leaf.0, leaf.1, 2)
    }
    let left = grow(depth: depth - 1)
    let space = draw(2) == 0 ? "" : " "
    switch draw(4) {
    case 0:
      let right = grow(depth: depth - 1)
      return ("\(left.0)\(space)+\(space)\(right.0, from: 1, right.2)", left.1 + right.1, 0)
    case 1:
      let right = grow(depth: depth - 1)
      return ("\(left.0)\(space)-\(space)\(right.0, from: 1, right.2)", left.1 - right.1, 0)
    case 2:
      let right = grow(depth: depth - 1)
      return (
        "\(left.0, from: 1, left.2)\(space)*\(right.0, from: 2, right.2)", left.1 * right.1, 1
      )
    default:
      let divisor = draw(9) + 1
      return ("\(left.0, from: 1, left.2)\(space)/\(divisor)", left.1 / Double(divisor), 1)
    }
  }
}

extension DefaultStringInterpolation {
  /// `text`, in brackets if it binds less tightly than `least`.
  fileprivate mutating func appendInterpolation(_ text: String, from least: Int, _ binding: Int) {
    appendInterpolation(binding < least ? "(\(text))" : text)
  }
}
