/// The chance that the majority of k samples is right, when k of a question's n samples are drawn
/// without replacement (self-consistency, arXiv 2203.11171).
///
/// Votes: right samples vote for one answer, the ground truth, however they spell it; wrong ones for the
/// answer that the verifier found, compared without surrounding white space; samples without an answer
/// do not vote, and errors take no part. Of answers with equally many votes one is chosen with equal
/// chances, so that the order of samples does not matter; nobody's vote is wrong.
///
/// Exact, by counting subsets: no sampling. The cost grows as n³ log n, hence `largest`; beyond it only
/// k = n is worked out, which has one subset.
public struct MajorityVote: Sendable, Hashable {
  /// Samples of a question of which every k is worked out.
  public static let largest = 64

  /// Samples that vote for the right answer.
  public var right: Int
  /// Samples for each wrong answer, descending.
  public var wrong: [Int]
  /// Samples without an answer.
  public var silent: Int

  public var count: Int { right + wrong.reduce(0, +) + silent }

  public init(right: Int, wrong: [Int], silent: Int) {
    self.right = right
    self.wrong = wrong.sorted(by: >)
    self.silent = silent
  }

  public init(_ question: QuestionSamples) {
    var wrong: [String: Int] = [:]
    var silent = 0
    for sample in question.samples where sample.verdict == .wrong {
      if let answer = sample.answer.map(Self.spelling) {
        wrong[answer, default: 0] += 1
      } else {
        silent += 1
      }
    }
    self.init(right: question.right, wrong: Array(wrong.values), silent: silent)
  }

  private static func spelling(_ answer: String) -> String {
    answer.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// majority@n: all samples vote. nil without samples.
  public var ofAll: Double? {
    guard count > 0 else { return nil }
    guard right > 0, right >= wrong.first ?? 0 else { return 0 }
    return 1 / Double(1 + wrong.count { $0 == right })
  }

  /// majority@k for k = 1 ... n, at index k − 1. n is at most `largest`.
  ///
  /// For every number j of right samples drawn, the others' subsets in which no wrong answer has more than
  /// j votes are counted by their size and by how many wrong answers have exactly j.
  public var all: [Double] {
    let count = count
    precondition(count <= Self.largest, "majority@k of \(count) samples")
    var favourable = [Double](repeating: 0, count: count + 1)
    let binomials = Binomials(count)
    for j in stride(from: 1, through: right, by: 1) {
      for (size, ties) in subsets(atMost: j, binomials).enumerated() {
        let chance = ties.enumerated().reduce(0) { $0 + $1.element / Double(1 + $1.offset) }
        favourable[j + size] += binomials[right, j] * chance
      }
    }
    return (0..<count).map { favourable[$0 + 1] / binomials[count, $0 + 1] }
  }

  /// Subsets of the samples that are not right, in which no answer has more than `votes`: how many there
  /// are, by size and by the number of answers that have exactly `votes`.
  private func subsets(atMost votes: Int, _ binomials: Binomials) -> [[Double]] {
    var subsets = (0...silent).map { [binomials[silent, $0]] }
    for votesFor in wrong {
      let most = min(votesFor, votes)
      let ties = (subsets.first?.count ?? 1) + (votesFor >= votes ? 1 : 0)
      var grown = Array(
        repeating: [Double](repeating: 0, count: ties), count: subsets.count + most)
      for (size, row) in subsets.enumerated() {
        for drawn in 0...most {
          let ways = binomials[votesFor, drawn]
          let tie = drawn == votes ? 1 : 0
          for (index, value) in row.enumerated() where value != 0 {
            grown[size + drawn][index + tie] += value * ways
          }
        }
      }
      subsets = grown
    }
    return subsets
  }
}

/// C(n, k) for n up to a bound, as doubles: exact up to C(56, 28), then correctly rounded sums.
private struct Binomials {
  private var rows: [[Double]] = [[1]]

  init(_ largest: Int) {
    for n in stride(from: 1, through: largest, by: 1) {
      let last = rows[n - 1]
      rows.append((0...n).map { k in (k > 0 ? last[k - 1] : 0) + (k < n ? last[k] : 0) })
    }
  }

  subscript(n: Int, k: Int) -> Double { rows[n][k] }
}
