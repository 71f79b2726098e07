import Digest
import Policy
import Records
import Synchronization
import Verifiers

/// A sequence classifier with one label scores the conversation of prompt and response, read after its
/// last token (docs/verifiers.md, "reward-model").
///
/// The reward is that number as it is. It is computed by the policy's own engine and repeats to the bit.
final class RewardModelVerifier: Verifier {
  let name = "reward-model"
  var asking: Asking { .together }

  private let folder: String
  private let pass: Double?
  private let loaded = Mutex<RewardModel?>(nil)
  private let digest = Mutex<String?>(nil)

  init(_ parameters: VerifierParameters) throws(VerifierError) {
    guard let folder = parameters.text("model"), !folder.isEmpty else {
      throw VerifierError(
        "model", "nothing says which model scores", remedy: "Name a model directory.")
    }
    self.folder = folder
    pass = parameters.number("pass")
  }

  var fingerprint: String? { digest.withLock { $0 } }

  /// Reads the weights once, a piece at a time.
  func prepare() throws {
    if fingerprint != nil { return }
    let model = try StoredModel(opening: folder)
    guard model.configuration.architecture.isRewardModel else {
      throw JudgeError(
        .missing, at: folder,
        "it is \(model.configuration.architecture.rawValue), which scores no sequences",
        remedy: "Name a model for sequence classification with one label.")
    }
    _ = try RewardModel.Texts(in: folder, model.configuration)
    let found = hexadecimal(try model.weightsDigest())
    digest.withLock { $0 = found }
  }

  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    verify(all: [Response(text: response, finish: finish)], of: prompt)[0]
  }

  func verify(_ response: Response, of prompt: Prompt) -> Verdict {
    verify(all: [response], of: prompt)[0]
  }

  func verify(all responses: [Response], of prompt: Prompt) -> [Verdict] {
    loaded.withLock { loaded in
      do {
        if loaded == nil { loaded = try RewardModel(in: folder) }
      } catch {
        return responses.map { _ in .unanswered("\(error)", by: name) }
      }
      return loaded?.scores(of: responses.map(\.text), to: prompt).map(verdict) ?? []
    }
  }

  private func verdict(_ score: Result<Float, RewardModel.Refusal>) -> Verdict {
    switch score {
    case .success(let score):
      .rewarded(
        Double(score), isRight: pass.map { Double(score) >= $0 } ?? false,
        [RewardComponent(name: "score", value: Double(score))], rule: name)
    case .failure(let refusal): .unanswered(refusal.problem, by: name)
    }
  }
}
