public import Definition
import Foundation
public import Records
import Shards
public import Stages

/// A set of questions that models are measured on, as a small YAML file says it: which data, how they are
/// asked, how responses are sampled, and who judges them.
public struct EvaluationSuite: Sendable {
  /// Which average a suite counts in.
  public enum Group: String, Sendable, CaseIterable {
    /// Like what is trained.
    case inside = "id"
    /// Out of distribution.
    case outside = "ood"
  }

  /// Whether questions are messages to the model.
  public enum ChatUse: String, Sendable, CaseIterable {
    /// Where the model has a chat template.
    case auto
    case always
    case never

    /// nil: it depends on the model.
    public var isChat: Bool? {
      switch self {
      case .auto: nil
      case .always: true
      case .never: false
      }
    }
  }

  public let name: String
  /// As tables show it.
  public let title: String
  public let group: Group
  /// Dataset folder.
  public let data: String
  /// How the data are got, where they do not ship: a command.
  public let importing: String?
  /// Sources of the data that belong to the suite; empty: all.
  public let sources: [String]
  /// Questions, the first ones; nil: all.
  public let limit: Int?
  /// Questions drawn of those; nil: all.
  public let draw: Int?
  public let template: String
  public let chat: ChatUse
  public let samples: Int
  public let temperature: Double
  public let topP: Double
  public let maximumTokens: Int
  private let judges: VerifierSettings
  /// Every key on which the stored samples depend, with its value.
  public private(set) var settings: [String: String]

  /// Where suites are looked for.
  public static let folder = "pipelines/suites"

  public static let schema = Schema(keys + VerifierSettings.keys)

  private static let keys: [Key] = [
    Key(
      "title", .text, default: .absent, role: .operational,
      meaning: "How tables name the suite; its name unless said."),
    Key(
      "group", .choice(Group.allCases.map(\.rawValue)), default: .text("id"), role: .operational,
      meaning: "The average that the suite counts in: id, or ood for out of distribution."),
    Key(
      "data", .text, role: .operational,
      meaning: "Dataset folder. Its content is identity, its place is not."),
    Key(
      "import", .text, default: .absent, role: .operational,
      meaning: "The command that makes the dataset, for whom it is missing."),
    Key(
      "sources", .list(of: .text), default: .list([]),
      meaning: "Sources of the dataset's rows that belong to the suite; empty: all."),
    Key(
      "limit", .integer(1...1_000_000_000), default: .absent, unit: "questions",
      meaning: "Ask only the first questions."),
    Key(
      "draw", .integer(1...1_000_000_000), default: .absent, unit: "questions",
      meaning:
        "Ask so many, drawn at random, the same for the same data; all where there are fewer."),
    Key(
      "template", .text, default: .text("{prompt}"),
      meaning: "Text around a question; `{prompt}` is replaced."),
    Key(
      "chat", .choice(ChatUse.allCases.map(\.rawValue)), default: .text("auto"),
      meaning: "Whether a question is a user's message: auto, where the model has a chat template."),
    Key(
      "samples", .integer(1...65_536), default: .integer(1),
      meaning: "Samples per question: k of avg@k."),
    Key(
      "temperature", .number(0...100), default: .number(0.6),
      meaning: "Divides the logits; 0 takes the likeliest token."),
    Key(
      "top_p", .number(0...1), default: .number(1),
      meaning: "Sample from the smallest set of tokens with this mass; 1 switches it off."),
    Key(
      "maximum_tokens", .integer(1...1_048_576), default: .integer(1024), unit: "tokens",
      meaning: "A response is cut at this length."),
  ]

