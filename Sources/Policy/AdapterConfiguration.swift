import Digest
import Records

/// PEFT's `adapter_config.json`.
enum AdapterConfiguration {
  static let fileName = "adapter_config.json"
  /// Our own field: SHA-256 over the base's f32 tensors in name order. PEFT passes over fields that it
  /// does not know, with a warning.
  static let digestField = "base_weights_sha256"

  /// Fields of PEFT 0.21 that make something else of an adapter than `scale · B A` beside the products
  /// that `target_modules` names in every layer, with what they say where they do not. Others concern
  /// training or saving.
  private static let neutral: [(field: String, isNeutral: @Sendable (JSONValue) -> Bool)] = [
    ("alora_invocation_tokens", { _ in false }), ("alpha_pattern", isEmpty),
    ("arrow_config", { _ in false }), ("bias", { $0.string == "none" }),
    ("exclude_modules", isEmpty), ("fan_in_fan_out", isFalse), ("kasa_config", { _ in false }),
    ("layer_replication", { _ in false }), ("layers_pattern", isEmpty),
    ("layers_to_transform", { _ in false }), ("lora_bias", isFalse),
    ("megatron_config", { _ in false }), ("modules_to_save", isEmpty),
    ("monteclora_config", { _ in false }), ("rank_pattern", isEmpty),
    ("target_parameters", isEmpty), ("trainable_token_indices", isEmpty),
    ("use_bdlora", isFalse), ("use_dora", isFalse), ("use_qalora", isFalse),
    // Other starts change the base's weights, and the file is relative to those.
    (
      "init_lora_weights",
      { $0.boolean != nil || ["gaussian", "orthogonal", "eva"].contains($0.string) }
    ),
  ]

  private static func isFalse(_ value: JSONValue) -> Bool { value.boolean == false }

  private static func isEmpty(_ value: JSONValue) -> Bool {
    value.array?.isEmpty ?? value.object?.isEmpty ?? (value.string == "")
  }

  // MARK: Reading

  /// - Throws: `ModelDirectoryError`, which names the field.
  static func read(
    _ bytes: [UInt8], location: String
  ) throws(ModelDirectoryError) -> (settings: AdapterSettings, base: Adapter.Base) {
    let fields = try ConfigurationFields(bytes, location: location)
    guard let type = fields.json.present("peft_type")?.string else {
      throw .malformed(location, "peft_type is missing")
    }
    guard type == "LORA" else { throw .unsupportedAdapter(location, "peft_type", "is \(type)") }
    if let task = fields.json.present("task_type"), task.string != "CAUSAL_LM" {
      throw .unsupportedAdapter(
        location, "task_type", "is \(task.string ?? "not a string"), not CAUSAL_LM")
    }
    for (field, isNeutral) in neutral {
      if let value = fields.json.present(field), !isNeutral(value) {
        throw .unsupportedAdapter(location, field, "is set, and changes what is computed")
      }
    }
    guard fields.json.present("r") != nil else { throw .malformed(location, "r is missing") }
    let settings = AdapterSettings(
      rank: try fields.count("r", limit: 1 << 16),
      // What PEFT takes where it is missing.
      alpha: try fields.positive("lora_alpha", absent: 8),
      isRankStabilized: try fields.flag("use_rslora"), dropout: try dropout(fields),
      targets: try targets(fields))
    return (
      settings,
      Adapter.Base(
        name: fields.json.present("base_model_name_or_path")?.string, digest: try digest(fields))
    )
  }

  private static func dropout(
    _ fields: ConfigurationFields
  ) throws(ModelDirectoryError) -> Double {
    guard let value = fields.json.present("lora_dropout") else { return 0 }
    guard let rate = value.double, rate >= 0, rate < 1 else {
      throw .malformed(fields.location, "lora_dropout is no share from 0 to below 1")
    }
    return rate
  }

  /// A list of module names, or `all-linear`, which PEFT takes for every linear map but the head.
  private static func targets(
    _ fields: ConfigurationFields
  ) throws(ModelDirectoryError) -> Set<AdapterTarget> {
    guard let value = fields.json.present("target_modules") else {
      throw .malformed(fields.location, "target_modules is missing")
    }
    if value.string == "all-linear" { return Set(AdapterTarget.allCases) }
    guard let entries = value.array, !entries.isEmpty else {
      throw .unsupportedAdapter(
        fields.location, "target_modules", "is no list of module names and not all-linear")
    }
    var targets: Set<AdapterTarget> = []
    for entry in entries {
      guard let name = entry.string, let target = AdapterTarget(rawValue: name) else {
        let known = AdapterTarget.allCases.map(\.rawValue).joined(separator: ", ")
        throw .unsupportedAdapter(
          fields.location, "target_modules",
          "names \(entry.string ?? "something that is no string"); known are \(known)")
      }
      targets.insert(target)
    }
    return targets
  }

  private static func digest(_ fields: ConfigurationFields) throws(ModelDirectoryError) -> [UInt8]?
  {
    guard let value = fields.json.present(digestField) else { return nil }
    let digits = Array((value.string ?? "").utf8)
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = UInt8(String(decoding: digits[start...start + 1], as: UTF8.self), radix: 16)
      else { break }
      bytes.append(byte)
    }
    guard digits.count == 64, bytes.count == 32 else {
      throw .malformed(fields.location, "\(digestField) is not 64 hexadecimal digits")
    }
    return bytes
  }

  // MARK: Writing

  /// The fields that PEFT needs, in the order in which it writes them; it takes its defaults, which
  /// are the neutral ones, for the others.
  static func json(_ settings: AdapterSettings, _ base: Adapter.Base) -> String {
    let targets = settings.targets.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    let alpha = Int(exactly: settings.alpha).map { "\($0)" } ?? "\(settings.alpha)"
    var fields: [(name: String, value: String)] = [
      ("base_model_name_or_path", base.name.map(JSONValue.quoted) ?? "null"),
      ("bias", "\"none\""), ("fan_in_fan_out", "false"), ("inference_mode", "true"),
      ("init_lora_weights", "true"), ("lora_alpha", alpha), ("lora_dropout", "\(settings.dropout)"),
      ("modules_to_save", "null"), ("peft_type", "\"LORA\""), ("r", "\(settings.rank)"),
      ("target_modules", "[\(targets)]"), ("task_type", "\"CAUSAL_LM\""),
      ("use_dora", "false"), ("use_rslora", "\(settings.isRankStabilized)"),
    ]
    if let digest = base.digest {
      fields.insert((digestField, "\"\(hexadecimal(digest))\""), at: 1)
    }
    let lines = fields.map { "  \"\($0.name)\": \($0.value)" }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }
}
