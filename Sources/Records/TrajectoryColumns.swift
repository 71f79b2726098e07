/// A trajectory as it stands in a record beside its numbers: how many there are of each.
struct TrajectoryOutline {
  var count: Int
  var finish: FinishReason
  var hasLogProbabilities: Bool
  var spans: [Span]
  /// Places among the record's names.
  var quantities: [Int]

  /// Bits of the byte that says what is not spelled out; `FinishReason` has those below.
  fileprivate static let logProbabilities: UInt8 = 0x10
  fileprivate static let oneSpan: UInt8 = 0x20
  /// Numbers of which there are not as many as tokens: no reader takes them.
  fileprivate static let disagreeing: UInt8 = 0x40

  init(from reader: inout ByteReader, names: Int) throws(RecordError) {
    // Itself once more, in the list of all, and the trajectory that it becomes, twice.
    try reader.charge(3, of: MemoryLayout<Trajectory>.stride)
    count = try reader.number(limit: ByteReader.memoryLimit)
    let flags = try reader.byte()
    guard flags & Self.disagreeing == 0 else {
      throw RecordError(problem: "not as many numbers as its trajectory's \(count) tokens")
    }
    guard flags < Self.disagreeing, let reason = FinishReason(rawValue: flags & 0x0F) else {
      throw RecordError(problem: "trajectory has unknown flags \(flags)")
    }
    finish = reason
    hasLogProbabilities = flags & Self.logProbabilities != 0
    if flags & Self.oneSpan != 0 {
      try reader.charge(1, of: MemoryLayout<Span>.stride)
      spans = [Span(count: count)]
    } else {
      // No span is longer than the trajectory, so that their sum cannot wrap around.
      let longest = count
      spans = try reader.array { (reader: inout ByteReader) throws(RecordError) in
        guard let role = Role(rawValue: try reader.byte()) else {
          throw RecordError(problem: "span has an unknown role")
        }
        return Span(
          role: role, trained: try reader.bool(), count: try reader.number(limit: longest))
      }
      try RecordError.require(spans != [Span(count: count)], "a lone span is spelled out")
    }
    quantities = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      let place = try reader.number()
      try RecordError.require(place < names, "quantity \(place) of \(names)")
      return place
    }
    // No tokens have no log-probabilities in one way alone.
    try RecordError.require(
      count > 0 || !hasLogProbabilities, "log-probabilities of no tokens")
  }
}

extension Trajectory {
  /// What `TrajectoryOutline` reads.
  func encodeOutline(to writer: inout ByteWriter, names: [String]) {
    let agrees =
      (logProbabilities.isEmpty || logProbabilities.count == tokens.count)
      && quantities.allSatisfy { $0.values.count == tokens.count }
    let isOneSpan = spans.count == 1 && spans[0] == Span(count: tokens.count)
    writer.put(count: tokens.count)
    writer.put(
      finish.rawValue | (logProbabilities.isEmpty ? 0 : TrajectoryOutline.logProbabilities)
        | (isOneSpan ? TrajectoryOutline.oneSpan : 0)
        | (agrees ? 0 : TrajectoryOutline.disagreeing))
    if !isOneSpan {
      writer.put(array: spans) {
        $0.put($1.role.rawValue)
        $0.put($1.trained)
        $0.put(count: $1.count)
      }
    }
    writer.put(array: quantities) { writer, quantity in
      writer.put(count: names.firstIndex(of: quantity.name) ?? names.count)
    }
  }
}

/// The numbers of a record's trajectories, as columns: see `ByteWriter.put(tokenColumn:)`.
enum TrajectoryColumns {
  /// The names of all quantities, in the order in which they first occur.
  static func names(of lists: [[Trajectory]]) -> [String] {
    var names: [String] = []
    for list in lists {
      for trajectory in list where !trajectory.quantities.isEmpty {
        for quantity in trajectory.quantities where !names.contains(quantity.name) {
          names.append(quantity.name)
        }
      }
    }
    return names
  }

