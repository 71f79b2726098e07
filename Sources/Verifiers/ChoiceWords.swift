/// Words around a letter that say what it is there for, in lower case.
enum ChoiceWords {
  /// Tokens behind "answer" among which its label stands.
  static let reach = 40
  static let saying: Set<String> = ["is", "was", "be", "are", "isn't", "wasn't"]
  static let verbs: Set<String> = [
    "is", "was", "are", "isn't", "wasn't", "can", "can't", "cannot", "could", "couldn't", "would",
    "wouldn't", "does", "doesn't", "did", "seems", "looks", "must", "should", "has", "makes",
    "fails", "fits", "matches",
  ]
  static let denials: Set<String> = [
    "not", "isn't", "wasn't", "neither", "nor", "never", "wrong", "incorrect", "false", "except",
    "can't", "cannot", "couldn't", "wouldn't", "doesn't", "shouldn't", "unlikely", "eliminate",
    "exclude", "fails", "no",
  ]
  static let affirmations: Set<String> = ["correct", "right", "best", "answer", "true"]
  static let choosing: Set<String> = [
    "choose", "chose", "select", "selected", "pick", "picked", "choosing", "with", "correct",
    "right", "best",
  ]
  static let names: Set<String> = ["option", "choice", "letter", "the", "one", "answer"]
}
