import Evaluation
import Stages

/// The stored evaluations that arguments of `compare` name, put together by whose they are.
enum ComparedEvaluations {
  /// - Returns: of each model its evaluations, in the order of the arguments.
  static func read(_ arguments: [String]) throws -> [[EvaluationResult]] {
    var models: [[EvaluationResult]] = []
    for argument in arguments {
      let folders = try EvaluationResult.folders(under: argument)
      guard !folders.isEmpty else {
        throw StageError(
          .badRun, at: argument, "there are no evaluations here",
          remedy: "Name directories that `pipeline eval` made, or runs that were evaluated.")
      }
      let results = try folders.map { try EvaluationResult(reading: $0) }
      if RunDirectory(argument).exists {
        models.append(results)
      } else {
        for result in results { place(result, in: &models) }
      }
    }
    return labelled(models)
  }

  /// With the evaluations of the same model under the same weights; where those have the suite already,
  /// the settings differ, and it stands alone.
  private static func place(_ result: EvaluationResult, in models: inout [[EvaluationResult]]) {
    let home = models.firstIndex { known in
      known.allSatisfy { other in
        other.model == result.model && other.suite != result.suite
          && other.file.identity["weights"] == result.file.identity["weights"]
      }
    }
    if let home { models[home].append(result) } else { models.append([result]) }
  }

  /// Models of one name are told apart by their number.
  private static func labelled(_ models: [[EvaluationResult]]) -> [[EvaluationResult]] {
    var seen: [String: Int] = [:]
    return models.map { results in
      guard let name = results.first?.model else { return results }
      let number = seen[name, default: 0] + 1
      seen[name] = number
      guard number > 1 else { return results }
      return results.map {
        var result = $0
        result.model = "\(name) (\(number))"
        return result
      }
    }
  }
}
