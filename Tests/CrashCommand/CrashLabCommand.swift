import ArgumentParser
import CrashLab
import Foundation

/// `crash-lab`: disturbs small runs in every way it knows and compares what they come to.
@main
struct CrashLabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crash-lab",
    abstract: "Kill, starve and damage small runs; compare each with the undisturbed one.",
    subcommands: [
      RunCommand.self, RepeatCommand.self, ListCommand.self, PlantedCommand.self, SoakCommand.self,
    ],
    defaultSubcommand: RunCommand.self)
}

/// What all subcommands ask.
struct LaboratoryOptions: ParsableArguments {
  @Option(help: "Folder of the trials and their results; default in the temporary folder.")
  var work: String?

  func laboratory() throws -> Laboratory { try Laboratory(work: work) }
}

/// Which trials.
struct SelectionOptions: ParsableArguments {
  @Option(help: "Campaigns, separated by commas; default all.")
  var campaign: String?

  @Option(help: "Subjects, separated by commas; default those that a campaign names.")
  var subject: String?

  @Option(help: "Trials of every form and kind where a campaign draws at random.")
  var trials: Int?

  func selected(in laboratory: Laboratory) throws -> [Trial] {
    var campaigns = Campaigns.all
    if let campaign {
      campaigns = try campaign.split(separator: ",").map { name in
        guard let found = Campaigns.named(String(name)) else {
          let known = Campaigns.all.map(\.name).joined(separator: ", ")
          throw ValidationError("No campaign is named \(name). There are: \(known).")
        }
        return found
      }
    }
    let names = subject?.split(separator: ",").map(String.init)
    return try campaigns.flatMap { campaign in
      try campaign.subjects.filter { names?.contains($0.name) ?? true }
        .flatMap { try campaign.trials($0, count: trials, in: laboratory) }
    }
  }
}

/// `crash-lab run`.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Work off campaigns; what has held is not done again.")

  @OptionGroup var options: LaboratoryOptions
  @OptionGroup var selection: SelectionOptions

  @Option(help: ArgumentHelp("The i-th of n parts of the trials.", valueName: "i/n"))
  var shard = "1/1"

  @Option(help: "Trials at the same time.")
  var jobs = 1

  @Option(help: "Begin no trial after so many minutes.")
  var minutes: Double?

  @Flag(help: "Verdicts of earlier builds of the command count too.")
  var keep = false

  func run() throws {
    let parts = shard.split(separator: "/").compactMap { Int($0) }
    guard parts.count == 2, parts[1] > 0, (1...parts[1]).contains(parts[0]) else {
      throw ValidationError("--shard \(shard) is not i/n with 1 <= i <= n.")
    }
    let laboratory = try options.laboratory()
    var runner = CampaignRunner(laboratory)
    runner.shard = CampaignRunner.Shard(index: parts[0], count: parts[1])
    runner.jobs = jobs
    runner.keepsOldResults = keep
    if let minutes { runner.seconds = 60 * minutes }
    // Lines come from several threads: each is one write.
    runner.report = { line in FileHandle.standardError.write(Data((line + "\n").utf8)) }
    let verdicts = try runner.run(try selection.selected(in: laboratory))
    for line in CampaignTable(verdicts).lines { print(line) }
    guard verdicts.allSatisfy(\.holds) else { throw ExitCode(1) }
  }
}

/// `crash-lab repeat ID`.
struct RepeatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repeat", abstract: "Do one trial again.")

  @OptionGroup var options: LaboratoryOptions

  @Argument(help: "As a difference prints it: campaign/subject/…")
  var id: String

  @Option(help: "How often; times are drawn alike, yet no two runs are.")
  var times = 1

  func run() throws {
    let laboratory = try options.laboratory()
    guard let trial = try Campaigns.trial(id, in: laboratory) else {
      throw ValidationError("No trial has the id \(id).")
    }
    var differs = false
    for _ in 0..<times {
      let verdict = try trial.run(in: laboratory)
      differs = differs || !verdict.holds
      print(verdict.holds ? "held" : "differs: \(verdict.findings.joined(separator: "\n  "))")
      if let folder = verdict.folder { print("its folder: \(folder)") }
    }
    if differs { throw ExitCode(1) }
  }
}

/// `crash-lab list`.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Print the ids of trials.")

  @OptionGroup var options: LaboratoryOptions
  @OptionGroup var selection: SelectionOptions

  func run() throws {
    for trial in try selection.selected(in: try options.laboratory()) { print(trial.id) }
  }
}
