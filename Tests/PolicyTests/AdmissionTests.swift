import Operators
import Policy
import Randomness
import Testing

/// Which rollouts share the rows of a decoder, and the room of its cache, changes nothing in them.
@Suite struct AdmissionTests {
  @Test(arguments: [1, 2, 7, 16, 100]) func asManyRowsAsThereAre(rows: Int) throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy(threads: 2)
    // Ragged prompts, groups of every size, none among them, and responses that end when they will.
    var requests = model.requests(0..<30, rollouts: 1)
    for index in requests.indices { requests[index].rollouts = index % 6 }
    let sampling = model.sampling(50)
    let wanted = try policy.generate(requests, sampling: sampling, stream: ExactnessTests.stream)
    policy.rowsAtOnce = rows
    var heard = 0
    let found = try policy.generate(
      requests, sampling: sampling, stream: ExactnessTests.stream,
      onToken: { _, _, _ in heard += 1 })
    #expect(found == wanted)
    #expect(found.map(\.count) == requests.map(\.rollouts))
    #expect(heard == found.joined().reduce(0) { $0 + $1.tokens.count })
  }

  @Test func roomThatIsGivenBackIsWhole() {
    let stream = RandomStream(seed: 1, purpose: .mixing)
    var room = CacheRoom(1000)
    var held: [Range<Int>] = []
    var refused = 0
    for turn in 0..<20_000 {
      if stream.uniform(UInt64(turn), 0) < 0.55 {
        let wanted = 1 + Int(stream.integer(below: 40, UInt64(turn), 1, 0))
        guard let run = room.take(wanted) else {
          refused += 1
          continue
        }
        #expect(run.count == wanted && run.lowerBound >= 0 && run.upperBound <= 1000)
        #expect(!held.contains { $0.overlaps(run) })
        held.append(run)
      } else if !held.isEmpty {
        let index = Int(stream.integer(below: UInt64(held.count), UInt64(turn), 2, 0))
        room.give(held.remove(at: index))
      }
    }
    #expect(refused > 0)
    for run in held { room.give(run) }
    #expect(room.take(1000) == 0..<1000)
  }
}
