/// The tables of soft mixing in the released HPT trainer (`strategy: soft`): coefficients of the
/// on-policy, off-policy and supervised terms by the number of solved rows of a group, its
/// demonstration among them.
///
/// The released actor never reads the coefficients, so that published `soft` runs trained like the
/// fixed mixture. The tables are here because a gate may use them as they were meant.
public struct SoftMixTable: Sendable, Equatable {
  public struct Coefficients: Sendable, Equatable {
    public var onPolicy: Double
    public var offPolicy: Double
    public var imitation: Double

    public init(onPolicy: Double, offPolicy: Double, imitation: Double) {
      self.onPolicy = onPolicy
      self.offPolicy = offPolicy
      self.imitation = imitation
    }
  }

  /// By the number of solved rows, from 0.
  public let rows: [Coefficients]

  public init(rows: [Coefficients]) { self.rows = rows }

  /// The released tables 0, 1 and 2. They differ in the off-policy column only: as listed, 1
  /// throughout, 0 throughout. Row 0, which the trainer calls impossible, is (1, 1, 1) in each.
  public static func released(type: Int) throws(EstimatorError) -> SoftMixTable {
    guard (0...2).contains(type) else {
      throw .unknown("soft mixing table", "\(type)", known: ["0", "1", "2"])
    }
    let onPolicy: [Double] = [0, 0.125, 0.25, 0.5, 1, 1, 1, 1]
    let offPolicy: [Double] = [0, 0.5, 1, 0.5, 0.25, 0.125, 0, 0]
    let imitation: [Double] = [1, 0.5, 0.25, 0.125, 0, 0, 0, 0]
    let first = Coefficients(onPolicy: 1, offPolicy: 1, imitation: 1)
    return SoftMixTable(
      rows: [first]
        + (0..<8).map { index in
          Coefficients(
            onPolicy: onPolicy[index],
            offPolicy: type == 0 ? offPolicy[index] : (type == 1 ? 1 : 0),
            imitation: imitation[index])
        })
  }

  /// The coefficients of a group with `solved` rows right, the demonstration counted.
  public func coefficients(solved: Int) throws(EstimatorError) -> Coefficients {
    guard rows.indices.contains(solved) else {
      throw .parameter(
        "soft", "the table has rows for 0 to \(rows.count - 1) solved, not for \(solved)",
        remedy: "Give the gate a table with one row more than the group has members.")
    }
    return rows[solved]
  }
}
