public import Metrics

extension RunLibrary {
  /// The metrics of the newest step of a run; nil before there is one.
  public func latest(of key: String) throws -> MetricLine? {
    try run(key).metrics().latest
  }
}

extension MetricsTable {
  /// The newest step's numbers; a metric that it has not is left out.
  fileprivate var latest: MetricLine? {
    guard let step = steps.last.flatMap({ UInt64(exactly: $0) }) else { return nil }
    let values = columns.compactMap { name, column in
      column.count == steps.count && !column[column.count - 1].isNaN
        ? (name: name, value: column[column.count - 1]) : nil
    }
    return MetricLine(step: step, values: values)
  }
}
