import Randomness
import Records
import Shards
import Testing

@Suite struct OrderTests {
  @Test func everyEpochHoldsEachRowOnce() {
    var failures: [String] = []
    for count in Array(0...70) + [255, 256, 257, 1023, 1024, 1025, 4097, 65_537] {
      for epoch in 0..<3 as Range<UInt64> {
        let order = Permutation(count: UInt64(count), seed: 7, epoch: epoch)
        var seen = [Bool](repeating: false, count: count)
        for position in 0..<UInt64(count) { seen[Int(order[position])] = true }
        if seen.contains(false) { failures.append("\(count) rows, epoch \(epoch)") }
      }
    }
    #expect(failures.isEmpty, "\(failures)")
  }

  @Test func epochsAndSeedsDiffer() {
    let order = { (seed: UInt64, epoch: UInt64) in
      (0..<100).map {
        DatasetPosition(epoch: epoch, position: $0).index(rows: 100, seed: seed)
      }
    }
    let orders = [order(1, 0), order(1, 1), order(2, 0), order(2, 1), Array(0..<100)]
    #expect(Set(orders).count == orders.count)
    #expect(order(1, 0) == order(1, 0))
  }

  @Test func positionsGoOnOverEpochs() {
    for (ordinal, expected) in [(0, (0, 0)), (9, (0, 9)), (10, (1, 0)), (25, (2, 5))] {
      let place = DatasetPosition(ordinal: UInt64(ordinal), rows: 10)
      #expect(place == DatasetPosition(epoch: UInt64(expected.0), position: UInt64(expected.1)))
      #expect(place.ordinal(rows: 10) == UInt64(ordinal))
    }
  }

  @Test(arguments: [[1], [1, 0], [9, 1], [3, 2, 5], [1, 1, 1, 1], [997, 1, 2]] as [[UInt64]])
  func aMixtureHasItsSharesAndSkipsNothing(weights: [UInt64]) throws {
    let mixture = try Mixture(weights: weights, seed: 4)
    let total = weights.reduce(0, +)
    var ordinals = [[UInt64]](repeating: [], count: weights.count)
    for place in 0..<3 * total {
      let pick = mixture[place]
      ordinals[pick.dataset].append(pick.ordinal)
    }
    for (dataset, weight) in weights.enumerated() {
      #expect(ordinals[dataset].sorted() == Array(0..<3 * weight))
    }
  }

  @Test func mixturesComeFromShares() throws {
    #expect(try Mixture.weights(shares: [0.9, 0.1]) == [9, 1])
    #expect(try Mixture.weights(shares: [3, 1]) == [3, 1])
    #expect(try Mixture.weights(shares: [1, 0]) == [1, 0])
    #expect(try Mixture.weights(shares: [1e9, 1])[1] == 1)
    #expect(throws: ShardError.self) { try Mixture.weights(shares: []) }
    #expect(throws: ShardError.self) { try Mixture.weights(shares: [0, 0]) }
    #expect(throws: ShardError.self) { try Mixture.weights(shares: [.nan, 1]) }
    #expect(throws: ShardError.self) { try Mixture(weights: [0], seed: 1) }
    #expect(throws: ShardError.self) { try Mixture(weights: [.max, .max], seed: 1) }
  }

  @Test func aReaderResumesAtAnyPlace() throws {
    let folder = try TemporaryFolder()
    let rows = DatasetTests.rows(23)
    _ = try DatasetTests.write(rows, folder)
    let read = { (from: UInt64, to: UInt64) in
      let dataset = try Dataset(folder: folder.path)
      return try (from..<to).map {
        try dataset.row(at: DatasetPosition(ordinal: $0, rows: dataset.rows), seed: 5).id
      }
    }
    let whole = try read(0, 69)
    #expect(try read(0, 30) + read(30, 31) + read(31, 69) == whole)
    #expect(Set(whole[0..<23]).count == 23)
    #expect(Set(whole[23..<46]) == Set(whole[0..<23]))
    #expect(whole[23..<46] != whole[0..<23])
  }
}
