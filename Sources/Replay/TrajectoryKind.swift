import Records

/// Which trajectories of a group's rollout record one belongs to.
public enum TrajectoryKind: String, Sendable, CaseIterable, Encodable {
  case rollout
  case demonstration
  /// The response that an imported preference pair rejects.
  case rejected
}

/// A trajectory of a group.
struct TrajectoryPlace: Hashable, Sendable {
  var kind: TrajectoryKind
  var index: Int
}

extension LossRow.Source {
  var place: TrajectoryPlace {
    switch self {
    case .rollout(let index): TrajectoryPlace(kind: .rollout, index: Int(index))
    case .demonstration(let index): TrajectoryPlace(kind: .demonstration, index: Int(index))
    case .rejected(let index): TrajectoryPlace(kind: .rejected, index: Int(index))
    }
  }
}

extension RolloutRecord {
  /// Its trajectories in the order in which replay numbers their tokens.
  var trajectories: [(place: TrajectoryPlace, trajectory: Trajectory)] {
    func placed(
      _ kind: TrajectoryKind, _ all: [Trajectory]
    ) -> [(place: TrajectoryPlace, trajectory: Trajectory)] {
      all.enumerated().map { (TrajectoryPlace(kind: kind, index: $0.offset), $0.element) }
    }
    return placed(.rollout, rollouts) + placed(.demonstration, demonstrations)
      + placed(.rejected, rejected)
  }

  subscript(place: TrajectoryPlace) -> Trajectory? {
    let all =
      switch place.kind {
      case .rollout: rollouts
      case .demonstration: demonstrations
      case .rejected: rejected
      }
    return all.indices.contains(place.index) ? all[place.index] : nil
  }
}

/// The union of all (group, trajectory, token) of a step as one flat range, so that the weights of
/// different algorithms can be laid side by side: 0 where a method does not train the token.
struct TokenPlaces: Sendable {
  /// Tokens of the step.
  let count: Int
  private let starts: [[TrajectoryPlace: Int]]

  init(_ step: StoredStep) {
    var next = 0
    starts = step.groups.map { group in
      var own: [TrajectoryPlace: Int] = [:]
      for (place, trajectory) in group.rollouts.trajectories {
        own[place] = next
        next += trajectory.tokens.count
      }
      return own
    }
    count = next
  }

  /// Where the tokens of a trajectory begin.
  ///
  /// - Parameter group: index within the step.
  func start(group: Int, _ place: TrajectoryPlace) -> Int? { starts[group][place] }
}
