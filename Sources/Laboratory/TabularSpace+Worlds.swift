// The worlds that more than one experiment uses.
extension TabularSpace {
  /// Three questions with five responses of one to three tokens, of which three, two and one are
  /// right; every response can be demonstrated.
  static let three: TabularSpace = {
    let responses = ["a", "b.", "ba", "bb.", "bbb"]
    return TabularSpace([
      Question(
        responses: responses, rewards: [1, 0, 1, 0, 1],
        demonstration: [0.4, 0.1, 0.3, 0.1, 0.1]),
      Question(
        responses: responses, rewards: [0, 1, 0, 1, 0],
        demonstration: [0.05, 0.6, 0.05, 0.2, 0.1]),
      Question(
        responses: responses, rewards: [0, 0, 0, 0, 1],
        demonstration: [0.1, 0.1, 0.1, 0.1, 0.6]),
    ])
  }()
}

extension TabularSpace {
  /// Eight responses of two and three tokens.
  static let octet = ["a.", "aaa", "aab", "ab", "b.", "ba", "bba", "bbb"]

  /// Eight questions with eight responses each, of which one to four are right.
  static let eight = TabularSpace(
    (0..<8).map { question in
      Question(
        responses: octet,
        rewards: octet.indices.map { (3 * $0 + 5 * question) % 8 <= question % 4 ? 1 : 0 })
    })
}
