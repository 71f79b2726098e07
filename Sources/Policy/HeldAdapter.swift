import Digest
import Operators

/// An adapter in the memory of the device, beside the layers of a transformer.
final class HeldAdapter {
  let settings: AdapterSettings
  let base: Adapter.Base
  /// In the order of `settings.tensors`.
  let values: Tensor
  private let layers: [AdapterOffsets]
  /// What the passes drop; nil but in the passes of a training step.
  var dropout: LayerAdapter.Dropout?

  /// - Throws: `PolicyError.Code.wrongSize`.
  init(
    _ adapter: Adapter, of model: ModelConfiguration, compute: Compute
  ) throws(PolicyError) {
    settings = adapter.settings
    base = adapter.base
    let tensors = settings.tensors(of: model)
    let starts = SafetensorsWriter.offsets(of: tensors)
    guard adapter.values.count == starts[tensors.count] else {
      throw .wrongSize(
        "adapter", count: adapter.values.count, expected: starts[tensors.count])
    }
    values = Tensor(adapter.values, compute: compute)
    let places = Dictionary(
      zip(tensors.map(\.name), starts), uniquingKeysWith: { first, _ in first })
    let targets = settings.targets
    layers = (0..<model.layerCount).map { layer in
      func place(_ target: AdapterTarget) -> AdapterOffsets.Update? {
        guard targets.contains(target) else { return nil }
        let names = target.factors(layer: layer)
        guard let a = places[names.a], let b = places[names.b] else {
          preconditionFailure("no tensor \(names)")
        }
        return AdapterOffsets.Update(a: a, b: b)
      }
      return AdapterOffsets(
        q: place(.queries), k: place(.keys), v: place(.values), o: place(.output),
        gate: place(.gate), up: place(.up), down: place(.down))
    }
  }

  /// What stands beside the products of a layer.
  /// - Parameter gradient: of `values`, for a backward pass.
  func layer(_ index: Int, gradient: Tensor? = nil) -> LayerAdapter {
    LayerAdapter(
      rank: settings.rank, scale: Float(settings.scale), dropout: dropout, offsets: layers[index],
      values: values, gradient: gradient)
  }

  /// What tells policies with adapters apart: the base's digest, what the adapter is, and its f32
  /// values in the order of their names.
  func digest(base digest: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(digest)
    let targets = settings.targets.map(\.rawValue).joined(separator: ",")
    hash.update("LoRA \(settings.rank) \(Float(settings.scale).bitPattern) \(targets)\n")
    values.update(&hash)
    return hash.finalize()
  }
}

extension Tensor {
  /// Adds the values, widened to f32, to a digest: a piece at a time, so that the copy stays in cache.
  func update(_ hash: inout SHA256) {
    let piece = 1 << 16
    for start in stride(from: 0, to: count, by: piece) {
      let values = read(start..<min(start + piece, count))
      unsafe values.withUnsafeBytes { unsafe hash.update($0) }
    }
  }
}
