import Digest
public import Records

/// A model directory or one of its files cannot be read or written as it is.
public struct ModelDirectoryError: DescribedError, Equatable {
  /// What kind of fault it is, for `catch`.
  public enum Code: Sendable, Equatable {
    /// Not there, not readable.
    case file
    /// Cannot be created or written: a full or read-only disk, rights.
    case writing
    /// Bytes that are not what the format says.
    case malformed
    /// Well formed, but this engine does not compute it.
    case unsupported
    /// The files of the directory contradict each other.
    case inconsistent
  }

  public let code: Code
  public let location: String
  public let problem: String
  public let remedy: String
  public var exitStatus: ExitStatus {
    switch code {
    case .file, .unsupported: .usage
    case .writing: .runFailed
    case .malformed, .inconsistent: .mismatch
    }
  }

  static func file(_ path: String, _ problem: String, remedy: String) -> Self {
    Self(code: .file, location: path, problem: problem, remedy: remedy)
  }

  static func writing(_ path: String, _ problem: String, remedy: String) -> Self {
    Self(code: .writing, location: path, problem: problem, remedy: remedy)
  }

  static func malformed(_ path: String, _ problem: String) -> Self {
    Self(
      code: .malformed, location: path, problem: problem.shortened,
      remedy: "Fetch or export the model again; the file is damaged or was written wrongly.")
  }

  /// `field` as it stands in config.json.
  static func unsupported(_ path: String, field: String, _ problem: String) -> Self {
    Self(
      code: .unsupported, location: path, problem: "\(field): \(problem)".shortened,
      remedy: "Use a Qwen2, Qwen3 or Llama with full attention, as a policy or as a critic.")
  }

  /// `field` as it stands in adapter_config.json.
  static func unsupportedAdapter(_ path: String, _ field: String, _ problem: String) -> Self {
    Self(
      code: .unsupported, location: path, problem: "\(field): \(problem)".shortened,
      remedy: "Use a LoRA of all layers with one rank and scale, or let PEFT merge it.")
  }

  static func otherBase(
    _ adapter: String, base: String, found: [UInt8], wanted: [UInt8]
  ) -> Self {
    Self(
      code: .inconsistent, location: adapter,
      problem: "it was trained on a base with the digest \(hexadecimal(wanted).prefix(12))…; "
        + "\(base) has \(hexadecimal(found).prefix(12))…",
      remedy: "Name the model that the adapter was trained on.")
  }

  static func inconsistent(_ path: String, _ problem: String) -> Self {
    Self(
      code: .inconsistent, location: path, problem: problem.shortened,
      remedy: "Fetch or export the whole directory again, so that its files belong together.")
  }
}
