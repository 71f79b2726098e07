/// The tables of notation: what each command, character and word means.
enum Notation {
  static let greek: Set<String> = [
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta",
    "iota", "kappa", "lambda", "mu", "nu", "xi", "omicron", "rho", "varrho", "sigma", "varsigma",
    "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda",
    "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell", "hbar", "partial", "nabla",
    "aleph", "imath", "jmath",
  ]

  static let functions: Set<String> = [
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "arccot", "ln", "log", "lg", "exp", "max", "min", "gcd", "lcm", "det", "Re", "Im", "arg",
    "deg", "dim", "ker", "sgn", "inf", "sup",
  ]

  /// Functions that plain text writes without a backslash.
  static let plainFunctions: [String: Token] = {
    var table: [String: Token] = [
      "sqrt": .squareRoot, "cbrt": .cubeRoot, "pi": .symbol("pi"), "infinity": .infinity,
      "infty": .infinity, "oo": .infinity, "and": .separator, "or": .separator,
      "percent": .percent, "percents": .percent, "pct": .percent, "degree": .degree,
      "degrees": .degree, "abs": .function("abs"), "floor": .function("floor"),
      "ceil": .function("ceil"), "asin": .function("arcsin"), "acos": .function("arccos"),
      "atan": .function("arctan"), "theta": .symbol("theta"), "alpha": .symbol("alpha"),
      "beta": .symbol("beta"),
    ]
    for name in functions where name.count >= 2 && name != "Re" && name != "Im" {
      table[name] = .function(name)
    }
    return table
  }()

  /// Commands that stand for nothing: spacing, size, style.
  static let blanks: Set<String> = [
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl",
    "biggr", "Biggl", "Biggr", "middle", "displaystyle", "textstyle", "scriptstyle", "limits",
    "nolimits", "quad", "qquad", "thinspace", "medspace", "thickspace", "negthinspace", "enspace",
    "hfill", "hline", "rm", "bf", "it", "cal", "mathstrut", "strut", "nonumber", "notag",
    "allowbreak", "dollar", "pounds", "euro", "unicode", "relax", "noindent", "small", "large",
  ]

  /// Commands whose braces hold text.
  static let texts: Set<String> = [
    "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "textup", "mbox",
    "hbox", "mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathfrak", "mathscr",
    "boldsymbol", "bm", "operatorname", "mathbb", "emph", "underline", "bold", "rm",
  ]

  static let commands: [String: Token] = {
    var table: [String: Token] = [
      "frac": .fraction, "dfrac": .fraction, "tfrac": .fraction, "cfrac": .fraction,
      "binom": .binomial, "dbinom": .binomial, "tbinom": .binomial, "sqrt": .squareRoot,
      "cdot": .times, "times": .times, "ast": .times, "cdotp": .times, "bullet": .times,
      "div": .over, "slash": .over, "pm": .plusMinus, "mp": .minusPlus,
      "le": .relation(.lessEqual), "leq": .relation(.lessEqual),
      "leqslant": .relation(.lessEqual), "leqq": .relation(.lessEqual),
      "ge": .relation(.greaterEqual), "geq": .relation(.greaterEqual),
      "geqslant": .relation(.greaterEqual), "geqq": .relation(.greaterEqual),
      "lt": .relation(.less), "gt": .relation(.greater), "ne": .relation(.notEqual),
      "neq": .relation(.notEqual), "approx": .relation(.approximate),
      "approxeq": .relation(.approximate), "doteq": .relation(.approximate),
      "simeq": .relation(.approximate), "sim": .relation(.approximate),
      "equiv": .relation(.congruent), "cong": .relation(.congruent), "in": .relation(.member),
      "notin": .relation(.notMember), "subset": .relation(.subset),
      "subseteq": .relation(.subset), "cup": .setOperator(.union),
      "bigcup": .setOperator(.union), "cap": .setOperator(.intersection),
      "bigcap": .setOperator(.intersection), "setminus": .setOperator(.difference),
      "backslash": .setOperator(.difference), "land": .separator, "lor": .separator,
      "wedge": .separator, "vee": .separator, "infty": .infinity, "pi": .symbol("pi"),
      "circ": .degree, "degree": .degree, "prime": .prime, "mid": .mid, "vert": .bar,
      "lvert": .bar, "rvert": .bar, "Vert": .doubleBar, "lVert": .doubleBar,
      "rVert": .doubleBar, "langle": .open(.angle), "rangle": .close(.angle),
      "lfloor": .open(.floor), "rfloor": .close(.floor), "lceil": .open(.ceiling),
      "rceil": .close(.ceiling), "lbrace": .open(.curly), "rbrace": .close(.curly),
      "lbrack": .open(.square), "rbrack": .close(.square), "lparen": .open(.round),
      "rparen": .close(.round), "emptyset": .symbol("emptyset"),
      "varnothing": .symbol("emptyset"), "ldots": .symbol("dots"), "dots": .symbol("dots"),
      "cdots": .symbol("dots"), "dotsc": .symbol("dots"), "vdots": .symbol("dots"),
      "overline": .accent("overline"), "bar": .accent("bar"), "vec": .accent("vec"),
      "overrightarrow": .accent("vec"), "hat": .accent("hat"), "widehat": .accent("hat"),
      "tilde": .accent("tilde"), "widetilde": .accent("tilde"), "dot": .accent("dot"),
      "angle": .accent("angle"), "measuredangle": .accent("angle"),
      "triangle": .accent("triangle"), "overarc": .accent("arc"), "sum": .bigOperator("sum"),
      "prod": .bigOperator("prod"), "int": .bigOperator("int"), "iint": .bigOperator("int"),
      "oint": .bigOperator("int"), "lim": .bigOperator("lim"), "begin": .begin,
      "end": .endEnvironment, "boxed": .boxed, "fbox": .boxed, "pmod": .modulus,
      "mod": .modulus, "bmod": .modulus, "colon": .colon, "percent": .percent,
      "choose": .infix("binomial"), "over": .infix("over"), "cr": .row, "newline": .row,
      "iff": .unreadable, "abs": .function("abs"),
    ]
    for name in greek { table[name] = .symbol(name) }
    for name in functions { table[name] = .function(name) }
    return table
  }()

