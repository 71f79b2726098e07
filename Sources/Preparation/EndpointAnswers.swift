public import Judges
public import Records
public import Stages
import Synchronization
public import Verifiers

/// Many prompts, each asked several times of an endpoint.
public struct EndpointAnswers {
  private let answerer: Answerer
  private let parallel: Int
  private let interruption: Interruption?

  public init(_ answerer: Answerer, parallel: Int, interruption: Interruption?) {
    self.answerer = answerer
    self.parallel = parallel
    self.interruption = interruption
  }

  /// Of each prompt its responses, in order; nil when interrupted: what was answered is kept.
  ///
  /// - Throws: the first failure; those at work finish, nobody else begins.
  public func ask(_ prompts: [[Message]], samples: Int) throws -> [[Response]]? {
    let failure = Mutex<(any Error)?>(nil)
    let threads = WaitingThreads(
      atOnce: parallel, interruption: interruption, stop: answerer.stop)
    let answerer = answerer
    let answers = threads.map(prompts.count * samples) { index -> Response? in
      guard failure.withLock({ $0 == nil }) else { return nil }
      do {
        return try answerer.answer(prompts[index / samples], sample: index % samples)
      } catch {
        failure.withLock { $0 = $0 ?? error }
        return nil
      }
    }
    if interruption?.status != nil { return nil }
    if let error = failure.withLock({ $0 }) { throw error }
    return prompts.indices.map { place in
      answers[place * samples..<(place + 1) * samples].compactMap { $0 ?? nil }
    }
  }
}
