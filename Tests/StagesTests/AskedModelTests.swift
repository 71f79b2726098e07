import ChatTemplate
import Foundation
import Policy
import Stages
import Testing
import Tokenizer

/// A model directory that is asked by hand: its prompts and its ends.
@Suite struct AskedModelTests {
  private static let date = TemplateDate("2024-07-26")!

  /// arith-1024 with a config.json, which no weights need to go with here.
  private static func directory() throws -> String {
    let folder = NSTemporaryDirectory() + "/temper-asked-\(UUID().uuidString)"
    try FileManager.default.copyItem(
      atPath: TemporaryRun.root + "/Tests/TokenizerTests/Fixtures/arith-1024", toPath: folder)
    let configuration = ModelConfiguration(
      vocabularySize: 1024, hiddenSize: 16, intermediateSize: 16, layerCount: 1, headCount: 1,
      keyValueHeadCount: 1, headDimension: 16, maximumPositions: 50, stopIDs: [7])
    try Data(configuration.configurationJSON().utf8)
      .write(to: URL(fileURLWithPath: folder + "/config.json"))
    try Data(#"{"eos_token_id": [1019, 5]}"#.utf8)
      .write(to: URL(fileURLWithPath: folder + "/generation_config.json"))
    return folder
  }

  @Test func aConversationHasTheTemplateAroundItAndItsTurnsEnd() throws {
    let folder = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try AskedModel(directory: folder, chat: nil, date: Self.date)
    #expect(model.isChat && model.stopIDs == [5, 7, 1019, 1021])
    let ids = try model.tokens(of: "1<|im_end|>", system: "2")
    #expect(
      model.tokenizer.decode(ids) == "<|im_start|>system\n2<|im_end|>\n"
        + "<|im_start|>user\n1<|im_end|><|im_end|>\n<|im_start|>assistant\n")
    #expect(ids.filter { $0 == 1021 }.count == 2)
  }

  @Test func aPromptThatIsContinuedStandsAsItIs() throws {
    let folder = try Self.directory()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try AskedModel(directory: folder, chat: false, date: Self.date)
    #expect(!model.isChat && model.stopIDs == [5, 7, 1019])
    #expect(try model.tokens(of: "<|im_end|>") == [1021])
    #expect(throws: StageError.self) {
      try model.tokens(of: String(repeating: "<think>", count: 50))
    }
    #expect(try model.tokens(of: String(repeating: "<think>", count: 49)).count == 49)
  }
}
