import ArgumentParser
import Evaluation
import Files
import Inspector
import Preparation
import Records
import Shards

/// `pipeline data score DIR --model M --to NEW`.
struct DataScore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Tag every row with the share of a model's answers that are right.",
    discussion: """
      The tag \(PassRates.rateTag) is the share, \(PassRates.samplesTag) the samples with a verdict. \
      `data filter --where 'tag.pass_rate > 0 and tag.pass_rate < 1'` leaves what reinforcement learns \
      from. Samples are stored under --out; what was interrupted or killed goes on.
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @Option(help: ArgumentHelp("Model directory, adapter, run or RUN@STEP.", valueName: "model"))
  var model: String
  @Option(help: ArgumentHelp("Who judges: a name, or parts.", valueName: "name"))
  var verifier: String
  @OptionGroup var settings: SuiteOptions
  @OptionGroup var asking: AskingOptions
  @OptionGroup var target: DatasetTarget

  func run() throws {
    let dataset = try Dataset(folder: folder)
    let suite = try settings.suite(ofAll: folder, verifier: verifier)
    let place = try ModelPlace(model)
    guard let result = try asking.evaluate([place], [suite]).first?.first else {
      preconditionFailure("one model and one suite have one result")
    }
    let rates = PassRates(result.questions)
    let manifest = try target.derive(
      from: [dataset],
      generator: "pipeline data score \(target.plain(folder)) --model \(target.plain(model)) "
        + "--verifier '\(verifier)', \(PathParts.name(of: result.folder))"
    ) {
      for index in 0..<dataset.rows {
        try $0.append(rates.tagged(try dataset.row(index), at: index))
      }
    }
    if !target.options.json {
      for line in Histogram(rates.rates.compactMap(\.self), in: 0...1).lines() {
        target.options.output.print(line)
      }
    }
    if rates.missing > 0 {
      Output.note(
        "\(rates.missing) rows have no rate, being too long or without a verdict: "
          + "`pipeline inspect list \(result.folder)` says why")
    }
    try target.report(manifest, dropped: [:])
  }
}
