import ArgumentParser

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Look at stored trajectories, while a run goes on or after it.",
    subcommands: [
      InspectList.self, InspectShow.self, InspectStats.self,
      InspectGrep.self, InspectDiff.self, InspectExport.self,
      InspectBrowse.self,
    ])
}
