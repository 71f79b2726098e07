import Pages
import Testing

@Suite("Groups of a report")
struct ReportFileTests {
  @Test(
    "any beginning of the groups that are chosen lies evenly in the run",
    arguments: [
      (0, 1), (5, 2), (7, 3), (0, 100), (1000, 12_480), (0, 1_000_000),
    ])
  func spread(first: UInt64, count: UInt64) {
    let range = first..<first + count
    let chosen = ReportFile.spread(range, most: 200)
    #expect(chosen.count == min(200, Int(count)))
    #expect(Set(chosen).count == chosen.count && chosen.allSatisfy(range.contains))
    for length in [3, 9, 33, 129] where chosen.count >= length && count > 1000 {
      let sorted = chosen.prefix(length).sorted()
      let gaps = zip(sorted, sorted.dropFirst()).map { $1 - $0 }
      // Halves of halves: no gap is more than twice another, but for rounding.
      #expect((gaps.max() ?? 0) <= 2 * (gaps.min() ?? 0) + 2, "\(length)")
    }
    #expect(ReportFile.spread(first..<first, most: 5).isEmpty)
  }
}
