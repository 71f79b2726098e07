import Digest
import Files
import Foundation
import Policy
import Records

/// Compares the reader of safetensors with golden files, and the rounding of weights with a table.
///
/// `cases.json` lists files of the directory: `accept` must be read, with every tensor's dtype, shape
/// and bytes; `reject` must be refused; `reject-or-warn` too, since this reader gives no warnings.
/// `rounding.json` lists f32 patterns with their BF16 and F16 patterns. Whatever the two hold that
/// this does not understand is a failure, never passed over.
public func checkSafetensors(directory: String) -> CheckReport.File {
  var check = SafetensorsCheck(directory: directory)
  guard FileManager.default.fileExists(atPath: directory) else {
    check.report.record(directory, failure: "there is no such directory")
    return check.report
  }
  var compared = false
  for name in ["cases.json", "rounding.json"] {
    let path = directory + "/" + name
    guard FileManager.default.fileExists(atPath: path) else { continue }
    compared = true
    do {
      let bytes = try RegularFile.read(path, limit: CheckReport.longestFile)
      let json = try JSONValue(parsing: bytes, location: path)
      if name == "cases.json" { try check.files(json) } else { try check.rounding(json) }
    } catch {
      check.report.record(name, failure: "\(error)")
    }
  }
  if !compared {
    check.report.record(directory, failure: "has neither cases.json nor rounding.json")
  }
  return check.report
}

private struct SafetensorsCheck {
  let directory: String
  var report = CheckReport.File()

  private struct Malformed: Error, CustomStringConvertible {
    var description: String
  }

  mutating func files(_ json: JSONValue) throws {
    guard let files = json["files"]?.array else { throw Malformed(description: "no list `files`") }
    for entry in files {
      guard let name = entry["file"]?.string, let wanted = entry["expect"]?.string else {
        throw Malformed(description: "an entry without `file` or `expect`")
      }
      report.record(name, failure: failure(name, wanted, entry["tensors"]?.object ?? []))
    }
  }

  private func failure(_ name: String, _ wanted: String, _ tensors: [JSONMember]) -> String? {
    let path = directory + "/" + name
    guard FileManager.default.fileExists(atPath: path) else { return "is not there" }
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(path: path)
    } catch {
      switch wanted {
      case "reject", "reject-or-warn": return nil
      case "accept": return "is refused: \(error.problem)"
      default: return "this build does not know what `\(wanted)` expects"
      }
    }
    guard wanted == "accept" else { return "is read, and must be refused" }
    guard file.tensors.count == tensors.count else {
      return "has \(file.tensors.count) tensors, not \(tensors.count)"
    }
    for member in tensors {
      if let difference = difference(file, member) { return "\(member.name) \(difference)" }
    }
    return nil
  }

  private func difference(_ file: SafetensorsFile, _ wanted: JSONMember) -> String? {
    guard let tensor = file.tensor(named: wanted.name) else { return "is not found" }
    guard tensor.dataType.rawValue == wanted.value["dtype"]?.string else {
      return "is \(tensor.dataType.rawValue)"
    }
    guard tensor.shape == wanted.value["shape"]?.array?.compactMap(\.integer) else {
      return "has the shape \(tensor.shape)"
    }
    do {
      let bytes = try file.bytes(of: tensor)
      if let hex = wanted.value["hex"], hex.string != hexadecimal(bytes) {
        return "has other bytes"
      }
      if let digest = wanted.value["sha256"],
        digest.string != hexadecimal(SHA256.hash(bytes))
      {
        return "has bytes of another SHA-256"
      }
      return nil
    } catch { return "cannot be read: \(error.problem)" }
  }

  mutating func rounding(_ json: JSONValue) throws {
    guard let rows = json["rows"]?.array else { throw Malformed(description: "no list `rows`") }
    for row in rows {
      let texts = (row.array ?? []).map(\.string)
      guard texts.count == 3, let pattern = texts[0].flatMap({ UInt32($0, radix: 16) }) else {
        throw Malformed(description: "a row without an f32 pattern and two others")
      }
      let value = Float(bitPattern: pattern)
      let found = [WeightStorage.bf16(value), WeightStorage.f16(value)]
      for (storage, (text, found)) in zip(["BF16", "F16"], zip(texts.dropFirst(), found)) {
        let name = "rounding \(texts[0] ?? "") to \(storage)"
        if value.isNaN {
          let widened =
            storage == "BF16" ? WeightStorage.float(bf16: found) : WeightStorage.float(f16: found)
          report.record(name, failure: widened.isNaN ? nil : "is no longer a NaN")
        } else {
          let same = text.flatMap { UInt16($0, radix: 16) } == found
          report.record(name, failure: same ? nil : "gives \(String(found, radix: 16))")
        }
      }
    }
  }
}
