// swift-tools-version: 6.2
import PackageDescription

// One direction of imports: a target may only use what stands in its `dependencies`.
// docs/design.md, section "Modules", draws the same picture.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// Tests of the module `name`; what lies in their folder `Fixtures` is read as files.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], hasFixtures: Bool = false
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, exclude: hasFixtures ? ["Fixtures"] : [],
    swiftSettings: strict)
}

let package = Package(
  name: "temper",
  products: [
    .executable(name: "pipeline", targets: ["pipeline"]),
    // Preloaded by the crash laboratory into the commands that it disturbs.
    .executable(name: "crash-lab", targets: ["crash-lab"]),
    .library(name: "DiskShim", type: .dynamic, targets: ["DiskShim"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CProcess"),
    .target(
      name: "CSandbox",
      cSettings: [.define("_GNU_SOURCE"), .treatAllWarnings(as: .error)]),
    .target(
      name: "COps", path: "ops", publicHeadersPath: "include",
      cSettings: [.treatAllWarnings(as: .error)],
      linkerSettings: [.linkedLibrary("pthread")]),

    module("Records"),
    module("Files"),
    module("Randomness"),
    module("Digest", ["CCrypto"]),
    module("Operators", ["COps", "Records"]),
    module("Tokenizer", ["Records", "Files"]),
    module("ChatTemplate", ["Records", "Files", "Tokenizer"]),
    module("Policy", ["Records", "Files", "Randomness", "Digest", "Tokenizer", "Operators"]),
    module("Estimator", ["Records", "Randomness"]),
    module("Mathematics"),
    module("Conditions", ["Records"]),
    module("Metrics", ["Records"]),
    module("Verifiers", ["Records", "Mathematics"]),
    module(
      "Judges",
      [
        "Records", "Files", "Digest", "Tokenizer", "ChatTemplate", "Operators", "Policy",
        "Verifiers", "CProcess", "CSandbox",
      ]),
    module("Queue", ["Records", "Files", "Digest", "CLMDB", "CZstd"]),
    module("Parquet", ["Records", "Files", "CZlib", "CZstd"]),
    module("Shards", ["Records", "Files", "Randomness", "Digest", "Parquet", "CZlib", "CZstd"]),
    module("Definition", ["Records", "Files", .product(name: "Yams", package: "Yams")]),
    module(
      "Stages",
      [
        "Records", "Files", "Randomness", "Digest", "Tokenizer", "ChatTemplate", "Policy",
        "Estimator", "Metrics", "Verifiers", "Judges", "Queue", "Shards", "Definition",
      ]),
    module(
      "Inspector",
      [
        "Records", "Files", "Conditions", "Definition", "Tokenizer", "Metrics", "Verifiers",
        "Judges",
        "Queue",
        "Stages",
      ]),
    module("Browser", ["Records", "Verifiers", "Stages", "Inspector"]),
    module(
      "Evaluation",
      [
        "Records", "Files", "Randomness", "Digest", "Definition", "ChatTemplate", "Operators",
        "Policy", "Queue", "Shards", "Stages",
      ]),
    module(
      "Preparation",
      [
        "Records", "Files", "Randomness", "Digest", "Conditions", "Tokenizer", "Verifiers",
        "Judges", "Shards", "Stages", "Inspector", "Evaluation",
      ]),
    module("Replay", ["Records", "Randomness", "Estimator", "Definition", "Queue", "Stages"]),
    // Apart from the pages' code, so that a change there does not embed them again.
    .target(name: "PageAssets", resources: [.embedInCode("Assets")], swiftSettings: strict),
    module(
      "Pages",
      [
        "Records", "Files", "Digest", "Conditions", "Definition", "Tokenizer", "Estimator", "Queue",
        "Policy", "Judges", "Stages", "Inspector", "Evaluation", "Replay", "Metrics", "PageAssets",
      ]),
    module(
      "WebServer",
      ["Records"]
        + ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOConcurrencyHelpers"].map {
          .product(name: $0, package: "swift-nio")
        }),
    module("Laboratory", ["Records", "Randomness", "Estimator"]),
    module(
      "Check",
      [
        "Records", "Files", "Randomness", "Digest", "Estimator", "Tokenizer", "ChatTemplate",
        "Policy", "Operators", "Verifiers",
      ]),
    module(
      "Bench",
      [
        "Records", "Files", "Randomness", "Operators", "Policy", "Estimator", "Tokenizer",
        "Verifiers", "Queue", "Shards", "Definition", "Stages",
      ]),
    .executableTarget(
      name: "pipeline",
      dependencies: [
        "Records", "Files", "Randomness", "Digest", "Operators", "Tokenizer", "ChatTemplate",
        "Policy",
        "Stages", "Inspector", "Browser", "Evaluation", "Conditions", "Preparation", "Check",
        "Shards",
        "Queue", "Definition", "Estimator", "Metrics",
        "Laboratory", "Replay", "Bench", "Verifiers", "Judges", "Pages", "WebServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    tests("Definition", ["Definition", "Records"]),
    tests("Estimator", ["Estimator", "Records", "Randomness", "Check"], hasFixtures: true),
    tests(
      "Replay",
      [
        "Records", "Randomness", "Estimator", "Definition", "Policy", "Queue", "Shards", "Stages",
        "Replay",
      ]),
    tests("Laboratory", ["Laboratory", "Estimator", "Records"]),
    tests("Mathematics", ["Mathematics"]),
    tests("Conditions", ["Conditions"]),
    // TensorBoard's files, read independently of what writes them.
    .target(
      name: "TensorBoardReader", path: "Tests/TensorBoardReader", swiftSettings: strict),
    tests("Metrics", ["Metrics", "Records", "TensorBoardReader"]),
    tests(
      "Preparation",
      [
        "Preparation", "Conditions", "Records", "Shards", "Stages", "Verifiers", "Evaluation",
        "Inspector",
      ]),
    tests("Verifiers", ["Verifiers", "Records", "Check"]),
    // An endpoint of a judge's, for tests.
    .target(name: "JudgeServer", path: "Tests/JudgeServer", swiftSettings: strict),
    tests(
      "Judges",
      ["Judges", "JudgeServer", "Records", "Verifiers", "Policy", "Operators", "Tokenizer"]),
    tests(
      "Shards", ["Shards", "Records", "Randomness", "Digest", "Verifiers"], hasFixtures: true),
    tests("Parquet", ["Parquet", "Records"], hasFixtures: true),
    tests("Tokenizer", ["Tokenizer", "Records", "Randomness", "Check"], hasFixtures: true),
    tests("ChatTemplate", ["ChatTemplate", "Records"], hasFixtures: true),
    tests("Files", ["Files"]),
    tests("Records", ["Records", "Randomness"]),
    tests("Randomness", ["Randomness"]),
    tests(
      "Policy", ["Policy", "Records", "Randomness", "Operators", "Queue", "Check"],
      hasFixtures: true),
    tests("Queue", ["Queue", "Records", "Digest"]),
    // The browser walks through the run that these make.
    tests(
      "Inspector",
      [
        "Inspector", "Browser", "Conditions", "Records", "Queue", "Tokenizer", "Stages",
        "Verifiers",
      ]),
    tests("Pages", ["Pages", "Records"]),
    tests("Operators", ["COps", "Operators", "Estimator", "Randomness"]),
    tests(
      "Stages",
      [
        "Records", "Randomness", "Digest", "Operators", "Tokenizer", "ChatTemplate", "Policy",
        "Estimator", "Metrics", "Verifiers", "Queue", "Shards", "Definition", "Stages",
        "TensorBoardReader",
      ]),
    tests(
      "Fuzz",
      [
        "Records", "ChatTemplate", "Conditions", "Definition", "Estimator", "Inspector",
        "Mathematics", "Parquet", "Policy", "Queue", "Shards", "Stages", "Tokenizer", "Verifiers",
        "WebServer",
      ]),
    // A client that sends anything.
    .target(name: "RawClient", path: "Tests/RawClient", swiftSettings: strict),
    tests(
      "WebServer",
      [
        "WebServer", "RawClient", "Records",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ]),
    // The binary that these attack stands beside theirs.
    tests("Hostile", ["Records", "Digest", "Queue", "Tokenizer", "pipeline"]),
    tests("Bench", ["Bench", "Records", "Policy", "Operators"]),
    tests("Evaluation", ["Evaluation", "Stages", "Shards", "Records", "Randomness"]),
    .target(
      name: "DiskShim", path: "Tests/DiskShim", publicHeadersPath: "include",
      cSettings: [.define("_GNU_SOURCE"), .treatAllWarnings(as: .error)]),
    .target(
      name: "CrashLab", dependencies: ["Digest", "Randomness", "DiskFaults"],
      path: "Tests/CrashLab",
      exclude: ["Data", "Subjects"], swiftSettings: strict),
    .executableTarget(
      name: "crash-lab",
      dependencies: [
        "CrashLab", "DiskFaults",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/CrashCommand", swiftSettings: strict),
    // What disks do to files: power cuts, damage; and the bugs that the crash laboratory must find.
    .target(
      name: "DiskFaults", dependencies: ["Randomness"], path: "Tests/DiskFaults",
      swiftSettings: strict),
    tests("DiskFaults", ["DiskFaults"]),
    // The binary that these run stands beside theirs.
    tests("Crash", ["CrashLab", "DiskFaults", "pipeline"]),
    tests(
      "Command",
      ["JudgeServer", "RawClient", "Records", "Policy", "Shards", "Tokenizer", "pipeline"]),
  ]
)
