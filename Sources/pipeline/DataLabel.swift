import ArgumentParser
import Evaluation
import Foundation
import Inspector
import Judges
import Preparation
import Records
import Shards
import Stages
import Verifiers

/// `pipeline data label DIR --model M --review FILE`, and `… --apply FILE --to NEW`.
struct DataLabel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Propose ground truths for rows without one, by majority over a model's answers.",
    discussion: """
      First with --model, --verifier and --review: the rows are asked, and a line for each is written to \
      the review file, with the votes and the share that agrees. Answers are one where the verifier says \
      so. In place of --model, an OpenAI-compatible --endpoint may be asked. Proposals of which at least --agreement agree are accepted beforehand.

      People then correct `answer` and set `accept`. Last with --apply and --to: a dataset with the \
      accepted ground truths, tagged \(LabelReview.originTag) (majority or corrected) and \
      \(LabelReview.agreementTag); rows that are not accepted are left out.
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @Option(help: ArgumentHelp("Model directory, adapter, run or RUN@STEP.", valueName: "model"))
  var model: String?
  @OptionGroup var endpoint: EndpointOptions
  @Option(help: ArgumentHelp("Finds and compares answers.", valueName: "name"))
  var verifier: String?
  @Option(help: ArgumentHelp("Review file to write.", valueName: "file")) var review: String?
  @Option(help: ArgumentHelp("Least share that accepts a proposal.", valueName: "s"))
  var agreement = 0.5
  @Option(help: ArgumentHelp("Review file to take over.", valueName: "file")) var apply: String?
  @Option(name: .customLong("to"), help: "Folder of the new dataset.") var target: String?
  @Option(help: "Name in the manifest and of the shards; default: the folder's.") var name: String?
  @Flag(help: "Replace a dataset, or a review, that stands there.") var force = false
  @OptionGroup var settings: SuiteOptions
  @OptionGroup var asking: AskingOptions
  @OptionGroup var options: FactOptions

  func validate() throws {
    let asks =
      (model != nil) != (endpoint.endpoint != nil) && verifier != nil && review != nil
    let applies = apply != nil && target != nil
    guard asks != applies, applies || (apply == nil && target == nil),
      asks || (model == nil && endpoint.endpoint == nil && verifier == nil && review == nil)
    else {
      throw ValidationError(
        "ask with --model or --endpoint, --verifier and --review, or take over with --apply and --to."
      )
    }
    guard agreement >= 0, agreement <= 1 else {
      throw ValidationError("--agreement is \(agreement); use a share from 0 to 1.")
    }
  }

  func run() throws {
    let dataset = try Dataset(folder: folder)
    if let apply, let target { return try take(apply, dataset, to: target) }
    guard let verifier, let review else { preconditionFailure("validate() refuses that") }
    try propose(dataset, verifier, review)
  }

  private struct Proposed: Encodable {
    var review: String
    var rows: Int
    var accepted: Int
    var undecided: Int
  }

  private func propose(
    _ dataset: Dataset, _ verifier: String, _ review: String
  ) throws {
    guard force || !FileManager.default.fileExists(atPath: review) else {
      throw ShardError(
        .exists, location: review,
        problem: "the file is there, perhaps with somebody's corrections",
        remedy: "Name another one, or replace it with --force.")
    }
    let suite = try settings.suite(ofAll: folder, verifier: verifier)
    // Asking them would cost as much and say nothing.
    let known = try (0..<dataset.rows).count {
      try !dataset.row($0).groundTruth.allSatisfy(\.isWhitespace)
    }
    guard known == 0 else {
      throw ShardError(
        .settings, location: folder, problem: "\(known) of its rows have a ground truth",
        remedy:
          "Take the others with `pipeline data filter \(folder) --where 'ground_truth = \"\"'`.")
    }
    let judge = try VerifierOption.verifier(verifier)
    try judge.prepare()
    let responses =
      try model.map { try answers(of: $0, suite) }
      ?? endpoint.answers(to: suite, keeping: review + ".answers.jsonl", seed: asking.seed)
    let lines = try responses.enumerated().map { index, responses in
      let row = try dataset.row(index)
      return LabelReview.Line(
        AnswerProposal(responses, to: row, by: judge), for: row, row: index, agreement: agreement)
    }
    try LabelReview(lines).write(to: review)
    let proposed = Proposed(
      review: review, rows: lines.count, accepted: lines.count { $0.accept },
      undecided: lines.count { $0.proposed == nil })
    if options.json { return try options.output.json(proposed) }
    for line in Histogram(lines.map(\.agreement), in: 0...1).lines() { options.output.print(line) }
    options.output.print(
      TerminalText.escaped(
        "\(review): \(proposed.rows) rows without ground truth, \(proposed.accepted) proposals "
          + "accepted, \(proposed.undecided) without a majority"))
    Output.note(
      "correct answer and accept there, then `pipeline data label \(folder) --apply \(review) --to NEW`"
    )
  }

  /// Of each row, sampled from a model and stored as an evaluation's are.
  private func answers(of model: String, _ suite: EvaluationSuite) throws -> [[Response]] {
    let place = try ModelPlace(model)
    guard let result = try asking.evaluate([place], [suite]).first?.first else {
      preconditionFailure("one model and one suite have one result")
    }
    var responses = [[Response]](repeating: [], count: result.questions.count)
    try StoredRun(opening: result.folder).forEachAnsweredPrompt {
      responses[Int($0.group)] = $0.responses
    }
    return responses
  }

  private struct Taken: Encodable {
    var dataset: WrittenDataset
    var labelled: Int
    var corrected: Int
    var leftOut: Int
  }

  private func take(_ review: String, _ dataset: Dataset, to folder: String) throws {
    let lines = try LabelReview(reading: review)
    var place = DatasetTarget()
    (place.folder, place.name, place.force) = (folder, name, force)
    place.licence = dataset.manifest.licence
    var counts = (labelled: 0, corrected: 0, leftOut: 0)
    let manifest = try place.derive(
      from: [dataset],
      generator: "pipeline data label \(place.plain(self.folder)) --apply \(place.plain(review))"
    ) { writer in
      counts = try lines.apply(to: dataset, at: review) { try writer.append($0) }
    }
    let written = WrittenDataset(folder, manifest)
    if options.json {
      return try options.output.json(
        Taken(
          dataset: written, labelled: counts.labelled, corrected: counts.corrected,
          leftOut: counts.leftOut))
    }
    options.output.print(
      "labelled \(counts.labelled), \(counts.corrected) of them corrected by hand; "
        + "left out \(counts.leftOut)")
    options.output.print(TerminalText.escaped(written.line))
  }
}

/// An OpenAI-compatible endpoint that is asked for answers.
struct EndpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ask this endpoint, up to its version: http://127.0.0.1:8000/v1.", valueName: "url"))
  var endpoint: String?
  @Option(help: ArgumentHelp("The model that answers there.", valueName: "name"))
  var endpointModel: String?
  @Option(
    help: ArgumentHelp("Environment variable that holds the endpoint's key.", valueName: "name"))
  var apiKeyVariable: String?
  @Option(help: ArgumentHelp("Requests at once.", valueName: "n")) var parallel = 8

  func validate() throws {
    guard (endpoint == nil) == (endpointModel == nil) else {
      throw ValidationError("--endpoint and --endpoint-model go together.")
    }
    guard apiKeyVariable == nil || endpoint != nil else {
      throw ValidationError("--api-key-variable belongs to --endpoint.")
    }
    guard (1...1024).contains(parallel) else {
      throw ValidationError("--parallel is \(parallel); use 1 to 1024.")
    }
  }

  /// What the endpoint answers to a suite's questions, kept in a file as it comes.
  func answers(
    to suite: EvaluationSuite, keeping path: String, seed: UInt64
  ) throws -> [[Response]] {
    guard let endpoint, let endpointModel else {
      preconditionFailure("validate() refuses no endpoint")
    }
    let interruption = Interruption()
    let answerer = try Answerer(
      Answerer.Settings(
        url: endpoint, model: endpointModel, keyVariable: apiKeyVariable,
        temperature: suite.temperature, topP: suite.topP, maximumTokens: suite.maximumTokens,
        seed: Int(seed % (1 << 31))), keeping: path, parallel: parallel)
    let conversations = try suite.questions().questions.map { prompt in
      switch prompt.content {
      case .messages(let messages): messages
      case .text(let text):
        [Message(role: "user", content: suite.template.replacing("{prompt}", with: text))]
      }
    }
    let responses = try EndpointAnswers(
      answerer, parallel: parallel, interruption: interruption
    ).ask(conversations, samples: suite.samples)
    guard let responses else {
      Output.note("saved; the same command goes on from here")
      throw ExitCode((interruption.status ?? .interrupted).rawValue)
    }
    return responses
  }
}
