extension Critic {
  /// The value after the last token of each sequence: what a reward model says of it. What the sequences
  /// begin with in common is computed once, to the same bits.
  ///
  /// - Throws: `PolicyError` for an empty or too long sequence and ids outside of the vocabulary.
  public func values(after sequences: [[Int32]]) throws(PolicyError) -> [Float] {
    guard let first = sequences.first else { return [] }
    // Every sequence keeps a token of its own behind the common ones: its last state is then a response's.
    let shared = sequences.reduce(first.count - 1) { length, sequence in
      let common = zip(first, sequence).prefix { $0 == $1 }.count
      return min(length, common, sequence.count - 1)
    }
    let prompt = Array(first.prefix(max(1, shared)))
    // The value before a token is that of the state that ends with the one before it; the last of them
    // is read by nobody.
    let group = TrainingGroup(
      prompt: prompt,
      responses: sequences.map { Array($0.dropFirst(prompt.count)) + prompt.prefix(1) })
    try validate([group])
    let values = values([group])
    var end = 0
    return group.responses.map { response in
      end += response.count
      return values[end - 1]
    }
  }
}
