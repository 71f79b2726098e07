import Randomness

/// Random choices of one trial, in the order they are asked for: the same for the same seed, on
/// every machine.
public struct Choices: Sendable {
  private let stream: RandomStream
  private var drawn: UInt64 = 0

  public init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .selection) }

  /// Uniform in 0..<bound.
  public mutating func integer(below bound: Int) -> Int {
    defer { drawn += 1 }
    return Int(stream.integer(below: UInt64(bound), drawn))
  }

  /// Uniform in a closed range.
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + integer(below: range.count)
  }

  public mutating func chance(_ probability: Double) -> Bool {
    defer { drawn += 1 }
    return stream.uniform(drawn) < probability
  }

  public mutating func pick<Element>(_ elements: [Element]) -> Element {
    precondition(!elements.isEmpty, "nothing to pick from")
    return elements[integer(below: elements.count)]
  }

  /// Bytes that do not compress.
  public mutating func noise(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count {
      let bits = stream.bits(drawn)
      drawn += 1
      for shift in stride(from: 0, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
      }
    }
    return Array(bytes.prefix(count))
  }
}