  /// Characters beyond ASCII.
  static let characters: [Unicode.Scalar: Token] = {
    var table: [Unicode.Scalar: Token] = [
      "×": .times, "·": .times, "⋅": .times, "∙": .times, "∗": .times, "÷": .over, "∕": .over,
      "⁄": .over, "−": .minus, "–": .minus, "—": .minus, "‐": .minus, "±": .plusMinus,
      "∓": .minusPlus, "≤": .relation(.lessEqual), "≥": .relation(.greaterEqual),
      "⩽": .relation(.lessEqual), "⩾": .relation(.greaterEqual), "≠": .relation(.notEqual),
      "≈": .relation(.approximate), "≡": .relation(.congruent), "∈": .relation(.member),
      "∉": .relation(.notMember), "⊂": .relation(.subset), "⊆": .relation(.subset),
      "∪": .setOperator(.union), "∩": .setOperator(.intersection),
      "∖": .setOperator(.difference), "∧": .separator, "∨": .separator, "∞": .infinity,
      "π": .symbol("pi"), "°": .degree, "º": .degree, "∘": .degree, "′": .prime, "√": .squareRoot,
      "∛": .cubeRoot, "∅": .symbol("emptyset"), "…": .symbol("dots"), "⋯": .symbol("dots"),
      "∑": .bigOperator("sum"), "∏": .bigOperator("prod"), "∫": .bigOperator("int"),
      "∠": .accent("angle"), "△": .accent("triangle"), "⟨": .open(.angle), "⟩": .close(.angle),
      "⌊": .open(.floor), "⌋": .close(.floor), "⌈": .open(.ceiling), "⌉": .close(.ceiling),
      "½": .vulgar(1, 2), "⅓": .vulgar(1, 3), "⅔": .vulgar(2, 3), "¼": .vulgar(1, 4),
      "¾": .vulgar(3, 4), "⅕": .vulgar(1, 5), "⅖": .vulgar(2, 5), "⅗": .vulgar(3, 5),
      "⅘": .vulgar(4, 5), "⅙": .vulgar(1, 6), "⅚": .vulgar(5, 6), "⅛": .vulgar(1, 8),
      "⅜": .vulgar(3, 8), "⅝": .vulgar(5, 8), "⅞": .vulgar(7, 8), "ℝ": .text("R"),
      "ℤ": .text("Z"), "ℕ": .text("N"), "ℚ": .text("Q"), "ℂ": .text("C"), "∣": .bar,
      "，": .separator, "、": .separator, "；": .separator, "：": .colon, "（": .open(.round),
      "）": .close(.round), "＝": .relation(.equal), "＋": .plus, "－": .minus, "％": .percent,
    ]
    for (name, letter) in zip(
      [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
        "lambda", "mu", "nu", "xi", "omicron",
      ], "αβγδεζηθικλμνξο".unicodeScalars)
    {
      table[letter] = .symbol(name)
    }
    for (name, letter) in zip(
      ["rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"],
      "ρστυφχψω".unicodeScalars)
    {
      table[letter] = .symbol(name)
    }
    for (name, letter) in zip(
      ["Gamma", "Delta", "Theta", "Lambda", "Pi", "Sigma", "Phi", "Psi", "Omega"],
      "ΓΔΘΛΠΣΦΨΩ".unicodeScalars)
    {
      table[letter] = .symbol(name)
    }
    for (digit, letter) in "⁰¹²³⁴⁵⁶⁷⁸⁹".unicodeScalars.enumerated() {
      table[letter] = .superscript(digit)
    }
    table["⁻"] = .superscriptMinus
    for (digit, letter) in "₀₁₂₃₄₅₆₇₈₉".unicodeScalars.enumerated() {
      table[letter] = .subscripted(digit)
    }
    return table
  }()

  /// Characters beyond ASCII that are blanks, currencies, or marks without meaning in an answer.
  static let blankCharacters: Set<Unicode.Scalar> = [
    "\u{A0}", "\u{2009}", "\u{202F}", "\u{2002}", "\u{2003}", "\u{3000}", "€", "£", "¥", "₹", "。",
  ]
}
