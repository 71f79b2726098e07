import Queue
public import Records
import Stages
import Tokenizer
public import Verifiers

/// A search through the texts of a run's groups.
public struct TextSearch: Sendable {
  /// Which of a group's texts.
  public enum Place: String, Sendable, CaseIterable, Encodable {
    case prompt
    case groundTruth = "truth"
    case demonstration
    case rollout
    /// What a verifier wrote about a rollout.
    case critique
  }

  /// A line that matches.
  public struct Match: Sendable, Equatable, Encodable {
    public var group: GroupID
    public var step: UInt64
    public var place: Place
    /// Of the demonstration or rollout in its group.
    public var index: Int
    /// From 1.
    public var line: Int
    /// Of the line's first match, in UTF-8 bytes from the line's start.
    public var offset: Int
    /// The line, or what stands around its first match where it is long.
    public var excerpt: String
    /// Whether the line goes on before and behind the excerpt.
    public var isCutBefore: Bool
    public var isCutAfter: Bool
    /// UTF-8 offsets in `excerpt`, ends excluded.
    public var spans: [[Int]]
  }

  public var pattern: TextPattern
  public var places: Set<Place>
  public var steps: ClosedRange<UInt64>?

  public init(
    _ pattern: TextPattern, places: Set<Place> = Set(Place.allCases),
    steps: ClosedRange<UInt64>? = nil
  ) {
    self.pattern = pattern
    self.places = places
    self.steps = steps
  }

  /// The lines of a text that match.
  ///
  /// - Returns: with the number of lines that were not searched to their end.
  func lines(of text: String) -> (lines: [Line], unfinished: Int) {
    var lines: [Line] = []
    var unfinished = 0
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let found = pattern.search(String(line))
      if !found.isComplete { unfinished += 1 }
      guard !found.ranges.isEmpty else { continue }
      lines.append(Line(number: number + 1, text: line, ranges: found.ranges))
    }
    return (lines, unfinished)
  }

  struct Line {
    /// Bytes of an excerpt, and of them what stands before the first match.
    private static let length = 320
    private static let lead = 80

    let number: Int
    let text: Substring
    /// UTF-8 offsets in `text`; not empty.
    let ranges: [Range<Int>]

    /// What stands around the first match: cut between characters, with the matches in it.
    var excerpt: (text: String, start: Int, end: Int, spans: [[Int]]) {
      let bytes = text.utf8
      let start = boundary(max(0, ranges[0].lowerBound - Self.lead), down: true)
      let end = boundary(min(bytes.count, start + Self.length), down: false)
      let piece = text[index(start)..<index(end)]
      let spans = ranges.filter { $0.lowerBound < end && $0.upperBound > start }.map {
        [max($0.lowerBound, start) - start, min($0.upperBound, end) - start]
      }
      return (String(piece), start, end, spans)
    }

    private func index(_ offset: Int) -> String.Index {
      text.utf8.index(text.startIndex, offsetBy: offset)
    }

    /// The nearest place at which no scalar is cut.
    private func boundary(_ offset: Int, down: Bool) -> Int {
      var offset = offset
      while offset > 0, offset < text.utf8.count,
        text.utf8[index(offset)] & 0xC0 == 0x80
      { offset += down ? -1 : 1 }
      return offset
    }
  }
}

extension StoredRun {
  /// Goes through the groups in order, with short transactions.
  ///
  /// - Parameter body: says whether to go on.
  /// - Returns: how many lines were too dear for the pattern to be searched to their end.
  public func search(_ search: TextSearch, _ body: (TextSearch.Match) throws -> Bool) throws -> Int
  {
    let tokenizer =
      search.places.contains(.rollout) || search.places.contains(.demonstration)
      ? try tokenizer() : nil
    let start = try search.steps.map { try firstGroup(ofStep: $0.lowerBound) } ?? 0
    var unfinished = 0
    try forEachGroup(from: start) { records in
      if let steps = search.steps, records.prompt.step > steps.upperBound { return false }
      for text in records.texts(search.places, tokenizer) {
        let (lines, open) = search.lines(of: text.text)
        unfinished += open
        for line in lines {
          let match = TextSearch.Match(records, text.place, text.index, line)
          guard try body(match) else { return false }
        }
      }
      return true
    }
    return unfinished
  }
}

extension TextSearch.Match {
  fileprivate init(
    _ records: GroupRecords, _ place: TextSearch.Place, _ index: Int, _ line: TextSearch.Line
  ) {
    let excerpt = line.excerpt
    self.init(
      group: records.group, step: records.prompt.step, place: place, index: index,
      line: line.number, offset: line.ranges[0].lowerBound, excerpt: excerpt.text,
      isCutBefore: excerpt.start > 0, isCutAfter: excerpt.end < line.text.utf8.count,
      spans: excerpt.spans)
  }
}

extension GroupRecords {
  /// The texts of the group in these places, decoded one by one.
  fileprivate func texts(
    _ places: Set<TextSearch.Place>, _ tokenizer: Tokenizer?
  ) -> [(place: TextSearch.Place, index: Int, text: String)] {
    var texts: [(place: TextSearch.Place, index: Int, text: String)] = []
    func add(_ place: TextSearch.Place, _ all: [String?]) {
      guard places.contains(place) else { return }
      for case (let index, let text?) in all.enumerated() { texts.append((place, index, text)) }
    }
    func decoded(_ trajectories: [Trajectory]) -> [String] {
      trajectories.map { tokenizer?.decode($0.tokens, skipSpecials: true) ?? "" }
    }
    add(.prompt, [prompt.prompt.text])
    add(.groundTruth, [prompt.prompt.groundTruth])
    if places.contains(.demonstration) {
      let tokenised = rollouts.map { decoded($0.demonstrations) }
      add(.demonstration, tokenised ?? prompt.prompt.demonstrations)
    }
    if places.contains(.rollout) { add(.rollout, decoded(rollouts?.rollouts ?? [])) }
    add(.critique, (verdicts ?? []).map(\.critique))
    return texts
  }
}
