import ChatTemplate
import Foundation
import Records
import Testing

/// Where a model directory keeps its template.
@Suite struct TemplateFileTests {
  private static func load(_ files: [String: String]) throws -> ChatTemplate? {
    let folder = FileManager.default.temporaryDirectory.path + "/template-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    return try ChatTemplate.load(directory: folder)
  }

  private static func text(_ template: ChatTemplate?) throws -> String? {
    try template?.render(
      [Message(role: "user", content: "Hi")], addGenerationPrompt: false, date: JinjaTests.date)
  }

  @Test func theFileComesBeforeTheConfiguration() throws {
    let configuration =
      #"{"chat_template": "{{ bos_token }}config", "bos_token": {"content": "<s>"}}"#
    #expect(try Self.load([:]) == nil)
    #expect(try Self.load(["tokenizer_config.json": "{}"]) == nil)
    #expect(try Self.text(Self.load(["tokenizer_config.json": configuration])) == "<s>config")
    let both = [
      "tokenizer_config.json": configuration, "chat_template.jinja": "{{ bos_token }}file\n",
    ]
    #expect(try Self.text(Self.load(both)) == "<s>file")
  }

  @Test func ofNamedTemplatesTheDefaultIsTaken() throws {
    let list =
      #"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "{{ eos_token }}d"}]}"#
    let tokens = #"{"eos_token": "</s>"}"#
    let files = ["tokenizer_config.json": list, "special_tokens_map.json": tokens]
    #expect(try Self.text(Self.load(files)) == "</s>d")
    let none = #"{"chat_template": [{"name": "rag", "template": "t"}]}"#
    #expect {
      try Self.load(["tokenizer_config.json": none])
    } throws: { ($0 as? ChatTemplateError)?.problem.contains("rag") ?? false }
  }

  @Test func whatIsNoTemplateIsRefused() {
    for (name, text) in [
      ("tokenizer_config.json", "{"), ("tokenizer_config.json", #"{"chat_template": 1}"#),
      ("chat_template.jinja", "{% if %}"),
      ("chat_template.jinja", String(repeating: "x", count: 1 << 20)),
    ] {
      #expect(throws: ChatTemplateError.self, "\(text.prefix(20))") { try Self.load([name: text]) }
    }
  }
}
