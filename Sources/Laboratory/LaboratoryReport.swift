/// What an experiment prints: numbers with their headings, and series to draw. Formatting is the
/// command's.
public struct LaboratoryReport: Sendable, Encodable {
  public var experiment: String
  /// What the numbers show, in a sentence or two that holds for these numbers.
  public var finding: String
  public var tables: [LaboratoryTable]
  public var charts: [LaboratoryChart]

  public init(
    experiment: String, finding: String, tables: [LaboratoryTable],
    charts: [LaboratoryChart] = []
  ) {
    self.experiment = experiment
    self.finding = finding
    self.tables = tables
    self.charts = charts
  }
}

public struct LaboratoryTable: Sendable, Encodable {
  public enum Cell: Sendable, Equatable, Encodable {
    case text(String)
    case count(Int)
    case number(Double)
    /// A small number of which the exponent matters, such as an error.
    case small(Double)
    case percent(Double)

    /// The plain string or number.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .count(let count): try container.encode(count)
      case .number(let value), .small(let value), .percent(let value):
        try container.encode(value)
      }
    }
  }

  public var title: String
  public var columns: [String]
  public private(set) var rows: [[Cell]] = []

  public init(_ title: String, _ columns: [String]) {
    self.title = title
    self.columns = columns
  }

  /// Adds a row with one cell for each column.
  public mutating func add(_ cells: [Cell]) {
    precondition(cells.count == columns.count, "\(cells.count) cells, \(columns.count) columns")
    rows.append(cells)
  }
}

public struct LaboratoryChart: Sendable, Encodable {
  public struct Series: Sendable, Encodable {
    public var name: String
    public var values: [Double]

    public init(_ name: String, _ values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  public var title: String
  /// What the horizontal axis counts.
  public var label: String
  /// At most three.
  public var series: [Series]

  public init(_ title: String, label: String = "step", _ series: [Series]) {
    self.title = title
    self.label = label
    self.series = series
  }
}
