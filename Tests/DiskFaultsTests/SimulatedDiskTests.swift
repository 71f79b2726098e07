import DiskFaults
import Foundation
import Testing

private let root = "/run"

/// What cuts with any survival and piece size leave of `log`, over many seeds.
private func images(
  _ model: DiskModel, _ log: [DiskOperation], initially: [DiskOperation] = [], trials: Int = 200
) throws -> [DiskImage] {
  try (0..<trials).map { seed in
    var choices = Choices(seed: UInt64(seed))
    let survival = Survival.draw(&choices)
    let cut = PowerCut(
      model: model, operations: log.count, survival: survival,
      pieceSize: choices.pick([512, 4096]))
    var disk = try SimulatedDisk(model, root: root)
    try disk.apply(log)
    return disk.afterCut(cut, &choices)
  }
}

private func bytes(_ value: UInt8, _ count: Int) -> [UInt8] {
  Array(repeating: value, count: count)
}

@Suite struct SimulatedDiskTests {
  private let file = "/run/a"

  @Test(arguments: DiskModel.allCases)
  func whatWasSyncedWithItsNameStays(model: DiskModel) throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 10_000)),
      DiskOperation(.syncFile, file), DiskOperation(.syncFolder, root),
    ]
    #expect(try images(model, log).allSatisfy { $0.files["a"] == bytes(1, 10_000) })
  }

  @Test(arguments: DiskModel.allCases)
  func whatWasNotSyncedMayVanishStayOrTear(model: DiskModel) throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 10_000)),
    ]
    let found = try images(model, log)
    #expect(found.contains { $0.files.isEmpty }, "the name may vanish")
    #expect(found.contains { $0.files["a"] == bytes(1, 10_000) }, "all may stay")
    #expect(found.contains { $0.files["a"] == [] }, "the data may vanish")
    #expect(found.contains { $0.files["a"] == bytes(0, 10_000) }, "zeros may stand for the data")
    let torn = found.compactMap { $0.files["a"] }.filter { $0.contains(0) && $0.contains(1) }
    #expect(!torn.isEmpty, "some of it may stay")
    let ragged = torn.filter { content in
      stride(from: 0, to: content.count, by: 512).contains { start in
        Set(content[start..<min(start + 512, content.count)]).count > 1
      }
    }
    #expect(ragged.isEmpty, "no piece of 512 bytes is torn")
  }

  @Test func aSyncedFileWithoutASyncedNameMayBeGoneUnderPOSIXAndNotOnExt4() throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 600)),
      DiskOperation(.syncFile, file),
    ]
    #expect(try images(.strict, log).contains { $0.files.isEmpty })
    #expect(
      try images(.strict, log).allSatisfy { $0.files.isEmpty || $0.files["a"] == bytes(1, 600) })
    #expect(try images(.ext4, log).allSatisfy { $0.files["a"] == bytes(1, 600) })
  }

  @Test(arguments: DiskModel.allCases)
  func anOverwriteThatWasNotSyncedLeavesOldOrNewInEveryPiece(model: DiskModel) throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 8192)),
      DiskOperation(.syncFile, file), DiskOperation(.syncFolder, root),
      .write(file, at: 0, bytes(2, 8192)), .write(file, at: 0, bytes(3, 8192)),
    ]
    let found = try images(model, log).compactMap { $0.files["a"] }
    #expect(found.count == 200)
    #expect(found.allSatisfy { $0.count == 8192 && $0.allSatisfy { (1...3).contains($0) } })
    #expect(found.contains { Set($0).count == 3 }, "pieces of all three versions beside each other")
  }

  @Test(arguments: DiskModel.allCases)
  func aSynchronousWriteStaysAndItsNeighboursNeedNot(model: DiskModel) throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 16_384)),
      DiskOperation(.syncFile, file), DiskOperation(.syncFolder, root),
      .write(file, at: 8192, bytes(2, 512)),
      .write(file, at: 0, bytes(3, 512), isSynchronous: true),
    ]
    let found = try images(model, log).compactMap { $0.files["a"] }
    #expect(found.allSatisfy { $0[..<512].allSatisfy { $0 == 3 } })
    #expect(found.contains { $0[8192] == 1 } && found.contains { $0[8192] == 2 })
  }

  @Test func ext4KeepsThePrefixOfNamesAndPOSIXAnySubset() throws {
    let log = ["b", "c", "d"].map { DiskOperation(.makeFolder, "/run/\($0)") }
    let strict = try images(.strict, log).map { Set($0.folders) }
    #expect(strict.contains(["d"]) && strict.contains(["b", "d"]))
    let ext4 = try images(.ext4, log).map { Set($0.folders) }
    #expect(Set(ext4) == [[], ["b"], ["b", "c"], ["b", "c", "d"]])
  }

  @Test func changesOfOneNameKeepTheirOrder() throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, [1]), DiskOperation(.syncFile, file),
      DiskOperation(.unlink, file), DiskOperation(.create, file), .write(file, at: 0, [2]),
      DiskOperation(.syncFile, file),
    ]
    let found = Set(try images(.strict, log).map { $0.files["a"] })
    #expect(found == [nil, [1], [2]])
  }

  @Test func aSyncOfAnotherFileCommitsNamesOnExt4Alone() throws {
    let log = [
      DiskOperation(.create, file), DiskOperation(.create, "/run/b"),
      .write("/run/b", at: 0, [1]), DiskOperation(.syncFile, "/run/b"),
    ]
    #expect(try images(.ext4, log).allSatisfy { $0.files["a"] != nil })
    #expect(try images(.strict, log).contains { $0.files["a"] == nil })
  }

  @Test func aRenameOverAFileBringsItsDataOnExt4AndNotUnderPOSIX() throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, [1]), DiskOperation(.syncFile, file),
      DiskOperation(.syncFolder, root), DiskOperation(.create, "/run/new"),
      .write("/run/new", at: 0, [2]), DiskOperation(.rename, "/run/new", target: file),
    ]
    let ext4 = Set(try images(.ext4, log).map { $0.files["a"] })
    #expect(ext4 == [[1], [2]])
    let strict = Set(try images(.strict, log).map { $0.files["a"] })
    #expect(strict.isSuperset(of: [[1], [2], [], [0]]))
  }

  @Test(arguments: DiskModel.allCases)
  func aFolderWithoutADurableNameTakesEverythingInItAlong(model: DiskModel) throws {
    let log = [
      DiskOperation(.makeFolder, "/run/f"), DiskOperation(.create, "/run/f/a"),
      .write("/run/f/a", at: 0, [1]), DiskOperation(.syncFile, "/run/f/a"),
      DiskOperation(.syncFolder, "/run/f"),
    ]
    let found = try images(model, log)
    if model == .strict { #expect(found.contains { $0.folders.isEmpty && $0.files.isEmpty }) }
    #expect(found.allSatisfy { $0.folders.isEmpty || $0.files["f/a"] == [1] })
  }

  /// A database writes on through its descriptor after the folder above it got its final name.
  @Test func aDescriptorOutlivesTheRenameOfItsFolder() throws {
    let log = [
      DiskOperation(.makeFolder, "/run/f"), DiskOperation(.create, "/run/f/a"),
      DiskOperation(.rename, "/run/f", target: "/run/g"), .write("/run/f/a", at: 0, [7]),
      DiskOperation(.syncFile, "/run/f/a"), DiskOperation(.syncFolder, "/run/g"),
      DiskOperation(.syncFolder, root),
    ]
    #expect(try images(.strict, log).allSatisfy { $0.files == ["g/a": [7]] })
  }

  @Test func aShorterFileIsShorterOrAsItWas() throws {
    let log = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 2000)),
      DiskOperation(.syncFile, file), DiskOperation(.syncFolder, root),
      .truncate(file, to: 600), .write(file, at: 600, bytes(2, 100)),
    ]
    let found = try images(.strict, log).compactMap { $0.files["a"] }
    #expect(Set(found.map(\.count)).isSuperset(of: [600, 700, 2000]))
    #expect(found.allSatisfy { $0[..<512].allSatisfy { $0 == 1 } })
  }

  /// The rule that runs rely on: temporary, fsync, rename, fsync of the folder.
  @Test(arguments: DiskModel.allCases)
  func aFileReplacedByTheRuleIsOldOrNewAtEveryCut(model: DiskModel) throws {
    let start = [
      DiskOperation(.create, file), .write(file, at: 0, bytes(1, 5000)),
      DiskOperation(.syncFile, file), DiskOperation(.syncFolder, root),
    ]
    let replace = [
      DiskOperation(.create, "/run/a.tmp"), .write("/run/a.tmp", at: 0, bytes(2, 7000)),
      DiskOperation(.syncFile, "/run/a.tmp"),
      DiskOperation(.rename, "/run/a.tmp", target: file), DiskOperation(.syncFolder, root),
    ]
    for count in 0...replace.count {
      let found = Set(
        try images(model, start + replace.prefix(count), trials: 60).map { $0.files["a"] })
      #expect(found.isSubset(of: [bytes(1, 5000), bytes(2, 7000)]), "after \(count) calls")
      if count == replace.count { #expect(found == [bytes(2, 7000)]) }
    }
  }

  @Test func aLogThatUsesAnUnknownFileIsRefused() throws {
    var disk = try SimulatedDisk(.strict, root: root)
    #expect(throws: SimulatedDisk.Inconsistent.self) {
      try disk.apply(DiskOperation.write("/run/none", at: 0, [1]))
    }
  }
}
