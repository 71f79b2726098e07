public import Records

/// Metrics that cannot be read.
public struct MetricsError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// A line of `metrics.jsonl` is not what a run writes.
    case badLine
  }

  public var code = Code.badLine
  public var location: String
  public var problem: String
  public var remedy: String

  init(at location: String, _ problem: String) {
    self.location = location
    self.problem = problem
    remedy = "The file is made of the run's logs: `pipeline resume` writes it anew."
  }

  public var exitStatus: ExitStatus { .corrupt }
}
