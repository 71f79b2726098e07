/// The tree of a file's columns: what each level of repetition and definition stands for (Dremel, as in
/// the format's specification).
final class SchemaNode {
  enum Kind {
    /// The place of the column among all leaves.
    case leaf(Int)
    case group([SchemaNode])
    /// Levels of definition from `element` on have an element; from the node's own on, a list.
    case list(SchemaNode, element: Int)
  }

  let name: String
  let kind: Kind
  /// From this level of definition on it is there, not null.
  let definition: Int
  /// The level of repetition at which a further element of this list begins.
  let repetition: Int
  /// The columns below it.
  let leaves: Range<Int>

  init(
    name: String, kind: Kind, definition: Int, repetition: Int, leaves: Range<Int>
  ) {
    self.name = name
    self.kind = kind
    self.definition = definition
    self.repetition = repetition
    self.leaves = leaves
  }
}

/// One column of values.
struct SchemaLeaf: Equatable {
  enum Physical: Int {
    case boolean, int32, int64, int96, float, double, byteArray, fixed
  }

  var path: [String]
  var physical: Physical
  var isUnsigned: Bool
  /// Why its values cannot be told; nil for all others.
  var obstacle: String?
  var definition: Int
  var repetition: Int
}

/// Builds the tree of the footer's flat list.
struct ParquetSchema {
  private(set) var leaves: [SchemaLeaf] = []
  private(set) var columns: [SchemaNode] = []
  private var next = 1
  private let elements: [SchemaElement]
  private static let deepest = 24

  init(_ elements: [SchemaElement]) throws(ParquetFlaw) {
    self.elements = elements
    guard let root = elements.first, let count = root.children else {
      throw .damaged("its footer has no schema")
    }
    for _ in 0..<count { columns.append(try node(path: [], definition: 0, repetition: 0)) }
    guard next == elements.count else { throw .damaged("its schema has members without a group") }
    guard Set(columns.map(\.name)).count == columns.count else {
      throw .damaged("two of its columns have one name")
    }
  }

  /// The next element and all below it; a repeated one stands for a list of its own.
  private mutating func node(
    path: [String], definition: Int, repetition: Int
  ) throws(ParquetFlaw) -> SchemaNode {
    let element = try take()
    let path = path + [element.name]
    guard path.count <= Self.deepest else {
      throw .limit("its schema has more than \(Self.deepest) levels")
    }
    guard element.repetition == .repeated else {
      return try node(
        element, path, definition: definition + (element.repetition == .optional ? 1 : 0),
        repetition: repetition)
    }
    let first = leaves.count
    let inner = try node(element, path, definition: definition + 1, repetition: repetition + 1)
    return SchemaNode(
      name: element.name, kind: .list(inner, element: definition + 1), definition: definition,
      repetition: repetition + 1, leaves: first..<leaves.count)
  }

  /// `element`, which is there from `definition` on.
  private mutating func node(
    _ element: SchemaElement, _ path: [String], definition: Int, repetition: Int
  ) throws(ParquetFlaw) -> SchemaNode {
    let first = leaves.count
    guard let count = element.children else {
      leaves.append(try element.leaf(path, definition: definition, repetition: repetition))
      return SchemaNode(
        name: element.name, kind: .leaf(first), definition: definition, repetition: repetition,
        leaves: first..<first + 1)
    }
    if element.isList, count == 1, let list = elements[safely: next], list.repetition == .repeated {
      return try self.list(element, path, definition: definition, repetition: repetition)
    }
    var members: [SchemaNode] = []
    for _ in 0..<count {
      members.append(try node(path: path, definition: definition, repetition: repetition))
    }
    guard !members.isEmpty else { throw .damaged("a group of its schema has no members") }
    guard Set(members.map(\.name)).count == members.count else {
      throw .damaged("two members of a group of its schema have one name")
    }
    return SchemaNode(
      name: element.name, kind: .group(members), definition: definition, repetition: repetition,
      leaves: first..<leaves.count)
  }

  /// A group that stands for a list, with its repeated member: that is the element where it is none or
  /// has several members (as files of old and maps have it), and else holds the element.
  private mutating func list(
    _ element: SchemaElement, _ path: [String], definition: Int, repetition: Int
  ) throws(ParquetFlaw) -> SchemaNode {
    let first = leaves.count
    let repeated = try take()
    let path = path + [repeated.name]
    let inner =
      repeated.children == 1 && repeated.name != "array"
        && repeated.name != element.name + "_tuple"
      ? try node(path: path, definition: definition + 1, repetition: repetition + 1)
      : try node(repeated, path, definition: definition + 1, repetition: repetition + 1)
    return SchemaNode(
      name: element.name, kind: .list(inner, element: definition + 1), definition: definition,
      repetition: repetition + 1, leaves: first..<leaves.count)
  }

  private mutating func take() throws(ParquetFlaw) -> SchemaElement {
    guard let element = elements[safely: next] else { throw .damaged("its schema is cut") }
    next += 1
    return element
  }
}

extension Array {
  fileprivate subscript(safely index: Int) -> Element? { index < count ? self[index] : nil }
}
