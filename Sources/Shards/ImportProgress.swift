/// What an import has read up to a row: enough to go on behind it.
struct ImportProgress: Codable {
  /// What was read of the file at work.
  struct Current: Codable {
    var mark = SourceMark(rows: 0, bytes: 0, sha256: "")
    var rows = 0
    var bad = 0
    var first: FileReading.First?
  }

  /// Files that were read to their end.
  var files: [DatasetImport.File] = []
  var current: Current?
  /// Rows set aside, and bytes of their list.
  var bad = 0
  var badBytes = 0
  /// Names of fields: of all, and of those that prompts are made of, in the order of their roles.
  var fields: Set<String> = []
  var used: [String] = []
  var passedOver: Set<String> = []
  var holdsText = false
  var holdsMessages = false
}
