/// What a comparison of two texts found.
public enum ComparisonResult: Sendable, Equatable {
  case equal(EqualityKind)
  case different
  /// The answer is no mathematics and not the gold's text, or has no value.
  case unreadableAnswer
  /// The answer passes ``Limits``: it is hostile or beside the point.
  case costlyAnswer
  /// The gold passes ``Limits``, and the answer is not the same text.
  case costlyGold
}

/// Compares an answer with a gold, both in LaTeX or plain mathematics.
public struct AnswerComparison: Sendable {
  private let options: ComparisonOptions
  private let operations: Int

  /// - Parameter operations: the budget of one comparison.
  public init(
    options: ComparisonOptions = ComparisonOptions(), operations: Int = Limits.operations
  ) {
    self.options = options
    self.operations = operations
  }

  /// Whether a text has a meaning as mathematics, so that it need not be searched for one.
  public func reads(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= Limits.textBytes else { return false }
    do throws(MathematicsError) {
      var parser = try Parser(bytes, commas: .thousands, budget: Budget(operations: operations))
      _ = try parser.parse()
      return true
    } catch { return false }
  }

  /// Bounded by two budgets, one for each side, and linear in the lengths of the texts.
  public func compare(gold: [UInt8], answer: [UInt8]) -> ComparisonResult {
    guard answer.count <= Limits.foldedBytes else { return .costlyAnswer }
    guard gold.count <= Limits.foldedBytes else { return .costlyGold }
    let budget = Budget(operations: operations)
    let (goldText, answerText) = (Fold.plain(gold[...]), Fold.plain(answer[...]))
    guard !answerText.isEmpty else { return .unreadableAnswer }
    // Equal texts need no mathematics: 9^{9^{9^9}} is itself.
    if goldText == answerText { return .equal(.text) }
    let algebra = Algebra(budget: budget)
    var golds: [Value] = []
    let goldSide: Side
    do throws(MathematicsError) {
      goldSide = try Side(gold, budget: budget)
      golds = try values(goldSide, algebra)
    } catch {
      if Fold.words(gold[...]) == Fold.words(answer[...]) { return .equal(.text) }
      return error == .budget ? .costlyGold : .different
    }
    budget.refill()
    let answerSide: Side
    do throws(MathematicsError) {
      answerSide = try Side(answer, budget: budget)
    } catch {
      if goldSide.mayBeWords, Fold.words(gold[...]) == Fold.words(answer[...]) {
        return .equal(.text)
      }
      return error == .budget ? .costlyAnswer : .unreadableAnswer
    }
    if goldSide.isText || answerSide.isText,
      Fold.words(gold[...]) == Fold.words(answer[...])
    {
      return .equal(.text)
    }
    if Words.differ(goldSide.units, answerSide.units) { return .different }
    do throws(MathematicsError) {
      let answers = try values(answerSide, algebra)
      // A gold without a value is met by its text alone, and the texts differ.
      if answers.isEmpty, !golds.isEmpty { return .unreadableAnswer }
      let equality = Equality(algebra: algebra, options: options)
      for gold in golds {
        for answer in answers {
          if let kind = try equality.kind(gold, answer) { return .equal(kind) }
        }
      }
      return .different
    } catch { return error == .budget ? .costlyAnswer : .unreadableAnswer }
  }

  /// The values of those readings that have one.
  private func values(_ side: Side, _ algebra: Algebra) throws(MathematicsError) -> [Value] {
    let evaluator = Evaluator(algebra: algebra)
    var values: [Value] = []
    for reading in side.readings {
      do throws(MathematicsError) {
        values.append(try evaluator.value(reading))
      } catch {
        if error == .budget { throw error }
      }
    }
    return values
  }
}

/// A text with its readings.
private struct Side {
  var units: [String]
  /// The usual one first; more where commas between digits allow for it.
  var readings: [Expression]

  var isText: Bool {
    if case .text = readings[0] { return true }
    return false
  }

  /// Whether the text may be a word or a name rather than mathematics.
  var mayBeWords: Bool {
    switch readings[0] {
    case .text, .symbol, .product: true
    default: false
    }
  }

  init(_ bytes: [UInt8], budget: Budget) throws(MathematicsError) {
    var usual = try Parser(bytes, commas: .thousands, budget: budget)
    do throws(MathematicsError) {
      readings = [try usual.parse()]
      units = usual.units
    } catch {
      guard error == .unreadable, Self.isDecimalComma(bytes) else { throw error }
      readings = []
      units = []
    }
    guard bytes.contains(UInt8(ascii: ",")) else { return }
    for commas in [CommaReading.list, .decimal] {
      if commas == .decimal, !Self.isDecimalComma(bytes) { continue }
      var parser = try Parser(bytes, commas: commas, budget: budget)
      let reading = try parser.parse()
      if !readings.contains(reading) { readings.append(reading) }
    }
  }

  /// `0,5` or `1000,99`, but not `1,234`, and nothing else.
  private static func isDecimalComma(_ bytes: [UInt8]) -> Bool {
    let digits = bytes.filter { !Text.isBlank($0) && $0 != UInt8(ascii: "$") }
    let parts = digits.drop { $0 == UInt8(ascii: "-") }.split(
      separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard parts.count == 2, let whole = parts.first, let places = parts.last, !whole.isEmpty,
      !places.isEmpty, whole.allSatisfy({ Text.isDigit($0) }),
      places.allSatisfy({ Text.isDigit($0) })
    else { return false }
    return places.count != 3 || whole.first == UInt8(ascii: "0") || whole.count > 3
  }
}
