import Foundation
import Operators
import Policy
import Records
import Testing

/// Where a critic comes from and where it goes: its directory, the policy it begins as, its updates.
@Suite struct CriticModelTests {
  static let directory = PolicyFixtures.directory + "/model/qwen2-critic"

  @Test func whatIsWrittenIsReadBackBitForBit() throws {
    let (configuration, parameters) = try ModelDirectory.read(Self.directory)
    #expect(configuration.architecture == .qwen2ForTokenClassification)
    #expect(
      configuration.parameters.suffix(2) == [
        TensorShape(name: "score.bias", shape: [1]),
        TensorShape(name: "score.weight", shape: [1, 64]),
      ])
    let folder = try TemporaryDirectory()
    try ModelDirectory.write(configuration, parameters: parameters, to: folder.path)
    let again = try ModelDirectory.read(folder.path)
    #expect(again.configuration == configuration)
    #expect(again.parameters.map(\.bitPattern) == parameters.map(\.bitPattern))
    // Nothing generates, and the weights are the bytes of the official writer.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "config.json", "model.safetensors",
      ])
    #expect(
      FileManager.default.contentsEqual(
        atPath: folder.path + "/model.safetensors", andPath: Self.directory + "/model.safetensors"))
  }

  @Test func otherClassifiersAreRefusedByTheField() throws {
    let critic: [String: String?] = [
      "architectures": #"["Qwen2ForTokenClassification"]"#, "id2label": #"{"0": "VALUE"}"#,
    ]
    #expect(try ModelConfigurationTests.read(changing: critic).parameterCount > 0)
    // Tied embeddings say nothing where there is no language-model head.
    #expect(try ModelConfigurationTests.read(changing: critic).tieEmbeddings == false)
    let changes: [(field: String, value: String?)] = [
      ("id2label", nil), ("id2label", #"{"0": "A", "1": "B"}"#), ("id2label", "3"),
      ("num_labels", "2"), ("classifier_dropout", "0.1"),
    ]
    var accepted: [String] = []
    for (field, value) in changes {
      do {
        _ = try ModelConfigurationTests.read(changing: critic.merging([field: value]) { $1 })
        accepted.append("\(field) \(value ?? "missing")")
      } catch {
        if !error.description.contains(field) { accepted.append(error.description) }
      }
    }
    #expect(accepted == [])
    // The number alone will do.
    _ = try ModelConfigurationTests.read(
      changing: critic.merging(["id2label": nil, "num_labels": "1"]) { $1 })
  }

  @Test func aCriticIsNoPolicyAndAPolicyNoCritic() throws {
    let compute = Compute(threads: 1)
    let (configuration, parameters) = try ModelDirectory.read(Self.directory)
    #expect {
      try Policy(configuration: configuration, parameters: parameters, compute: compute)
    } throws: { ($0 as? PolicyError)?.code == .architecture }
    let policy = RandomModel.shapes[0]
    #expect {
      try Critic(
        configuration: policy.configuration, parameters: policy.parameters, compute: compute)
    } throws: { ($0 as? PolicyError)?.code == .architecture }
    #expect {
      try Critic(
        configuration: configuration, parameters: Array(parameters.dropLast()), compute: compute)
    } throws: { ($0 as? PolicyError)?.code == .wrongSize }
  }

  @Test(arguments: RandomModel.shapes.indices)
  func theInitialCriticIsThePolicysTransformerAndValuesZero(shape: Int) throws {
    let model = RandomModel.shapes[shape]
    let policy = try model.policy()
    let critic = Critic.initial(from: policy)
    #expect(critic.configuration.architecture == policy.configuration.architecture.critic)
    let (held, copied) = (policy.parameters, critic.parameters)
    for tensor in critic.configuration.parameters {
      let range = CriticTests.range(tensor.name, critic.configuration)
      let source = CriticTests.range(tensor.name, policy.configuration)
      if tensor.name.hasPrefix("score.") {
        #expect(copied[range].allSatisfy { $0.bitPattern == 0 })
      } else {
        #expect(differentBits(Array(copied[range]), Array(held[source])) == 0, "\(tensor.name)")
      }
    }
    let groups = model.groups(0..<8, responses: 3, longest: 9)
    #expect(critic.values(groups).allSatisfy { $0 == 0 })
    #expect(Critic.initial(from: policy).weightsDigest() == critic.weightsDigest())
  }

  /// From a head of zeros: the first update moves the head alone, the next ones the transformer too, and
  /// the values go where the returns are.
  @Test func aCriticLearnsReturnsFromAHeadOfZeros() throws {
    let model = RandomModel.shapes[0]
    let critic = Critic.initial(from: try model.policy(threads: 2))
    let groups = model.groups(0..<12, responses: 1, longest: 9)
    let returns = critic.values(groups).indices.map { CriticTests.pull($0) }
    func loss(_ values: [Float]) -> Float {
      zip(values, returns).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 2
    }
    let head = CriticTests.range("score.weight", critic.configuration)
    let start = critic.parameters
    let before = loss(critic.values(groups))
    let gradient = Gradient(for: critic)
    let state = AdamWState(for: critic)
    for update in 0..<40 {
      gradient.zero()
      critic.accumulate(groups, into: gradient) { zip($0, returns).map { $0 - $1 } }
      critic.update(gradient, state, settings: AdamWSettings(), learningRate: 3e-3)
      guard update < 2 else { continue }
      let moved = zip(critic.parameters, start).map { $0 != $1 }
      #expect(moved[head].allSatisfy { $0 })
      if update == 0 { #expect(!moved[..<(head.lowerBound - 1)].contains(true)) }
      if update == 1 { #expect(moved[..<head.lowerBound].contains(true)) }
    }
    #expect(loss(critic.values(groups)) < 0.05 * before)
    #expect(state.updates == 40)
  }

  @Test func aStoredStateContinuesWithTheSameBits() throws {
    let model = RandomModel.shapes[1]
    let groups = model.groups(0..<4, responses: 2, longest: 9)
    func step(_ critic: Critic, _ state: AdamWState) {
      let gradient = Gradient(for: critic)
      critic.accumulate(groups, into: gradient) { $0.map { $0 - 1 } }
      critic.update(gradient, state, settings: AdamWSettings(), learningRate: 1e-3)
    }
    let critic = try model.critic()
    let state = AdamWState(for: critic)
    step(critic, state)
    let other = try model.critic()
    #expect(other.weightsDigest() != critic.weightsDigest())
    try other.copyParameters(of: critic)
    #expect(other.weightsDigest() == critic.weightsDigest())
    let restored = AdamWState(for: other, updates: state.updates)
    let count = critic.parameters.count
    for moment in AdamWState.Moment.allCases {
      // In two parts, as a file is read.
      restored.write(state.values(moment, 0..<count / 3), moment, at: 0)
      restored.write(state.values(moment, count / 3..<count), moment, at: count / 3)
    }
    let before = critic.weightsDigest()
    step(critic, state)
    step(other, restored)
    #expect(other.weightsDigest() == critic.weightsDigest())
    #expect(critic.weightsDigest() != before)
    #expect(throws: PolicyError.self) {
      try other.copyParameters(of: RandomModel.shapes[0].critic())
    }
  }

  @Test func tokensOutsideOfTheModelAreRefused() throws {
    let critic = try RandomModel.shapes[0].critic()
    for tokens: [Int32] in [[], [64], [1, -1], Array(repeating: 1, count: 513)] {
      #expect(throws: PolicyError.self) { try critic.values(of: tokens) }
    }
    #expect(try critic.values(of: Array(repeating: 1, count: 512)).count == 512)
    #expect(try critic.values(of: [1]).count == 1)
    #expect(throws: PolicyError.self) {
      try critic.validate([TrainingGroup(prompt: [1], responses: [[2, 64]])])
    }
  }
}
