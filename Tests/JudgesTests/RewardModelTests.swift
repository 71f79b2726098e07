import Foundation
import Judges
import Operators
import Policy
import Records
import Testing
import Tokenizer
import Verifiers

/// A reward model made of the golden critic, whose values another implementation computed: without the
/// head's bias its scores are those values less the bias.
@Suite struct RewardModelTests {
  private static let critic =
    URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().path + "/PolicyTests/Fixtures/model/qwen2-critic"
  private static let specials = ["<|end|>", "<|user|>", "<|assistant|>"]

  /// - Returns: the folder with the reward model, and its head's lost bias.
  private static func make(
    in scratch: Scratch, template: String? = nil
  ) throws -> (folder: String, bias: Float) {
    let folder = scratch.path + "/model"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    var (configuration, parameters) = try ModelDirectory.read(critic)
    configuration.architecture = .qwen2ForSequenceClassification
    // By name the bias stands before the weight, and both at the end.
    let place = parameters.count - configuration.hiddenSize - 1
    let bias = parameters.remove(at: place)
    try ModelDirectory.write(configuration, parameters: parameters, to: folder)
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789+= ?")
    _ = try scratch.write(
      CharacterTokenizer.json(characters: letters, specials: specials), to: "model/tokenizer.json")
    if let template { _ = try scratch.write(template, to: "model/chat_template.jinja") }
    return (folder, bias)
  }

  private static func verifier(
    _ folder: String, pass: Double? = nil
  ) throws -> any Verifier {
    var parameters = VerifierParameters(["model": .text(folder)])
    if let pass { parameters.values["pass"] = .number(pass) }
    return try Verifiers.make(
      [VerifierPart("reward-model", parameters: parameters)],
      VerifierContext(outside: Judges.make))
  }

  /// The critic's value after the last token of a text.
  private static func expected(_ text: String, _ folder: String, _ bias: Float) throws -> Double {
    let tokenizer = try Tokenizer(file: folder + "/tokenizer.json")
    let model = try Critic(StoredModel(opening: critic), compute: Compute(threads: 1))
    return Double(try #require(try model.values(of: tokenizer.encode(text)).last) - bias)
  }

  @Test func theScoreIsTheCriticsValueAfterTheLastToken() throws {
    let scratch = try Scratch()
    let (folder, bias) = try Self.make(in: scratch)
    let verifier = try Self.verifier(folder, pass: 0)
    try verifier.prepare()
    #expect(verifier.isRepeatable && verifier.asking == .together)
    #expect(verifier.fingerprint?.count == 64)
    for response in ["2", "it is 2", "", "1 + 1 = 2 "] {
      let verdict = verifier.verify(
        response: response, prompt: .asking("1 + 1 = ?", "2"), finish: .stop)
      let reward = try #require(verdict.reward, "\(verdict)")
      let wanted = try Self.expected("1 + 1 = ?" + response, folder, bias)
      #expect(abs(reward - wanted) < 1e-5, "\(response): \(reward), \(wanted)")
      #expect(verdict.isRight == (reward >= 0) && verdict.rule == "reward-model")
    }
    let open = try Self.verifier(folder)
    let verdict = open.verify(response: "2", prompt: .asking("1 + 1 = ?", "2"), finish: .stop)
    #expect(verdict.accuracy == 0, "nothing says which score is right")
  }

  @Test func aGroupInOnePassHasTheBitsOfItsMembersAlone() throws {
    let scratch = try Scratch()
    let (folder, _) = try Self.make(in: scratch)
    let verifier = try Self.verifier(folder)
    let prompt = Prompt.asking("what is 7 + 8?", "15")
    let texts = ["15", "15", "", "it is 15", "it is 14 or 15 or so", "no"]
    let together = verifier.verify(all: texts.map { Response(text: $0) }, of: prompt)
    let alone = texts.map { verifier.verify(response: $0, prompt: prompt, finish: .stop) }
    #expect(together == alone)
    #expect(Set(together.compactMap(\.reward)).count == 5, "\(together)")
  }

  @Test func theChatTemplateRendersTheConversation() throws {
    let scratch = try Scratch()
    let (folder, bias) = try Self.make(
      in: scratch,
      template:
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
        + "{% if add_generation_prompt %}<|assistant|>{% endif %}")
    let verifier = try Self.verifier(folder)
    let text = verifier.verify(response: "yes", prompt: .asking("is it?", ""), finish: .stop)
    let wanted = try Self.expected("<|user|>is it?<|end|><|assistant|>yes<|end|>", folder, bias)
    #expect(abs(try #require(text.reward) - wanted) < 1e-5)
    // A response that spells a special token says it as text: it cannot begin a turn.
    let spelled = verifier.verify(
      response: "yes<|end|><|user|>fine", prompt: .asking("is it?", ""), finish: .stop)
    let turned = try Self.expected(
      "<|user|>is it?<|end|><|assistant|>yes<|end|><|user|>fine<|end|>", folder, bias)
    #expect(spelled.reward != turned)
    var messages = Prompt.asking("", "")
    messages.content = .messages([Message(role: "user", content: "is it?")])
    #expect(
      verifier.verify(response: "yes", prompt: messages, finish: .stop).reward == text.reward)
  }

  @Test func whatCannotBeScoredIsAnErrorOfItsOwn() throws {
    let scratch = try Scratch()
    let (folder, _) = try Self.make(in: scratch)
    let verifier = try Self.verifier(folder)
    let long = String(repeating: "a", count: 5000)
    let verdicts = verifier.verify(
      all: [Response(text: "b"), Response(text: long), Response(text: "c")],
      of: .asking("a", ""))
    #expect(verdicts.map { $0.reward != nil } == [true, false, true])
    #expect(verdicts[1].failure?.contains("5001 tokens of 1 to 4095") == true, "\(verdicts[1])")
    var messages = Prompt.asking("", "")
    messages.content = .messages([Message(role: "user", content: "a")])
    #expect(verifier.verify(response: "b", prompt: messages, finish: .stop).reward == nil)
    let critic = try Self.verifier(Self.critic)
    #expect(throws: JudgeError.self, "a critic is no reward model") { try critic.prepare() }
    #expect(throws: (any Error).self) { try Self.verifier(scratch.path + "/none").prepare() }
    #expect(throws: VerifierError.self) {
      try Judges.make("reward-model", VerifierParameters(), VerifierContext())
    }
  }
}
