import Files
import Parquet
import Records

/// The rows of one file on their way into a dataset, once the first of them has shown their shape.
struct FileReading {
  /// What the first row shows.
  struct First: Codable, Equatable {
    var names: [String]
    /// Whether its answer has GSM8K's mark.
    var isMarked: Bool
  }

  private let path: String
  private let options: DatasetImport.Options
  private let settings: RowComposer.Settings
  /// Columns of Parquet that are not read, with their types.
  private let unreadable: [(column: String, type: String)]
  private var composer: RowComposer?
  private(set) var first: First?
  /// Why no row of the file can be used.
  private(set) var refusal: ShardError?

  /// - Parameter first: what the first row showed an earlier import.
  init(
    _ path: String, _ options: DatasetImport.Options, defaultSource: String, _ first: First?,
    columns source: any RowSource
  ) throws(ShardError) {
    self.path = path
    self.options = options
    settings = RowComposer.Settings(
      source: options.source, defaultSource: defaultSource, dropsSystem: options.dropsSystem)
    unreadable = (source as? ParquetRows)?.file.unreadable ?? []
    if let first, !begin(first), let refusal { throw refusal }
  }

  var shape: RowShape? { composer?.mapping.shape }
  var names: [String] { composer?.fields.names ?? [] }
  var passedOver: [String] {
    (composer?.fields.passedOver ?? []) + unreadable.map { "\($0.column) (\($0.type))" }
  }

  /// The row's own fields that prompts are made of, in the order of their roles.
  var used: [String] {
    guard let paths = composer?.mapping.paths else { return [] }
    return RowRole.allCases.compactMap { paths[$0] }.map(Self.column)
  }

  /// The row's own field that a path leads through.
  private static func column(_ path: String) -> String {
    String(path.prefix { $0 != "." })
  }

  /// Adds a row to `text`, and its id to `ids`.
  /// - Returns: whether its prompt has messages; nil for a line without text, which is no row.
  /// - Throws: what is wrong with it; where `refusal` is set then, with the whole file.
  mutating func take(
    _ row: SourceRow, _ number: Int, _ ids: inout RowIDs, into text: inout JSONText
  ) throws(RowFields.Problem) -> Bool? {
    guard case .text(let bytes) = row else {
      throw RowFields.Problem(text: "it has more than \(RowCoding.byteLimit) bytes")
    }
    guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return nil }
    if composer == nil {
      guard begin(try Self.first(bytes.span)) else {
        throw RowFields.Problem(text: "its shape is not known")
      }
    }
    return try composer?.compose(bytes.span, number: number, &ids, into: &text)
  }

  private static func first(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> First {
    var tape = JSONTape()
    do throws(JSONError) {
      try tape.read(text, valueLimit: RowCoding.valueLimit)
    } catch { throw RowFields.Problem(text: "it is not JSON: \(error.problem)") }
    guard tape.nodes[0].kind == .object else {
      throw RowFields.Problem(text: "it is not a JSON object")
    }
    let names = tape.members(of: 0).map {
      String(decoding: tape.content(of: $0, in: text), as: UTF8.self)
    }
    var isMarked = false
    if let answer = tape.member("answer", of: 0, in: text), tape.nodes[answer].kind == .string {
      isMarked = String(decoding: tape.content(of: answer, in: text), as: UTF8.self)
        .contains("####")
    }
    return First(names: names, isMarked: isMarked)
  }

  /// - Returns: false where the rows are of no known shape, or need a column that is not read.
  private mutating func begin(_ first: First) -> Bool {
    let names = Set(first.names)
    let shape = options.shape ?? RowShape(names: names, isMarked: first.isMarked)
    guard let mapping = options.mapping ?? shape?.mapping(names: names) else {
      let list = first.names.prefix(30).joined(separator: ", ").shortened
      refusal = ShardError(
        .row, location: path,
        problem: "its rows have the fields \(list), which is no shape that is known",
        remedy: "Say what is what, as in --map prompt=problem --map answer=final.")
      return false
    }
    let needed = Set(mapping.paths.values.map(Self.column))
    if let column = unreadable.first(where: { needed.contains($0.column) }) {
      refusal = ShardError(
        .damaged, location: path,
        problem: "its column \(column.column) is of the type \(column.type), which is not read",
        remedy: "Write the column as texts, or map another one.")
      return false
    }
    self.first = first
    let name = PathParts.name(of: path)
    composer = RowComposer(mapping, settings, stem: String(name.prefix { $0 != "." }))
    return true
  }
}
