public import Records

/// A tokenizer.json cannot be read, or asks for what this tokenizer does not do.
public struct TokenizerError: DescribedError, Equatable {
  /// What kind of fault it is, for `catch`.
  public enum Code: Sendable, Equatable {
    /// Not there or not readable.
    case file
    /// Not JSON, or a field is missing or contradicts another.
    case malformed
    /// Well formed, but it would give other ids than Hugging Face's tokenizers gives.
    case unsupported
  }

  public let code: Code
  public let location: String
  public let problem: String
  public let remedy: String
  public var exitStatus: ExitStatus { code == .malformed ? .mismatch : .usage }

  static func file(_ path: String, _ problem: String) -> Self {
    Self(
      code: .file, location: path, problem: problem,
      remedy: "Name a tokenizer.json of Hugging Face's tokenizers.")
  }

  static func malformed(_ path: String, _ problem: String) -> Self {
    Self(
      code: .malformed, location: path, problem: problem.shortened,
      remedy: "Fetch the tokenizer.json that belongs to the model again.")
  }

  /// `field` as it stands in tokenizer.json.
  static func unsupported(_ path: String, field: String, _ problem: String) -> Self {
    Self(
      code: .unsupported, location: path, problem: "\(field): \(problem)".shortened,
      remedy: "Use a byte-level BPE tokenizer as Qwen2, Llama 3 and GPT-2 have it.")
  }
}
