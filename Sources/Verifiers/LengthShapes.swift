import Foundation

/// DAPO's soft penalty of long responses (arXiv 2503.14476, equation 13): 0 up to limit − buffer, from
/// there linear to −1 at the limit, −1 beyond.
struct SoftOverlongShape: RewardShape {
  /// Tokens.
  let limit: Int
  /// From 0 to `limit`.
  let buffer: Int

  func value(of response: JudgedResponse) -> Double? {
    guard let length = response.response.tokens?.count else { return nil }
    let free = limit - buffer
    if length <= free { return 0 }
    return length <= limit ? Double(free - length) / Double(buffer) : -1
  }
}

/// Reward by length along half a cosine (arXiv 2502.03373): right answers lose with length from the
/// maximum to the minimum, wrong ones gain, so that long attempts at hard questions cost less.
///
/// minimum + (maximum − minimum)/2 · (1 + cos(π · length / limit)), the bounds swapped where the answer
/// is wrong; a length beyond the limit counts as the limit.
struct CosineLengthShape: RewardShape {
  typealias Bounds = (minimum: Double, maximum: Double)

  /// Tokens.
  let limit: Int
  let wrong: Bounds
  let correct: Bounds

  func value(of response: JudgedResponse) -> Double? {
    guard let length = response.response.tokens?.count else { return nil }
    let progress = min(Double(length) / Double(limit), 1)
    let (end, start) =
      response.isRight ? (correct.minimum, correct.maximum) : (wrong.maximum, wrong.minimum)
    return end + 0.5 * (start - end) * (1 + cos(progress * .pi))
  }
}

/// Kimi k1.5's length reward (arXiv 2501.12599, section 2.3.3): λ = 0.5 − (length − shortest) / (longest
/// − shortest) over the group; a wrong answer gets min(0, λ), and a group of one length 0 throughout.
struct GroupLengthShape: GroupShape {
  func values(of group: [JudgedResponse]) -> [Double]? {
    var lengths: [Int] = []
    for response in group {
      guard let length = response.response.tokens?.count else { return nil }
      lengths.append(length)
    }
    guard let shortest = lengths.min(), let longest = lengths.max(), shortest < longest else {
      return group.map { _ in 0 }
    }
    return zip(group, lengths).map { response, length in
      let share = 0.5 - Double(length - shortest) / Double(longest - shortest)
      return response.isRight ? share : min(0, share)
    }
  }
}
