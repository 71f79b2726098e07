/// A part of a group's page that can be left out.
enum Field: String, CaseIterable {
  case facts
  case prompt
  case truth = "ground truth"
  case demonstration
  case response
  case verdict
  case critique
  case tags
}
