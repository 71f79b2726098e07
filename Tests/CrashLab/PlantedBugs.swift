public import DiskFaults

/// The bugs that the laboratory has to find: each was or is a bug of some storage engine or trainer.
///
/// Texts are those of the sources. Where the sources change, `PlantedBugTests` says which bug no
/// longer applies.
public enum PlantedBugs {
  public static let all = [
    twoTransactions, lostStageState, lostGeneratorState, tornCheckpoint, noManifest,
    fileWithoutSync, folderWithoutSync, noChecksum, silentSkip,
  ]

  static let twoTransactions = PlantedBug(
    name: "two-transactions",
    meaning: "records are committed before the cursor that goes with them",
    edits: [
      .init(
        "Sources/Stages/Ledger.swift",
        """
              for record in records { try transaction.put(record) }
        """,
        """
              for record in records { try transaction.put(record) }
            }
            try queue.write(claims: Array(claims.values)) { transaction in
        """)
    ],
    hunts: [
      .init("disk-kill", ["brief", "dapo"], trials: 300),
      .init("kill", ["hpt", "dapo"], trials: 60),
      .init("power-cut", ["hpt", "dapo"], trials: 60),
    ])

  static let lostStageState = PlantedBug(
    name: "lost-stage-state",
    meaning: "a stage's state stays in memory while its cursor is committed",
    edits: [
      .init(
        "Sources/Stages/Ledger.swift", "        try transaction.setState(name, to: value)",
        "        if !name.hasPrefix(\"stage.\") { try transaction.setState(name, to: value) }"),
      .init(
        "Sources/Stages/Ledger.swift", "    pendingStates = [:]\n",
        "    pendingStates = pendingStates.filter { $0.key.hasPrefix(\"stage.\") }\n"),
    ],
    hunts: [.init("kill", ["riskpo", "dapo"], trials: 20)])

  static let lostGeneratorState = PlantedBug(
    name: "lost-generator-state",
    meaning: "random numbers are keyed by what this process has sampled, not by what is sampled",
    edits: [
      .init(
        "Sources/Stages/RolloutGenerator.swift", "        group: start + UInt64($0), prompt:",
        "        group: UInt64(generatedTokens) + UInt64($0), prompt:")
    ],
    hunts: [.init("kill", ["hpt", "ppo"], trials: 20)])

  static let tornCheckpoint = PlantedBug(
    name: "torn-checkpoint",
    meaning: "a checkpoint's pointer is committed before its folder is there",
    edits: [
      .init(
        "Sources/Stages/CheckpointStore.swift",
        """
            try replace(step, by: temporary)
            let all = pointers + [Pointer(step: step, manifest: SHA256.hash(manifest))]
            try setPointers(all, ledger)
        """,
        """
            let all = pointers + [Pointer(step: step, manifest: SHA256.hash(manifest))]
            try setPointers(all, ledger)
            try replace(step, by: temporary)
        """)
    ],
    hunts: [
      .init("disk-kill", ["brief"], trials: 300), .init("power-cut", ["hpt", "ppo"], trials: 60),
    ])

  static let noManifest = PlantedBug(
    name: "no-manifest", meaning: "a checkpoint's files are taken without their manifest",
    edits: [
      .init(
        "Sources/Stages/CheckpointFiles.swift", "entries.filter { matters($0.name) }.compactMap",
        "entries.filter { _ in false }.compactMap")
    ],
    hunts: [.init("damage", ["hpt", "ppo"], trials: 120)])

  static let fileWithoutSync = PlantedBug(
    name: "file-without-sync", meaning: "files of a checkpoint are not brought to the disk",
    edits: [
      .init(
        "Sources/Policy/ModelDirectoryFile.swift", "    guard fsync(descriptor) == 0 else {",
        "    guard descriptor >= 0 else {")
    ],
    hunts: [.init("power-cut", ["hpt", "ppo"], trials: 60)])

  static let folderWithoutSync = PlantedBug(
    name: "folder-without-sync", meaning: "a rename is not followed by a sync of its folder",
    edits: [
      .init(
        "Sources/Stages/RunDirectory.swift", "    try syncFolder(of: target)\n", "")
    ],
    hunts: [.init("power-cut", ["hpt", "ppo"], trials: 60)])

  static let noChecksum = PlantedBug(
    name: "no-checksum", meaning: "records are taken as they are read",
    edits: [
      .init(
        "Sources/Queue/Envelope.swift",
        "    guard checksum(record, log: log, key: key) == sum else {",
        """
            _ = (sum, checksum(record, log: log, key: key))
            guard !stored.isEmpty else {
        """),
      .init(
        "Sources/Queue/FrameCodec.swift", "set(ZSTD_c_checksumFlag, 1)",
        "set(ZSTD_c_checksumFlag, 0)"),
      .init("Sources/Queue/FrameCodec.swift", "isNoise ? 0 : 1", "0"),
    ],
    hunts: [.init("damage", ["hpt", "ppo"], trials: 120)])

  static let silentSkip = PlantedBug(
    name: "silent-skip", meaning: "a record that cannot be read is passed over",
    edits: [
      .init(
        "Sources/Queue/ReadTransaction.swift",
        "        body(name.record, try unsafe self.decode(value.bytes, log, name.record))",
        """
                if let decoded = try? unsafe self.decode(value.bytes, log, name.record) {
                  body(name.record, decoded)
                }
        """),
      .init(
        "Sources/Queue/ReadTransaction.swift",
        "        body(finished, try self.decode(bytes, log, finished))",
        "        if let decoded = try? self.decode(bytes, log, finished) { body(finished, decoded) }"
      ),
    ],
    hunts: [.init("damage", ["hpt", "ppo"], trials: 120)])
}
