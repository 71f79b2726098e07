import ChatTemplate
import Digest
import Files
import Foundation
import Records
import Tokenizer

/// Compares a tokenizer with golden vectors of Hugging Face's tokenizers.
///
/// A golden directory holds `tokenizer.json` or `tokenizer.json.zst`, and `vectors.json`, `chat.json`
/// with the chat template that it is of, or both. A directory without a tokenizer is a variant,
/// `NAME-SUFFIX`, of its sibling `NAME`, whose tokenizer it uses. Texts are compared by their UTF-8
/// bytes. Whatever a file holds that this does not understand is a failure, never passed over.
/// - Parameter decompress: the plain bytes of a zstd file; this module has no zstd of its own.
public func checkTokenizer(
  path: String, decompress: (String) throws -> [UInt8]
) -> CheckReport.File {
  var report = CheckReport.File()
  do {
    let tokenizer = try goldenTokenizer(path: path, decompress: decompress)
    let vectors = try golden("vectors.json", in: path)
    if let vectors { checkVectors(vectors, tokenizer, &report) }
    let chat = try golden("chat.json", in: path)
    if let chat {
      var template = try ChatTemplate.load(directory: path)
      // Without a tokenizer_config.json beside it: the token that the tokenizer puts in front.
      if template?.specialTokens["bos_token"] == nil, let first = tokenizer.prefix.first {
        template?.specialTokens["bos_token"] = tokenizer.decode([first])
      }
      checkChat(chat, tokenizer, template, &report)
    }
    if vectors == nil && chat == nil {
      report.record(path, failure: "has neither vectors.json nor chat.json")
    }
  } catch let error as any DescribedError {
    report.record(path, failure: error.description)
  } catch {
    report.record(path, failure: error.localizedDescription)
  }
  return report
}

/// A JSON file that need not be there.
private func golden(_ name: String, in path: String) throws -> JSONValue? {
  let file = path + "/" + name
  guard FileManager.default.fileExists(atPath: file) else { return nil }
  let bytes = try RegularFile.read(file, limit: CheckReport.longestFile)
  return try JSONValue(parsing: bytes, location: file)
}

/// The directory's tokenizer, or that of the sibling it is a variant of.
private func goldenTokenizer(
  path: String, decompress: (String) throws -> [UInt8]
) throws -> Tokenizer {
  var directory = path
  while directory.hasSuffix("/") && directory.count > 1 { directory.removeLast() }
  let folder = URL(fileURLWithPath: directory)
  var places = [directory]
  if let hyphen = folder.lastPathComponent.lastIndex(of: "-") {
    let name = String(folder.lastPathComponent[..<hyphen])
    places.append(folder.deletingLastPathComponent().appendingPathComponent(name).path)
  }
  for place in places {
    let plain = place + "/tokenizer.json"
    if FileManager.default.fileExists(atPath: plain) { return try Tokenizer(file: plain) }
    if FileManager.default.fileExists(atPath: plain + ".zst") {
      return try Tokenizer(json: try decompress(plain + ".zst"), location: plain + ".zst")
    }
  }
  return try Tokenizer(file: directory + "/tokenizer.json")
}

private func checkVectors(
  _ json: JSONValue, _ tokenizer: Tokenizer, _ report: inout CheckReport.File
) {
  checkNames(
    json, ["tokenizer", "computed_with", "cases", "decode_cases"], "vectors.json", &report)
  if let size = json["tokenizer"]?["vocab_size"]?.integer {
    report.record(
      "vocab_size",
      failure: size == tokenizer.count ? nil : "\(tokenizer.count) ids, not \(size)")
  }
  guard let cases = json["cases"]?.array, let decodeCases = json["decode_cases"]?.array else {
    report.record("vectors.json", failure: "has no list `cases` or `decode_cases`")
    return
  }
  for (index, entry) in cases.enumerated() {
    let name = "cases/\(index) (\(entry["category"]?.string ?? "no category"))"
    report.record(name, failure: encodeFailure(entry, tokenizer))
  }
  for (index, entry) in decodeCases.enumerated() {
    report.record("decode_cases/\(index)", failure: decodeFailure(entry, tokenizer))
  }
}

/// The first thing in which an encoding case differs, or nil.
private func encodeFailure(_ entry: JSONValue, _ tokenizer: Tokenizer) -> String? {
  let known: Set = [
    "text", "category", "ids", "ids_with_template", "ids_special_as_text", "decoded",
    "decoded_skip_special",
  ]
  if let unknown = unknownName(entry, known) { return "has an unknown field `\(unknown)`" }
  guard let text = entry["text"]?.string, let ids = idList(entry["ids"]) else {
    return "has no text or ids"
  }
  let encoded = tokenizer.encode(text)
  if encoded != ids { return difference("ids", encoded, ids) }
  // A list that is left out equals `ids`.
  let variants: [(String, [Int32])] = [
    ("ids_with_template", tokenizer.encode(text, template: true)),
    ("ids_special_as_text", tokenizer.encode(text, specials: .asText)),
  ]
  for (name, found) in variants {
    guard let expected = entry[name] == nil ? ids : idList(entry[name]) else {
      return "\(name) is not a list of ids"
    }
    if found != expected { return difference(name, found, expected) }
  }
  let decoded = entry["decoded"]?.string ?? text
  let skipped = entry["decoded_skip_special"]?.string ?? decoded
  return textFailure(tokenizer, ids, decoded: decoded, skipped: skipped)
}

