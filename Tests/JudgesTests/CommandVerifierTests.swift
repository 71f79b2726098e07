import Foundation
import Judges
import Records
import Testing
import Verifiers

/// Programs in the shell's language, whose conduct depends on what the response says.
@Suite struct CommandVerifierTests {
  /// Answers by the response; every start is a line in `starts`.
  private static func program(_ scratch: Scratch) throws -> [String] {
    let script = try scratch.write(
      #"""
      echo start >> "$1/starts"
      while IFS= read -r line; do
        id=$(printf '%s' "$line" | sed 's/.*"id":"\([0-9]*\)".*/\1/')
        case "$line" in
          *'"response":"right'*'"source":"tests"'*) echo '{"id":"'$id'","reward":1,"components":{"accuracy":1,"style":0.5},"reason":"it is","extracted":"right"}' ;;
          *'"response":"wrong'*) echo '{"id":"'$id'","reward":0}' ;;
          *'"response":"refuse'*) echo '{"id":"'$id'","error":"no idea"}' ;;
          *'"response":"other'*) echo '{"id":"x","reward":1}' ;;
          *'"response":"nobody'*) echo '{"reward":1}' ;;
          *'"response":"text'*) echo 'Traceback' ;;
          *'"response":"more'*) echo '{"id":"'$id'","reward":1,"rewrad":2}' ;;
          *'"response":"infinite'*) echo '{"id":"'$id'","reward":1e999}' ;;
          *'"response":"once'*) if [ -e "$1/once" ]; then echo '{"id":"'$id'","reward":0.25}'; else touch "$1/once"; exit 3; fi ;;
          *'"response":"die'*) echo 'Segmentation what' >&2; exit 7 ;;
          *'"response":"hang'*) sleep 100 ;;
          *'"response":"flood'*) head -c 3000000 /dev/zero | tr '\0' x ;;
        esac
      done
      """#, to: "program.sh")
    return ["sh", script, scratch.path]
  }

  private static func make(_ scratch: Scratch, workers: Int = 1, seconds: Double = 30) throws
    -> any Verifier
  {
    let parameters = VerifierParameters([
      "program": .texts(try program(scratch)), "workers": .integer(workers),
      "timeout_seconds": .number(seconds),
    ])
    return try Verifiers.make(
      [VerifierPart("command", parameters: parameters)], VerifierContext(outside: Judges.make))
  }

  private static func ask(_ verifier: any Verifier, _ response: String) -> Verdict {
    verifier.verify(response: response, prompt: .asking("1 + 1?", "2"), finish: .stop)
  }

  @Test func whatTheProgramSaysIsTheVerdict() throws {
    let scratch = try Scratch()
    let verifier = try Self.make(scratch)
    try verifier.prepare()
    let right = Self.ask(verifier, "right, it \"is\"\n")
    #expect(right.reward == 1 && right.isRight && right.critique == "it is")
    #expect(right.extracted == "right" && right.rule == "command")
    #expect(
      right.outcome
        == .scored(
          reward: 1,
          components: [
            RewardComponent(name: "accuracy", value: 1), RewardComponent(name: "style", value: 0.5),
          ]))
    #expect(Self.ask(verifier, "wrong").reward == 0)
    #expect(Self.ask(verifier, "refuse").failure == "command: no idea")
    #expect(!verifier.isRepeatable && verifier.asking == .atOnce(1))
    #expect(try scratch.lines(of: "starts").count == 1, "one process answers all")
  }

  @Test(arguments: [
    ("other", "answered x"), ("nobody", "no id"), ("text", "not a line of JSON"),
    ("more", "unknown field rewrad"), ("infinite", "out of range"), ("flood", "over 1048576 bytes"),
    ("die", "exit 7, \"Segmentation what\""),
  ])
  func whatIsNoAnswerIsAnErrorOfThatResponseAlone(response: String, problem: String) throws {
    let scratch = try Scratch()
    let verifier = try Self.make(scratch)
    let verdict = Self.ask(verifier, response)
    #expect(verdict.failure?.contains(problem) == true, "\(verdict)")
    #expect(Self.ask(verifier, "right").reward == 1)
  }

  @Test func aProgramThatDiesIsStartedAgainAndAskedAgain() throws {
    let scratch = try Scratch()
    let verifier = try Self.make(scratch)
    #expect(Self.ask(verifier, "once").reward == 0.25)
    #expect(try scratch.lines(of: "starts").count == 2)
    #expect(Self.ask(verifier, "die").failure?.contains("ended 3 times") == true)
    #expect(Self.ask(verifier, "wrong").reward == 0)
    // The second start died at the first "die"; two more did; the next is the last.
    #expect(try scratch.lines(of: "starts").count == 5)
  }

  @Test func anAnswerThatDoesNotComeInTimeIsAnError() throws {
    let scratch = try Scratch()
    let verifier = try Self.make(scratch, seconds: 0.3)
    #expect(Self.ask(verifier, "hang").failure == "command: no answer within 0.3 s")
    #expect(Self.ask(verifier, "right").reward == 1)
  }

  @Test func stoppingLetsGoOfWhatIsWaitedFor() throws {
    let scratch = try Scratch()
    let verifier = try Self.make(scratch)
    let began = ContinuousClock().now
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.2)
      verifier.stop()
    }
    #expect(Self.ask(verifier, "hang").reward == nil)
    #expect(began.duration(to: ContinuousClock().now) < .seconds(20))
    #expect(Self.ask(verifier, "right").reward == 1, "it can be asked again")
  }

  @Test func aProgramThatIsNotThereIsFoundOutBefore() throws {
    let parameters = VerifierParameters(["program": .texts(["no-such-program-here"])])
    let verifier = try Judges.make("command", parameters, VerifierContext())
    #expect(throws: JudgeError.self) { try verifier.prepare() }
    #expect(Self.ask(verifier, "right").failure?.contains("No such file") == true)
    #expect(throws: VerifierError.self) {
      try Judges.make("command", VerifierParameters(), VerifierContext())
    }
    #expect(throws: VerifierError.self, "nothing outside can be asked") {
      try Verifiers.make([VerifierPart("command", parameters: parameters)])
    }
  }
}
