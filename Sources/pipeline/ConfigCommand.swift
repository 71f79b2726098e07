import ArgumentParser
import Definition
import Foundation
import Inspector
import Records
import Stages

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show, explain and check pipeline definitions.",
    subcommands: [ConfigShow.self, ConfigExplain.self, ConfigValidate.self])
}

/// A definition on the command line, with its overrides.
struct DefinitionArgument: ParsableArguments {
  @Argument(help: "Definition file, or a run directory. Without one, the keys and their defaults.")
  var definition: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Override a key; repeat for more.", valueName: "key=value"))
  var overrides: [Override] = []

  /// The definition in force.
  func resolve() throws -> Definition {
    let overrides = overrides.map { (key: $0.key, value: $0.value) }
    let schema = RunKeys.schema
    guard let definition else {
      return try schema.resolve(text: "", name: "defaults", overrides: overrides)
    }
    return try schema.resolve(file: Self.file(definition), overrides: overrides)
  }

  /// A run's frozen definition when `path` is a directory.
  static func file(_ path: String) -> String {
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
      isFolder.boolValue
    else { return path }
    return RunDirectory(path).definition
  }
}

struct ConfigShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print a definition in full, with defaults filled in.")

  @OptionGroup var source: DefinitionArgument
  @Flag(help: "Say behind each value where it comes from.") var origins = false
  @OptionGroup var options: FactOptions

  func run() throws {
    // Some keys have no default: without a definition there is a list of keys, not a YAML.
    if source.definition == nil, source.overrides.isEmpty, !options.json {
      return options.output.write(try RunKeys.schema.explain())
    }
    let definition = try source.resolve()
    guard options.json else { return options.output.write(definition.yaml(origins: origins)) }
    var values: [String: String] = ["name": definition.name]
    for key in definition.schema.keys { values[key.path] = definition.value(key.path).inline }
    try options.output.json(values)
  }
}

struct ConfigExplain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say what a key means; without a key, list all of them.")

  @Argument(help: "Key or section, such as algorithm.gate.") var key = ""
  @OptionGroup var options: OutputOptions

  func run() throws {
    options.output.write(try RunKeys.schema.explain(key))
  }
}

struct ConfigValidate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check definitions without running them.")

  @Argument(help: "Definition files or run directories.") var files: [String]
  @OptionGroup var options: FactOptions

  private struct Finding: Encodable {
    var file: String
    var valid: Bool
    var error: String?
  }

  func run() throws {
    var findings: [Finding] = []
    for file in files {
      do {
        let path = DefinitionArgument.file(file)
        _ = try RunSettings(RunKeys.schema.resolve(file: path))
        findings.append(Finding(file: file, valid: true))
        if !options.json { options.output.print("\(TerminalText.escaped(file)): valid") }
      } catch let error as any DescribedError {
        let line = Failure.line(error.location, error.problem, error.remedy)
        findings.append(Finding(file: file, valid: false, error: error.description))
        if !options.json { Output.note(line) }
      }
    }
    if options.json { try options.output.json(findings) }
    if findings.contains(where: { !$0.valid }) { throw ExitCode(ExitStatus.usage.rawValue) }
  }
}
