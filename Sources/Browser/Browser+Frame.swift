import Inspector
import Stages

extension Browser {
  /// The screen: as many lines as it has rows, none wider than it, with colours where it has them.
  public var frame: [String] {
    let body: [String] =
      switch mode {
      case .help: Self.help
      case .choosing(let cursor): fields(cursor)
      case .browsing, .typing: panes
      }
    var lines = [header] + body.prefix(height)
    while lines.count < height + 1 { lines.append("") }
    lines.append(footer)
    return lines.prefix(rows).map { StyledLine.fitted($0, to: columns) }
  }

  /// Rows between header and footer.
  var height: Int { max(1, rows - 2) }
  private var listWidth: Int { min(30, max(12, columns / 3)) }
  var detailWidth: Int { max(10, columns - listWidth - 3) }

  private var header: String {
    guard let steps else {
      return bold("\(TerminalText.escaped(run.directory.path))  no groups yet")
    }
    return bold(TerminalText.escaped(run.directory.path))
      + "  step \(step) of \(steps.lowerBound)–\(steps.upperBound)  \(groups.count) groups  "
      + "by \(order.rawValue)" + (isReversed ? " ↑" : "")
  }

  private var footer: String {
    switch mode {
    case .typing(let text): "/" + TerminalText.escaped(text) + "▏"
    case .choosing: dim("j k move, space shows or hides, any other key is done")
    case .help: dim("any key is done")
    case .browsing:
      message.map { TerminalText.escaped($0) }
        ?? dim("n/p step  l/h group  j/k rollout  ↑↓ scroll  / find  s sort  f fields  ? q")
    }
  }

  private var panes: [String] {
    let list = list
    let first = scroll
    return (0..<height).map { row in
      let left = StyledLine.fitted(row < list.count ? list[row] : "", to: listWidth)
      let gap = String(repeating: " ", count: max(0, listWidth - StyledLine.width(of: left)))
      let lines = detail?.lines ?? []
      let line = first + row
      let right = line < lines.count ? text(of: lines[line]) : ""
      return left + gap + " │ " + right
    }
  }

  private func text(of line: Detail.Line) -> String {
    if line.isHeading { return bold(line.text) }
    let wanted = TerminalText.escaped(pattern)
    // A line of token colours has its own.
    guard !wanted.isEmpty, hasColor, !line.text.unicodeScalars.contains("\u{1B}") else {
      return line.text
    }
    return line.text.replacing(wanted, with: "\u{1B}[7m\(wanted)\u{1B}[0m")
  }

  /// The groups around the selected one.
  private var list: [String] {
    let start = min(max(0, place - height / 2), max(0, groups.count - height))
    let digits = groups.map { "\($0.group)".count }.max() ?? 0
    return groups.indices.dropFirst(start).prefix(height).map { index in
      let group = groups[index]
      let number = "\(group.group)"
      let padding = String(repeating: " ", count: digits - number.count)
      let solved = group.solved.flatMap { solved in group.total.map { "\(solved)/\($0)" } } ?? "–"
      let marks = group.rewards.map(RewardMark.mark)
      let isSelected = index == place
      let shown = marks.enumerated().map { place, mark in
        isSelected && place == rollout ? "[\(mark)]" : mark
      }
      let line = "\(isSelected ? "›" : " ")\(padding)\(number) \(solved) \(shown.joined())"
      return isSelected ? bold(StyledLine.fitted(line, to: listWidth)) : line
    }
  }

  private func fields(_ cursor: Int) -> [String] {
    ["", "  show of a group"]
      + Field.allCases.enumerated().map { index, field in
        let line =
          "  \(index == cursor ? "›" : " ") [\(hidden.contains(field) ? " " : "x")] \(field.rawValue)"
        return index == cursor ? bold(line) : line
      }
  }

  private func bold(_ text: String) -> String { hasColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
  private func dim(_ text: String) -> String { hasColor ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

  private static let help = [
    "", "  n p         next and previous step", "  l h   J K   next and previous group",
    "  j k         next and previous rollout", "  g G         first and last group of the step",
    "  ↑ ↓         scroll; space and b by pages",
    "  /           find a text from here on, in all steps",
    "              Enter alone finds the last one again, Esc leaves",
    "  s S         sort the groups by the next key; the other way round",
    "  f           choose what is shown of a group",
    "  t           colour the tokens: log p, entropy, advantage",
    "  Ctrl-L      draw again", "  q           leave", "",
    "  ● 1   ○ 0   ◐ between   ± other   ! the verifier had an error",
    "  [ ] around a mark: the rollout that is shown",
  ]
}
