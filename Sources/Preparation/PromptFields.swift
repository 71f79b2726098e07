public import Conditions
public import Records
import Shards

/// What conditions may ask of a dataset's rows.
public enum PromptFields {
  private static let fixed: [(name: String, kind: Condition.Kind)] = [
    ("id", .text), ("source", .text), ("prompt", .text), ("ground_truth", .text),
    ("demonstration", .text), ("demonstrations", .number), ("rejected", .number),
    ("messages", .number), ("prompt_bytes", .number), ("demonstration_bytes", .number),
  ]
  private static let tagPrefix = "tag."

  /// Every field, and what stands for the tags.
  public static let names = fixed.map(\.name) + [tagPrefix + "NAME"]

  public static func kind(_ name: String) -> Condition.Kind? {
    if name.hasPrefix(tagPrefix), name != tagPrefix { return .either }
    return fixed.first { $0.name == name }?.kind
  }

  /// The value of a row's field. `prompt` is the text without roles, `demonstration` the first one;
  /// `demonstrations`, `rejected` and `messages` are counts, `…_bytes` lengths in UTF-8.
  public static func value(_ name: String, of row: Prompt) -> Condition.Value? {
    switch name {
    case "id": return .text(row.id)
    case "source": return .text(row.source)
    case "prompt": return .text(row.content.body)
    case "ground_truth": return .text(row.groundTruth)
    case "demonstration": return row.demonstrations.first.map(Condition.Value.text)
    case "demonstrations": return .number(Double(row.demonstrations.count))
    case "rejected": return .number(Double(row.rejected.count))
    case "messages":
      guard case .messages(let messages) = row.content else { return .number(0) }
      return .number(Double(messages.count))
    case "prompt_bytes": return .number(Double(row.content.body.utf8.count))
    case "demonstration_bytes":
      return row.demonstrations.first.map { .number(Double($0.utf8.count)) }
    default: return row.tags[String(name.dropFirst(tagPrefix.count))].map(Condition.Value.text)
    }
  }
}
