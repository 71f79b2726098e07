import ArgumentParser

/// The first word of the command line that names no command, and the one it was meant to be. The
/// parser suggests options only.
struct CommandSuggestion: Equatable {
  let given: String
  let nearest: String?

  /// nil when every word up to the first option or argument names a command.
  static var current: CommandSuggestion? {
    var command: any ParsableCommand.Type = Pipeline.self
    for word in CommandLine.arguments.dropFirst() {
      let commands = command.configuration.subcommands
      // Beside a default command, a word that names none is that command's argument.
      guard !commands.isEmpty, command.configuration.defaultSubcommand == nil,
        !word.hasPrefix("-")
      else { return nil }
      if let next = commands.first(where: { $0._commandName == word }) {
        command = next
      } else {
        return CommandSuggestion(word, among: commands.map { $0._commandName })
      }
    }
    return nil
  }

  init(_ given: String, among names: [String]) {
    self.given = given
    let ranked = names.map { (name: $0, distance: Self.distance(given, $0)) }
      .min { $0.distance < $1.distance }
    nearest = ranked.flatMap { $0.distance <= max(1, $0.name.count / 2) ? $0.name : nil }
  }

  /// Levenshtein's: single characters inserted, removed or replaced.
  private static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (character == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
