import Records

/// What a ground truth of the verifier `code` asks: JSON, in one of three forms (docs/verifiers.md).
enum CodeTests: Equatable {
  /// The program is run once for each pair; what it prints is compared outside.
  case streams([StreamPair])
  /// Expressions that are evaluated behind the program; their values are compared outside.
  case calls([Call], setup: String)
  /// Statements that are executed behind the program, inside.
  case asserts([String], setup: String)

  struct StreamPair: Equatable {
    var input: String
    var output: String
  }

  struct Call: Equatable {
    var call: String
    var returns: CodeValue
  }

  struct Problem: Error { var problem: String }

  private static let most = 1000

  init(_ groundTruth: String) throws(Problem) {
    let value: JSONValue
    do { value = try JSONValue(parsing: Array(groundTruth.utf8), location: "tests") } catch {
      throw Problem(problem: "is not JSON: \(error.problem)")
    }
    guard let members = value.object else { throw Problem(problem: "is no JSON object") }
    let names = Set(members.map(\.name))
    let setup = value["setup"]?.string ?? ""
    if names == ["tests"] {
      self = .streams(
        try Self.list(value["tests"]) { test throws(Problem) in
          StreamPair(input: try Self.text(test, "stdin"), output: try Self.text(test, "stdout"))
        })
    } else if names == ["inputs", "outputs"] {
      let texts = [value["inputs"], value["outputs"]].map {
        ($0?.array ?? []).compactMap(\.string)
      }
      let counts = [value["inputs"], value["outputs"]].map { $0?.array?.count ?? 0 }
      guard !texts[0].isEmpty, counts == texts.map(\.count), counts[0] == counts[1] else {
        throw Problem(problem: "does not pair texts of inputs with outputs")
      }
      self = .streams(zip(texts[0], texts[1]).map(StreamPair.init))
    } else if names.subtracting(["setup"]) == ["calls"] {
      self = .calls(
        try Self.list(value["calls"]) { test throws(Problem) in
          guard let returns = test["returns"] else {
            throw Problem(problem: "has a call that does not say what it returns")
          }
          return Call(call: try Self.text(test, "call"), returns: CodeValue(returns))
        }, setup: setup)
    } else if names.subtracting(["setup"]) == ["asserts"] {
      self = .asserts(
        try Self.list(value["asserts"]) { test throws(Problem) in
          guard let text = test.string else {
            throw Problem(problem: "has an assert that is no text")
          }
          return text
        }, setup: setup)
    } else {
      throw Problem(problem: "has none of tests, calls and asserts, or something else beside it")
    }
  }

  private static func list<Test>(
    _ value: JSONValue?, _ read: (JSONValue) throws(Problem) -> Test
  ) throws(Problem) -> [Test] {
    let items = value?.array ?? []
    guard !items.isEmpty, items.count <= most else {
      throw Problem(problem: "has \(items.count) tests of 1 to \(most)")
    }
    var tests: [Test] = []
    for item in items { tests.append(try read(item)) }
    return tests
  }

  private static func text(_ test: JSONValue, _ name: String) throws(Problem) -> String {
    guard let text = test[name]?.string else {
      throw Problem(problem: "has a test without the text \(name)")
    }
    return text
  }

  var count: Int {
    switch self {
    case .streams(let pairs): pairs.count
    case .calls(let calls, _): calls.count
    case .asserts(let asserts, _): asserts.count
    }
  }
}
