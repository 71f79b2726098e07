import ArgumentParser
import Foundation

/// `A..B`, both included, or one step.
struct StepRange: ExpressibleByArgument {
  let range: ClosedRange<UInt64>

  init?(argument: String) {
    let ends = argument.components(separatedBy: "..").map { UInt64($0) }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
      first <= last
    else { return nil }
    range = first...last
  }
}
