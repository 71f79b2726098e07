public import Records
public import Verifiers

/// The responses to one prompt, to be judged.
public struct AskedGroup: Sendable {
  public var prompt: Prompt
  public var responses: [Response]

  public init(prompt: Prompt, responses: [Response]) {
    self.prompt = prompt
    self.responses = responses
  }
}
