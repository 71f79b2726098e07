extension ModelConfiguration {
  /// The shapes of published models, by their names in small letters.
  ///
  /// Source: config.json of the models, as litgpt lists them (`litgpt/config.py` at 26857050); ids of
  /// Llama from meta-llama/llama-models at a9c89c47.
  public static let named: [(name: String, configuration: ModelConfiguration)] = [
    (
      "qwen2.5-0.5b",
      qwen(
        .qwen2ForCausalLM, hidden: 896, intermediate: 4864, layers: 24, heads: (14, 2), width: 64,
        theta: 1e6, tied: true, positions: 32_768, stop: 151_643)
    ),
    (
      "qwen2.5-math-1.5b",
      qwen(
        .qwen2ForCausalLM, hidden: 1536, intermediate: 8960, layers: 28, heads: (12, 2), width: 128,
        theta: 1e4, tied: true, positions: 4096, stop: 151_643)
    ),
    (
      "qwen2.5-math-7b",
      qwen(
        .qwen2ForCausalLM, vocabulary: 152_064, hidden: 3584, intermediate: 18_944, layers: 28,
        heads: (28, 4), width: 128, theta: 1e4, tied: false, positions: 4096, stop: 151_643)
    ),
    (
      "qwen3-0.6b",
      qwen(
        .qwen3ForCausalLM, hidden: 1024, intermediate: 3072, layers: 28, heads: (16, 8), width: 128,
        theta: 1e6, tied: true, positions: 40_960, stop: 151_645)
    ),
    (
      "qwen3-1.7b",
      qwen(
        .qwen3ForCausalLM, hidden: 2048, intermediate: 6144, layers: 28, heads: (16, 8), width: 128,
        theta: 1e6, tied: true, positions: 40_960, stop: 151_645)
    ),
    ("llama-3.1-8b", llama31),
  ]

  private static func qwen(
    _ architecture: ModelArchitecture, vocabulary: Int = 151_936, hidden: Int, intermediate: Int,
    layers: Int, heads: (queries: Int, keys: Int), width: Int, theta: Double, tied: Bool,
    positions: Int, stop: Int32
  ) -> ModelConfiguration {
    var model = ModelConfiguration(
      architecture: architecture, vocabularySize: vocabulary, hiddenSize: hidden,
      intermediateSize: intermediate, layerCount: layers, headCount: heads.queries,
      keyValueHeadCount: heads.keys, headDimension: width, ropeTheta: theta, tieEmbeddings: tied,
      maximumPositions: positions, stopIDs: [stop])
    model.beginID = 151_643
    return model
  }

  private static var llama31: ModelConfiguration {
    var model = ModelConfiguration(
      architecture: .llamaForCausalLM, vocabularySize: 128_256, hiddenSize: 4096,
      intermediateSize: 14_336, layerCount: 32, headCount: 32, keyValueHeadCount: 8,
      headDimension: 128, normEpsilon: 1e-5, ropeTheta: 5e5,
      ropeScaling: RopeScaling(
        factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192),
      tieEmbeddings: false, maximumPositions: 131_072, stopIDs: [128_001])
    model.beginID = 128_000
    return model
  }
}
