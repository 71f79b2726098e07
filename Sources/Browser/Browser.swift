public import Inspector
import Records
import Verifiers

/// A run on a screen: what is looked at, and what each key does. Drawing is `frame`; nothing here
/// knows of a terminal.
public struct Browser {
  /// What a key asks of whoever drives the screen.
  public enum Request: Sendable, Equatable {
    case quit
    case suspend
    /// Draw everything anew.
    case redraw
  }

  enum Mode: Equatable {
    case browsing
    /// A search is being typed.
    case typing(String)
    /// Fields are chosen; the cursor stands on one.
    case choosing(Int)
    case help
  }

  let run: StoredRun
  let hasColor: Bool
  public internal(set) var columns: Int
  public internal(set) var rows: Int
  private(set) var steps: ClosedRange<UInt64>?
  private(set) var step: UInt64 = 0
  private(set) var groups: [GroupSummary] = []
  /// Of the group in `groups`, and of the rollout in it.
  private(set) var place = 0
  private(set) var rollout = 0
  private(set) var view: GroupView?
  private(set) var detail: Detail?
  private(set) var scroll = 0
  private(set) var mode = Mode.browsing
  private(set) var message: String?
  private(set) var order = GroupOrder.number
  private(set) var isReversed = false
  private(set) var hidden: Set<Field> = [.tags]
  private(set) var heat: Heat?
  /// What was searched for last.
  private(set) var pattern = ""

  /// - Parameter step: where to begin; nil: at the last step.
  public init(
    _ run: StoredRun, step: UInt64? = nil, columns: Int, rows: Int, hasColor: Bool
  ) throws {
    self.run = run
    self.hasColor = hasColor
    (self.columns, self.rows) = (columns, rows)
    steps = try run.steps()
    try go(to: step ?? steps?.upperBound ?? 0)
  }

  public mutating func resize(columns: Int, rows: Int) {
    (self.columns, self.rows) = (columns, rows)
    layOut(keepsScroll: true)
  }

  /// Looks again at what others have committed meanwhile; what is selected stays.
  public mutating func refresh() throws {
    let group = groups.indices.contains(place) ? groups[place].group : nil
    let (rollout, scroll) = (rollout, scroll)
    let isFirst = steps == nil
    steps = try run.steps()
    try go(to: isFirst ? steps?.upperBound ?? 0 : step)
    guard let group else { return }
    try select(groups.firstIndex { $0.group == group } ?? 0, rollout: rollout)
    self.scroll = min(scroll, lastScroll)
  }

  /// - Parameter isInterrupted: asked while a search takes long; it ends where it says so.
  public mutating func press(
    _ key: Key, isInterrupted: () -> Bool = { false }
  ) throws -> Request? {
    message = nil
    if key == .interrupt { return .quit }
    if key == .suspend { return .suspend }
    if key == .redraw { return .redraw }
    switch mode {
    case .browsing: return try browse(key)
    case .typing(let text): try type(key, text, isInterrupted)
    case .choosing(let cursor): choose(key, cursor)
    case .help: mode = .browsing
    }
    return nil
  }

  private mutating func browse(_ key: Key) throws -> Request? {
    switch key {
    case .character("q"): return .quit
    case .character("n"): try move(step: 1)
    case .character("p"): try move(step: -1)
    case .character("j"): try move(rollout: 1)
    case .character("k"): try move(rollout: -1)
    case .character("J"), .character("l"), .right: try move(group: 1)
    case .character("K"), .character("h"), .left: try move(group: -1)
    case .character("g"), .home: try select(0)
    case .character("G"), .end: try select(groups.count - 1)
    case .down, .enter: scroll = min(scroll + 1, lastScroll)
    case .up: scroll = max(0, scroll - 1)
    case .character(" "), .pageDown: scroll = min(scroll + height - 1, lastScroll)
    case .character("b"), .pageUp: scroll = max(0, scroll - height + 1)
    case .character("/"): mode = .typing("")
    case .character("s"): try sort(order.next, isReversed: isReversed)
    case .character("S"): try sort(order, isReversed: !isReversed)
    case .character("f"): mode = .choosing(0)
    case .character("t"): warm()
    case .character("?"): mode = .help
    default: message = "? shows the keys"
    }
    return nil
  }

  // MARK: Moving

  private mutating func go(to step: UInt64) throws {
    self.step = step
    groups = order.sorted(try run.groups(ofStep: step), isReversed: isReversed)
    try select(0)
  }

  private mutating func move(step by: Int) throws {
    guard let steps else { return }
    let target = by > 0 ? step + 1 : step - min(step, 1)
    guard target != step, steps.contains(target) else {
      message = "the run has the steps \(steps.lowerBound) to \(steps.upperBound)"
      // They may have become more.
      self.steps = try run.steps()
      return
    }
    try go(to: target)
  }

