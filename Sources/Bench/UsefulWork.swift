package import Policy

/// The floating-point operations that a job cannot do without, from shapes alone: products,
/// attention and head. Norms, RoPE, activations, softmax, AdamW, and whatever is computed twice are
/// left out.
///
/// With width D, A = heads · head size, K = key-value heads · head size, intermediate size F,
/// vocabulary V and L layers, forward:
///
///     row of tokens     2 · L · (D (A + 2K) + A·D + 3·D·F)
///     its attention     4 · L · A · context       context: keys that the row sees, itself included
///     row with logits   2 · D · V
///
/// Backward takes twice as much: for every product one for the input and one for the weight, and
/// four products of attention for its two. A group's prompt counts once, in training as in
/// generation. The last token of a response goes through no layer: nothing needs what follows it.
package struct UsefulWork {
  private let configuration: ModelConfiguration
  private let attentionWidth: Int

  package init(_ configuration: ModelConfiguration) {
    self.configuration = configuration
    attentionWidth = configuration.headCount * configuration.headDimension
  }

  private var qkvWidth: Int {
    attentionWidth + 2 * configuration.keyValueHeadCount * configuration.headDimension
  }

  private var rowFLOP: Double {
    let width = configuration.hiddenSize
    let weights =
      width * qkvWidth + attentionWidth * width + 3 * width * configuration.intermediateSize
    return 2 * Double(configuration.layerCount) * Double(weights)
  }

  private var headFLOP: Double {
    2 * Double(configuration.hiddenSize) * Double(configuration.vocabularySize)
  }

  /// Of rows that stand at `positions` and see all that is before them.
  private func attentionFLOP(_ positions: Range<Int>) -> Double {
    let contexts = Double(positions.count) * Double(positions.lowerBound + positions.upperBound + 1)
    return 2 * Double(configuration.layerCount) * Double(attentionWidth) * contexts
  }

  /// Of one forward and backward pass.
  package func training(_ groups: [TrainingGroup]) -> Double {
    var forward = 0.0
    for group in groups {
      let prompt = group.prompt.count
      forward += Double(prompt) * rowFLOP + attentionFLOP(0..<prompt)
      for response in group.responses where !response.isEmpty {
        forward += Double(response.count - 1) * rowFLOP
        forward += attentionFLOP(prompt..<prompt + response.count - 1)
      }
    }
    forward += Double(headRows(groups)) * headFLOP
    return 3 * forward
  }

  /// Of sampling responses of these lengths to a prompt.
  package func generation(promptTokens: Int, responses: [Int]) -> Double {
    var flop = Double(promptTokens) * rowFLOP + attentionFLOP(0..<promptTokens)
    // The first token of every rollout of a group comes from one row of logits.
    if !responses.isEmpty { flop += headFLOP }
    for tokens in responses where tokens > 1 {
      flop += Double(tokens - 1) * (rowFLOP + headFLOP)
      flop += attentionFLOP(promptTokens..<promptTokens + tokens - 1)
    }
    return flop
  }

  // MARK: The products

  /// Rows of training that go through the layers, and rows that have logits.
  package func rows(_ groups: [TrainingGroup]) -> Int {
    groups.reduce(0) { sum, group in
      sum + group.prompt.count + group.responses.reduce(0) { $0 + max($1.count - 1, 0) }
    }
  }

  package func headRows(_ groups: [TrainingGroup]) -> Int {
    groups.reduce(0) { sum, group in
      let responses = group.responses.filter { !$0.isEmpty }
      return sum + (responses.isEmpty ? 0 : 1) + responses.reduce(0) { $0 + $1.count - 1 }
    }
  }

  /// The products of a pass over so many rows.
  package func products(rows: Int, headRows: Int, trains: Bool) -> [Product] {
    let width = configuration.hiddenSize
    let layers = configuration.layerCount
    let linears = [
      ("qkv", qkvWidth, width, rows, layers),
      ("attention out", width, attentionWidth, rows, layers),
      ("gate and up", 2 * configuration.intermediateSize, width, rows, layers),
      ("down", width, configuration.intermediateSize, rows, layers),
      ("head", configuration.vocabularySize, width, headRows, 1),
    ]
    let kinds: [Product.Kind] = trains ? Product.Kind.allCases : [.forward]
    return linears.flatMap { name, outputs, inputs, rows, count in
      kinds.map {
        Product(
          name: name, kind: $0, rows: rows, outputs: outputs, inputs: inputs, count: count)
      }
    }
  }

  /// Weights that a pass which draws one token for each of some sequences must read: those of the
  /// layers and of the head.
  package var weightsPerPass: Int {
    let embedding = configuration.vocabularySize * configuration.hiddenSize
    return configuration.parameterCount - (configuration.tieEmbeddings ? 0 : embedding)
  }
}

/// A product with a weight `W [outputs, inputs]` on `rows` rows.
public struct Product: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Y = X Wᵀ
    case forward
    /// dX = dY W
    case inputGradient = "input_gradient"
    /// dW = dYᵀ X
    case weightGradient = "weight_gradient"
  }

  public var name: String
  public var kind: Kind
  public var rows: Int
  public var outputs: Int
  public var inputs: Int
  /// How often a pass does it.
  public var count: Int
  /// What OpenBLAS does it with on this machine, in GFLOP/s; nil until measured.
  public var gflopPerSecond: Double?

  package init(name: String, kind: Kind, rows: Int, outputs: Int, inputs: Int, count: Int) {
    self.name = name
    self.kind = kind
    self.rows = rows
    self.outputs = outputs
    self.inputs = inputs
    self.count = count
  }

  /// Of all of them.
  package var flop: Double { 2 * Double(rows) * Double(outputs) * Double(inputs) * Double(count) }
}
