public import Definition
import Judges
public import Verifiers

/// Who judges, as definitions and suites say it: the name of a verifier, or a list of parts.
///
///     verifier.default: gsm8k
///
///     verifier.default:
///       - {name: gsm8k, mode: flexible}
///       - {name: think_format, weight: 0.2}
///       - {name: soft_overlong, weight: 0.5, buffer: 256}
///
/// A key of this kind is declared with ``kind``; its value makes a verifier by ``makeVerifier(_:)``.
public struct VerifierSpelling: Sendable {
  /// Of the keys that say who judges.
  public static let kind = Key.Kind.nameOrSections(partKeys)

  private let value: Value
  /// The key, and where its value was said: for errors.
  private let path: String
  private let origin: Origin

  /// - Parameters:
  ///   - value: of a key of kind ``kind``.
  ///   - path: that key, as errors name it.
  public init(_ value: Value, path: String, origin: Origin) {
    self.value = value
    self.path = path
    self.origin = origin
  }

  /// - Throws: `DefinitionError` with the place of what is wrong: an unknown name, a parameter that the
  ///   part does not take, parts that do not go together.
  public func makeVerifier(_ context: VerifierContext = VerifierContext()) throws(DefinitionError)
    -> any Verifier
  {
    let sections: [Section]
    let parts: [VerifierPart]
    switch value {
    case .text(let name): (sections, parts) = ([], [VerifierPart(name)])
    case .sections(let items): (sections, parts) = (items, items.map(Self.part))
    default: preconditionFailure("\(path) is \(value.inline), not of kind VerifierSpelling.kind")
    }
    var context = context
    context.outside = Judges.make
    do throws(VerifierError) { return try Verifiers.make(parts, context) } catch {
      var place = origin
      var name = path
      if sections.indices.contains(error.part) {
        name += "[\(error.part)].\(error.parameter)"
        place = sections[error.part].origin(error.parameter)
        // What is missing is said nowhere: the part's name is nearest.
        if place == .schema { place = sections[error.part].origin("name") }
      }
      throw DefinitionError(
        .wrongValue, at: place == .schema ? .path(path) : place, "\(name): \(error.problem)",
        remedy: error.remedy)
    }
  }

  private static func part(_ section: Section) -> VerifierPart {
    var part = VerifierPart(
      section.text("name"), weight: section.number("weight"),
      multiplies: section.flag("multiplies"))
    for parameter in VerifierParameter.all {
      switch section.value(parameter.name) {
      case .flag(let flag): part.parameters.values[parameter.name] = .flag(flag)
      case .integer(let integer): part.parameters.values[parameter.name] = .integer(integer)
      case .number(let number): part.parameters.values[parameter.name] = .number(number)
      case .text(let text): part.parameters.values[parameter.name] = .text(text)
      case .list: part.parameters.values[parameter.name] = .texts(section.texts(parameter.name))
      default: break
      }
    }
    return part
  }

  private static let partKeys: [Key] =
    [
      Key(
        "name", .text,
        meaning: "A verifier, of which there must be one, or a part that shapes the reward: "
          + VerifierEntry.all.map { "\($0.name) (\($0.summary))" }.joined(separator: ", ") + "."),
      Key(
        "weight", .number(-1e6...1e6), default: .number(1),
        meaning: "The reward is the sum of the parts' values, each times its weight."),
      Key(
        "multiplies", .flag, default: .flag(false),
        meaning: "The part's value multiplies the sum: a format without which nothing counts."),
    ]
    + VerifierParameter.all.map { parameter in
      let kind: Key.Kind =
        switch parameter.kind {
        case .flag: .flag
        case .integer(let range): .integer(range)
        case .number(let range): .number(range)
        case .choice(let names): .choice(names)
        case .text, .secret: .text
        case .texts: .list(of: .text)
        }
      return Key(
        parameter.name, kind, default: .absent,
        role: parameter.isOperational ? .operational : .identity, unit: parameter.unit,
        secret: parameter.isSecret, meaning: parameter.meaning)
    }
}

extension VerifierSpelling: Equatable {
  /// Equal values; where they were said does not matter.
  public static func == (a: VerifierSpelling, b: VerifierSpelling) -> Bool { a.value == b.value }
}
