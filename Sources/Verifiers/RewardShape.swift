/// A response and whether its answer is right, as what shapes rewards sees it.
struct JudgedResponse {
  var response: Response
  /// 1 is right.
  var accuracy: Double

  init(_ response: Response, accuracy: Double) {
    self.response = response
    self.accuracy = accuracy
  }

  var isRight: Bool { accuracy == 1 }
}

/// Part of a reward that depends on one response and not on what is right: a format, a length.
protocol RewardShape: Sendable {
  /// Finite. Nil where it reads token ids and there are none.
  func value(of response: JudgedResponse) -> Double?
}

/// Part of a reward that compares the responses of a group.
protocol GroupShape: Sendable {
  /// One for each response, in order. Nil where it reads token ids and there are none.
  func values(of group: [JudgedResponse]) -> [Double]?
}
