import Bench
import Records
import Testing

@Suite("shapes")
struct BenchShapeTests {
  @Test("what is written is read")
  func sound() throws {
    let train = try TrainShape("64x96")
    #expect(train.sequences == 64 && train.tokens == 96 && "\(train)" == "64x96")
    let rollout = try RolloutShape("128x8x64")
    #expect(rollout.prompts == 128 && rollout.rollouts == 8 && rollout.newTokens == 64)
    #expect("\(rollout)" == "128x8x64")
  }

  @Test(
    "anything else is refused by name",
    arguments: [
      "", "64", "64x", "x96", "64x96x2", "0x96", "-1x96", "64x1", "64 x 96", "64X96",
      "99999999x96", "1048576x17", "9999999999999999999999x96",
    ])
  func wrong(text: String) {
    let error = #expect(throws: BenchError.self) { try TrainShape(text) }
    #expect(error?.problem.contains("\"\(text)\"") == true)
    #expect(error?.exitStatus == .usage)
    #expect(throws: BenchError.self) { try RolloutShape(text == "64x96x2" ? "64x96" : text) }
  }
}
