/// A member of the schema as the footer's flat list has it.
struct SchemaElement {
  enum Repetition: Int {
    case required, optional, repeated
  }

  var name = ""
  var repetition = Repetition.required
  /// nil for a column of values.
  var children: Int?
  private var physical: Int?
  private var converted: Int?
  /// The field of the union `LogicalType` that is set.
  private var logical: Int?

  init(from reader: inout ThriftReader) throws(ParquetFlaw) {
    var (name, repetition) = ("", Repetition.required)
    var (children, physical, converted, logical): (Int?, Int?, Int?, Int?)
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .i32): physical = try reader.integer()
      case (3, .i32):
        guard let known = Repetition(rawValue: try reader.integer()) else {
          throw .damaged("a member of its schema has an unknown repetition")
        }
        repetition = known
      case (4, .binary): name = try reader.text()
      case (5, .i32): children = try reader.count()
      case (6, .i32): converted = try reader.integer()
      case (10, .structure):
        try reader.structure { (reader, id, type) throws(ParquetFlaw) in
          logical = id
          try reader.skip(type)
        }
      default: try reader.skip(type)
      }
    }
    (self.name, self.repetition, self.physical) = (name, repetition, physical)
    (self.converted, self.logical) = (converted, logical)
    // Some writers say that a column of values has 0 members.
    self.children = physical == nil ? children : nil
  }

  /// Annotated as a list or a map, in the old or the new way.
  var isList: Bool { [1, 2, 3].contains(converted) || logical == 2 || logical == 3 }

  func leaf(
    _ path: [String], definition: Int, repetition: Int
  ) throws(ParquetFlaw) -> SchemaLeaf {
    guard let physical = physical.flatMap(SchemaLeaf.Physical.init) else {
      throw .damaged("a column of its schema has an unknown type")
    }
    let obstacle: String? =
      switch physical {
      case .int96: "INT96"
      case .fixed: "FIXED_LEN_BYTE_ARRAY"
      default: converted == 5 || logical == 5 ? "DECIMAL" : nil
      }
    return SchemaLeaf(
      path: path, physical: physical, isUnsigned: (11...14).contains(converted ?? 0),
      obstacle: obstacle, definition: definition, repetition: repetition)
  }
}
