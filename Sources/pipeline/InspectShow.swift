import ArgumentParser
import Estimator
import Inspector
import Records
import Replay
import Stages
import Tokenizer

struct InspectShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one group: prompt, demonstration, rollouts, verdicts, decision.",
    discussion: """
      --heat colours the tokens of the responses by log_probability, by a quantity that the run \
      recorded (entropy, anchor_log_probability, value, filtered_log_probability), by the advantage \
      of the loss batch, or by a factor of the token's weight (mask, ratio, reference, shape, norm, \
      added, weight; advantage with --under) as `pipeline replay` computes it under an algorithm. \
      Without colours a line of digits stands under each line of text: 1 lowest, 9 highest.
      """)

  @OptionGroup var place: RunArgument
  @Argument(help: "GroupID, as `inspect list` shows it.") var group: GroupID
  @Flag(help: "Add the tokens with stored log-probabilities and recorded quantities.")
  var tokens = false
  @Option(help: ArgumentHelp("Colour the tokens by this.", valueName: "quantity"))
  var heat: String?
  @Option(
    help: ArgumentHelp(
      "The algorithm whose factors --heat shows, as for `pipeline replay`; run is the run's own.",
      valueName: "algorithm"))
  var under: String?
  @Flag(help: "Say of each number which stage made it and which record holds it.")
  var explain = false
  @OptionGroup var paging: PagerOptions
  @OptionGroup var options: FactOptions

  func validate() throws {
    if under != nil, heat == nil {
      throw ValidationError(
        "--under goes with --heat; `pipeline replay --group` shows all factors.")
    }
  }

  private struct Answer: Encodable {
    var group: GroupView
    var heat: GroupHeat?

    func encode(to encoder: any Encoder) throws {
      try group.encode(to: encoder)
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encodeIfPresent(heat, forKey: .heat)
    }
  }

  func run() throws {
    let stored = try place.open()
    let view = try stored.group(group, tokens: tokens || heat != nil)
    let heat = try heat.map { try self.heat(of: $0, view, stored) }
    if options.json {
      let answer = Answer(group: view, heat: heat)
      return explain
        ? try options.output.json(Explained(answer, view.sources)) : try options.output.json(answer)
    }
    try paging.show(options.appearance) { output in
      GroupPage(view, heat: heat, showsTokens: tokens, output).print()
      if explain { output.print(view.sources) }
    }
  }

  private func heat(
    of name: String, _ view: GroupView, _ stored: StoredRun
  ) throws -> GroupHeat {
    let isFactor = GroupHeat.Name.factors.contains(name)
    if isFactor, under != nil || name != GroupHeat.Name.advantage {
      return try replayed(name, stored)
    }
    guard under == nil else { throw unknown(name, view, GroupHeat.Name.factors) }
    let heat = GroupHeat(name, stored: view)
    guard !heat.isEmpty else { throw unknown(name, view, []) }
    return heat
  }

  private func replayed(_ factor: String, _ stored: StoredRun) throws -> GroupHeat {
    let definition = try FrozenDefinition.read(of: stored.home)
    let algorithm = try ReplayedAlgorithm(under ?? "run", run: definition)
    var replay = try Replay(
      stored.queue, definition: definition, under: [algorithm], .init(group: group))
    var trajectories: [ReplayedTrajectory] = []
    let report = try replay.run { trajectories.append($0) }
    if let failure = report.algorithms.first?.failure {
      throw ReplayError(
        .notRecorded, at: failure.location, failure.problem, remedy: failure.remedy)
    }
    let tokenizer = try stored.tokenizer()
    let view = GroupReplay(group, report, replay.decisions, trajectories) { tokenizer.decode([$0]) }
    return GroupHeat(factor, replayed: view, under: algorithm.label)
  }

  /// What can be shown of this group instead.
  private func unknown(
    _ name: String, _ view: GroupView, _ allowed: [String]
  ) -> InspectorError {
    let responses = view.rollouts + view.demonstrations + view.rejected
    let recorded = Set(responses.flatMap { ($0.tokens ?? []).flatMap(\.quantities.keys) }).sorted()
    let known =
      allowed.isEmpty
      ? [GroupHeat.Name.logProbability] + recorded + GroupHeat.Name.factors : allowed
    return InspectorError(
      .noQuantity, at: "\(place.path): group \(group)",
      "no token of it has a \"\(name)\"" + (under.map { " under \($0)" } ?? ""),
      remedy: "Choose one of \(known.joined(separator: ", ")); `rollout.record` records more.")
  }
}
