public import ArgumentParser
import Inspector
import Records
public import Shards

struct DataGenerate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Make a dataset, deterministically from a seed.",
    subcommands: [GenerateLadder.self, GenerateCountdown.self])
}

extension LadderSettings.Side: ExpressibleByArgument {}
extension LadderSettings.SlipPlacement: ExpressibleByArgument {}
extension LadderFamily: ExpressibleByArgument {}
extension CountdownSettings.Side: ExpressibleByArgument {}

/// Values separated by commas: `1,2,3`.
struct CommaSeparated<Element: ExpressibleByArgument & Sendable>: ExpressibleByArgument, Sendable {
  let elements: [Element]

  init(_ elements: [Element]) { self.elements = elements }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let elements = argument.isEmpty ? [] : parts.map { Element(argument: String($0)) }
    guard !elements.contains(where: { $0 == nil }) else { return nil }
    self.elements = elements.compactMap(\.self)
  }

  var defaultValueDescription: String {
    elements.map(\.defaultValueDescription).joined(separator: ",")
  }
}

/// `addition=1,2`; nothing behind the sign leaves the family out.
struct FamilyLevels: ExpressibleByArgument, Sendable {
  let family: LadderFamily
  let levels: [Int]

  init?(argument: String) {
    guard let pair = Override(argument: argument), let family = LadderFamily(rawValue: pair.key),
      let levels = CommaSeparated<Int>(argument: pair.value)
    else { return nil }
    self.family = family
    self.levels = levels.elements
  }
}

/// Where a new dataset goes.
struct DatasetTarget: ParsableArguments {
  @Option(name: .customLong("to"), help: "Folder of the new dataset.") var folder: String
  @Option(
    help:
      "Name in the manifest and of the shards; default: what is made, and its side, or the folder's."
  )
  var name: String?
  @Option(help: "Licence for the manifest.") var licence: String?
  @Flag(help: "Replace a dataset that stands there.") var force = false
  @OptionGroup var options: FactOptions

  func writerOptions(generator: String, level: Int? = nil) -> DatasetWriter.Options {
    var settings = DatasetWriter.Options()
    if let level { settings.compressionLevel = level }
    settings.licence = licence
    settings.generator = generator
    settings.replaces = force
    return settings
  }

  /// Does `work`; of a dataset that stands there already its error says how to replace it.
  func placing<Result>(_ work: () throws(ShardError) -> Result) throws(ShardError) -> Result {
    do throws(ShardError) { return try work() } catch {
      guard error.code == .exists else { throw error }
      var known = error
      known.remedy = "Choose another folder, or replace it with --force."
      throw known
    }
  }

  func write(
    count: Int, standardName: String, generator: String, row: (Int) -> Prompt
  ) throws {
    let manifest = try placing { () throws(ShardError) in
      try DatasetWriter.write(
        count: count, folder: folder, name: name ?? standardName,
        options: writerOptions(generator: generator), row: row)
    }
    let written = WrittenDataset(folder, manifest)
    if options.json { return try options.output.json(written) }
    options.output.print(TerminalText.escaped(written.line))
  }
}

/// What was written, for `--json` and in a line.
struct WrittenDataset: Encodable {
  var folder: String
  var name: String
  var rows: Int
  var shards: Int
  var bytes: Int
  var fingerprint: String

  init(_ folder: String, _ manifest: DatasetManifest) {
    self.folder = folder
    name = manifest.name
    rows = manifest.rows
    shards = manifest.shards.count
    bytes = manifest.shards.reduce(0) { $0 + $1.bytes }
    fingerprint = manifest.fingerprint
  }

  var line: String {
    "\(folder): \(rows) rows, \(shards) \(shards == 1 ? "shard" : "shards"), \(bytes) bytes, "
      + "fingerprint \(fingerprint)"
  }
}

