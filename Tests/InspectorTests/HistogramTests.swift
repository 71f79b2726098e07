import Inspector
import Testing

@Suite("Histograms")
struct HistogramTests {
  @Test("few values have a bar each")
  func values() {
    let lines = Histogram([0, 0.5, 0.5, 1, 1, 1, 1]).lines(width: 8)
    #expect(lines == ["  0  1 ██", "0.5  2 ████", "  1  4 ████████"])
    #expect(Histogram([]).lines().isEmpty)
  }

  @Test("many values share ten bins, which hold all of them")
  func bins() {
    let values = (0...100).map(Double.init)
    let histogram = Histogram(values, in: 0...100)
    #expect(histogram.bins.count == 10 && histogram.bins.map(\.count).reduce(0, +) == 101)
    #expect(histogram.bins[9].count == 11 && histogram.bins[0].count == 10)
    #expect(Histogram(values).bins == histogram.bins)
    // A value outside of the range counts at its end.
    #expect(Histogram(values + [-5, 500], in: 0...100).bins.map(\.count).reduce(0, +) == 103)
  }

  @Test("each value has its place where it was counted, the largest and the widest ones too")
  func places() {
    let few: [Double] = [1, 1, 2, 5]
    let squares = (0...40).map { Double($0 * $0) }
    let widest = (0...20).map { Double($0 - 10) * 1.7e307 }
    for values in [few, squares, widest] {
      let histogram = Histogram(values)
      var counts = [Int](repeating: 0, count: histogram.bins.count)
      for value in values { counts[histogram.place(of: value) ?? -1] += 1 }
      #expect(counts == histogram.bins.map(\.count))
      #expect(histogram.bins.last?.high == values.max())
    }
  }

  @Test("a bar is there for a single value among many")
  func smallest() {
    #expect(Histogram([1] + Array(repeating: 2, count: 1000)).lines()[0].hasSuffix(" █"))
  }
}
