/// A piece of a template's text.
struct TemplateToken: Sendable {
  enum Kind: Sendable, Equatable {
    /// Text outside tags.
    case data(TemplateText)
    case outputBegin
    case outputEnd
    case tagBegin
    case tagEnd
    case name(String)
    case text(TemplateText)
    case integer(Int)
    case number(Double)
    /// Punctuation or an operator.
    case symbol(String)
    case end
  }

  let kind: Kind
  let line: Int
}

extension TemplateToken.Kind {
  /// As an error names it.
  var described: String {
    switch self {
    case .data: "text"
    case .outputBegin: "`{{`"
    case .outputEnd: "`}}`"
    case .tagBegin: "`{%`"
    case .tagEnd: "`%}`"
    case .name(let name): "`\(name)`"
    case .text: "a string"
    case .integer, .number: "a number"
    case .symbol(let symbol): "`\(symbol)`"
    case .end: "the end of the template"
    }
  }
}