  static func encode(
    _ prompt: [Int32], _ lists: [[Trajectory]], quantities names: [String],
    to writer: inout ByteWriter
  ) {
    var tokens = Column(room: lists.reduce(prompt.count) { $1.reduce($0) { $0 + $1.tokens.count } })
    tokens.add(prompt) { UInt32(bitPattern: $0) }
    var logProbabilities = Column(
      room: lists.reduce(0) { $1.reduce($0) { $0 + $1.logProbabilities.count } })
    for list in lists {
      for trajectory in list {
        tokens.add(trajectory.tokens) { UInt32(bitPattern: $0) }
        logProbabilities.add(trajectory.logProbabilities, \.bitPattern)
      }
    }
    writer.put(tokenColumn: tokens.words)
    writer.put(floatColumn: logProbabilities.words)
    for name in names {
      let all = lists.flatMap { $0.compactMap { $0.quantity(name) } }
      var values = Column(room: all.reduce(0) { $0 + $1.count })
      for part in all { values.add(part, \.bitPattern) }
      writer.put(floatColumn: values.words)
    }
  }

  /// Prompt and trajectories from their outlines and the columns that follow.
  static func decode(
    _ promptLength: Int, _ outlines: [[TrajectoryOutline]], quantities names: [String],
    from reader: inout ByteReader
  ) throws(RecordError) -> (prompt: [Int32], lists: [[Trajectory]]) {
    if !names.isEmpty { try requireOrder(of: names, in: outlines) }
    func count(_ length: (TrajectoryOutline) -> Int) -> Int {
      outlines.reduce(0) { $1.reduce($0) { $0 + length($1) } }
    }
    var tokens = Column(try reader.tokenColumn(promptLength + count(\.count)))
    var logProbabilities = Column(
      try reader.floatColumn(count { $0.hasLogProbabilities ? $0.count : 0 }))
    var values: [Column] = []
    for place in names.indices {
      values.append(
        Column(try reader.floatColumn(count { $0.quantities.contains(place) ? $0.count : 0 })))
    }
    let prompt = tokens.next(promptLength) { Int32(bitPattern: $0) }
    let lists = outlines.map { list in
      list.map { outline in
        Trajectory(
          tokens: tokens.next(outline.count) { Int32(bitPattern: $0) }, spans: outline.spans,
          logProbabilities: outline.hasLogProbabilities
            ? logProbabilities.next(outline.count) { Float(bitPattern: $0) } : [],
          finish: outline.finish,
          quantities: outline.quantities.map { place in
            RecordedQuantity(
              name: names[place],
              values: values[place].next(outline.count) { Float(bitPattern: $0) })
          })
      }
    }
    return (prompt, lists)
  }

  /// Names stand in the order of their first use, each once and none in vain.
  private static func requireOrder(
    of names: [String], in outlines: [[TrajectoryOutline]]
  ) throws(RecordError) {
    guard Set(names).count == names.count else {
      throw RecordError(problem: "a quantity is named twice")
    }
    var used = 0
    for outline in outlines.joined() where !outline.quantities.isEmpty {
      try RecordError.require(
        Set(outline.quantities).count == outline.quantities.count, "a quantity is recorded twice")
      for place in outline.quantities where place >= used {
        try RecordError.require(
          place == used, "quantities are not named in the order of their use")
        used += 1
      }
    }
    try RecordError.require(used == names.count, "a quantity is named in vain")
  }

  /// A column that is put together, or taken apart again, from its start.
  private struct Column {
    private(set) var words: [UInt32]
    private var start = 0

    init(_ words: [UInt32]) { self.words = words }
    init(room: Int) { words = [UInt32](repeating: 0, count: room) }

    @inline(__always)
    mutating func add<Number>(_ numbers: [Number], _ word: (Number) -> UInt32) {
      let first = start
      let count = numbers.count
      var output = words.mutableSpan
      // Said once here, so that the loop need not ask.
      precondition(first >= 0 && first <= output.count && count <= output.count - first)
      let numbers = numbers.span
      for index in 0..<count { output[first &+ index] = word(numbers[index]) }
      start = first + count
    }

    @inline(__always)
    mutating func next<Number: ExpressibleByIntegerLiteral>(
      _ count: Int, _ number: (UInt32) -> Number
    ) -> [Number] {
      let first = start
      start = first + count
      let part = words.span.extracting(first..<first + count)
      var numbers = [Number](repeating: 0, count: count)
      var output = numbers.mutableSpan
      for index in 0..<count { output[index] = number(part[index]) }
      return numbers
    }
  }
}
