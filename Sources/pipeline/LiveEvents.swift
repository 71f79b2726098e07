import Pages
import Records
import WebServer

/// Tells those who look at a run that it has moved: a look at the number of its queue's last commit once a
/// second, and only at runs that somebody looks at. No transaction stays open.
final class LiveEvents {
  private let library: RunLibrary
  private let events: EventHub
  private var known: [String: RunRevision] = [:]

  init(_ library: RunLibrary, _ events: EventHub) {
    self.library = library
    self.events = events
  }

  func look() {
    let watched = events.topics
    known = known.filter { watched.contains($0.key) }
    for run in watched.sorted() {
      let revision: RunRevision
      // A run that cannot be read just now says so on its page, which asks for itself.
      do { revision = try library.revision(of: run) } catch { continue }
      guard known[run] != revision else { continue }
      known[run] = revision
      events.publish(WebEvent(name: "commit", data: Self.json(revision)), to: run)
    }
  }

  private static func json(_ revision: RunRevision) -> String {
    var text = JSONText()
    text.open("{")
    text.member("run", revision.run)
    for (name, number) in [("commit", revision.commit), ("step", revision.step)] {
      text.key(name)
      text.literal("\(number)")
    }
    text.member("state", revision.state)
    text.close("}")
    return String(decoding: text.bytes, as: UTF8.self)
  }
}
