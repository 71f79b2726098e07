import ArgumentParser
import CrashLab
import DiskFaults
import Foundation

/// `crash-lab planted`: whether the laboratory finds the bugs that are planted for it.
struct PlantedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planted",
    abstract: "Plant bugs in a copy of the sources, and see which campaign finds each.",
    discussion: """
      The copy is built once for each bug, so that a first run takes a whole build. A bug counts as \
      found when at least one of its campaigns meets a difference; exit 1 when one is missed.
      """)

  @Option(help: "A copy of the repository, with a build folder of its own; it is changed.")
  var tree: String

  /// The children work in other folders.
  private var copy: String { URL(fileURLWithPath: tree).standardizedFileURL.path }

  @Argument(help: "Bugs; all by default.")
  var names: [String] = []

  func validate() throws {
    for name in names where !PlantedBugs.all.contains(where: { $0.name == name }) {
      let known = PlantedBugs.all.map(\.name).joined(separator: ", ")
      throw ValidationError("No bug is named \(name). There are: \(known).")
    }
  }

  func run() throws {
    var missed: [String] = []
    for bug in PlantedBugs.all where names.isEmpty || names.contains(bug.name) {
      print("\(bug.name): \(bug.meaning)")
      let originals = try plant(bug)
      defer { for (file, text) in originals { restore(file, text) } }
      let status = try Child(
        ["swift", "build", "-c", "release", "--product", "pipeline"], in: copy
      )
      .wait()
      guard status == 0 else { throw LabError("\(bug.name): the copy does not build") }
      var isFound = false
      for hunt in bug.hunts { isFound = try search(bug, hunt) || isFound }
      if !isFound { missed.append(bug.name) }
    }
    guard missed.isEmpty else {
      print("MISSED: \(missed.joined(separator: ", "))")
      throw ExitCode(1)
    }
  }

  /// Writes the bug into the copy; returns what stood there, by file.
  private func plant(_ bug: PlantedBug) throws -> [String: String] {
    var originals: [String: String] = [:]
    for (file, text) in try bug.planted(in: copy) {
      originals[file] = try String(contentsOfFile: "\(copy)/\(file)", encoding: .utf8)
      try text.write(toFile: "\(copy)/\(file)", atomically: true, encoding: .utf8)
    }
    return originals
  }

  private func restore(_ file: String, _ text: String) {
    do { try text.write(toFile: "\(copy)/\(file)", atomically: true, encoding: .utf8) } catch {
      print("\(copy)/\(file) keeps the planted bug: \(error)")
    }
  }

  /// Runs a campaign on the build with the bug until it differs.
  private func search(_ bug: PlantedBug, _ hunt: PlantedBug.Hunt) throws -> Bool {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let work = "\(copy)/.build/planted/\(bug.name)"
    if FileManager.default.fileExists(atPath: work) {
      try FileManager.default.removeItem(atPath: work)
    }
    let child = try Child(
      [
        own, "run", "--campaign", hunt.campaign, "--subject", hunt.subjects.joined(separator: ","),
        "--trials", "\(hunt.trials)", "--work", work,
      ], in: Repository.root, environment: ["TEMPER_PIPELINE": "\(copy)/.build/release/pipeline"])
    var trials = 0
    var finding: String?
    var last = ""
    while finding == nil, let line = child.nextLine() {
      last = line
      // `7/84 held ID SECONDS s`, as the runner reports it.
      let words = line.split(separator: " ")
      guard words.count > 2 else { continue }
      if ["held", "missed"].contains(words[1]) { trials += 1 }
      if words[1] == "DIFFERS" { finding = String(words[2]) }
    }
    child.end()
    let status = try child.wait()
    if let finding {
      print(
        "  found by \(finding), trial \(trials + 1) of \(hunt.campaign)")
      return true
    }
    // A bug that no undisturbed run survives tells nothing of the laboratory.
    guard status == 0 else { throw LabError("\(bug.name): \(hunt.campaign) stops: \(last)") }
    print("  not found by \(hunt.campaign) in \(trials) trials")
    return false
  }
}

/// A child process whose lines on stderr are read one by one.
private final class Child {
  private let process = Process()
  private let pipe = Pipe()
  private var buffered = Data()

  init(_ command: [String], in folder: String, environment: [String: String] = [:]) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = pipe
    try process.run()
  }

  func nextLine() -> String? {
    while true {
      if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffered.removeSubrange(buffered.startIndex...end) }
        return String(decoding: buffered[..<end], as: UTF8.self)
      }
      let more = pipe.fileHandleForReading.availableData
      if more.isEmpty { return nil }
      buffered.append(more)
    }
  }

  /// Asks it to end, if it has not.
  func end() { if process.isRunning { process.terminate() } }

  /// Its exit status, once what it says has been read to the end.
  func wait() throws -> Int32 {
    while nextLine() != nil {}
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -1
  }
}
