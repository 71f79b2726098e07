import Records

/// The fields that rows of a file have: what each is, found again at the place where the row before had it.
struct KnownFields {
  /// Different names in a file at most.
  static let limit = 4096

  struct Field {
    var name: [UInt8]
    /// From the row's own level, dotted: what a tag is called.
    var path: String
    var parent: Int
    var role: RowRole?
    var isPassedOver = false
  }

  private(set) var fields: [Field] = []
  private let roles: [String: RowRole]
  /// Names in this object stand for themselves in tags.
  private let tagsPath: String?
  private var places: [Key: Int] = [:]

  private struct Key: Hashable {
    var parent: Int
    var name: [UInt8]
  }

  init(_ mapping: RowMapping) {
    roles = Dictionary(mapping.paths.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    tagsPath = mapping.shape == .temper ? "tags" : nil
  }

  /// The number of the field at node `name` in the object that is field `parent` (-1: the row).
  /// - Parameter hint: the number that it had in the row before, if all is as there.
  mutating func number(
    of name: Int, in tape: JSONTape, _ text: Swift.Span<UInt8>, parent: Int, hint: Int
  ) throws(RowFields.Problem) -> Int {
    let node = tape.nodes[name]
    if hint < fields.count, fields[hint].parent == parent, !node.hasEscapes,
      Self.isSame(fields[hint].name, text, node.range)
    {
      return hint
    }
    let key = Key(parent: parent, name: tape.content(of: name, in: text))
    if let known = places[key] { return known }
    guard fields.count < Self.limit else {
      throw RowFields.Problem(text: "its file has more than \(Self.limit) names of fields")
    }
    let own = String(decoding: key.name, as: UTF8.self)
    let path =
      parent < 0 || fields[parent].path == tagsPath ? own : "\(fields[parent].path).\(own)"
    fields.append(
      Field(name: key.name, path: path, parent: parent, role: roles[path]))
    places[key] = fields.count - 1
    return fields.count - 1
  }

  private static func isSame(
    _ name: [UInt8], _ text: Swift.Span<UInt8>, _ range: Range<Int>
  ) -> Bool {
    guard name.count == range.count else { return false }
    for index in 0..<name.count where name[index] != text[range.lowerBound + index] {
      return false
    }
    return true
  }

  mutating func passOver(_ field: Int) { fields[field].isPassedOver = true }

  /// Names of the row's own fields.
  var names: [String] { fields.lazy.filter { $0.parent < 0 }.map(\.path) }
  /// Those at any level that a dataset has no place for.
  var passedOver: [String] { fields.lazy.filter(\.isPassedOver).map(\.path) }
}
