import Inspector

/// Shares over the steps of a run, drawn with characters under a title.
struct Chart {
  let lines: [String]

  /// - Parameter series: one to three, each with its name for the legend; NaN leaves a gap.
  init(title: String, series: [(name: String, values: [Double])], range: ClosedRange<Double>) {
    let plot = TextChart.plot(
      series.map { TextChart.Series($0.name, $0.values) },
      width: min(Output.standard.width, 80), range: range, format: TextChart.percent)
    lines = plot.isEmpty ? [] : [title] + plot
  }
}
