/// One pass of a template over its variables.
///
/// Does what Jinja 3.1 does in the environment that transformers makes (sandboxed, values never
/// changed), within limits: a template comes from a model's directory and may be hostile.
final class Rendering {
  /// Limits of one rendering; published templates take thousandths of them.
  enum Limit {
    /// Expressions, statements and items; looking at 64 bytes counts as one.
    static let steps = 4_000_000
    /// Bytes of all texts, lists and dictionaries that are made.
    static let memory = 96 << 20
    /// Bytes of one text, the result included.
    static let text = 8 << 20
    /// Expressions, statements and macros within one another.
    static let depth = 400
    /// Levels of lists and dictionaries within one another; a row of a dataset has at most 128.
    static let levels = 160
    /// Items of `range`, as in Jinja's sandbox.
    static let range = 100_000
  }

  let location: String
  let date: TemplateDate
  /// Where the template stands.
  var line = 1
  private var depth = 0
  private var steps = 0
  private var memory = 0
  private var output: [UInt8] = []
  /// What a block printed, while filters work on it.
  var captured = TemplateValue.none
  private let variables: [String: TemplateValue]
  var scope: TemplateScope
  /// Scopes that macros were written in.
  var macroScopes: [TemplateScope] = []
  var namespaces: [[String: TemplateValue]] = []

  /// How a statement ends.
  enum Flow { case onward, leave, proceed }

  init(variables: [String: TemplateValue], date: TemplateDate, location: String) {
    self.variables = variables
    self.date = date
    self.location = location
    scope = TemplateScope(in: nil)
  }

  /// The text that `statements` print.
  func render(_ statements: [Statement]) throws(ChatTemplateError) -> TemplateText {
    _ = try execute(statements)
    return TemplateText(utf8: output)
  }

  // MARK: Errors and limits

  /// The template does what Jinja calls an error.
  func failure(_ problem: String) -> ChatTemplateError {
    ChatTemplateError(.conversation, at: location, line: line, problem)
  }

  func unsupported(_ what: String) -> ChatTemplateError {
    ChatTemplateError(.unsupported, at: location, line: line, "\(what) is not done here")
  }

  func excess(_ problem: String) -> ChatTemplateError {
    ChatTemplateError(.limit, at: location, line: line, problem)
  }

  /// Counts work: `bytes` that are looked at.
  func work(_ bytes: Int = 0) throws(ChatTemplateError) {
    steps += 1 + bytes / 64
    guard steps <= Limit.steps else {
      throw excess("the template takes more than \(Limit.steps) steps")
    }
  }

  /// Counts a look at the Unicode properties of every scalar, which costs much more than reading it.
  func work(scalars text: TemplateText) throws(ChatTemplateError) { try work(16 * text.utf8.count) }

  /// Counts a text that is about to be made.
  func reserve(text bytes: Int) throws(ChatTemplateError) {
    guard bytes <= Limit.text else {
      throw excess("a text would have more than \(Limit.text >> 20) MiB")
    }
    try reserve(bytes: bytes + 64)
  }

  /// Counts a list or dictionary that is about to be made.
  func reserve(elements count: Int) throws(ChatTemplateError) {
    try work(64 * count)
    try reserve(bytes: 64 + 160 * count)
  }

  private func reserve(bytes: Int) throws(ChatTemplateError) {
    memory += bytes
    guard memory <= Limit.memory else {
      throw excess("the template makes more than \(Limit.memory >> 20) MiB of values")
    }
    try work(bytes)
  }

  /// A text that was just made, counted.
  func made(_ text: TemplateText) throws(ChatTemplateError) -> TemplateValue {
    try reserve(text: text.utf8.count)
    return .text(text)
  }

  func made(_ kind: TemplateSequence.Kind, _ elements: [TemplateValue]) throws(ChatTemplateError)
    -> TemplateValue
  {
    try reserve(elements: elements.count)
    return try checked(.sequence(TemplateSequence(kind, elements)))
  }

  func made(generator elements: [TemplateValue]) throws(ChatTemplateError) -> TemplateValue {
    try reserve(elements: elements.count)
    return try checked(.generator(TemplateGenerator(elements)))
  }

  func made(
    mapping entries: [(name: TemplateValue, value: TemplateValue)]
  ) throws(ChatTemplateError) -> TemplateValue {
    try reserve(elements: 2 * entries.count)
    var keyed: [(key: TemplateKey, name: TemplateValue, value: TemplateValue)] = []
    for entry in entries { keyed.append((try key(entry.name), entry.name, entry.value)) }
    return try checked(.mapping(TemplateMapping(keyed)))
  }

  func checked(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    guard value.depth <= Limit.levels else {
      throw excess("values are nested more than \(Limit.levels) levels deep")
    }
    return value
  }

  func key(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateKey {
    guard let key = try possibleKey(value) else {
      throw failure("\(value.typeName) cannot be a key")
    }
    return key
  }

  /// The key that a value is; nil for what cannot be one.
  func possibleKey(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateKey? {
    switch value {
    case .text(let text): try work(text.utf8.count)
    case .sequence(let sequence): try reserve(elements: sequence.elements.count)
    default: try work()
    }
    return value.key
  }

  /// Runs something that stands inside something else.
  func deeper<Result>(
    _ body: () throws(ChatTemplateError) -> Result
  ) throws(ChatTemplateError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Limit.depth else {
      throw excess("the template nests more than \(Limit.depth) levels deep")
    }
    try work()
    return try body()
  }

  // MARK: Names

  /// What a name means here: in the blocks around, among the variables, in the environment.
  func value(of name: String) -> TemplateValue {
    var place: TemplateScope? = scope
    while let here = place {
      if let value = here.variables[name] { return value }
      place = here.parent
    }
    if let value = variables[name] { return value }
    return Self.functions.contains(name) ? .function(name) : .undefined(name)
  }

  func makeNamespace(_ attributes: [String: TemplateValue]) throws(ChatTemplateError)
    -> TemplateValue
  {
    try reserve(elements: 2 + attributes.count)
    namespaces.append(attributes)
    return .namespace(namespaces.count - 1)
  }

  // MARK: Output

  func write(_ text: TemplateText) throws(ChatTemplateError) {
    try work(text.utf8.count)
    guard output.count + text.utf8.count <= Limit.text else {
      throw excess("the template prints more than \(Limit.text >> 20) MiB")
    }
    output += text.utf8
  }

  /// What `body` prints.
  func capture(_ body: () throws(ChatTemplateError) -> Void) throws(ChatTemplateError)
    -> TemplateText
  {
    let outer = output
    output = []
    defer { output = outer }
    try body()
    try reserve(text: output.count)
    return TemplateText(utf8: output)
  }

  /// Runs `body` with a scope of its own inside `parent`.
  func within<Result>(
    _ parent: TemplateScope, _ body: () throws(ChatTemplateError) -> Result
  ) throws(ChatTemplateError) -> Result {
    let outer = scope
    scope = TemplateScope(in: parent)
    defer { scope = outer }
    return try body()
  }
}
