/// What a low-rank adapter is (LoRA, arXiv 2106.09685): beside the product of every target stands
/// `scale · B A` with A `[rank, in]` and B `[out, rank]`, and these alone are trained.
public struct AdapterSettings: Sendable, Equatable {
  /// `r`.
  public var rank: Int
  /// `lora_alpha`: the update is scaled by `alpha / rank`.
  public var alpha: Double
  /// Scale by `alpha / √rank` in place of that (rsLoRA, arXiv 2312.03732; `use_rslora`).
  public var isRankStabilized: Bool
  /// `lora_dropout`: share of the values before A that training drops; 0: none.
  public var dropout: Double
  /// In the order of ``AdapterTarget``'s cases; each once, at least one.
  public let targets: [AdapterTarget]

  public init(
    rank: Int, alpha: Double, isRankStabilized: Bool = false, dropout: Double = 0,
    targets: Set<AdapterTarget>
  ) {
    precondition(
      rank > 0 && !targets.isEmpty && dropout >= 0 && dropout < 1,
      "an adapter of rank \(rank), \(targets.count) targets, dropout \(dropout)")
    self.rank = rank
    self.alpha = alpha
    self.isRankStabilized = isRankStabilized
    self.dropout = dropout
    self.targets = AdapterTarget.allCases.filter(targets.contains)
  }

  /// The factor of `B A`.
  public var scale: Double {
    alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))
  }
}

/// A linear map of a layer that an adapter can stand beside, by the name that PEFT's
/// `target_modules` gives it.
public enum AdapterTarget: String, Sendable, CaseIterable {
  case queries = "q_proj"
  case keys = "k_proj"
  case values = "v_proj"
  case output = "o_proj"
  case gate = "gate_proj"
  case up = "up_proj"
  case down = "down_proj"

  /// Its place in a layer, as parameters are named.
  var module: String {
    switch self {
    case .queries, .keys, .values, .output: "self_attn." + rawValue
    case .gate, .up, .down: "mlp." + rawValue
    }
  }

  /// Widths of what goes in and of what comes out.
  func widths(_ model: ModelConfiguration) -> (input: Int, output: Int) {
    let queries = model.headCount * model.headDimension
    let keys = model.keyValueHeadCount * model.headDimension
    switch self {
    case .queries: return (model.hiddenSize, queries)
    case .keys, .values: return (model.hiddenSize, keys)
    case .output: return (queries, model.hiddenSize)
    case .gate, .up: return (model.hiddenSize, model.intermediateSize)
    case .down: return (model.intermediateSize, model.hiddenSize)
    }
  }

  /// The name of the weight in a layer of the model, without `.weight`.
  func parameter(layer: Int) -> String { "model.layers.\(layer).\(module)" }

  /// The names that PEFT gives A and B of a layer.
  func factors(layer: Int) -> (a: String, b: String) {
    let prefix = "base_model.model." + parameter(layer: layer)
    return (prefix + ".lora_A.weight", prefix + ".lora_B.weight")
  }
}

extension AdapterSettings {
  /// Every tensor of an adapter of a model, ascending by UTF-8 bytes of its name: the order of its
  /// flat values, of its moments and of its part of the digest.
  public func tensors(of model: ModelConfiguration) -> [TensorShape] {
    var all: [TensorShape] = []
    for layer in 0..<model.layerCount {
      for target in targets {
        let (input, output) = target.widths(model)
        let names = target.factors(layer: layer)
        all.append(TensorShape(name: names.a, shape: [rank, input]))
        all.append(TensorShape(name: names.b, shape: [output, rank]))
      }
    }
    return all.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Values of all tensors together.
  public func count(of model: ModelConfiguration) -> Int {
    tensors(of: model).reduce(0) { $0 + $1.count }
  }
}
