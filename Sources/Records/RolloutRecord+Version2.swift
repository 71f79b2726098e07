/// How a rollout record stood in stores until version 3: each trajectory's numbers beside it, in four
/// byte planes of their own. Read for ever, written no more.
extension RolloutRecord {
  /// What follows the digest of the weights.
  mutating func decodeVersion2(_ reader: inout ByteReader) throws(RecordError) {
    let trajectory = { (reader: inout ByteReader) throws(RecordError) in
      try Trajectory(version2: &reader)
    }
    promptTokens = try reader.tokenIDs()
    demonstrations = try reader.array(trajectory)
    rejected = try reader.array(trajectory)
    rollouts = try reader.array(trajectory)
    refusal = try reader.optional { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
  }
}

extension Trajectory {
  fileprivate init(version2 reader: inout ByteReader) throws(RecordError) {
    self.init(tokens: try reader.tokenIDs())
    // No span is longer than the trajectory, so that their sum cannot wrap around.
    let longest = tokens.count
    spans = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      guard let role = Role(rawValue: try reader.byte()) else {
        throw RecordError(problem: "span has an unknown role")
      }
      return Span(
        role: role, trained: try reader.bool(), count: try reader.number(limit: longest))
    }
    logProbabilities = try reader.floats()
    guard let reason = FinishReason(rawValue: try reader.byte()) else {
      throw RecordError(problem: "trajectory has an unknown finish reason")
    }
    finish = reason
    quantities = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      RecordedQuantity(name: try reader.string(), values: try reader.floats())
    }
    try requireAgreement()
  }
}
