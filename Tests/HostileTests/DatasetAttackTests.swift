import Foundation
import Testing

extension Hostile {
  @Suite struct DatasetAttackTests {
    /// Refused by whoever reads rows. `data check` reports what it finds on stdout instead.
    private func expectRefused(
      _ name: String, _ data: HostileDataset, _ faults: inout Faults,
      statuses: Set<Int32> = [3], saying words: [String] = []
    ) throws {
      try faults.expectRefused(
        name, ["data", "show", data.folder, "--limit", "1"], statuses, saying: words)
    }

    @Test func manifests() throws {
      var faults = Faults()
      func change(_ name: String, _ old: String, _ new: String) throws {
        let data = try HostileDataset { text in
          let changed = text.replacing(old, with: new)
          precondition(changed != text, "\(name) changes nothing")
          return changed
        }
        try expectRefused(name, data, &faults, saying: ["manifest.json"])
      }
      let file = "\"\(HostileDataset.shard)\""
      for name in [
        "../x-00000.jsonl.zst", "/etc/passwd", ".", "..", "", "a/b", "a\\\\b", "a\\u0000b",
        "a\\nb", "\\u001b[31m", "\\u202ea", String(repeating: "a", count: 100_000),
      ] { try change("file \(name.prefix(20))", file, "\"\(name)\"") }
      for number in [
        "-1", "1000000000000000000", "9223372036854775808", "1e30", "1.5", "\"1\"", "null", "NaN",
      ] {
        try change("rows \(number)", "\"rows\": 1", "\"rows\": \(number)")
        try change("format \(number)", "\"format\": 1", "\"format\": \(number)")
        try change("bytes \(number)", "\"bytes\": ", "\"bytes\": \(number), \"bytes\": ")
      }
      try change("a name twice", "\"rows\": 1", "\"rows\": 1, \"rows\": 1")
      try change("a lone surrogate", "\"name\": \"x\"", "\"name\": \"\\ud800\"")
      try change("no digest", "\"sha256\": \"", "\"sha256\": \"A")
      try change(
        "the same shard twice", "\"shards\": [",
        "\"shards\": [{\"file\": \(file), "
          + "\"rows\": 0, \"bytes\": 1, \"sha256\": \"\(String(repeating: "0", count: 64))\"}, ")
      try change("text behind", "]}", "]} x")
      let whole: [(String, String)] = [
        ("empty", ""), ("a list", "[]"), ("deep", String(repeating: "[", count: 1_000_000)),
        ("deep objects", String(repeating: "{\"a\":", count: 1_000_000)),
        ("many values", "{\"fields\":[" + String(repeating: "[],", count: 9_000_000) + "[]]}"),
        ("many names", "{" + (0..<2_000_000).map { "\"\($0)\":1," }.joined() + "\"\":1}"),
      ]
      for (name, text) in whole {
        try expectRefused(name, HostileDataset { _ in text }, &faults, saying: ["manifest.json"])
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func linksAndPlacesThatAreNoFiles() throws {
      var faults = Faults()
      let other = try HostileDataset()
      let outside = try other.place.write("{}", "outside")
      let fifo = try other.place.makeFIFO("fifo")
      for name in [HostileDataset.shard, "manifest.json"] {
        for target in [
          outside, fifo, "/dev/zero", "/etc/passwd", "/proc/self/mem", "/dev/tty", "/proc/kmsg",
          "../\((other.folder as NSString).lastPathComponent)/\(name)",
        ] {
          let data = try HostileDataset()
          try data.link(name, to: target)
          try expectRefused("\(name) -> \(target)", data, &faults, saying: [name])
        }
      }
      // A link to another name in the same folder leads nowhere else.
      let data = try HostileDataset()
      try FileManager.default.moveItem(
        atPath: "\(data.folder)/\(HostileDataset.shard)", toPath: data.folder + "/kept")
      try FileManager.default.createSymbolicLink(
        atPath: "\(data.folder)/\(HostileDataset.shard)", withDestinationPath: "kept")
      let ended = try Command.run(["data", "show", data.folder])
      if ended.status != 0 { faults.add("a link inside: \(ended)") }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func shards() throws {
      var faults = Faults()
      let row = Array(HostileDataset.row.utf8)
      let sound = ZstdFrame.stored(row)
      let gigabyte = 1 << 30
      let cases: [(String, [UInt8], Int)] = [
        ("1 GiB of zeros", ZstdFrame.repeating(0, count: gigabyte), 1),
        ("1 GiB of line ends", ZstdFrame.repeating(10, count: gigabyte), 1),
        ("1 GiB of line ends, said", ZstdFrame.repeating(10, count: gigabyte), gigabyte),
        ("64 MiB of line ends", ZstdFrame.repeating(10, count: 64 << 20), 64 << 20),
        ("60 MiB in one line", ZstdFrame.repeating(0x20, count: 60 << 20), 1),
        ("a window of 2^27", ZstdFrame.stored(row, windowLog: 27), 1),
        ("a window of 2^41", ZstdFrame.stored(row, windowLog: 41), 1),
        ("cut", Array(sound.dropLast(5)), 1), ("a tail", sound + [1, 2, 3, 4, 5], 1),
        ("fewer rows", sound, 2), ("more rows", sound + sound, 1), ("no zstd", row, 1),
        ("only a skipped frame", ZstdFrame.skippable(claiming: 3, [1, 2, 3]), 1),
        ("a skipped frame without end", ZstdFrame.skippable(claiming: .max, sound), 1),
      ]
      for (name, bytes, rows) in cases {
        try expectRefused(
          name, HostileDataset(shard: bytes, rows: rows), &faults, saying: [HostileDataset.shard])
      }
      // Several frames, and frames to be passed over, are the format's own: what zstd reads is read.
      for (name, bytes) in [
        ("two frames", sound + sound),
        ("a skipped frame", ZstdFrame.skippable(claiming: 1, [9]) + sound + sound),
      ] {
        let data = try HostileDataset(shard: bytes, rows: 2)
        let ended = try Command.run(["data", "show", data.folder])
        if ended.status != 0 { faults.add("\(name): \(ended)") }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func rows() throws {
      var faults = Faults()
      let start = "{\"id\":\"a\",\"prompt\":\"p\",\"x\":"
      let cases: [(String, String)] = [
        ("deep", start + String(repeating: "[", count: 100_000) + "}"),
        (
          "200 levels",
          start + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}"
        ),
        ("a lone surrogate", "{\"id\":\"a\",\"prompt\":\"\\ud800\"}"),
        ("surrogates swapped", "{\"id\":\"a\",\"prompt\":\"\\udc00\\ud800\"}"),
        ("a name twice", "{\"id\":\"a\",\"id\":\"b\",\"prompt\":\"p\"}"),
        ("no number", start + "NaN}"), ("out of range", start + "1e999}"),
        ("a number as id", "{\"id\":1,\"prompt\":\"p\"}"),
        ("no prompt", "{\"id\":\"a\",\"ground_truth\":\"1\"}"),
        ("a list", "[\"id\",\"prompt\",1,2,3]"),
        ("a byte order mark", "\u{FEFF}" + HostileDataset.row.dropLast()),
        ("a control", "{\"id\":\"a\",\"prompt\":\"\u{1}\"}"),
        ("blank", String(repeating: " ", count: 40)),
        ("a comment", "{\"id\":\"a\",/* */\"prompt\":\"p\"}"),
        ("tags of numbers", "{\"id\":\"a\",\"prompt\":\"p\",\"tags\":{\"a\":1}}"),
        ("a message without content", "{\"id\":\"a\",\"messages\":[{\"role\":\"user\"}]}"),
        ("a demonstration of 1", "{\"id\":\"a\",\"prompt\":\"p\",\"demonstrations\":[1]}"),
        ("many values", start + "[" + String(repeating: "[],", count: 5_000_000) + "[]]}"),
        (
          "many demonstrations",
          "{\"id\":\"a\",\"prompt\":\"p\",\"demonstrations\":["
            + String(repeating: "\"\",", count: 5_000_000) + "\"\"]}"
        ),
        (
          "17 MB", "{\"id\":\"a\",\"prompt\":\"" + String(repeating: "x", count: 17_000_000) + "\"}"
        ),
      ]
      for (name, text) in cases {
        try expectRefused(name, HostileDataset(row: text), &faults, saying: ["row 0"])
      }
      let data = try HostileDataset(
        shard: ZstdFrame.stored(
          Array("{\"id\":\"a\",\"prompt\":\"".utf8) + [0xFF] + Array("\"}\n".utf8)))
      try expectRefused("not UTF-8", data, &faults, saying: ["row 0"])
      #expect(faults.found.isEmpty, faults.text)
    }
  }
}
