import Estimator

/// The hyperparameters of a case: the file's, with those of the case laid over them.
struct GoldenParameters {
  private let values: GoldenValue

  init(_ values: GoldenValue) { self.values = values }

  /// Nil for what is missing or, as the files write it, `null`: switched off.
  subscript(key: String) -> GoldenValue? { values[key] }

  /// Whether the key stands there at all, be it as `null`.
  func has(_ key: String) -> Bool { values.keys.contains(key) }

  func number(_ key: String) throws(GoldenProblem) -> Double? { try values[key]?.number() }
  func integer(_ key: String) throws(GoldenProblem) -> Int? { try values[key]?.integer() }
  func flag(_ key: String) throws(GoldenProblem) -> Bool? { try values[key]?.bool() }
  func text(_ key: String) throws(GoldenProblem) -> String? { try values[key]?.string() }
  func required(_ key: String) throws(GoldenProblem) -> GoldenValue { try values.required(key) }

  /// Fails by name for a parameter outside `known`. A text of several words describes what the peer
  /// does; `published` and `…_default` repeat a paper's or a program's settings beside the case's.
  func refuseUnknown(known: Set<String>) throws(GoldenProblem) {
    for key in values.keys where !known.contains(key) {
      if case .string(let text)? = values[key], text.contains(" ") { continue }
      if key == "published" || key.hasSuffix("_default") { continue }
      throw GoldenProblem("the hyperparameter \(key) is not understood")
    }
  }
}

// From names and numbers of the peers to parts of the estimator.
extension GoldenParameters {
  /// A clip from whichever of the peers' keys are there; without one, no clip.
  ///
  /// - Parameter clamp: bound on the log-ratio where the file says nothing: the one that the peer has
  ///   built in.
  func mask(clamp: Double? = nil) throws(GoldenProblem) -> StabilizationMask {
    let clamp = has("log_ratio_clamp") ? try number("log_ratio_clamp") : clamp
    if case .bool(false)? = self["clip"] { return StabilizationMask(logRatioClamp: clamp) }
    var symmetric: Double?
    for key in ["clip", "cliprange", "clip_ratio"] {
      if case .number(let value)? = self[key] { symmetric = value }
    }
    let mask = StabilizationMask(
      .clip, clipLow: try number("clip_low") ?? symmetric,
      clipHigh: try number("clip_high") ?? symmetric, dualClip: try number("dual_clip"),
      logRatioClamp: clamp, ratioCap: try number("two_sided_delta"))
    let bounds = [mask.clipLow, mask.clipHigh, mask.dualClip, mask.ratioCap]
    return bounds.allSatisfy { $0 == nil } ? StabilizationMask(logRatioClamp: clamp) : mask
  }

  /// Â of groups: less their mean, and divided by their standard deviation if that is asked for.
  func groupAdvantage(normalised: Bool) throws(GoldenProblem) -> AdvantageEstimate {
    guard try flag("normalise_by_std") ?? normalised else { return AdvantageEstimate(.centered) }
    let text = try text("std") ?? ""
    var epsilon = try number("epsilon") ?? 1e-6
    if text.contains("no eps") { epsilon = 0 }
    if let plus = text.lastIndex(of: "+"), !has("epsilon") {
      let tail = text[text.index(after: plus)...].filter { $0 != " " }
      guard let value = Double(tail) else { throw GoldenProblem("std \"\(text)\" has no epsilon") }
      epsilon = value
    }
    return AdvantageEstimate(
      .normalized, stdEpsilon: epsilon, bessel: !text.contains("population"))
  }

  /// A file's `seq-mean-token-sum-norm` is our `seq_mean_token_sum_norm`; words after a space or a
  /// comma are description. Where no constant is given it is the width to which the peer padded.
  func aggregation(
    _ layout: GoldenLayout, _ key: String = "aggregation", else name: String = "token-mean"
  ) throws(GoldenProblem) -> Aggregation {
    let text = try text(key) ?? name
    let word = String(text.prefix { $0 != " " && $0 != "," }.map { $0 == "-" ? "_" : $0 })
    // Means of responses whose tokens share one ratio: the mean over tokens is that of the ratio.
    let names = ["seq_mean": "seq_mean_token_mean"]
    guard let kind = Aggregation.Kind(rawValue: names[word] ?? word) else {
      throw GoldenProblem("the aggregation \(text) is not understood")
    }
    let aggregation = Aggregation(kind)
    guard aggregation.dividesByConstant else { return aggregation }
    return Aggregation(kind, constant: try number("constant") ?? layout.paddedLength)
  }

  /// `k3` is verl's, clamped twice; `k3-unclamped` is TRL's.
  func kl(place: KLPenalty.Place = .loss) throws(GoldenProblem) -> KLPenalty? {
    guard let weight = try number("kl_coef"), weight != 0 else { return nil }
    let name = try required("kl_kind").string()
    let bare = name.hasSuffix("-unclamped") ? String(name.dropLast(10)) : name
    let kind = try KLPenalty.Kind(golden: bare)
    let clamps = (kind == .k3 || kind == .k3Plus) && bare == name
    return KLPenalty(
      kind, weight: weight, place: place, logRatioClamp: clamps ? 20 : nil,
      valueClamp: clamps ? 10 : nil)
  }

  func entropy() throws(GoldenProblem) -> EntropyBonus? {
    guard let weight = try number("entropy_coef"), weight != 0 else { return nil }
    return EntropyBonus(weight: weight)
  }

  /// LUFFY's names of its shapes.
  func shape() throws(GoldenProblem) -> ShapingFunction {
    let name = try text("shaping") ?? "no_reshape"
    switch name {
    case "no_reshape": return .none
    case "square_root": return ShapingFunction(.root)
    // The repository's default exponent and factor.
    case "pow": return ShapingFunction(.power, constant: 0.5)
    case "logp": return ShapingFunction(.log, constant: 1)
    case "p_logp": return ShapingFunction(.logLinear, constant: 1)
    default: break
    }
    guard name.hasPrefix("p_div_p_"), let constant = Double(name.dropFirst(8)) else {
      throw GoldenProblem("the shaping \(name) is not understood")
    }
    return ShapingFunction(.fraction, constant: constant)
  }

  /// The factor of `FACTOR*exp(±H)`, where the exponent is the one that the algorithm has.
  func factor(_ key: String, of form: String, else value: Double) throws(GoldenProblem) -> Double {
    guard let given = self[key] else { return value }
    if case .number(let number) = given { return number }
    let text = try given.string()
    guard text.hasSuffix("*\(form)"), let number = Double(text.dropLast(form.count + 1)) else {
      throw GoldenProblem("\(key) is \(text), which is no multiple of \(form)")
    }
    return number
  }
}

extension KLPenalty.Kind {
  /// By a peer's name.
  init(golden name: String) throws(GoldenProblem) {
    let known = ["kl": "k1", "mse": "k2", "low_var_kl": "k3"]
    guard let kind = KLPenalty.Kind(rawValue: known[name] ?? name) else {
      throw GoldenProblem("the KL penalty \(name) is not understood")
    }
    self = kind
  }
}
