/// Coefficients of a group's rollouts, of its demonstration as a member, and of its demonstration
/// as something to imitate: what a gate hands out before its factors.
public struct MixCoefficients: Sendable, Equatable {
  public var onPolicy: Double
  public var offPolicy: Double
  public var imitation: Double

  public init(onPolicy: Double, offPolicy: Double, imitation: Double) {
    self.onPolicy = onPolicy
    self.offPolicy = offPolicy
    self.imitation = imitation
  }
}

/// The tables of soft mixing in the released HPT trainer (`strategy: soft`): coefficients by the
/// number of solved rows of a group of eight, its demonstration among them.
///
/// The released actor never reads the coefficients, so that published `soft` runs trained like the
/// fixed mixture. Here they are handed out as they were meant.
public struct SoftMixTable: Sendable, Equatable {
  /// By the number of solved rows, from 0.
  public let rows: [MixCoefficients]

  /// The released tables 0, 1 and 2. They differ in the off-policy column only: as listed, 1
  /// throughout, 0 throughout. Row 0, which the trainer calls impossible, is (1, 1, 1) in each.
  public init(released type: Int) throws(EstimatorError) {
    guard (0...2).contains(type) else {
      throw .unknown("soft mixing table", "\(type)", known: ["0", "1", "2"])
    }
    let onPolicy: [Double] = [0, 0.125, 0.25, 0.5, 1, 1, 1, 1]
    let offPolicy: [Double] = [0, 0.5, 1, 0.5, 0.25, 0.125, 0, 0]
    let imitation: [Double] = [1, 0.5, 0.25, 0.125, 0, 0, 0, 0]
    rows =
      [MixCoefficients(onPolicy: 1, offPolicy: 1, imitation: 1)]
      + (0..<8).map { index in
        MixCoefficients(
          onPolicy: onPolicy[index],
          offPolicy: type == 0 ? offPolicy[index] : (type == 1 ? 1 : 0),
          imitation: imitation[index])
      }
  }

  /// The coefficients of a group of `total` rollouts, `solved` of them right, and a demonstration
  /// that counts as right.
  ///
  /// - Throws: `.badParameter` for a group that has more rows than the table, whatever it solved.
  public func coefficients(solved: Int, of total: Int) throws(EstimatorError) -> MixCoefficients {
    precondition(0 <= solved && solved <= total, "SoftMixTable: \(solved) solved of \(total)")
    guard total + 1 < rows.count else {
      throw .parameter(
        "gate.soft_type",
        "the released tables are for \(rows.count - 2) rollouts and a demonstration, not for "
          + "\(total) rollouts",
        remedy: "Sample \(rows.count - 2) rollouts a question, or choose `kind: table`.")
    }
    return rows[solved + 1]
  }
}
