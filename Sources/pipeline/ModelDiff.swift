import ArgumentParser
import Foundation
import Inspector
import Policy
import Records

struct ModelDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two model directories; exit 3 when they differ.",
    discussion: """
      Compared are what config.json says of the model, the tensors' names and shapes, and every value, \
      widened to f32. The type that values are stored in is no difference, what rounding made of them is.
      """)

  @Argument(help: ArgumentHelp("Model directory.", valueName: "first")) var first: String
  @Argument(help: ArgumentHelp("Another one.", valueName: "second")) var second: String
  @OptionGroup var options: FactOptions

  func run() throws {
    let comparison = try ModelComparison(
      try StoredModel(opening: first), try StoredModel(opening: second))
    let report = DiffReport(comparison)
    if options.json { try options.output.json(report) } else { report.print(options.output) }
    if !comparison.isEqual { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }
}

private struct DiffReport: Encodable {
  struct Field: Encodable {
    var name: String
    var first: String?
    var second: String?
  }

  struct Difference: Encodable {
    var name: String
    var elements: Int
    var count: Int
    var maxAbsDifference: Double
    var relativeL2: Double
  }

  var equal: Bool
  var configuration: [Field]
  var onlyInFirst: [String]
  var onlyInSecond: [String]
  var reshaped: [String]
  var otherwiseStored: Int
  var compared: Int
  var differing: [Difference]
  /// nil where no tensor could be compared.
  var maxAbsDifference: Double?

  init(_ comparison: ModelComparison) {
    equal = comparison.isEqual
    configuration = comparison.fields.map {
      Field(name: $0.name, first: $0.first, second: $0.second)
    }
    onlyInFirst = comparison.onlyInFirst
    onlyInSecond = comparison.onlyInSecond
    reshaped = comparison.reshaped
    otherwiseStored = comparison.otherwiseStored.count
    compared = comparison.compared
    differing = comparison.differences.map {
      Difference(
        name: $0.name, elements: $0.elements, count: $0.count, maxAbsDifference: $0.largest,
        relativeL2: $0.relative)
    }
    maxAbsDifference = compared == 0 ? nil : comparison.largest
  }

  func print(_ output: Output) {
    for field in configuration {
      output.print(
        "config.json: \(field.name) is \(TerminalText.escaped(field.first ?? "missing")) and "
          + TerminalText.escaped(field.second ?? "missing"))
    }
    for name in onlyInFirst { output.print("only in the first: \(name)") }
    for name in onlyInSecond { output.print("only in the second: \(name)") }
    for name in reshaped { output.print("of another shape: \(name)") }
    if !differing.isEmpty {
      var table = TextTable([
        .init("tensor", shrinks: true), .init("differ", .right), .init("of", .right),
        .init("max abs", .right), .init("relative l2", .right),
      ])
      for tensor in differing {
        table.add([
          tensor.name, "\(tensor.elements)", "\(tensor.count)",
          Self.short(tensor.maxAbsDifference), Self.short(tensor.relativeL2),
        ])
      }
      output.print(table)
    }
    let stored = otherwiseStored == 0 ? "" : ", \(otherwiseStored) stored in another type"
    output.print(
      "\(compared) tensors compared\(stored): "
        + (equal
          ? output.styled("equal", .green)
          : output.styled("different", .red) + " in " + kinds.joined(separator: ", ")))
  }

  /// What differs, each kind with its extent.
  private var kinds: [String] {
    var kinds: [String] = []
    if !configuration.isEmpty { kinds.append("config.json (\(configuration.count))") }
    let lone = onlyInFirst.count + onlyInSecond.count
    if lone > 0 { kinds.append("tensors of one alone (\(lone))") }
    if !reshaped.isEmpty { kinds.append("shapes (\(reshaped.count))") }
    if !differing.isEmpty, let maxAbsDifference {
      kinds.append("values (\(differing.count)), at most by \(Self.short(maxAbsDifference))")
    }
    return kinds
  }

  private static func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
