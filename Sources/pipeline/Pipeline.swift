import ArgumentParser

/// The command. It parses arguments and prints; what it shows comes from the modules below.
@main
struct Pipeline: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Post-train language models with verifiable rewards, by six stages over queues.",
    discussion: """
      Exit codes: 0 done, 1 the run failed, 2 usage or configuration, 3 data or verification \
      mismatch, 4 corrupt store, 75 try again, 130 and 143 after a clean save on SIGINT and SIGTERM.
      """,
    subcommands: [
      RunCommand.self, ResumeCommand.self, RewindCommand.self, AtCommand.self, StatusCommand.self,
      WatchCommand.self, InspectCommand.self, ReportCommand.self, ServeCommand.self,
      MetricsCommand.self, TraceCommand.self,
      VerifyCommand.self, ReplayCommand.self, EvalCommand.self, CompareCommand.self,
      AlgorithmsCommand.self,
      DataCommand.self,
      ConfigCommand.self, ModelCommand.self, GenerateCommand.self,
      CheckCommand.self, CheckpointCommand.self, QueueCommand.self,
      DoctorCommand.self, BenchCommand.self,
    ])

  static func main() {
    Output.prepare()
    do {
      try ProcessStart.requireDescriptors()
      try ProcessStart.requireAddressSpace()
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Failure(error).exit()
    }
  }
}
