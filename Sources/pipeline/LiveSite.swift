import Conditions
import Inspector
import Metrics
import Pages
import Records
import WebServer

/// What `pipeline serve` answers: the pages, their data under /api, /metrics for Prometheus, /healthz.
struct LiveSite: Sendable {
  private let library: RunLibrary
  /// The same document for every page: its script asks for the rest.
  private let page = PageShell.page(data: Array(#"{"mode":"serve"}"#.utf8))

  init(_ library: RunLibrary) { self.library = library }

  func answer(_ request: WebRequest) -> WebAnswer {
    do {
      return try route(request)
    } catch let error as ConditionError {
      return .response(.error(error, status: 400, offset: error.offset))
    } catch let error as any DescribedError {
      return .response(.error(error, status: Self.status(of: error)))
    } catch {
      let unknown = PagesError(
        .file, at: "server", "it failed: \(error)",
        remedy: "Look at the run with `pipeline status`.")
      return .response(.error(unknown, status: 500))
    }
  }

  private func route(_ request: WebRequest) throws -> WebAnswer {
    switch request.path.first {
    case nil:
      return .response(
        WebResponse(
          contentType: "text/html; charset=utf-8", body: page.html,
          contentSecurityPolicy: page.contentSecurityPolicy))
    case "healthz" where request.path.count == 1:
      return .response(
        WebResponse(contentType: "text/plain; charset=utf-8", body: Array("ok\n".utf8)))
    case "metrics" where request.path.count == 1: return try metrics()
    case "api":
      let view = Array(request.path.dropFirst())
      if view == ["events"] { return try events(request.query) }
      return .response(.json(try library.view(view, query: request.query)))
    default:
      throw PagesError(
        .notFound, at: request.path.joined(separator: "/").shortened, "there is no such page",
        remedy: "The first page leads to all of them.")
    }
  }

  private func events(_ query: [String: String]) throws -> WebAnswer {
    guard query.count == 1, let run = query["run"] else {
      throw PagesError(
        .badRequest, at: "run", "the stream is that of one run", remedy: "Ask /api/events?run=NAME."
      )
    }
    // Said at once, where there is none.
    _ = try library.revision(of: run)
    return .events(topics: [run])
  }

  /// Runs that cannot be read are counted and hide none of the others.
  private func metrics() throws -> WebAnswer {
    var text = PrometheusText()
    var unreadable = 0.0
    for run in try library.keys() {
      let labels = [(name: "run", value: run)]
      do {
        let revision = try library.revision(of: run)
        text.add(
          "temper_steps_committed", help: "Steps that the run has committed", Double(revision.step),
          labels: labels)
        text.add(
          "temper_running", help: "Whether a process works on the run",
          revision.state == "running" ? 1 : 0, labels: labels)
        if let line = try library.latest(of: run) { text.add(line, labels: labels) }
      } catch { unreadable += 1 }
    }
    text.add(
      "temper_runs_unreadable", help: "Runs of the folder that cannot be read", unreadable,
      labels: [])
    return .response(
      WebResponse(contentType: PrometheusText.contentType, body: Array(text.text.utf8)))
  }

  private static func status(of error: any DescribedError) -> Int {
    if let error = error as? PagesError {
      switch error.code {
      case .notFound: return 404
      case .badRequest: return 400
      case .file: return 500
      }
    }
    switch (error as? InspectorError)?.code {
    case .badRequest: return 400
    case .noRun, .noGroup: return 404
    default: return error.exitStatus == .tryAgain ? 503 : 500
    }
  }
}
