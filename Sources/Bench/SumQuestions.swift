import Randomness
import Records

/// Questions such as `17+25=`, as the peers' GRPO job asks them.
///
/// The answer is the last digit of the sum: one that a model with random weights finds now and then,
/// so that rewards differ within groups.
enum SumQuestions {
  static let source = "sums"

  static func row(_ index: Int) -> Prompt {
    let stream = RandomStream(seed: 0, purpose: .dataset)
    let a = 10 + stream.integer(below: 90, UInt64(index), 0)
    let b = 10 + stream.integer(below: 90, UInt64(index), 1)
    return Prompt(
      id: "sum-\(index)", content: .text("\(a)+\(b)="), groundTruth: "\((a + b) % 10)",
      source: source)
  }
}
