import ArgumentParser
import CrashLab
import Foundation

/// `crash-lab soak`.
struct SoakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract:
      "Watch a run without an end for hours: memory, descriptors, threads, size of the queue.")

  @Option(help: "How long.")
  var hours = 2.0

  @Option(help: "Seconds between samples.")
  var interval = 10.0

  @Option(help: "Folder of the runs and of samples.csv, made anew.")
  var work: String?

  func run() throws {
    guard let pipeline = Repository.pipeline else {
      throw ValidationError("The pipeline command is not built: swift build -c release.")
    }
    let folder = work ?? NSTemporaryDirectory() + "/temper-soak-\(getpid())"
    let soak = Soak(
      pipeline: pipeline, definition: Repository.root + "/Tests/CrashLab/Subjects/soak.yaml",
      folder: folder, duration: 3600 * hours, interval: interval)
    FileHandle.standardError.write(Data("samples: \(folder)/samples.csv\n".utf8))
    let figures = try soak.run(Soak.Form.allCases)
    print("process         memory MB  MB/h     queue MB  MB/h     descriptors  threads")
    for each in figures { print(line(each)) }
    guard figures.allSatisfy(\.holds) else { throw ExitCode(1) }
  }

  private func line(_ figures: Soak.Figures) -> String {
    func number(_ value: Double, _ width: Int, _ digits: Int = 1) -> String {
      let text = String(format: "%.\(digits)f", value)
      return String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func range(_ range: ClosedRange<Double>) -> String {
      range.lowerBound == range.upperBound
        ? "\(Int(range.lowerBound))" : "\(Int(range.lowerBound))-\(Int(range.upperBound))"
    }
    return figures.process.padding(toLength: 14, withPad: " ", startingAt: 0)
      + number(figures.memoryLast / 1e6, 11) + number(figures.memorySlope / 1e6, 6, 2)
      + number(figures.queueLast / 1e6, 13, 2) + number(figures.queueSlope / 1e6, 6, 2)
      + "     " + range(figures.descriptors).padding(toLength: 13, withPad: " ", startingAt: 0)
      + range(figures.threads) + (figures.holds ? "" : "   grows")
  }
}