private func decodeFailure(_ entry: JSONValue, _ tokenizer: Tokenizer) -> String? {
  if let unknown = unknownName(entry, ["ids", "decoded", "decoded_skip_special"]) {
    return "has an unknown field `\(unknown)`"
  }
  guard let ids = idList(entry["ids"]), let decoded = entry["decoded"]?.string else {
    return "has no ids or decoded"
  }
  let skipped = entry["decoded_skip_special"]?.string ?? decoded
  return textFailure(tokenizer, ids, decoded: decoded, skipped: skipped)
}

private func textFailure(
  _ tokenizer: Tokenizer, _ ids: [Int32], decoded: String, skipped: String
) -> String? {
  if !tokenizer.decode(ids).utf8.elementsEqual(decoded.utf8) { return "decoded differs" }
  if !tokenizer.decode(ids, skipSpecials: true).utf8.elementsEqual(skipped.utf8) {
    return "decoded_skip_special differs"
  }
  var decoder = IncrementalDecoder(tokenizer)
  let pieces = ids.map { decoder.append($0) }
  if !(pieces.joined() + decoder.finish()).utf8.elementsEqual(decoded.utf8) {
    return "decoding one id after the other differs"
  }
  return nil
}

/// The template's text for every conversation, and the ids of that text.
private func checkChat(
  _ json: JSONValue, _ tokenizer: Tokenizer, _ template: ChatTemplate?,
  _ report: inout CheckReport.File
) {
  checkNames(
    json, ["template_sha256", "rendered_with", "note", "cases"], "chat.json", &report)
  guard let cases = json["cases"]?.array else {
    report.record("chat.json", failure: "has no list `cases`")
    return
  }
  guard let template else {
    report.record("chat.json", failure: "has no chat template beside it")
    return
  }
  if let digest = json["template_sha256"]?.string {
    let found = hexadecimal(SHA256.hash(Array(template.source.utf8)))
    report.record(
      "template_sha256", failure: found == digest ? nil : "the template's is \(found.prefix(12))…")
  }
  for (index, entry) in cases.enumerated() {
    report.record("chat/\(index)", failure: chatFailure(entry, tokenizer, template))
  }
}

private func chatFailure(
  _ entry: JSONValue, _ tokenizer: Tokenizer, _ template: ChatTemplate
) -> String? {
  let known: Set = ["messages", "add_generation_prompt", "rendered", "ids"]
  if let unknown = unknownName(entry, known) { return "has an unknown field `\(unknown)`" }
  guard let text = entry["rendered"]?.string, let ids = idList(entry["ids"]),
    let messages = entry["messages"], let prompts = entry["add_generation_prompt"]
  else { return "has no messages, rendered text or ids" }
  let variables = JSONValue.object([
    JSONMember(name: "messages", value: messages),
    JSONMember(name: "add_generation_prompt", value: prompts),
    JSONMember(name: "tools", value: .null), JSONMember(name: "documents", value: .null),
  ])
  do {
    let rendered = try template.render(variables: variables, date: goldenDate)
    guard rendered.utf8.elementsEqual(text.utf8) else {
      let place = zip(rendered.utf8, text.utf8).enumerated().first { $0.1.0 != $0.1.1 }?.offset
      let least = min(rendered.utf8.count, text.utf8.count)
      return "the rendered text differs from byte \(place ?? least)"
    }
  } catch { return error.description }
  let encoded = tokenizer.encode(text)
  return encoded == ids ? nil : difference("ids", encoded, ids)
}

/// The day that golden conversations were rendered for, which is also Llama 3.1's own where none is
/// given.
private let goldenDate: TemplateDate = {
  guard let date = TemplateDate("2024-07-26") else { preconditionFailure("no such day") }
  return date
}()

private func checkNames(
  _ json: JSONValue, _ known: Set<String>, _ file: String, _ report: inout CheckReport.File
) {
  if let unknown = unknownName(json, known) {
    report.record(file, failure: "has an unknown field `\(unknown)`")
  }
}

private func unknownName(_ json: JSONValue, _ known: Set<String>) -> String? {
  json.object?.first { !known.contains($0.name) }?.name
}

private func idList(_ value: JSONValue?) -> [Int32]? {
  guard let values = value?.array else { return nil }
  let ids = values.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
  return ids.count == values.count ? ids : nil
}

/// Where two id lists part; no text, since this ends up in logs.
private func difference(_ name: String, _ found: [Int32], _ expected: [Int32]) -> String {
  let place = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
  let at = place ?? min(found.count, expected.count)
  return "\(name): \(found.count) ids instead of \(expected.count), differing from index \(at)"
}
