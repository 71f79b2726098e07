import Files
import Foundation
import Metrics
import Records

/// `tb/events.out.tfevents.…`: the steps of `metrics.jsonl` as TensorBoard reads them, each once.
///
/// A file that is sound stays as it is and is cut or continued, so that a TensorBoard that follows it
/// goes on; its wall times are those of the first time. Not synced: `metrics.jsonl` has it all.
struct TensorBoardFile {
  /// TensorBoard takes every file whose name holds `tfevents`.
  private static let name = "events.out.tfevents.0.temper"
  /// A step's event is some kilobytes long.
  private static let longestEvent = 1 << 24

  private let folder: String
  private var path: String { "\(folder)/\(Self.name)" }

  init(folder: String) { self.folder = folder }

  /// How far a file can be kept.
  private struct Sound {
    /// Bytes, and the step that comes next.
    var length = 0
    var first: UInt64?
    var next: UInt64?
  }

  /// Makes the file hold the steps of `lines`, whole lines of `metrics.jsonl` in the order of steps, and
  /// none from `end` on.
  /// - Parameter times: when each step was trained, as far as that is known.
  func bring(
    to end: UInt64, _ lines: some Sequence<ArraySlice<UInt8>>, first: UInt64,
    times: () throws -> [UInt64: Double]
  ) throws {
    let sound = try examine(below: end)
    let isKept = sound.length > 0 && sound.first ?? first <= first
    let next = isKept ? sound.next ?? first : first
    if isKept { try cut(to: sound.length) }
    guard !isKept || next < end else { return }
    let known = try times()
    var time =
      known.filter { $0.key <= next }.max { $0.key < $1.key }?.value
      ?? known.values.min() ?? Date().timeIntervalSince1970
    var bytes = isKept ? [] : EventRecord.version(wallTime: time)
    for line in lines {
      let line = try MetricLine(json: line, location: path)
      guard line.step >= next else { continue }
      time = known[line.step] ?? time
      bytes += EventRecord.scalars(step: line.step, wallTime: time, line.values)
    }
    if isKept { return try DurableFile.append(bytes, to: path) }
    try DurableFile.createFolder(folder)
    try DurableFile.write(bytes, to: path)
  }

  func append(_ line: MetricLine) throws {
    let time = Date().timeIntervalSince1970
    var bytes = EventRecord.scalars(step: line.step, wallTime: time, line.values)
    if RegularFile.obstacle(at: path) == .missing {
      // Somebody has cleared it away; the next start fills it again.
      try DurableFile.createFolder(folder)
      bytes = EventRecord.version(wallTime: time) + bytes
    }
    try DurableFile.append(bytes, to: path)
  }

  /// What follows a whole, unbroken beginning is what a kill or a power cut left, or steps that were
  /// taken back.
  private func examine(below end: UInt64) throws -> Sound {
    var sound = Sound()
    guard RegularFile.obstacle(at: path) != .missing else { return sound }
    let file = try RegularFileReader(path)
    while let (content, length) = try Self.record(of: file, at: sound.length) {
      switch content {
      case .version where sound.length == 0: break
      case .step(let step) where sound.length > 0 && step < end && step == sound.next ?? step:
        sound.first = sound.first ?? step
        sound.next = step + 1
      default: return sound
      }
      sound.length += length
    }
    return sound
  }

  private static func record(
    of file: RegularFileReader, at offset: Int
  ) throws -> (EventRecord.Content, length: Int)? {
    let around = EventRecord.headLength + EventRecord.tailLength
    guard offset + around <= file.size,
      let length = EventRecord.length(
        head: try file.read(at: offset, count: EventRecord.headLength)),
      length <= longestEvent, offset + around + length <= file.size,
      let content = EventRecord.content(
        try file.read(
          at: offset + EventRecord.headLength, count: length + EventRecord.tailLength))
    else { return nil }
    return (content, around + length)
  }

  private func cut(to length: Int) throws {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw DurableFile.failure("look at", path) }
    guard status.st_size > length else { return }
    guard unsafe truncate(path, off_t(length)) == 0 else { throw DurableFile.failure("cut", path) }
  }
}
