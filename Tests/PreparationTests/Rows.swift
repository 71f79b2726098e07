import Foundation
import Records
import Shards

/// A row of which only what a test is about is said.
func row(
  _ prompt: String, id: String = "a", truth: String = "1", demonstrations: [String] = [],
  tags: [String: String] = [:]
) -> Prompt {
  Prompt(
    id: id, content: .text(prompt), groundTruth: truth, demonstrations: demonstrations,
    source: "test", tags: tags)
}

/// Rows in memory.
struct Rows: PromptSource {
  var all: [Prompt]
  var rows: Int { all.count }
  var fingerprint: String { "" }

  func row(_ index: Int) throws(ShardError) -> Prompt { all[index] }
}
