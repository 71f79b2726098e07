import Foundation

/// A bug that a storage engine may well have, as a change of this package's sources: the crash
/// laboratory must find it, or the laboratory is worth nothing.
public struct PlantedBug: Sendable {
  /// One replacement in one file.
  public struct Edit: Sendable {
    /// Below the package's root.
    public var file: String
    /// Stands there exactly once.
    public var old: String
    public var new: String

    public init(_ file: String, _ old: String, _ new: String) {
      self.file = file
      self.old = old
      self.new = new
    }
  }

  /// A campaign that must find it, and on which subjects.
  public struct Hunt: Sendable {
    public var campaign: String
    public var subjects: [String]
    /// Trials after which it counts as missed.
    public var trials: Int

    public init(_ campaign: String, _ subjects: [String], trials: Int) {
      self.campaign = campaign
      self.subjects = subjects
      self.trials = trials
    }
  }

  public var name: String
  /// What is wrong, in a sentence.
  public var meaning: String
  public var edits: [Edit]
  public var hunts: [Hunt]

  public init(name: String, meaning: String, edits: [Edit], hunts: [Hunt]) {
    self.name = name
    self.meaning = meaning
    self.edits = edits
    self.hunts = hunts
  }

  public struct DoesNotApply: Error, CustomStringConvertible {
    public let description: String
  }

  /// The sources with the bug, by file; fails where an edit does not find its text exactly once.
  public func planted(in root: String) throws -> [String: String] {
    var texts: [String: String] = [:]
    for edit in edits {
      let text =
        try texts[edit.file] ?? String(contentsOfFile: "\(root)/\(edit.file)", encoding: .utf8)
      let found = text.components(separatedBy: edit.old).count - 1
      guard found == 1 else {
        throw DoesNotApply(
          description: "\(name): \(edit.file) holds \(found) times, not once:\n\(edit.old)")
      }
      texts[edit.file] = text.replacingOccurrences(of: edit.old, with: edit.new)
    }
    return texts
  }
}