  private mutating func move(group by: Int) throws {
    guard groups.indices.contains(place + by) else {
      message = by > 0 ? "the last group of the step" : "the first group of the step"
      return
    }
    try select(place + by)
  }

  /// Behind a group's last rollout stands the next group's first.
  private mutating func move(rollout by: Int) throws {
    let next = rollout + by
    if view?.rollouts.indices.contains(next) == true {
      rollout = next
      layOut()
    } else if groups.indices.contains(place + by) {
      try select(place + by)
      if by < 0 {
        rollout = max(0, (view?.rollouts.count ?? 0) - 1)
        layOut()
      }
    } else {
      message = by > 0 ? "the last rollout of the step" : "the first rollout of the step"
    }
  }

  private mutating func select(_ place: Int, rollout: Int = 0) throws {
    self.place = max(0, place)
    self.rollout = rollout
    view =
      groups.indices.contains(self.place)
      ? try run.group(groups[self.place].group, tokens: heat != nil) : nil
    layOut()
  }

  /// Wraps what is selected to the screen.
  private mutating func layOut(keepsScroll: Bool = false) {
    detail = view.map {
      Detail(
        $0, rollout: rollout, without: hidden, heat: heat, hasColor: hasColor, width: detailWidth)
    }
    scroll = keepsScroll ? min(scroll, lastScroll) : 0
  }

  private var lastScroll: Int { max(0, (detail?.lines.count ?? 0) - height) }

  // MARK: Choosing what is shown

  private mutating func sort(_ order: GroupOrder, isReversed: Bool) throws {
    (self.order, self.isReversed) = (order, isReversed)
    let group = groups.indices.contains(place) ? groups[place].group : nil
    groups = order.sorted(groups, isReversed: isReversed)
    place = groups.firstIndex { $0.group == group } ?? 0
    message = "by \(order.rawValue)" + (isReversed ? ", the last first" : "")
  }

  private mutating func choose(_ key: Key, _ cursor: Int) {
    let fields = Field.allCases
    switch key {
    case .character("j"), .down: mode = .choosing(min(cursor + 1, fields.count - 1))
    case .character("k"), .up: mode = .choosing(max(cursor - 1, 0))
    case .character(" "), .enter:
      hidden.formSymmetricDifference([fields[cursor]])
      layOut()
    default: mode = .browsing
    }
  }

  /// The next quantity that the rollout's tokens have, and after the last none.
  private mutating func warm() {
    let all: [Heat?] = [nil] + Heat.allCases
    let current = all.firstIndex(of: heat) ?? 0
    do {
      let tokens = try view.map { try run.group($0.group, tokens: true) }
      let own = tokens?.rollouts.indices.contains(rollout) == true ? tokens?.rollouts[rollout] : nil
      let rest = all[(current + 1)...].first { $0?.scale(own?.tokens ?? []) != nil } ?? nil
      heat = rest
      view = heat == nil ? view : tokens
      message = heat.map { "tokens by \($0.rawValue)" } ?? "no colours"
      layOut()
    } catch { message = "\(error)" }
  }

  // MARK: Searching

  private mutating func type(_ key: Key, _ text: String, _ isInterrupted: () -> Bool) throws {
    switch key {
    case .character(let character): mode = .typing(text + String(character))
    case .backspace: mode = text.isEmpty ? .browsing : .typing(String(text.dropLast()))
    case .enter:
      mode = .browsing
      // Nothing typed: the same again.
      if !text.isEmpty { pattern = text }
      if !pattern.isEmpty { try search(isInterrupted) }
    case .escape: mode = .browsing
    default: break
    }
  }

  /// Goes to the next text that holds the pattern, behind what is selected, in stored order.
  private mutating func search(_ isInterrupted: () -> Bool) throws {
    guard let steps, groups.indices.contains(place) else { return }
    let here = (group: groups[place].group, rollout: rollout)
    for target in step...max(step, steps.upperBound) {
      var found: TextSearch.Match?
      let search = TextSearch(TextPattern(pattern), steps: target...target)
      _ = try run.search(search) { match in
        let isBehind =
          match.group > here.group
          || (match.group == here.group && match.place == .rollout && match.index > here.rollout)
        if isBehind { found = match }
        return found == nil
      }
      if let found { return try go(to: found) }
      if isInterrupted() {
        message = "searched to step \(target)"
        return
      }
    }
    message = "not found behind group \(here.group)"
  }

  private mutating func go(to match: TextSearch.Match) throws {
    if match.step != step { try go(to: match.step) }
    try select(
      groups.firstIndex { $0.group == match.group } ?? 0,
      rollout: match.place == .rollout || match.place == .critique ? match.index : 0)
    let line = detail?.lines.firstIndex { $0.text.contains(pattern) }
    scroll = min(max(0, (line ?? 0) - height / 2), lastScroll)
  }
}
