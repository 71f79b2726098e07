import ArgumentParser
import Check
import Foundation
import Inspector
import Operators
import Queue
import Records

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Compare this build with golden vectors; exit 3 when one fails.",
    subcommands: [
      CheckEstimator.self, CheckModel.self, CheckSafetensors.self, CheckTokenizer.self,
      CheckVerifier.self,
    ])
}

struct CheckEstimator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "estimator",
    abstract: "Files of estimator cases, or directories of such files.")

  @OptionGroup var target: CheckTarget
  @Flag(
    help: "Round inputs and gradients to single precision, as training does (rtol 1e-4, atol 1e-6)."
  )
  var single = false

  func run() throws {
    let precision: CheckPrecision = single ? .single : .double
    try target.check { path in
      guard CheckTarget.isFolder(path) else {
        return checkEstimator(file: path, precision: precision)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        .filter { $0.hasSuffix(".json") }
      var sum = CheckReport.File()
      for name in names {
        sum.add(checkEstimator(file: "\(path)/\(name)", precision: precision), prefix: name)
      }
      if names.isEmpty { sum.record(path, failure: "holds no JSON files") }
      return sum
    }
  }
}

struct CheckModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Model directories with expected logits, gradients, updates and samples.")

  @OptionGroup var target: CheckTarget
  @Option(help: ArgumentHelp("Threads; results do not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); use 1 to 1024.")
    }
  }

  func run() throws {
    let compute = Compute(threads: threads)
    try target.check {
      checkModel(directory: $0, compute: compute, decompress: CompressedFile.read)
    }
  }
}

struct CheckSafetensors: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "safetensors",
    abstract: "Directories of safetensors files that must be read or refused, and of roundings.")

  @OptionGroup var target: CheckTarget

  func run() throws { try target.check { checkSafetensors(directory: $0) } }
}

struct CheckTokenizer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Tokenizer directories with vectors of texts and ids.")

  @OptionGroup var target: CheckTarget

  func run() throws {
    try target.check { checkTokenizer(path: $0, decompress: CompressedFile.read) }
  }
}

/// What is checked, and the printing of what came out.
struct CheckTarget: ParsableArguments {
  @Argument(help: "Files or directories.") var files: [String]
  @OptionGroup var options: FactOptions

  /// Checks every argument; one that cannot be read is a failure like any other. A README, which a
  /// shell's `DIR/*` names with the folders beside it, is skipped and counted.
  func check(_ check: (String) throws -> CheckReport.File) throws {
    var report = CheckReport()
    for name in files where report.files[name] == nil {
      var file = CheckReport.File()
      if name.hasSuffix("/README.md") {
        file.skipped = 1
        report.add(file, named: name)
        continue
      }
      do { file = try check(name) } catch {
        file.record(name, failure: "cannot be read: \(error.localizedDescription)")
      }
      report.add(file.withFiniteWorst, named: name)
    }
    if options.json { try options.output.json(report) } else { print(report) }
    if report.failed > 0 { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  private func print(_ report: CheckReport) {
    let output = options.output
    var table = TextTable([
      .init("file", shrinks: true), .init("cases", .right), .init("passed", .right),
      .init("failed", .right), .init("skipped", .right), .init("worst", .right),
    ])
    for (name, file) in report.files.sorted(by: { $0.key < $1.key }) {
      table.add([
        TerminalText.escaped(name), "\(file.cases)", "\(file.passed)", "\(file.failed)",
        "\(file.skipped)", String(format: "%.3g", file.worst),
      ])
    }
    output.print(table)
    for (name, file) in report.files.sorted(by: { $0.key < $1.key }) {
      for failure in file.failures {
        output.print(output.styled("failed", .red) + TerminalText.escaped(" \(name): \(failure)"))
      }
    }
    let verdict =
      report.failed == 0 ? output.styled("passed", .green) : output.styled("failed", .red)
    output.print(
      "\(report.cases) cases: \(report.passed) passed, \(report.failed) failed, "
        + "\(report.skipped) skipped: \(verdict)")
  }
}

extension CheckReport.File {
  /// Adds the cases of one file of a directory.
  fileprivate mutating func add(_ other: CheckReport.File, prefix: String) {
    cases += other.cases
    passed += other.passed
    failed += other.failed
    skipped += other.skipped
    // A NaN is worse than any number, and a comparison with it is false.
    if !(other.worst <= worst) { worst = other.worst }
    failures += other.failures.map { "\(prefix): \($0)" }
  }

  /// `worst` stays a JSON number: what is not finite becomes 1e308.
  fileprivate var withFiniteWorst: CheckReport.File {
    var file = self
    if !file.worst.isFinite { file.worst = 1e308 }
    return file
  }
}
