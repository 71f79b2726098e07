public import Records

/// A condition that cannot be read; `problem` names the character.
public struct ConditionError: DescribedError, Equatable {
  /// Characters before the one that is wrong.
  public var offset: Int
  public var location: String
  public var problem: String
  public var remedy: String

  public var exitStatus: ExitStatus { .usage }

  /// - Parameter text: the whole condition, which is shown with a mark before the character.
  init(_ text: String, at offset: Int, _ problem: String, remedy: String) {
    self.offset = offset
    let place = text.index(text.startIndex, offsetBy: offset)
    location = "--where"
    let shown = (text[..<place] + "▸" + text[place...]).prefix(400)
    self.problem = "character \(offset + 1): \(problem), in \(shown)"
    self.remedy = remedy
  }
}
