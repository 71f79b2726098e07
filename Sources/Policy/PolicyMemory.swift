public import Operators

/// Bytes that a policy or a critic takes, from shapes alone: what `Transformer` and the operators
/// allocate and touch. Upper bounds of what a pass takes when every sequence has its full length.
public struct PolicyMemory: Sendable {
  private let shape: TransformerShape
  private let layerCount: Int
  private let threads: Int
  /// Parameters of the model.
  public let parameterCount: Int

  public init(_ configuration: ModelConfiguration, threads: Int) {
    let layout = ParameterLayout(configuration)
    shape = layout.shape
    layerCount = layout.layers.count
    parameterCount = layout.count
    self.threads = threads
  }

  /// The sizes of a group: what memory depends on.
  public struct Group: Sendable {
    public var promptTokens: Int
    public var responses: Int
    public var responseTokens: Int

    public init(promptTokens: Int, responses: Int, responseTokens: Int) {
      self.promptTokens = promptTokens
      self.responses = responses
      self.responseTokens = responseTokens
    }

    fileprivate var training: TrainingGroup {
      let response = [Int32](repeating: 0, count: responseTokens)
      return TrainingGroup(
        prompt: [Int32](repeating: 0, count: max(promptTokens, 1)),
        responses: [[Int32]](repeating: response, count: responses))
    }
  }

  /// Bytes of the parameters, or of a gradient or a moment of all of them, in f32.
  public var parameters: Int { 4 * parameterCount }

  /// Of a forward and backward pass over groups of one size: activations, their gradients, and
  /// logits, a few rows at a time.
  /// - Parameter checkpoints: see `Policy.checkpointsGradients`.
  public func training(_ group: Group, count: Int, checkpoints: Bool = false) -> Int {
    let batches = MicroBatch.cut([TrainingGroup](repeating: group.training, count: count))
    let rows = batches.map(\.rows.count)
    let keeps = Transformer.kept(
      rows: rows, shape, layerCount: layerCount,
      room: checkpoints ? 0 : Transformer.keptActivations)
    var floats = 0
    var largest = 0  // rows of a micro-batch
    var again = 0  // the same, of those whose layers are computed again
    var passed = 0  // the same, of those of which nothing is kept
    var heads = 0
    for (index, rows) in rows.enumerated() {
      largest = max(largest, rows)
      heads = max(heads, batches[index].headRows.count)
      if let keep = keeps[index] {
        floats += rows * Activations.floatsPerRow(keep, shape, layerCount: layerCount)
      } else {
        passed = max(passed, rows)
      }
      if keeps[index] != .everything { again = max(again, rows) }
    }
    floats += passed * Activations.floatsPerRow(.residuals, shape, layerCount: layerCount)
    floats += again * Activations.floatsPerRowAndLayer(shape)
    floats += max(again, passed) * streamFloats
    floats += largest * (2 * shape.hidden + shape.attentionWidth + shape.qkvWidth)
    floats += workspace(rows: largest, headRows: heads)
    var logits = 0
    var keepsAllLogits = true
    for batch in batches {
      let more = shape.logitFloats(rows: batch.headRows.count)
      if logits + more <= Policy.keptLogits { logits += more } else { keepsAllLogits = false }
    }
    floats += logits
    // Weights, and a layer's or the head's activations, as the backward pass packs them; of the head
    // a slab, or all of it both ways where its logits are computed again.
    floats += keepsAllLogits ? max(layerPanels, slabPanels) : 2 * max(layerPanels, headPanels)
    floats += largest * (shape.attentionWidth + 2 * shape.hidden + shape.intermediate)
    return 4 * (floats + threads * scratch(rows: largest))
  }

  /// Of the weights as products take them in decoding, beside the parameters, which take `stored` bytes
  /// each. Training makes no more of them than `training` counts.
  public func panels(stored: Int, _ products: Products) -> Int {
    let each = products == .bf16 ? TensorType.bf16.stride : stored
    return each * (each * parameterCount <= keptPanelBytes ? parameterCount : largestPanels)
  }

  /// Values of the largest weights that one operator has packed.
  private var largestPanels: Int { max(layerPanels, headPanels) }

  private var layerPanels: Int {
    shape.hidden * (shape.attentionWidth + 3 * shape.intermediate)
  }

  private var headPanels: Int { shape.hidden * shape.vocabulary }

  /// Of what the head packs at once where its logits are kept.
  private var slabPanels: Int { shape.hidden * min(shape.vocabulary, slabTokens) }

  /// Of a pass that only scores.
  public func scoring(_ group: Group, count: Int) -> Int {
    let batches = MicroBatch.cut([TrainingGroup](repeating: group.training, count: count))
    let rows = batches.map(\.rows.count).max() ?? 0
    return 4 * (rows * streamFloats + largestPanels + threads * scratch(rows: rows))
  }

  /// Of sampling for groups of one size that are asked together: the key-value cache, and the rows
  /// that go through the layers.
  public func generation(_ group: Group, count: Int) -> Int {
    let block = shape.keyBlockFloats * shape.keyValueHeads * layerCount
    func blocks(_ tokens: Int) -> Int {
      (tokens + keyBlockPositions - 1) / keyBlockPositions * block
    }
    let shared = blocks(group.promptTokens)
    let own = blocks(group.promptTokens % keyBlockPositions + group.responseTokens)
    let all = count * (shared + group.responses * own)
    let rowsAtOnce = Policy.rowsAtOnce(shape, layers: layerCount, parameters: parameterCount)
    let sequences = min(count * group.responses, rowsAtOnce)
    let held = min(
      all, max(Policy.cacheFloats, shared + own), sequences * (shared + own))
    let prefilled = min(
      count * group.promptTokens, Policy.prefilledAtOnce + group.promptTokens)
    let rows = max(prefilled, sequences)
    let draws = 4 * shape.vocabulary
    return 4 * (held + rows * streamFloats + threads * (scratch(rows: rows) + draws))
  }

  /// Floats of a row on its way through the layers where nothing is kept.
  private var streamFloats: Int { shape.hidden + shape.qkvWidth + shape.attentionWidth }

  /// Floats of the largest of the operators' workspaces, as far as they are touched.
  private func workspace(rows: Int, headRows: Int) -> Int {
    let chunk = min(headRows, (1 << 24) / shape.vocabulary + 128)
    return max(
      rows * (shape.hidden + shape.intermediate), headRows * 2 * shape.hidden,
      chunk * (2 * shape.hidden + shape.vocabulary))
  }

  /// Floats of one thread's scratch: a tile through the block, or a tile of logits.
  private func scratch(rows: Int) -> Int {
    let tile = min(rows, 64)
    return tile
      * max(2 * shape.hidden + 3 * shape.intermediate, shape.hidden + shape.vocabulary)
  }
}
