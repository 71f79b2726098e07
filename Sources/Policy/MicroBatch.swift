import Operators

/// Some whole groups as packed rows: each prompt once, then its responses without their last token,
/// whose logits nothing needs. The prompt's last row scores the first token of every response.
struct MicroBatch {
  var rows = PackedRows()
  var headRows: [HeadRow] = []
  var targets: [HeadTarget] = []

  /// Rows at which a micro-batch is full. Large enough for fast products, small enough that the
  /// rows of a layer stay in the last-level cache. Fixed: the cut decides the order of sums.
  static let fullRows = 1024
  /// Rows that a group may have in one micro-batch; of a larger one each gets a run of responses, or
  /// one, and the prompt again. It bounds the memory of a step whatever the size of the groups.
  static let mostRows = 4096

  /// Cuts `groups` into micro-batches by their index and size alone.
  static func cut(_ groups: [TrainingGroup]) -> [MicroBatch] {
    var all: [MicroBatch] = []
    var current = MicroBatch()
    var token = 0
    for group in groups.lazy.flatMap(parts) {
      let rows = rows(of: group)
      if current.rows.count > 0, current.rows.count + rows > fullRows {
        all.append(current)
        current = MicroBatch()
      }
      current.append(group, firstToken: token)
      token += group.responses.reduce(0) { $0 + $1.count }
    }
    if current.rows.count > 0 { all.append(current) }
    return all
  }

  private static func rows(of group: TrainingGroup) -> Int {
    group.responses.reduce(group.prompt.count) { $0 + max($1.count - 1, 0) }
  }

  /// A group, or what its responses are cut into where they are too many rows.
  private static func parts(of group: TrainingGroup) -> [TrainingGroup] {
    guard rows(of: group) > mostRows else { return [group] }
    var parts: [TrainingGroup] = []
    var part = TrainingGroup(prompt: group.prompt, responses: [])
    for response in group.responses {
      let whole = TrainingGroup(prompt: part.prompt, responses: part.responses + [response])
      if !part.responses.isEmpty, rows(of: whole) > mostRows {
        parts.append(part)
        part.responses = [response]
      } else {
        part = whole
      }
    }
    return parts + [part]
  }

  /// - Parameter firstToken: index of the group's first response token among all of the call.
  private mutating func append(_ group: TrainingGroup, firstToken: Int) {
    let first = rows.count
    rows.groups.append(
      RowGroup(
        firstRow: first, promptRows: group.prompt.count, responses: group.responses.count,
        firstResponse: rows.responseRows.count))
    rows.tokens += group.prompt
    rows.positions += (0..<group.prompt.count).map { Int32($0) }
    var begin = targets.count
    var token = firstToken
    for response in group.responses {
      if let opening = response.first { targets.append(HeadTarget(index: token, token: opening)) }
      token += response.count
    }
    if targets.count > begin {
      headRows.append(HeadRow(row: first + group.prompt.count - 1, targets: begin..<targets.count))
    }
    token = firstToken
    for response in group.responses {
      for (index, next) in response.enumerated().dropFirst() {
        begin = targets.count
        targets.append(HeadTarget(index: token + index, token: next))
        headRows.append(HeadRow(row: rows.count, targets: begin..<begin + 1))
        rows.tokens.append(response[index - 1])
        rows.positions.append(Int32(group.prompt.count + index - 1))
      }
      token += response.count
      rows.responseRows.append(max(response.count - 1, 0))
    }
  }
}
