import Digest
import Inspector
import Policy

/// What an adapter's directory holds, for `model inspect`.
struct AdapterReport: Encodable {
  struct Tensor: Encodable {
    var name: String
    var shape: [Int]
    var dtype: String
  }

  var path: String
  var adapter = "LoRA"
  var rank: Int
  var alpha: Double
  var scale: Double
  var rankStabilized: Bool
  var targets: [String]
  var base: String?
  /// SHA-256 over the base's f32 tensors in name order.
  var baseDigest: String?
  var parameters: Int
  var tensorCount: Int
  var bytes: Int
  var tensors: [Tensor]?

  init(_ stored: StoredAdapter, withTensors: Bool) {
    let settings = stored.settings
    path = stored.path
    rank = settings.rank
    alpha = settings.alpha
    scale = settings.scale
    rankStabilized = settings.isRankStabilized
    targets = settings.targets.map(\.rawValue)
    base = stored.base.name
    baseDigest = stored.base.digest.map(hexadecimal)
    parameters = stored.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    tensorCount = stored.tensors.count
    bytes = stored.tensors.reduce(0) { $0 + $1.bytes }
    if withTensors {
      tensors = stored.tensors.map {
        Tensor(name: $0.name, shape: $0.shape, dtype: $0.dataType.rawValue)
      }
    }
  }

  func print(_ output: Output) {
    var table = TextTable([.init(""), .init("", shrinks: true)])
    let rows: [(String, String)] = [
      ("adapter", "LoRA of rank \(rank), scaled by \(scale)"),
      ("targets", targets.joined(separator: ", ")),
      ("parameters", "\(parameters) in \(tensorCount) tensors, \(bytes) bytes"),
      ("base", TerminalText.escaped(base ?? "not named")),
      ("base's digest", baseDigest ?? "not named"),
    ]
    for (name, value) in rows { table.add([name, value]) }
    output.print(table)
    guard let tensors else { return }
    var list = TextTable([.init("tensor"), .init("shape"), .init("type")])
    for tensor in tensors {
      list.add([TerminalText.escaped(tensor.name), "\(tensor.shape)", tensor.dtype])
    }
    output.print()
    output.print(list)
  }
}
