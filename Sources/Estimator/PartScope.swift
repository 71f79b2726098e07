/// How far a part of an algorithm looks around one token.
///
/// Whatever is cut into micro-batches must not be cut through a unit that a part needs whole. The
/// gradient of a part of batch scope costs a scoring pass over the whole batch first.
public enum PartScope: Int, Sendable, Comparable, CaseIterable {
  case token
  case sequence
  case group
  case bundle
  case batch

  public static func < (left: PartScope, right: PartScope) -> Bool {
    left.rawValue < right.rawValue
  }
}
