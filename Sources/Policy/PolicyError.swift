import Digest
public import Records

/// What a policy was asked to compute is not possible.
public struct PolicyError: DescribedError, Equatable {
  /// What kind of fault it is, for `catch`.
  public enum Code: Sendable, Equatable {
    /// A prompt without tokens.
    case emptyPrompt
    /// A token id outside of the vocabulary.
    case tokenOutOfRange
    /// A prompt that leaves no position for a response.
    case promptTooLong
    /// A sampling setting outside of its range.
    case sampling
    /// Parameters or moments of another model.
    case wrongSize
    /// A critic where a policy is needed, or the other way round.
    case architecture
    /// An adapter that was trained on another base.
    case otherBase
    /// The caller asked to stop in the middle.
    case cancelled
  }

  public let code: Code
  public let location: String
  public let problem: String
  public let remedy: String
  public var exitStatus: ExitStatus {
    code == .wrongSize || code == .otherBase ? .mismatch : .usage
  }

  static func otherBase(found: [UInt8], wanted: [UInt8]) -> Self {
    Self(
      code: .otherBase, location: "adapter",
      problem: "it was trained on a base with the digest \(hexadecimal(wanted).prefix(12))…; "
        + "this one has \(hexadecimal(found).prefix(12))…",
      remedy: "Name the model that the adapter was trained on.")
  }

  static func architecture(_ found: ModelArchitecture) -> Self {
    let wanted = found.head == .value ? found.policy : found.critic
    return Self(
      code: .architecture, location: "architectures",
      problem: "the model is a \(found.rawValue) where a \(wanted.rawValue) is needed",
      remedy: "Name a policy's directory for a policy, and a critic's for a critic.")
  }

  static let cancelled = Self(
    code: .cancelled, location: "generation", problem: "was asked to stop",
    remedy: "Start it again; what it had sampled is dropped.")

  static func emptyPrompt(_ location: String) -> Self {
    Self(
      code: .emptyPrompt, location: location, problem: "the prompt has no token",
      remedy: "Drop the prompt, or give the tokenizer a template that adds one.")
  }

  static func tokenOutOfRange(_ location: String, token: Int32, vocabulary: Int) -> Self {
    Self(
      code: .tokenOutOfRange, location: location,
      problem: "token \(token) is outside of the model's \(vocabulary)",
      remedy: "Use the tokenizer that belongs to the model.")
  }

  static func promptTooLong(_ location: String, tokens: Int, positions: Int) -> Self {
    Self(
      code: .promptTooLong, location: location,
      problem: "\(tokens) tokens leave nothing of the model's \(positions) positions",
      remedy: "Shorten the prompt, or use a model with more positions.")
  }

  static func sampling(_ key: String, _ problem: String) -> Self {
    Self(
      code: .sampling, location: key, problem: problem,
      remedy: "Set it inside its range; docs/ has the table.")
  }

  static func wrongSize(_ what: String, count: Int, expected: Int) -> Self {
    Self(
      code: .wrongSize, location: what, problem: "\(count) values where the model has \(expected)",
      remedy: "Use the file that was written for this model.")
  }
}
