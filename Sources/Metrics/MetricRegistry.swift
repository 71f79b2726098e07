/// Every metric that a run writes to `metrics.jsonl`, group by group. docs/metrics.md is made from it, and
/// a test that runs algorithms of every kind refuses a name that is not here.
public enum MetricRegistry {
  public static let all: [Metric] = learning + stability + data + speed

  private static let single: [String: Metric] = Dictionary(
    uniqueKeysWithValues: all.filter { $0.prefix == nil }.map { ($0.name, $0) })
  private static let families: [Metric] = all.filter { $0.prefix != nil }

  /// What a name in `metrics.jsonl` is; nil for a name that no run writes.
  public static func metric(_ name: String) -> Metric? {
    single[name] ?? families.first { $0.member(of: name) != nil }
  }

  /// What `system` calls a metric; where it has no name for it, ours.
  public static func name(of metric: String, in system: MetricAlias.System?) -> String {
    guard let system else { return metric }
    return self.metric(metric)?.aliases.first { $0.system == system }?.name ?? metric
  }
}
