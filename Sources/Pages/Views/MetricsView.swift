import Inspector
import Stages

/// The curves of a run.
struct MetricsView: Encodable {
  struct Series: Encodable {
    var name: String
    var title: String
    var unit: String
    var group: String
    var definition: String
    var formula: String
    var aliases: Named<[String]>
    /// One a bin: the mean of its steps.
    var values: [Double?]
    /// Least and greatest of a bin with several steps.
    var low: [Double?]?
    var high: [Double?]?
    var source: String
  }

  /// Points of a curve at most: more than a screen is wide.
  private static let most = 1000

  /// The first step of each bin.
  var steps: [Double]
  var bin: Int
  var series: [Series]

  init(_ run: LibraryRun) throws {
    let table = try run.metrics()
    bin = max(1, (table.steps.count + Self.most - 1) / Self.most)
    let starts = Array(stride(from: 0, to: table.steps.count, by: bin))
    steps = starts.map { table.steps[$0] }
    let size = bin
    series = table.columns.keys.sorted().map { name in
      let values = table.series(name)
      let bins = starts.map { Bin(values[$0..<min($0 + size, values.count)]) }
      let entry = MetricFacts(name)
      return Series(
        name: name, title: entry.title, unit: entry.unit, group: entry.group,
        definition: entry.definition, formula: entry.formula, aliases: Named(entry.aliases),
        values: bins.map(\.mean), low: size > 1 ? bins.map(\.low) : nil,
        high: size > 1 ? bins.map(\.high) : nil, source: entry.source)
    }
  }

  /// The values of some neighbouring steps; nil where none of them is there.
  private struct Bin {
    var mean: Double?
    var low: Double?
    var high: Double?

    init(_ values: ArraySlice<Double>) {
      if values.count == 1, let value = values.first {
        // A single infinity is shown as one.
        mean = value.isNaN ? nil : value
        return
      }
      let finite = values.filter(\.isFinite)
      guard !finite.isEmpty else { return }
      mean = finite.reduce(0, +) / Double(finite.count)
      low = finite.min()
      high = finite.max()
    }
  }
}
