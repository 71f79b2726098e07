import Conditions
import Inspector
import Records

/// The parameters of a request, read strictly: one that is unknown or means nothing is refused.
struct PageQuery {
  private let items: [String: String]

  init(_ items: [String: String], known: Set<String>) throws(PagesError) {
    self.items = items
    for name in items.keys.sorted() where !known.contains(name) {
      let names = known.sorted().joined(separator: ", ")
      throw PagesError(
        .badRequest, at: name.shortened, "there is no such parameter",
        remedy: known.isEmpty ? "Leave it out." : "Parameters: \(names).")
    }
  }

  func text(_ name: String) -> String? { items[name].flatMap { $0.isEmpty ? nil : $0 } }

  func number(_ name: String, standard: UInt64, most: UInt64 = .max) throws(PagesError) -> UInt64 {
    guard let text = text(name) else { return standard }
    guard let number = UInt64(text), number <= most else {
      throw PagesError(
        .badRequest, at: name, "\(text.shortened) is no number from 0 to \(most)",
        remedy: "Write one.")
    }
    return number
  }

  func choice(_ name: String, of names: [String]) throws(PagesError) -> String {
    guard let text = text(name) else { return names[0] }
    guard names.contains(text) else {
      throw PagesError(
        .badRequest, at: name, "\(text.shortened) is none of its values",
        remedy: "Values: \(names.joined(separator: ", ")).")
    }
    return text
  }
}
