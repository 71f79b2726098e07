import Bench
import Policy
import Testing

@Suite("useful work")
struct UsefulWorkTests {
  /// The peers' model S.
  private static let small = ModelConfiguration(
    vocabularySize: 512, hiddenSize: 256, intermediateSize: 768, layerCount: 4, headCount: 4,
    keyValueHeadCount: 2, headDimension: 64, maximumPositions: 2048, stopIDs: [])
  private let work = UsefulWork(small)

  /// A row of S: 2 · 4 · (256 · 512 + 256 · 256 + 3 · 256 · 768) = 6,291,456; its attention
  /// 4 · 4 · 256 = 4,096 for each key; a row of logits 2 · 256 · 512 = 262,144.
  @Test("one prompt and one response, by hand")
  func byHand() {
    // Rows at 0, 1 (prompt) and 2 (the response's first token; its second goes nowhere). Keys: 1 + 2 + 3.
    let group = TrainingGroup(prompt: [1, 2], responses: [[3, 4]])
    let forward = 3 * 6_291_456 + 6 * 4096 + 2 * 262_144
    #expect(work.training([group]) == 3 * Double(forward))
    #expect(work.rows([group]) == 3 && work.headRows([group]) == 2)
  }

  @Test("a prompt counts once, whatever the number of its responses")
  func sharedPrompt() {
    // Keys: 1 + 2 + 3 of the prompt, 4 for each response's first token. One row of logits gives the
    // first token of both.
    let group = TrainingGroup(prompt: [1, 2, 3], responses: [[4, 5], [6, 7]])
    let forward = 5 * 6_291_456 + (6 + 2 * 4) * 4096 + 3 * 262_144
    #expect(work.training([group]) == 3 * Double(forward))
    #expect(work.rows([group]) == 5 && work.headRows([group]) == 3)
  }

  @Test("responses without tokens, and groups without responses, have no logits")
  func empty() {
    let groups = [
      TrainingGroup(prompt: [1], responses: []), TrainingGroup(prompt: [1], responses: [[]]),
    ]
    #expect(work.headRows(groups) == 0 && work.rows(groups) == 2)
    #expect(work.training(groups) == 3 * Double(2 * 6_291_456 + 2 * 4096))
  }

  @Test("generation: the same rows as a forward pass over what was drawn")
  func generation() {
    let group = TrainingGroup(
      prompt: [Int32](repeating: 1, count: 12),
      responses: [[Int32]](repeating: [Int32](repeating: 2, count: 64), count: 8))
    let generated = work.generation(
      promptTokens: 12, responses: [Int](repeating: 64, count: 8))
    #expect(3 * generated == work.training([group]))
    #expect(work.generation(promptTokens: 2, responses: []) == 2 * 6_291_456 + 3 * 4096)
  }

  @Test("the products of a pass are its FLOP without attention")
  func products() {
    let flop = work.products(rows: 5, headRows: 3, trains: true).reduce(0) { $0 + $1.flop }
    #expect(flop == 3 * Double(5 * 6_291_456 + 3 * 262_144))
    let forward = work.products(rows: 5, headRows: 3, trains: false).reduce(0) { $0 + $1.flop }
    #expect(3 * forward == flop)
  }

  @Test("a tied embedding is read for the head, an untied one is not read")
  func weightsPerPass() {
    #expect(work.weightsPerPass == Self.small.parameterCount)
    var untied = Self.small
    untied.tieEmbeddings = false
    #expect(UsefulWork(untied).weightsPerPass == work.weightsPerPass)
  }
}
