/// A kind of question of the arithmetic ladder; the raw value is the name of its suite and the
/// `source` of its rows.
public enum LadderFamily: String, CaseIterable, Sendable, Codable {
  case addition
  case subtraction
  case multiplication
  case runningSums = "running_sums"
  case modularChains = "modular_chains"
  case linearEquations = "linear_equations"
  case oodReversal = "ood_reversal"
  case oodSorting = "ood_sorting"

  /// Whether post-training prompts never hold it, so that it shows what is forgotten.
  public var isOutOfDistribution: Bool { self == .oodReversal || self == .oodSorting }

  /// The six that post-training prompts are made of.
  public static let inDistribution = allCases.filter { !$0.isOutOfDistribution }

  /// The numbers that levels may have.
  public static let levels = 1...5

  /// The three letters its prompts begin with.
  public var keyword: String {
    switch self {
    case .addition: "add"
    case .subtraction: "sub"
    case .multiplication: "mul"
    case .runningSums: "run"
    case .modularChains: "mod"
    case .linearEquations: "eqn"
    case .oodReversal: "rev"
    case .oodSorting: "srt"
    }
  }

  var rule: any LadderProblem.Type {
    switch self {
    case .addition: AdditionProblem.self
    case .subtraction: SubtractionProblem.self
    case .multiplication: MultiplicationProblem.self
    case .runningSums: RunningSumProblem.self
    case .modularChains: ModularChainProblem.self
    case .linearEquations: LinearEquationProblem.self
    case .oodReversal: ReversalProblem.self
    case .oodSorting: SortingProblem.self
    }
  }

  /// Its place in the list of all; part of every row's random numbers, so never changed.
  var ordinal: Int {
    switch self {
    case .addition: 0
    case .subtraction: 1
    case .multiplication: 2
    case .runningSums: 3
    case .modularChains: 4
    case .linearEquations: 5
    case .oodReversal: 6
    case .oodSorting: 7
    }
  }
}