struct GenerateLadder: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ladder", abstract: "Arithmetic questions of eight families and five levels.")

  @OptionGroup var target: DatasetTarget
  @Option(help: "train, test, or corpus (the base model's text, partly wrong).")
  var side: LadderSettings.Side = .train
  @Option(help: "How many rows; the default depends on the side.") var rows: Int?
  @Option(help: "Which questions of the side, in which order.") var seed: UInt64?
  @Option(help: ArgumentHelp("Families, separated by commas.", valueName: "a,b"))
  var families: CommaSeparated<LadderFamily>?
  @Option(help: ArgumentHelp("Levels of the six families, 1 to 5.", valueName: "1,2"))
  var levels: CommaSeparated<Int>?
  @Option(help: ArgumentHelp("Levels of the two ood families.", valueName: "1,2"))
  var oodLevels: CommaSeparated<Int>?
  @Option(
    help: ArgumentHelp("Levels of one family; repeat for more.", valueName: "addition=1,2"))
  var familyLevels: [FamilyLevels] = []
  @Option(
    help: ArgumentHelp(
      "Shares of wrong demonstrations at levels 1 to 5; of a shorter list the last one stays.",
      valueName: "0.25,0.5"))
  var wrong: CommaSeparated<Double>?
  @Option(help: "Where a wrong demonstration goes wrong: first or anywhere.")
  var slips: LadderSettings.SlipPlacement?

  func run() throws {
    let ladder = try Ladder(settings)
    try target.write(
      count: ladder.count, standardName: "ladder-\(side.rawValue)", generator: generator,
      row: ladder.row)
  }

  private var settings: LadderSettings {
    var settings = LadderSettings.standard(side)
    if let rows { settings.rows = rows }
    if let seed { settings.seed = seed }
    if let families { settings.families = families.elements }
    if let levels { settings.levels = levels.elements }
    if let oodLevels { settings.oodLevels = oodLevels.elements }
    for entry in familyLevels { settings.levelsByFamily[entry.family.rawValue] = entry.levels }
    if let wrong { settings.wrongShareByLevel = Self.five(wrong.elements) }
    if let slips { settings.slips = slips }
    return settings
  }

  /// One share for each level.
  private static func five(_ shares: [Double]) -> [Double] {
    guard let last = shares.last, shares.count < 5 else { return shares }
    return shares + Array(repeating: last, count: 5 - shares.count)
  }

  /// The command that makes the same rows again, every setting written out.
  private var generator: String {
    let settings = settings
    func list(_ values: [some CustomStringConvertible]) -> String {
      values.map(\.description).joined(separator: ",")
    }
    var words = [
      "pipeline data generate ladder", "--side \(side.rawValue)", "--rows \(settings.rows)",
      "--seed \(settings.seed)", "--families \(list(settings.families.map(\.rawValue)))",
      "--levels \(list(settings.levels))", "--ood-levels \(list(settings.oodLevels))",
    ]
    for (family, levels) in settings.levelsByFamily.sorted(by: { $0.key < $1.key }) {
      words.append("--family-levels \(family)=\(list(levels))")
    }
    if side == .corpus {
      words.append("--wrong \(list(settings.wrongShareByLevel))")
      words.append("--slips \(settings.slips.rawValue)")
    }
    return words.joined(separator: " ")
  }
}

struct GenerateCountdown: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "countdown",
    abstract: "Reach a target from given numbers, each used exactly once.")

  @OptionGroup var target: DatasetTarget
  @Option(help: "train or test.") var side: CountdownSettings.Side = .train
  @Option(help: "How many rows; the default depends on the side.") var rows: Int?
  @Option(help: "Which questions of the side, in which order.") var seed: UInt64?
  @Option(help: ArgumentHelp("Levels, 1 to 4: three to six numbers.", valueName: "1,2"))
  var levels: CommaSeparated<Int>?

  func run() throws {
    var settings: CountdownSettings = side == .train ? .train : .test
    if let rows { settings.rows = rows }
    if let seed { settings.seed = seed }
    if let levels { settings.levels = levels.elements }
    let countdown = try Countdown(settings)
    let list = settings.levels.map(\.description).joined(separator: ",")
    try target.write(
      count: countdown.count, standardName: "countdown-\(side.rawValue)",
      generator: "pipeline data generate countdown --side \(side.rawValue) --rows \(settings.rows)"
        + " --seed \(settings.seed) --levels \(list)",
      row: countdown.row)
  }
}
