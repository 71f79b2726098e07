import Foundation
import Inspector
package import Records

/// Runs as one HTML file that needs nothing else: every view of the pages, and the groups that tell most.
///
/// The file stays below a size that mail and browsers take. Views come first; then groups, run by run and
/// step by step, as long as there is room. `serve` shows them all.
public struct ReportFile {
  /// What went into the file.
  public struct Contents: Sendable, Equatable {
    public var bytes: Int
    /// Pages of groups, and groups that the runs have.
    public var groups: Int
    public var allGroups: Int
  }

  /// Bytes that a report may have.
  public static let standardLimit = 20_000_000
  /// Groups of a run at most, and questions of its gate's page: replaying each takes about a tenth of a
  /// second.
  private static let listed = GateView.mostQuestions

  private let library: RunLibrary
  private let limit: Int

  /// - Parameters:
  ///   - runs: paths of runs.
  ///   - limit: bytes of the file.
  public init(runs: [String], limit: Int = standardLimit) {
    library = RunLibrary(runs: runs)
    self.limit = limit
  }

  /// The document.
  ///
  /// - Throws: what reading the runs throws; nothing is written.
  public func make() throws -> (html: [UInt8], contents: Contents) {
    let keys = try library.keys()
    var views = EmbeddedViews()
    try views.add("runs", library.view(["runs"], query: [:]))
    for key in keys {
      let name = Self.component(key)
      for view in [[], ["metrics"], ["audit"], ["pipeline"]] {
        try views.add(
          (["runs", name] + view).joined(separator: "/"),
          library.view(["runs", key] + view, query: [:]))
      }
    }
    if keys.count > 1 {
      try views.add(
        "compare", library.view(["compare"], query: ["runs": keys.joined(separator: ",")]))
    }
    let (groups, all) = try addGroups(of: keys, to: &views)
    let page = PageShell.page(data: views.document(mode: "report"))
    return (page.html, Contents(bytes: page.html.count, groups: groups, allGroups: all))
  }

  private func addGroups(
    of keys: [String], to views: inout EmbeddedViews
  ) throws -> (added: Int, all: Int) {
    let shell = PageShell.page(data: []).html.count
    var added = 0
    var all = 0
    for (place, key) in keys.enumerated() {
      let run = try library.run(key)
      let (first, end) = try run.stored.groups()
      all += Int(end - first)
      let candidates = Self.spread(first..<end, most: Self.listed)
      // The page of the gate has the questions of the groups that are taken: at most those of all
      // candidates. What is left beside it is shared by the runs that are still to come.
      let gate = PageShell.embedded(
        try PageJSON.encode(GateView(run, questionsOf: candidates))
      ).count
      let room = views.bytes + (limit - shell - views.bytes) / (keys.count - place) - gate
      var shown: [GroupID] = []
      for group in candidates {
        let view = PageShell.embedded(
          try library.view(["runs", key, "groups", "\(group)"], query: [:]))
        // A row of the list comes with it. A group that is too large keeps no smaller one out.
        guard views.bytes + view.count + 1000 <= room else { continue }
        views.add("runs/\(Self.component(key))/groups/\(group)", view)
        shown.append(group)
      }
      added += shown.count
      try views.add(
        "runs/\(Self.component(key))/gate",
        PageJSON.encode(GateView(run, questionsOf: shown.sorted())))
      try views.add(
        "runs/\(Self.component(key))/groups",
        PageJSON.encode(GroupListView(run, of: shown.sorted(), all: Int(end - first))))
    }
    return (added, all)
  }

  /// Groups of a range so that any beginning of them lies evenly in it: its ends, its middle, the middles of
  /// the halves, and so on.
  package static func spread(_ range: Range<GroupID>, most: Int) -> [GroupID] {
    guard !range.isEmpty else { return [] }
    var found = [range.lowerBound]
    var known: Set<GroupID> = [range.lowerBound]
    if known.insert(range.upperBound - 1).inserted { found.append(range.upperBound - 1) }
    var parts: UInt64 = 2
    let length = range.upperBound - 1 - range.lowerBound
    while found.count < min(most, range.count) {
      for part in stride(from: 1, to: parts, by: 2) {
        let (high, low) = length.multipliedFullWidth(by: part)
        let group = range.lowerBound + parts.dividingFullWidth((high, low)).quotient
        if known.insert(group).inserted { found.append(group) }
      }
      parts *= 2
    }
    return Array(found.prefix(most))
  }

  /// A key as one part of a path.
  private static func component(_ key: String) -> String {
    let safe = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
    return key.addingPercentEncoding(withAllowedCharacters: safe) ?? key
  }
}

/// Views by path, as one JSON object.
private struct EmbeddedViews {
  private var parts: [UInt8] = []
  private var count = 0

  var bytes: Int { parts.count }

  mutating func add(_ path: String, _ json: [UInt8]) {
    let json = PageShell.embedded(json)
    if count > 0 { parts.append(UInt8(ascii: ",")) }
    count += 1
    parts += Array("\"\(path)\":".utf8) + json
  }

  func document(mode: String) -> [UInt8] {
    Array("{\"mode\":\"\(mode)\",\"views\":{".utf8) + parts + Array("}}".utf8)
  }
}
