public import Records

/// The answer is the ground truth, byte for byte but for blanks at both ends.
///
/// The answer is the rest of the line after the last `####`, else the whole response.
public struct ExactVerifier: Verifier {
  public let name = "exact"

  public init() {}

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let gold = Bytes(prompt.groundTruth)
    let wanted = gold.trimmed(gold.all)
    guard !wanted.isEmpty else { return .unreadable(groundTruth: "is empty") }
    let text = Bytes(response)
    let marker = text.last("####", in: text.all)
    let span = text.trimmed(marker.map { text.line(from: $0 + 4) } ?? text.all)
    let rule = marker == nil ? "whole" : "marker"
    let extracted = Extracted(span: span, rule: rule)
    if finish == .length, span.upperBound == text.count {
      return .scored(false, rule: "\(rule)-cut", extracted: extracted, response: text)
    }
    let isEqual = text.bytes[span] == gold.bytes[wanted]
    return .scored(
      isEqual, rule: isEqual ? "\(rule)-equal" : "\(rule)-differs", extracted: extracted,
      response: text)
  }
}
