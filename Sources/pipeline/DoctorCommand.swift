import ArgumentParser
import Inspector
import Records

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this machine promises: libraries, product kernel, memory, disk.",
    discussion: "Exit 1 when something that a run needs is missing.")

  @OptionGroup var options: FactOptions

  func run() throws {
    let examination = try Examination(folder: ".")
    if options.json { try options.output.json(examination) } else { print(examination) }
    if !examination.isWell { throw ExitCode(ExitStatus.runFailed.rawValue) }
  }

  private func print(_ examination: Examination) {
    let output = options.output
    var table = TextTable([.init(""), .init("")])
    for fact in examination.facts { table.add([fact.name, TerminalText.escaped(fact.value)]) }
    for line in table.lines(width: output.width) { output.print(line) }
    output.print()
    for finding in examination.findings {
      let (word, style): (String, TextStyle) =
        finding.isEssential ? ("missing", .red) : ("note", .yellow)
      output.print(
        output.styled(word, style)
          + TerminalText.escaped("  \(finding.problem). \(finding.remedy)"))
    }
    if examination.isWell { output.print(output.styled("all is well", .green)) }
  }
}
