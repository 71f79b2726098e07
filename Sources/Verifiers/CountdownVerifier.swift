import Foundation
public import Records

/// The expression reaches the target with +, −, × and ÷ from the given numbers, each used exactly
/// once.
///
/// The ground truth is `{"numbers": [3, 5, 8], "target": 37}`. The expression stands in the last
/// `<answer>…</answer>`, else on the line after the last `####`. It is parsed here, never evaluated as
/// code: whole numbers, the four operations, brackets; no power, no floor division, no
/// juxtaposition, no decimal point, no equation, and a sign only before a given negative number.
public struct CountdownVerifier: Verifier {
  public let name = "countdown"

  public init() {}

  private struct Question: Decodable {
    var numbers: [Int]
    var target: Int
  }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let question: Question
    do {
      question = try JSONDecoder().decode(Question.self, from: Data(prompt.groundTruth.utf8))
    } catch {
      return .unreadable(groundTruth: "is not {\"numbers\": […], \"target\": …}")
    }
    guard !question.numbers.isEmpty, Self.isExact(question.numbers) else {
      return .unreadable(groundTruth: "has no numbers, or such whose product passes 126 bits")
    }
    let text = Bytes(response)
    guard let extracted = find(text) else {
      return .scored(false, rule: "no-answer", extracted: nil, response: text, format: false)
    }
    if finish == .length, extracted.span.upperBound == text.count {
      return .scored(
        false, rule: "\(extracted.rule)-cut", extracted: extracted, response: text, format: false)
    }
    let (ending, isRight) = judge(extracted.span, text, question)
    return .scored(
      isRight, rule: "\(extracted.rule)-\(ending)", extracted: extracted, response: text,
      format: ending != "not-an-expression")
  }

  private func find(_ text: Bytes) -> Extracted? {
    if let end = text.last("</answer>", in: text.all),
      let start = text.last("<answer>", in: 0..<end)
    {
      return Extracted(span: text.trimmed(start + 8..<end), rule: "answer-tag")
    }
    guard let marker = text.last("####", in: text.all) else { return nil }
    return Extracted(span: text.trimmed(text.line(from: marker + 4)), rule: "marker")
  }

  private func judge(
    _ span: Range<Int>, _ text: Bytes, _ question: Question
  ) -> (String, Bool) {
    var parser = ArithmeticParser(text: text, span: span)
    guard let expression = parser.parse() else { return ("not-an-expression", false) }
    guard parser.numbers.sorted() == question.numbers.sorted() else {
      return ("other-numbers", false)
    }
    guard let value = expression.value() else { return ("division-by-zero", false) }
    return value.equals(question.target) ? ("reached", true) : ("missed", false)
  }

  /// Whether every expression that uses each number once stays within 127 bits: with
  /// S = |numerator| + |denominator|, S of a sum, difference, product or quotient is at most the
  /// product of the parts' S, and S of a number n is |n| + 1.
  private static func isExact(_ numbers: [Int]) -> Bool {
    var bound: UInt128 = 1
    for number in numbers {
      let (product, overflow) = bound.multipliedReportingOverflow(
        by: UInt128(number.magnitude) + 1)
      guard !overflow, product < 1 << 126 else { return false }
      bound = product
    }
    return true
  }
}

/// A fraction, not reduced; see `CountdownVerifier.isExact` for why nothing overflows.
struct Fraction {
  var numerator: Int128
  /// Not 0; may be negative.
  var denominator: Int128

  func equals(_ whole: Int) -> Bool {
    let (product, overflow) = denominator.multipliedReportingOverflow(by: Int128(whole))
    // The numerator fits in 127 bits, so a product that does not is another number.
    return !overflow && product == numerator
  }
}

/// Whole numbers under the four operations.
indirect enum ArithmeticExpression {
  case number(Int)
  case operation(ArithmeticOperator, ArithmeticExpression, ArithmeticExpression)

  /// Nil if it divides by 0.
  func value() -> Fraction? {
    switch self {
    case .number(let number): return Fraction(numerator: Int128(number), denominator: 1)
    case .operation(let symbol, let left, let right):
      guard let a = left.value(), let b = right.value() else { return nil }
      switch symbol {
      case .add:
        return Fraction(
          numerator: a.numerator * b.denominator + b.numerator * a.denominator,
          denominator: a.denominator * b.denominator)
      case .subtract:
        return Fraction(
          numerator: a.numerator * b.denominator - b.numerator * a.denominator,
          denominator: a.denominator * b.denominator)
      case .multiply:
        return Fraction(
          numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator)
      case .divide:
        guard b.numerator != 0 else { return nil }
        return Fraction(
          numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator)
      }
    }
  }
}

enum ArithmeticOperator: Equatable {
  case add, subtract, multiply, divide
}
