import ArgumentParser
import Inspector
import Queue

struct QueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Verify and care for what a run has stored.",
    subcommands: [
      QueueDigest.self, QueueVerify.self, QueueRepair.self, QueueCompact.self, QueueCollect.self,
      QueueBackup.self,
    ])
}

struct QueueDigest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digest",
    abstract: "Print the SHA-256 of each log over its decoded records in key order.",
    discussion: "Times, rates and memory do not enter, so equal runs have equal digests.")

  @OptionGroup var place: RunArgument
  @OptionGroup var options: FactOptions

  private struct Digest: Encodable {
    var records: Int
    var sha256: String
  }

  func run() throws {
    let stored = try place.open()
    var digests: [String: Digest] = [:]
    var table = TextTable([.init("log"), .init("records", .right), .init("SHA-256")])
    for log in Log.allCases {
      let digest = try stored.queue.digest(log)
      digests[log.rawValue] = Digest(records: digest.records, sha256: digest.sha256)
      table.add([log.rawValue, "\(digest.records)", digest.sha256])
    }
    if options.json { try options.output.json(digests) } else { options.output.print(table) }
  }
}
