import Foundation
import Inspector
import Records
import Replay

/// One quantity of every token of a group, and the scale that tells its values apart.
struct GroupHeat: Encodable {
  /// What colours are asked for by name, beside the quantities that a run records.
  enum Name {
    static let logProbability = "log_probability"
    static let advantage = "advantage"
    /// Factors of a token's weight under an algorithm.
    static let factors = [
      "mask", "ratio", "reference", "advantage", "shape", "norm", "added", "weight",
    ]
  }

  struct Values: Encodable {
    var kind: TrajectoryKind
    var index: Int
    /// One for each token; nil where there is none.
    var values: [Double?]
    fileprivate var texts: [String]

    private enum CodingKeys: String, CodingKey { case kind, index, values }
  }

  let quantity: String
  /// The algorithm whose number it is; nil for what is stored.
  let under: String?
  let scale: HeatScale?
  let trajectories: [Values]

  private init(_ quantity: String, under: String?, center: Double?, _ trajectories: [Values]) {
    self.quantity = quantity
    self.under = under
    self.trajectories = trajectories
    scale = HeatScale(trajectories.flatMap(\.values).compactMap { $0 }, center: center)
  }

  /// A quantity that is stored with the group.
  init(_ quantity: String, stored view: GroupView) {
    let lists: [(TrajectoryKind, [GroupView.Response])] = [
      (.rollout, view.rollouts), (.demonstration, view.demonstrations),
      (.rejected, view.rejected),
    ]
    let trajectories = lists.flatMap { kind, responses in
      responses.enumerated().map { index, response in
        let tokens = response.tokens ?? []
        return Values(
          kind: kind, index: index, values: tokens.map { $0.value(quantity) },
          texts: tokens.map(\.text))
      }
    }
    self.init(
      quantity, under: nil, center: quantity == Name.advantage ? 0 : nil, trajectories)
  }

  /// A factor of the tokens' weights as an algorithm has it.
  init(_ factor: String, replayed: GroupReplay, under label: String) {
    let center: Double? =
      switch factor {
      case "ratio": 1
      case "advantage", "added", "weight": 0
      default: nil
      }
    let trajectories = replayed.trajectories.map { response in
      Values(
        kind: response.kind, index: response.index,
        values: response.tokens.map { $0.under.first?.factor(factor) },
        texts: response.tokens.map(\.text))
    }
    self.init(factor, under: label, center: center, trajectories)
  }

  /// Whether any token has a value.
  var isEmpty: Bool { scale == nil }

  /// The response in colours, or with a line of digits under each of its own; nil where it has no
  /// tokens with values.
  func lines(_ kind: TrajectoryKind, _ index: Int, _ output: Output) -> [String]? {
    guard let scale,
      let own = trajectories.first(where: { $0.kind == kind && $0.index == index }),
      own.values.contains(where: { $0 != nil })
    else { return nil }
    let tokens = zip(own.texts, own.values).map { text, value in
      (text: text, level: value.flatMap(scale.level))
    }
    let text = HeatText(tokens, width: output.width - 2)
    return output.hasColor ? text.coloured(scale) : text.plain
  }

  /// What the colours mean.
  func legend(_ output: Output) -> String {
    guard let scale else { return "heat      no token has a \(quantity)" }
    let steps = (0..<HeatScale.levels).map { level in
      let value = String(format: "%.3g", scale.value(of: level))
      return output.hasColor
        ? scale.coloured(" \(value) ", level: level) : "\(level + 1)=\(value)"
    }
    let name = TerminalText.escaped(quantity + (under.map { " under \($0)" } ?? ""))
    return "heat    \(name)\n        " + steps.joined(separator: output.hasColor ? "" : " ")
  }
}

extension GroupView.Token {
  fileprivate func value(_ name: String) -> Double? {
    switch name {
    case GroupHeat.Name.logProbability: logProbability
    case GroupHeat.Name.advantage: advantage
    default: quantities[name]
    }
  }
}

extension GroupReplay.Parts {
  fileprivate func factor(_ name: String) -> Double? {
    switch name {
    case "mask": mask
    case "ratio": ratio
    case "reference": logReference
    case "advantage": advantage
    case "shape": shape
    case "norm": norm
    case "added": added
    default: weight
    }
  }
}
