import ArgumentParser
import Estimator
import Inspector
import Stages

struct AlgorithmsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "algorithms",
    abstract: "List the algorithms with their parts, write one out, check the theory.",
    subcommands: [AlgorithmsList.self, AlgorithmsShow.self, AlgorithmsTable.self, LabCommand.self],
    defaultSubcommand: AlgorithmsList.self)
}

/// An algorithm of the catalogue as a machine reads it.
private struct AlgorithmFacts: Encodable {
  struct Part: Encodable {
    var part: String
    var name: String
    var equation: String
    var scope: String
  }

  var name: String
  var form: String?
  var summary: String
  var equation: String
  var source: String
  var parts: [Part]
  var records: [String]

  init(_ entry: CatalogEntry) {
    let algorithm = entry.build()
    name = entry.name
    form = entry.form?.rawValue
    summary = entry.summary
    equation = entry.equation
    source = entry.source
    parts = algorithm.parts.map {
      Part(part: $0.part, name: $0.name, equation: $0.equation, scope: "\($0.scope)")
    }
    records = algorithm.quantities.map(\.rawValue).sorted()
  }
}

struct AlgorithmsList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Every algorithm in every form, by its parts.")

  @Flag(help: "With the equation of each part.") var equations = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let entries = Algorithm.catalog
    if options.json { return try options.output.json(entries.map(AlgorithmFacts.init)) }
    guard !equations else {
      for entry in entries { print(parts: entry) }
      return
    }
    var table = TextTable([
      .init("algorithm"), .init("form"), .init("gate"), .init("advantage", shrinks: true),
      .init("reference"), .init("mask", shrinks: true), .init("aggregation", shrinks: true),
    ])
    for entry in entries { table.add(row(entry)) }
    options.output.print(table)
    options.output.print()
    options.output.print("pipeline algorithms show NAME writes one out as YAML, part by part.")
  }

  private func row(_ entry: CatalogEntry) -> [String] {
    let parts = entry.build().parts
    func named(_ part: String) -> String {
      (parts.first { $0.part == part } ?? parts.first { $0.part == "sft_\(part)" })?.name ?? "-"
    }
    return [
      entry.name, entry.form?.rawValue ?? "", named("gate"), named("advantage"),
      named("reference"), named("mask"), named("aggregation"),
    ]
  }

  private func print(parts entry: CatalogEntry) {
    let output = options.output
    let form = entry.form.map { " (\($0.rawValue))" } ?? ""
    output.print(output.styled(entry.name + form, .bold) + "  " + entry.summary)
    output.print("  " + entry.equation)
    for part in entry.build().parts {
      output.print("    \(part.part): \(part.name)   \(part.equation)   [\(part.scope)]")
    }
    output.print()
  }
}

struct AlgorithmsShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The YAML that an algorithm's name stands for.")

  @Argument(help: "Name, as `pipeline algorithms` lists it.") var name: String
  @Option(help: "paper or released, where they differ.") var form: String?
  @OptionGroup var options: FactOptions

  func run() throws {
    var wanted: Algorithm.Form?
    if let form {
      guard let known = Algorithm.Form(rawValue: form) else {
        throw ValidationError("--form is paper or released, not \(form)")
      }
      wanted = known
    }
    let entry = try CatalogEntry.find(name, form: wanted)
    if options.json { return try options.output.json(AlgorithmFacts(entry)) }
    let output = options.output
    output.print("# \(entry.summary)")
    output.print("#   \(entry.equation)")
    output.print("#   source: \(entry.source)")
    output.write(entry.build().yaml())
  }
}

/// The tables of docs/algorithms.md: made here, so that they cannot differ from the code.
struct AlgorithmsTable: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "The tables of docs/algorithms.md, as Markdown.")

  @OptionGroup var options: OutputOptions

  func run() throws {
    let output = options.output
    output.print(Self.heading("Algorithms"))
    output.print("| algorithm | form | loss | gate | Â | π_ref | mask | weights | source |")
    output.print("|---|---|---|---|---|---|---|---|---|")
    for entry in Algorithm.catalog { output.print(Self.row(entry)) }
    output.print()
    output.print(Self.heading("Where paper and released code differ"))
    output.print("| algorithm | paper | released | keys that differ (paper → released) |")
    output.print("|---|---|---|---|")
    for name in Algorithm.names {
      guard let line = try Self.difference(name) else { continue }
      output.print(line)
    }
    output.print()
    output.print(Self.heading("Keys"))
    output.print("| `algorithm.` | values | meaning |")
    output.print("|---|---|---|")
    for key in Algorithm.keys { output.print(Self.key(key)) }
  }

  private static func heading(_ text: String) -> String { "### \(text)\n" }

  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }

  private static func row(_ entry: CatalogEntry) -> String {
    let parts = entry.build().parts
    func equation(_ name: String) -> String {
      let found = parts.filter { $0.part == name || $0.part.hasSuffix("_\(name)") }
      return found.map { part in
        let prefix = part.part.dropLast(name.count)
        return (prefix.isEmpty ? "" : "\(prefix.dropLast()): ") + part.equation
      }.joined(separator: "; ")
    }
    let cells = [
      "`\(entry.name)`", entry.form?.rawValue ?? "", entry.equation, equation("gate"),
      equation("advantage"), equation("reference"), equation("mask"), equation("aggregation"),
      entry.source,
    ]
    return "| " + cells.map(cell).joined(separator: " | ") + " |"
  }

  private static func difference(_ name: String) throws -> String? {
    let entries = Algorithm.catalog.filter { $0.name == name }
    guard let paper = entries.first(where: { $0.form == .paper }),
      let released = entries.first(where: { $0.form == .released })
    else { return nil }
    let (first, second) = (paper.build(), released.build())
    func text(_ algorithm: Algorithm, _ key: PartKey) -> String {
      guard key.applies(algorithm), let value = key.read(algorithm) else { return "–" }
      return value.text
    }
    let keys = Algorithm.keys.compactMap { key -> String? in
      let (was, now) = (text(first, key), text(second, key))
      return was == now ? nil : "`\(key.name)` \(was) → \(now)"
    }
    let cells = [
      "`\(name)`", paper.equation, released.equation, keys.joined(separator: "; "),
    ]
    return "| " + cells.map(cell).joined(separator: " | ") + " |"
  }

  private static func key(_ key: PartKey) -> String {
    let values =
      switch key.kind {
      case .number: "number"
      case .integer: "integer"
      case .flag: "true, false"
      case .text: "text"
      case .choice(let names): names.joined(separator: ", ")
      case .numbers: "numbers"
      case .texts: "texts"
      }
    return "| `\(key.name)` | \(cell(values)) | \(cell(key.meaning)) |"
  }
}

extension PartValue {
  /// As a definition writes it.
  fileprivate var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .integer(let integer): "\(integer)"
    case .flag(let flag): "\(flag)"
    case .text(let text): text
    case .numbers(let numbers): "\(numbers)"
    case .texts(let texts): "\(texts)"
    }
  }
}
