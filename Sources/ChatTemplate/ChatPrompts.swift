public import Records
public import Tokenizer

/// Conversations as token ids, by a model's chat template.
///
/// What the template writes may be special tokens. What the messages say is text, also where it spells
/// one: a row of a dataset cannot end its own turn.
public struct ChatPrompts: Sendable {
  private let tokenizer: Tokenizer
  /// A template that is missing or not done here matters once a conversation is to be rendered.
  private let template: Result<ChatTemplate, ChatTemplateError>
  private let date: TemplateDate

  /// - Parameters:
  ///   - directory: the model's, with its template and its tokens.
  ///   - date: what a template is told that asks for today's.
  public init(directory: String, tokenizer: Tokenizer, date: TemplateDate) {
    self.tokenizer = tokenizer
    self.date = date
    do throws(ChatTemplateError) {
      guard let template = try ChatTemplate.load(directory: directory) else {
        throw ChatTemplateError.missing(in: directory)
      }
      self.template = .success(template)
    } catch {
      template = .failure(error)
    }
  }

  /// The conversation, with what precedes the next answer unless it `isWhole`.
  /// - Throws: `ChatTemplateError` where there is no template, or where it fails on these messages.
  public func tokens(
    of messages: [Message], isWhole: Bool = false
  ) throws(ChatTemplateError) -> [Int32] {
    let template = try template.get()
    let (marked, mark) = try marked(messages, for: template)
    let text = try template.render(marked, addGenerationPrompt: !isWhole, date: date)
    guard let mark else { return tokenizer.encode(text) }
    let (plain, places) = Self.unmarked(text, mark)
    return tokenizer.encode(plain, specials: .recognizedExcept(at: places))
  }

  /// The special token that ends an assistant's message: the first one that the template writes behind
  /// it. Nil where there is none, or no template.
  public var endOfTurn: Int32? {
    let mark = Self.marks[0]
    let messages = [
      Message(role: "user", content: "1"), Message(role: "assistant", content: String(mark)),
    ]
    guard let template = try? template.get(),
      let text = try? template.render(messages, addGenerationPrompt: false, date: date),
      let place = text.unicodeScalars.lastIndex(of: mark)
    else { return nil }
    let tail = String(text.unicodeScalars[place...].dropFirst())
    return tokenizer.encode(tail).first { tokenizer.isSpecialToken($0) }
  }

  // MARK: Special tokens in messages

  /// Noncharacters, which Unicode sets aside for such use and no text should hold.
  private static let marks = (UInt32(0xFDD0)...0xFDEF).compactMap(Unicode.Scalar.init)

  /// Each spelling of a special token with a mark behind its first character, so that the place is known
  /// once the template has done its work; no mark where nothing is spelled.
  private func marked(
    _ messages: [Message], for template: ChatTemplate
  ) throws(ChatTemplateError) -> ([Message], mark: Unicode.Scalar?) {
    let texts = messages.flatMap { [$0.role, $0.content] }
    guard texts.contains(where: { !tokenizer.specialPlaces(in: $0).isEmpty }) else {
      return (messages, nil)
    }
    let taken = texts + [template.source]
    let free = Self.marks.first { mark in
      !taken.contains { $0.unicodeScalars.contains(mark) }
    }
    guard let free else { throw ChatTemplateError.noMarkLeft(for: template.location) }
    return (
      messages.map {
        Message(role: marked($0.role, free), content: marked($0.content, free))
      }, free
    )
  }

  private func marked(_ text: String, _ mark: Unicode.Scalar) -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var start = 0
    for place in tokenizer.specialPlaces(in: text).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      var end = place.lowerBound + 1
      while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
      guard end > start else { continue }
      result += bytes[start..<end]
      result += UTF8.encode(mark)!
      start = end
    }
    return String(decoding: result + bytes[start...], as: UTF8.self)
  }

  /// The text without its marks, and the byte offsets of the characters before them.
  private static func unmarked(
    _ text: String, _ mark: Unicode.Scalar
  ) -> (String, places: Set<Int>) {
    var plain = String.UnicodeScalarView()
    var places: Set<Int> = []
    var length = 0
    var last = 0
    for scalar in text.unicodeScalars {
      if scalar == mark {
        places.insert(last)
      } else {
        plain.append(scalar)
        last = length
        length += UTF8.width(scalar)
      }
    }
    return (String(plain), places)
  }
}
