import Operators
import Policy
import Randomness
import Stages

/// How weights are held while a job runs.
public enum BenchWeights: String, Sendable, CaseIterable {
  /// Widened to f32.
  case f32
  /// As the directory stores them; only for generation.
  case stored
}

/// A model directory to measure, and the inputs that every job makes for it, the same each time.
package struct BenchModel {
  let path: String
  let stored: StoredModel

  package init(_ path: String) throws {
    self.path = path
    stored = try StoredModel(opening: path)
  }

  var configuration: ModelConfiguration { stored.configuration }
  var work: UsefulWork { UsefulWork(configuration) }

  /// Reads the weights.
  func policy(_ weights: BenchWeights, _ compute: Compute) throws -> Policy {
    try Policy(stored, held: weights == .f32 ? .widened : .stored, compute: compute)
  }

  /// Bytes of all parameters as they are held.
  func bytes(_ weights: BenchWeights) -> Int {
    weights == .f32
      ? 4 * configuration.parameterCount : stored.tensors.reduce(0) { $0 + $1.bytes }
  }

  /// Bytes of a weight that a pass reads: those of its panels, which stay between passes.
  func bytesPerWeight(_ weights: BenchWeights, _ compute: Compute) -> Double {
    if compute.products == .bf16, compute.productKernel != compute.productKernel(.f32) { return 2 }
    return Double(bytes(weights)) / Double(configuration.parameterCount)
  }

  /// Refuses what does not fit before anything is read.
  /// - Parameter needed: bytes that the job takes at most.
  package func requireFits(_ needed: Int) throws {
    let room = min(MachineMemory.available ?? .max, MachineMemory.limit)
    guard needed > room else { return }
    throw BenchError.memory(path, needed: needed, available: room)
  }

  /// A record with what is known of the model.
  func record(job: String, threads: Int, steps: Int) -> BenchRecord {
    var record = BenchRecord(job: job, threads: threads, steps: steps)
    record.model = path
    record.parameters = configuration.parameterCount
    return record
  }

  /// Ids from 3 up to 98 where the vocabulary has them: what the peers' models draw from.
  func tokens(sequence: Int, count: Int) -> [Int32] {
    let first = min(3, configuration.vocabularySize - 1)
    let last = min(99, configuration.vocabularySize)
    let stream = RandomStream(seed: 0, purpose: .dataset)
    return (0..<count).map {
      Int32(first)
        + Int32(stream.integer(below: UInt64(last - first), UInt64(sequence), UInt32($0)))
    }
  }
}
