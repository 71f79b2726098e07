/// How a verifier wants to be asked, which follows from what it waits for.
public enum Asking: Sendable, Equatable {
  /// It computes a verdict in microseconds: one response after the other.
  case inTurn
  /// It waits for something outside: so many responses at once, each on a thread of its own.
  case atOnce(Int)
  /// It computes all responses to a prompt in one pass.
  case together
}
