public import ArgumentParser
import ChatTemplate
import Files
import Foundation
import Inspector
import Operators
public import Policy
import Randomness
import Records
import Stages
import Tokenizer

/// `pipeline generate MODEL`: a model is asked, and its answer shown as it comes.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Ask a model, and print its answer as it is sampled.",
    discussion: """
      MODEL is a model directory, or a run, which means its newest checkpoint; RUN@STEP is that of a \
      step. A LoRA adapter is asked on its base. Where the model has a chat template, the prompt is a user's message in it; without \
      one, or with --no-chat, the prompt is continued as it stands. The answer ends at every end of \
      sequence that config.json and generation_config.json name, at the end of the assistant's turn, \
      or after --max-tokens.

      Text goes to stdout, escaped where a terminal would obey it; tokens/s and what ended the answer \
      go to stderr. The same model, prompt, options and seed give the same answer.
      """)

  @Argument(help: ArgumentHelp("Model directory, or run directory.", valueName: "model"))
  var path: String
  @OptionGroup var prompt: PromptOptions
  @Option(
    help: ArgumentHelp(
      "Base of an adapter's directory; without it the one that the adapter names.",
      valueName: "dir"))
  var base: String?
  @Flag(
    inversion: .prefixedNo,
    help: "Render the prompt with the model's chat template. (default: where it has one)")
  var chat: Bool?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("System message before the prompt's.", valueName: "text"))
  var system: String?
  @Option(
    help: ArgumentHelp(
      "The day that a template is told when it asks for today's, as data.chat_date.",
      valueName: "date"))
  var chatDate = "2024-07-26"
  @OptionGroup var sampling: SamplingOptions
  @Option(
    help: ArgumentHelp(
      "exact computes in f32, fast in bf16 where the processor has it.", valueName: "exact|fast"))
  var numerics = Numerics.exact
  @Option(help: ArgumentHelp("Threads; the answer does not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(name: .shortAndLong, help: "Nothing on stderr but errors.") var quiet = false
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); use 1 to 1024.")
    }
    guard TemplateDate(chatDate) != nil else {
      throw ValidationError("--chat-date is \(chatDate), which is no day; write YYYY-MM-DD.")
    }
    guard system == nil || chat != false else {
      throw ValidationError("--system is a message of a conversation, which --no-chat leaves out.")
    }
  }

  func run() throws {
    guard let date = TemplateDate(chatDate) else { preconditionFailure("validate() refuses that") }
    let text = try prompt.text()
    let place = try ModelPlace(path)
    if place.isOfRun, !quiet {
      Output.note(TerminalText.escaped("pipeline: asking \(place.directory)"))
    }
    let model = try AskedModel(
      directory: place.directory, base: base, chat: chat, date: date)
    guard system == nil || model.isChat else {
      throw ValidationError("--system needs a chat template, and \(path) has none.")
    }
    let tokens = try model.tokens(of: text, system: system)
    let policy = try model.policy(Compute(threads: threads))
    let interruption = Interruption()
    var answer = StreamedAnswer(
      model, promptTokens: tokens.count, limit: sampling.maxTokens,
      output: options.json ? nil : options.output)
    do {
      try policy.with(numerics) {
        try sample(policy, tokens, sampling.settings(for: model), interruption) {
          answer.append($0)
        }
      }
    } catch let error as PolicyError where error.code == .cancelled {
      // What came is shown, and the exit code says that more would have.
    }
    answer.finish()
    if options.json { try options.output.json(answer.report) }
    if !quiet { Output.note(answer.line) }
    if let status = interruption.status { throw ExitCode(status.rawValue) }
  }

  private func sample(
    _ policy: Policy, _ prompt: [Int32], _ settings: SamplingSettings,
    _ interruption: Interruption, onToken: (Int32) -> Void
  ) throws {
    _ = try policy.generate(
      [GenerationRequest(group: 0, prompt: prompt, rollouts: 1)], sampling: settings,
      stream: RandomStream(seed: sampling.seed, purpose: .rollout),
      isCancelled: { interruption.status != nil }, onToken: { onToken($2) })
  }
}

