import Records

extension ConfigurationFields {
  /// The base of the rotary frequencies and their scaling, from whichever spelling is there:
  /// `rope_theta` beside `rope_scaling`, or both in `rope_parameters`. All that is there must agree.
  func rope() throws(ModelDirectoryError) -> (theta: Double, scaling: RopeScaling?) {
    try refusePartialRotation(json, "")
    var thetas: [Double] = []
    if let theta = json.present("rope_theta") { thetas.append(theta.double ?? .nan) }
    var scalings: [RopeScaling?] = []
    for field in ["rope_scaling", "rope_parameters"] {
      guard let rope = json.present(field) else { continue }
      guard let members = rope.object else {
        throw .malformed(location, "\(field) is not an object")
      }
      if let layers = members.first(where: { $0.value.object != nil }) {
        throw refusal("\(field).\(layers.name)", "an object; one rotation serves all layers")
      }
      try refusePartialRotation(rope, field + ".")
      if let theta = rope.present("rope_theta") { thetas.append(theta.double ?? .nan) }
      scalings.append(try scaling(rope, field))
    }
    // 10000 is what transformers takes when nothing is said.
    let theta = thetas.first ?? 10_000
    guard theta > 0, thetas.allSatisfy({ $0 == theta }) else {
      throw .malformed(location, "rope_theta is not one positive number: \(thetas)")
    }
    let scaling = scalings.first ?? nil
    guard scalings.allSatisfy({ $0 == scaling }) else {
      throw .malformed(location, "rope_scaling and rope_parameters contradict each other")
    }
    return (theta, scaling)
  }

  private func refusePartialRotation(
    _ fields: JSONValue, _ place: String
  ) throws(ModelDirectoryError) {
    if let factor = fields.present("partial_rotary_factor"), factor.double != 1 {
      throw refusal(place + "partial_rotary_factor", "is not 1")
    }
  }

  private func scaling(_ rope: JSONValue, _ field: String) throws(ModelDirectoryError)
    -> RopeScaling?
  {
    guard let type = rope.present("rope_type") ?? rope.present("type") else {
      guard rope.present("factor") == nil else {
        throw refusal("\(field).rope_type", "is missing beside a factor")
      }
      return nil
    }
    switch type.string {
    case "default": return nil
    case "llama3": break
    default:
      throw refusal(
        "\(field).rope_type", "\(type.string ?? "not a string") is neither default nor llama3")
    }
    func number(_ name: String) throws(ModelDirectoryError) -> Double {
      guard let number = rope.present(name)?.double, number > 0, number.isFinite else {
        throw .malformed(location, "\(field).\(name) is not a positive number; llama3 needs it")
      }
      return number
    }
    let original = try number("original_max_position_embeddings")
    guard let positions = Int(exactly: original), positions <= 1 << 31 else {
      throw .malformed(
        location, "\(field).original_max_position_embeddings is not a whole number to 2^31")
    }
    let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
    guard low < high else {
      throw .malformed(
        location, "\(field): low_freq_factor \(low) is not below high_freq_factor \(high)")
    }
    return RopeScaling(
      factor: try number("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
      originalPositions: positions)
  }
}
