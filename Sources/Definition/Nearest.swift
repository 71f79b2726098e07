/// Edits between two words: insertion, deletion, substitution, and swapping two neighbours (optimal
/// string alignment, the restricted Damerau-Levenshtein distance). Bytes of UTF-8 are the letters.
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.utf8)
  let b = Array(b.utf8)
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1]
    row.reserveCapacity(b.count + 1)
    for j in b.indices {
      var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        best = min(best, beforeLast[j - 1] + 1)
      }
      row.append(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}

extension Schema {
  /// The key or section that someone who wrote `path` most likely meant, `nil` if none is close.
  ///
  /// Tried in this order: a sibling whose last component is close; the same last component in
  /// another section; any full path or last component that is close. Ties go to schema order.
  public func nearest(to path: String) -> String? {
    guard path.utf8.count <= 200 else { return nil }
    let parts = path.split(separator: ".").map(String.init)
    guard let last = parts.last else { return nil }
    let section = parts.dropLast().joined(separator: ".")
    let known = (isRoot ? ["name", "extends"] : []) + everyPath(branches)
    func leaf(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? "" }
    func closest(_ candidates: [String], to word: String, by text: (String) -> String) -> String? {
      let allowed = max(1, min(4, word.utf8.count / 3))
      let ranked = candidates.map { ($0, editDistance(text($0), word)) }
      return ranked.filter { $0.1 <= allowed }.min { $0.1 < $1.1 }?.0
    }
    let siblings = known.filter {
      $0.split(separator: ".").dropLast().joined(separator: ".") == section
    }
    if let sibling = closest(siblings, to: last, by: leaf) { return sibling }
    if let same = known.first(where: { leaf($0) == last }) { return same }
    return closest(known, to: path, by: { $0 }) ?? closest(known, to: last, by: leaf)
  }

  private func everyPath(_ branches: [Branch]) -> [String] {
    branches.flatMap { [$0.path] + everyPath($0.children) }
  }
}