/// Where the prompt comes from.
struct PromptOptions: ParsableArguments {
  /// Bytes of a prompt: far above any model's positions.
  private static let limit = 16 << 20

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The prompt; without it and --prompt-file it is read from stdin."))
  var prompt: String?
  @Option(
    help: ArgumentHelp(
      "A file with the prompt, `-` for stdin. A line break at its end is no part of it.",
      valueName: "file"))
  var promptFile: String?

  func validate() throws {
    guard prompt == nil || promptFile == nil else {
      throw ValidationError("give --prompt or --prompt-file, not both.")
    }
    guard prompt != nil || promptFile != nil || isatty(STDIN_FILENO) == 0 else {
      throw ValidationError("there is no prompt; give --prompt TEXT or --prompt-file FILE.")
    }
  }

  func text() throws -> String {
    let text = try prompt ?? contents()
    guard !text.isEmpty else {
      throw StageError(
        .badRun, at: place, "the prompt is empty", remedy: "Ask something with --prompt TEXT.")
    }
    return text
  }

  private var place: String {
    if prompt != nil { return "--prompt" }
    return promptFile.flatMap { $0 == "-" ? nil : $0 } ?? "stdin"
  }

  private func contents() throws -> String {
    let bytes: [UInt8]
    if place == "stdin" {
      bytes = Array(try FileHandle.standardInput.read(upToCount: Self.limit + 1) ?? Data())
      guard bytes.count <= Self.limit else { throw unreadable("it has over \(Self.limit) bytes") }
    } else {
      do { bytes = try RegularFile.read(place, limit: Self.limit) } catch {
        throw unreadable(error.description)
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw unreadable("it is not UTF-8")
    }
    // As a shell's substitution leaves out what editors and `echo` put there.
    return text.unicodeScalars.last == "\n" ? String(text.unicodeScalars.dropLast()) : text
  }

  private func unreadable(_ problem: String) -> StageError {
    StageError(
      .badRun, at: place, "the prompt cannot be read: \(problem)",
      remedy: "Name a text file, or give the prompt with --prompt.")
  }
}

/// How the answer is drawn.
struct SamplingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Most tokens of the answer.", valueName: "n")) var maxTokens = 512
  @Option(
    help: ArgumentHelp(
      "Divides the logits; 1 is the model's own distribution, 0 takes the likeliest token.",
      valueName: "t"))
  var temperature: Float = 1
  @Option(help: ArgumentHelp("Draw from the k likeliest tokens; 0 is off.", valueName: "k"))
  var topK = 0
  @Option(
    help: ArgumentHelp("Draw from the fewest tokens with this mass; 1 is off.", valueName: "p"))
  var topP: Float = 1
  @Option(
    help: ArgumentHelp(
      "Draw from tokens with this part of the largest probability; 0 is off.", valueName: "p"))
  var minP: Float = 0
  @Option(help: "Another seed gives another answer.") var seed: UInt64 = 0

  func validate() throws {
    func refuse(_ name: String, _ value: Any, _ use: String) -> ValidationError {
      ValidationError("--\(name) is \(value); use \(use).")
    }
    guard (1...1_048_576).contains(maxTokens) else {
      throw refuse("max-tokens", maxTokens, "1 to 1048576")
    }
    guard temperature >= 0, temperature.isFinite else {
      throw refuse("temperature", temperature, "a number from 0 up")
    }
    guard topK >= 0 else { throw refuse("top-k", topK, "0 or more") }
    guard topP > 0, topP <= 1 else { throw refuse("top-p", topP, "a number above 0, at most 1") }
    guard minP >= 0, minP <= 1 else { throw refuse("min-p", minP, "a number from 0 to 1") }
  }

  func settings(for model: AskedModel) -> SamplingSettings {
    SamplingSettings(
      temperature: temperature, topK: topK, topP: topP, minP: minP, stopIDs: model.stopIDs,
      maximumTokens: maxTokens, tokenLimit: model.tokenizer.count)
  }
}

extension Numerics: ExpressibleByArgument {}
