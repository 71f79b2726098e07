/// A world small enough to be summed over: a few questions, each with a handful of possible responses.
///
/// The responses of a question are the leaves of a tree of tokens, written as text with one character
/// per token. Every prefix that some response continues is a state; the tokens that may follow are its
/// vocabulary. So log-probabilities per token, lengths and ratios are those of a real policy, and
/// every expectation is a finite sum.
public struct TabularSpace: Sendable {
  public struct Question: Sendable, Equatable {
    /// One character per token; none is the beginning of another.
    public var responses: [String]
    /// What the verifier says of each response.
    public var rewards: [Double]
    /// `π_demo` over the responses; nil: the question has no demonstration.
    public var demonstration: [Double]?

    public init(responses: [String], rewards: [Double], demonstration: [Double]? = nil) {
      precondition(
        rewards.count == responses.count,
        "TabularSpace: \(rewards.count) rewards for \(responses.count) responses")
      if let demonstration {
        let sum = demonstration.reduce(0, +)
        precondition(
          demonstration.count == responses.count && abs(sum - 1) < 1e-9,
          "TabularSpace: a demonstration policy of \(demonstration.count) entries, sum \(sum)")
      }
      self.responses = responses
      self.rewards = rewards
      self.demonstration = demonstration
    }
  }

  /// One token of a response: the logit that chose it and the state in which it was chosen.
  public struct Choice: Sendable, Equatable {
    public var logit: Int
    public var state: Int

    public init(logit: Int, state: Int) {
      self.logit = logit
      self.state = state
    }
  }

  public let questions: [Question]
  /// `[question][response][token]`.
  public let choices: [[[Choice]]]
  /// The logits of each state.
  public let states: [Range<Int>]
  /// The question to which each state belongs.
  public let questionOfState: [Int]

  public var logitCount: Int { states.last?.upperBound ?? 0 }

  /// Tokens of the longest response: `C` of the aggregations that divide by a constant.
  public var longest: Int {
    choices.reduce(1) { longest, question in question.reduce(longest) { max($0, $1.count) } }
  }

  /// - Precondition: responses are distinct, not empty, and none is the beginning of another.
  public init(_ questions: [Question]) {
    var builder = TreeBuilder()
    self.questions = questions
    choices = questions.indices.map { builder.add(questions[$0], index: $0) }
    states = builder.states
    questionOfState = builder.questionOfState
  }

  public func length(_ question: Int, _ response: Int) -> Int {
    choices[question][response].count
  }
}

/// Grows the trees of all questions into one numbering of states and logits.
private struct TreeBuilder {
  var states: [Range<Int>] = []
  var questionOfState: [Int] = []
  private var logits = 0

  mutating func add(
    _ question: TabularSpace.Question, index: Int
  ) -> [[TabularSpace.Choice]] {
    let texts = question.responses.map(Array.init)
    precondition(Set(texts).count == texts.count, "TabularSpace: a response occurs twice")
    var choices = texts.map { _ in [TabularSpace.Choice]() }
    var open = [Array(texts.indices)]
    while let members = open.popLast() {
      let depth = choices[members[0]].count
      // The order of a state's vocabulary is that of its first uses.
      var tokens: [Character] = []
      for member in members {
        precondition(
          texts[member].count > depth, "TabularSpace: a response is the beginning of another")
        if !tokens.contains(texts[member][depth]) { tokens.append(texts[member][depth]) }
      }
      let state = states.count
      states.append(logits..<logits + tokens.count)
      questionOfState.append(index)
      for (position, token) in tokens.enumerated() {
        let followers = members.filter { texts[$0][depth] == token }
        for member in followers {
          choices[member].append(.init(logit: logits + position, state: state))
        }
        let isLeaf = followers.count == 1 && texts[followers[0]].count == depth + 1
        if !isLeaf { open.append(followers) }
      }
      logits += tokens.count
    }
    return choices
  }
}
