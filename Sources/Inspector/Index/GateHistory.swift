public import Records

/// What became of a run's groups, step by step and question by question, from the index alone.
public struct GateHistory: Sendable {
  /// The groups of a step by fate.
  public struct Step: Sendable, Equatable, Encodable {
    public var step: UInt64
    public var sft = 0
    public var rl = 0
    public var mixed = 0
    public var dropped = 0
    /// Those that the gate has not decided.
    public var waiting = 0
    public var groups = 0

    init(step: UInt64) { self.step = step }

    /// Some neighbouring steps as one, under the first one's number.
    public init(joining steps: ArraySlice<Step>) {
      self.init(step: steps.first?.step ?? 0)
      for other in steps {
        sft += other.sft
        rl += other.rl
        mixed += other.mixed
        dropped += other.dropped
        waiting += other.waiting
        groups += other.groups
      }
    }

    mutating func add(_ fate: GroupSummary.Fate) {
      groups += 1
      switch fate {
      case .imitated: sft += 1
      case .reinforced: rl += 1
      case .mixed: mixed += 1
      case .dropped: dropped += 1
      case .prompted, .generated, .verified: waiting += 1
      }
    }
  }

  /// A question, whichever dataset it comes from: ids are unique within one alone.
  public struct QuestionName: Sendable, Hashable {
    public var source: String
    public var id: String

    public init(source: String, id: String) {
      self.source = source
      self.id = id
    }
  }

  /// How a question went over its groups.
  public struct Question: Sendable, Equatable {
    public var name: QuestionName
    /// Its first group.
    public var group: GroupID
    public var groups = 0
    /// Right rollouts of all that counted.
    public var solved = 0
    public var total = 0
    /// The first step at which its accuracy lay above the gate's line.
    public var firstSolved: UInt64?
    /// Steps at which it lay there no more, after it had.
    public var flippedBack: [UInt64] = []
    /// In its first group and in its last.
    public var firstShare: Double?
    public var lastShare: Double?
    public var lastGroup: GroupID = 0
    public var lastStep: UInt64 = 0
    var isAbove = false

    public var accuracy: Double? { total == 0 ? nil : Double(solved) / Double(total) }
  }

  /// The group of a question at a step.
  public struct Cell: Sendable, Equatable, Encodable {
    public var step: UInt64
    public var group: GroupID
    public var solved: Int?
    public var total: Int?
    public var fate: GroupSummary.Fate
  }

  /// What a slice's questions share.
  struct SliceName: Hashable {
    var source: String
    var level: String?
  }

  /// The questions of one source and level, step by step.
  public struct Slice: Sendable, Equatable, Encodable {
    public struct Cell: Sendable, Equatable, Encodable {
      public var step: UInt64
      public var groups = 0
      public var solved = 0
      public var total = 0
    }

    public var source: String
    /// nil where the prompts have none.
    public var level: String?
    public var cells: [Cell] = []

    init(name: SliceName) {
      source = name.source
      level = name.level
    }

    /// With the cells of `size` neighbouring steps, counted from the run's first, as one.
    public func binned(_ size: UInt64, from first: UInt64) -> Slice {
      var slice = Slice(name: SliceName(source: source, level: level))
      for cell in cells {
        let step = first + (cell.step - first) / size * size
        if slice.cells.last?.step != step { slice.cells.append(Cell(step: step)) }
        slice.cells[slice.cells.count - 1].groups += cell.groups
        slice.cells[slice.cells.count - 1].solved += cell.solved
        slice.cells[slice.cells.count - 1].total += cell.total
      }
      return slice
    }
  }

  public enum Order: String, Sendable, CaseIterable {
    /// As they were asked first.
    case first
    /// Least accuracy first.
    case hardest
    /// Most often flipped back first.
    case flips
  }

  public var steps: [Step] = []
  /// As they were asked first.
  public var questions: [Question] = []
  /// As they were asked first.
  public var slices: [Slice] = []

  static let fields: Set<GroupField> = [
    .step, .question, .source, .level, .solved, .total, .fate,
  ]

  /// Places of questions in an order.
  public func places(_ order: Order) -> [Int] {
    let places = Array(questions.indices)
    switch order {
    case .first: return places
    case .hardest:
      return places.sorted {
        let (a, b) = (questions[$0].accuracy ?? 2, questions[$1].accuracy ?? 2)
        return a == b ? $0 < $1 : a < b
      }
    case .flips:
      return places.sorted {
        let (a, b) = (questions[$0].flippedBack.count, questions[$1].flippedBack.count)
        return a == b ? $0 < $1 : a > b
      }
    }
  }
}
