import ArgumentParser
import Definition
import Foundation
import Inspector
import Records
import Stages
import Verifiers

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Explain verdicts, and judge stored rollouts again.",
    subcommands: [VerifyExplain.self, VerifyRescore.self])
}

struct VerifyExplain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show how each rollout of a group was judged, or try a verifier on a text.",
    discussion: """
      Of each rollout: the end of its text with the answer between « and », the rule that decided, the \
      parts of its reward with their weights, or why there is no verdict.

      Without a run: `--response TEXT --gold TEXT --verifier NAME` judges a text. A composition is \
      written as in a definition: --verifier '[{name: gsm8k, mode: flexible}, {name: think_format}]'.
      """)

  @Argument(
    help: ArgumentHelp("Run directory, or an evaluation inside one.", valueName: "run"))
  var place: String?
  @Argument(help: ArgumentHelp("GroupID, as `inspect list` shows it.", valueName: "group"))
  var group: GroupID?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("A response to judge, `-` for stdin.", valueName: "text"))
  var response: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The ground truth that it is compared with.", valueName: "text"))
  var gold: String?
  @Option(help: ArgumentHelp("Who judges it: a name, or parts in YAML.", valueName: "verifier"))
  var verifier: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What was asked: its options matter to choice.", valueName: "text"))
  var prompt = ""
  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp("A tag of the prompt; repeat for more.", valueName: "name=value"))
  var tags: [Override] = []
  @OptionGroup var options: FactOptions

  func validate() throws {
    if response == nil {
      guard place != nil, group != nil, gold == nil, verifier == nil else {
        throw ValidationError("Name a run and a group, or a text with --response.")
      }
    } else {
      guard place == nil, gold != nil, verifier != nil else {
        throw ValidationError("--response goes with --gold and --verifier, and without a run.")
      }
    }
  }

  func run() throws {
    let explanation: VerdictExplanation
    if let place, let group {
      explanation = try RunArgument.open(place).explanation(of: group)
    } else {
      explanation = try explanationOfText()
    }
    if options.json { return try options.output.json(explanation) }
    VerdictPage(explanation, options.output).print()
  }

  private func explanationOfText() throws -> VerdictExplanation {
    var text = response ?? ""
    if text == "-" {
      let limit = 64 << 20
      let data = try FileHandle.standardInput.read(upToCount: limit + 1) ?? Data()
      guard data.count <= limit else {
        throw StageError(
          .badRun, at: "stdin", "it has over \(limit) bytes", remedy: "Give a shorter response.")
      }
      text = String(decoding: data, as: UTF8.self)
    }
    let judge = try VerifierOption.verifier(verifier ?? "")
    try judge.prepare()
    let prompt = Prompt(
      id: "text", content: .text(prompt), groundTruth: gold ?? "", source: "",
      tags: Dictionary(tags.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
    return VerdictExplanation(of: Response(text: text), to: prompt, by: judge)
  }
}

struct VerifyRescore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rescore",
    abstract: "Judge the stored rollouts of a run by another definition's verifiers.",
    discussion: """
      Offline: no model is loaded, and nothing stored changes. Every flip is listed: a rollout that was \
      right and is not, or the other way round, or that has a verdict on one side only. Of the \
      definition only the verifiers are read, and rollout.maximum_tokens.
      """)

  @OptionGroup var place: RunArgument
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp("A definition, or a run whose definition it is.", valueName: "definition"))
  var definition: String
  @Option(help: ArgumentHelp("How many flips are listed at most.", valueName: "n"))
  var limit = 200
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
  }

  func run() throws {
    let definition = try RunKeys.schema.resolve(file: DefinitionArgument.file(definition))
    let verifiers = try VerifierTable(definition)
    if !verifiers.asking.isEmpty {
      Output.note("asking \(verifiers.asking.joined(separator: ", ")) anew; nothing is stored")
    }
    let rescore = try place.open().rescore(with: verifiers)
    if options.json { return try options.output.json(rescore) }
    RescorePage(rescore, limit: limit, options.output).print()
  }
}
