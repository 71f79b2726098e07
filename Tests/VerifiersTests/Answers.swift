import Records
import Verifiers

/// What a verifier says of one response to one ground truth.
func verdict(
  _ verifier: any Verifier, _ response: String, _ groundTruth: String,
  finish: FinishReason = .stop
) -> Verdict {
  verifier.verify(
    response: response,
    prompt: Prompt(id: "p", content: .text("?"), groundTruth: groundTruth, source: "test"),
    finish: finish)
}

/// Whether the verdict's span is where its extracted text stands.
func spanFits(_ verdict: Verdict, _ response: String) -> Bool {
  guard let span = verdict.span else { return verdict.extracted == nil }
  let bytes = Array(response.utf8)
  guard span.upperBound <= bytes.count else { return false }
  return String(decoding: bytes[span], as: UTF8.self) == verdict.extracted
}

/// A small seeded generator (SplitMix64) for property tests.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
