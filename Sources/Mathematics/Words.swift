/// Words that stand behind numbers.
enum Words {
  /// Units by name, singular; a plural is its singular with s or es. Single letters and other symbols
  /// of units are in ``symbols``.
  private static let units: Set<String> = [
    "unit", "inch", "foot", "feet", "yard", "mile", "meter", "metre", "centimeter", "centimetre",
    "millimeter", "millimetre", "kilometer", "kilometre", "gram", "kilogram", "milligram", "ton",
    "tonne", "pound", "ounce", "liter", "litre", "milliliter", "gallon", "quart", "pint", "cup",
    "teaspoon", "tablespoon", "second", "minute", "hour", "day", "week", "month", "year", "decade",
    "century", "centuries", "dollar", "cent", "penny", "pennies", "nickel", "dime", "quarter",
    "euro", "yuan", "rupee", "peso", "yen", "rmb", "usd", "acre", "hectare", "degree", "radian",
    "revolution", "rotation", "mph", "kph", "rpm", "newton", "joule", "watt", "volt", "ampere",
    "ohm", "kelvin", "celsius", "fahrenheit", "hertz", "pascal", "mole", "person", "people",
    "child", "children", "man", "men", "woman", "women", "student", "way", "point", "piece",
    "book", "page", "game", "time", "step", "side", "edge", "face", "number", "integer", "digit",
    "value", "solution", "root", "pair", "triple", "square", "cube", "triangle", "circle",
    "apple", "orange", "ball", "marble", "card", "coin", "ticket", "box", "bag", "bottle", "car",
    "fish", "sheep", "mice", "item", "subset", "set", "term", "element", "permutation", "word",
    "letter", "arrangement", "combination", "outcome", "path", "route", "trip", "lap", "per",
    "sq", "cubic", "of", "old", "ago", "am", "pm", "a.m", "p.m", "o'clock", "total", "each",
  ]

  /// Symbols of units; those of one letter count only in `\text` or `\mathrm`.
  private static let symbols: Set<String> = [
    "cm", "mm", "km", "dm", "nm", "m", "kg", "g", "mg", "lb", "lbs", "oz", "ft", "in", "yd", "mi",
    "s", "sec", "secs", "ms", "min", "mins", "h", "hr", "hrs", "l", "ml", "gal", "qt", "pt", "kw",
    "kwh", "kj", "pa", "hz", "khz", "mhz", "mol", "n", "j", "w", "v", "k", "c", "f", "rad", "sr",
    "kmh", "deg", "u", "t", "p",
  ]

  /// Plurals that are no units: they deny, compare or multiply.
  private static let refused: Set<String> = [
    "is", "was", "has", "does", "this", "its", "plus", "minus", "times", "versus", "unless",
    "less", "thousands", "millions", "billions", "hundreds", "dozens", "tens", "halves", "thirds",
    "fourths", "fifths", "tenths", "hundredths", "thousandths", "negatives", "guess", "perhaps",
    "always", "sometimes", "besides", "various", "numerous", "errors", "mistakes", "others",
    "seems", "equals", "differs", "fails", "lies", "denies", "excludes", "options", "answers",
  ]

  /// Whether a phrase behind a number only says of what it is the number: known units, or plural
  /// nouns. All else (`is wrong`, `million`, `or 43`) is part of the answer.
  /// - Parameter isText: it stands in `\text` or its like, where a single letter is a unit too.
  static func isUnit(_ phrase: String, isText: Bool) -> Bool {
    var count = 0
    for part in phrase.split(whereSeparator: { " .,/^0123456789-()~\t\n".contains($0) }) {
      count += 1
      let word = part.lowercased()
      guard count <= 5, isUnitWord(word, isText: isText) else { return false }
    }
    return count > 0
  }

  private static func isUnitWord(_ word: String, isText: Bool) -> Bool {
    if units.contains(word) { return isText || word.utf8.count >= 2 }
    if symbols.contains(word) { return isText || (word.utf8.count >= 2 && word != "in") }
    if word.hasSuffix("es"), units.contains(String(word.dropLast(2))) { return true }
    guard word.hasSuffix("s"), !refused.contains(word) else { return false }
    if units.contains(String(word.dropLast())) { return true }
    return word.utf8.count >= 5 && !word.hasSuffix("ss")
      && word.utf8.allSatisfy { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
  }

  /// Units whose difference is certain, by their names.
  private static let measures: [String: String] = {
    let names = [
      "mm": ["mm", "millimeter", "millimetre"], "cm": ["cm", "centimeter", "centimetre"],
      "m": ["m", "meter", "metre"], "km": ["km", "kilometer", "kilometre"],
      "in": ["in", "inch", "inche"], "ft": ["ft", "foot", "feet"], "yd": ["yd", "yard"],
      "mi": ["mi", "mile"], "g": ["g", "gram"], "kg": ["kg", "kilogram"],
      "mg": ["mg", "milligram"], "lb": ["lb", "pound"], "oz": ["oz", "ounce"],
      "s": ["s", "sec", "second"], "min": ["min", "minute"], "h": ["h", "hr", "hour"],
      "day": ["day"], "week": ["week"], "month": ["month"], "year": ["year"],
      "dollar": ["dollar"], "cent": ["cent"], "degree": ["degree"], "rad": ["rad", "radian"],
    ]
    var table: [String: String] = [:]
    for (unit, spellings) in names {
      for spelling in spellings {
        table[spelling] = unit
        table[spelling + "s"] = unit
      }
    }
    table["ms"] = nil
    return table
  }()

  /// Whether two values bear units that cannot be the same: `5 cm` and `5 m`. Units that are absent,
  /// unknown or composed say nothing.
  static func differ(_ a: [String], _ b: [String]) -> Bool {
    guard a.count == 1, b.count == 1, let x = measures[a[0].lowercased()],
      let y = measures[b[0].lowercased()]
    else { return false }
    return x != y
  }

  /// Words that make a sentence of an expression: nothing with them is read as mathematics.
  static let sentence: Set<String> = [
    "is", "are", "was", "if", "else", "not", "no", "yes", "true", "false", "none", "nan", "null",
    "wrong", "correct", "incorrect", "then", "than", "but", "to", "the", "an", "for", "from",
    "with", "without", "when", "where", "answer", "undefined", "maybe", "either", "neither", "nor",
    "any", "all", "only", "so", "it", "we", "be", "as", "by", "at", "on",
  ]
}