  public init(_ definition: Definition) throws {
    name = definition.name
    title = definition.textIfSet("title") ?? definition.name
    group = definition.choice("group")
    data = definition.text("data")
    importing = definition.textIfSet("import")
    sources = definition.texts("sources")
    limit = definition.integerIfSet("limit")
    draw = definition.integerIfSet("draw")
    template = definition.text("template")
    chat = definition.choice("chat")
    samples = definition.integer("samples")
    temperature = definition.number("temperature")
    topP = definition.number("top_p")
    maximumTokens = definition.integer("maximum_tokens")
    judges = VerifierSettings(definition)
    settings = Dictionary(
      uniqueKeysWithValues: Self.schema.keys.filter { $0.role == .identity }.map {
        ($0.path, definition.value($0.path).identity)
      })
    // It came later: evaluations that know nothing of it stay what they are.
    if draw == nil { settings["draw"] = nil }
    _ = try judges.makeTable(maximumTokens: maximumTokens)
    guard template.contains("{prompt}") else {
      throw definition.error(
        at: "template", "it has no place for the question",
        remedy: "Write {prompt} where it stands.")
    }
    guard topP > 0 else {
      throw definition.error(
        at: "top_p", "no token has so little mass", remedy: "Write a number above 0, at most 1.")
    }
  }

  /// The suite of that name in `folder`, or in the file that a name with a slash or `.yaml` is.
  ///
  /// - Parameter overrides: keys that are different, as `--set` says them.
  public init(
    named name: String, in folder: String = Self.folder,
    overrides: [(key: String, value: String)] = []
  ) throws {
    let isFile = name.contains("/") || name.hasSuffix(".yaml")
    let file = isFile ? name : "\(folder)/\(name).yaml"
    guard isFile || FileManager.default.fileExists(atPath: file) else {
      let known = try Self.names(in: folder)
      throw StageError(
        .badRun, at: "suite \(name)", "there is no such suite in \(folder)",
        remedy: known.isEmpty
          ? "Name a folder of suites with --suites DIR, or a suite's file."
          : "Use one of \(known.joined(separator: ", ")), or name a suite's file.")
    }
    try self.init(try Self.schema.resolve(file: file, overrides: overrides))
  }

  /// All rows of a dataset as a suite, which is called as it is.
  ///
  /// - Parameter overrides: keys of a suite; `data` is the folder.
  public init(
    dataset folder: String, overrides: [(key: String, value: String)] = []
  ) throws {
    let name = try Dataset(folder: folder).name
    try self.init(
      try Self.schema.resolve(
        text: "data: \(JSONValue.quoted(folder))\n", name: name, overrides: overrides))
  }

  /// The suites in a folder, by name.
  public static func names(in folder: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }

  /// Who judges, where responses may be so long; in an evaluation's folder, if there is one already.
  public func verifiers(maximumTokens: Int, folder: String? = nil) throws -> VerifierTable {
    try judges.makeTable(maximumTokens: maximumTokens, folder: folder)
  }

  /// Whether its dataset is there.
  public var isAtHand: Bool {
    FileManager.default.fileExists(atPath: "\(data)/\(DatasetManifest.fileName)")
  }

  /// Reads its questions, in the dataset's order.
  ///
  /// - Throws: how to get the data where they are missing.
  public func questions() throws -> (questions: [Prompt], fingerprint: String) {
    guard isAtHand else {
      throw StageError(
        .badRun, at: "suite \(name)", "its questions are not here: there is no dataset in \(data)",
        remedy: importing.map { "Import them with `\($0)`." }
          ?? "Put the dataset there, or name where it is with --data \(name)=DIR.")
    }
    let dataset = try Dataset(folder: data)
    var questions: [Prompt] = []
    for index in 0..<dataset.rows where questions.count < limit ?? .max {
      let row = try dataset.row(index)
      if sources.isEmpty || sources.contains(row.source) { questions.append(row) }
    }
    guard !questions.isEmpty else {
      throw StageError(
        .badData, at: data, "it holds no question of the suite \(name)",
        remedy: sources.isEmpty
          ? "Import the dataset again."
          : "The suite takes the sources \(sources.joined(separator: ", ")); "
            + "`pipeline data stats \(data)` lists those of the dataset.")
    }
    if let draw, draw < questions.count {
      questions = try DatasetSample(.rows(draw), of: questions.count, seed: 1).places.map {
        questions[$0]
      }
    }
    return (questions, dataset.fingerprint)
  }
}
