import Foundation
import Metrics

/// docs/metrics.md: made here, so that it cannot differ from the registry.
enum MetricsDocument {
  static var text: String {
    introduction
      + Metric.Group.allCases.map { group in
        "\n## \(group.rawValue.capitalized)\n\n| metric | unit | what it is | formula | from |\n"
          + "|---|---|---|---|---|\n"
          + MetricRegistry.all.filter { $0.group == group }.map(row).joined()
      }.joined() + names
  }

  private static let introduction = """
    # Metrics

    What a run measures of every step, and where it comes from. This page is `pipeline metrics list
    --markdown`; a test compares them, and another one runs algorithms of every kind and refuses a metric
    that is not here.

    | where | what |
    |---|---|
    | `RUN/metrics.jsonl` | always: a JSON object a step, made of the queue's logs; what is not finite is `"NaN"`, `"Infinity"` or `"-Infinity"` |
    | `RUN/tb/` | TensorBoard's event files, unless `metrics.tensorboard: false`: the same numbers as f32, each step once however often the run was killed |
    | `pipeline serve`, `/metrics` | Prometheus' text format: the newest step of every run |
    | `pipeline metrics export RUN --format tensorboard\\|csv\\|jsonl\\|prometheus` | any run's, also an old one's; `--names verl\\|trl` gives them those names where there is one |

    `docs/tools/check-tensorboard.py RUN` reads the event files with the `tensorboard` package and compares
    them with `metrics.jsonl`. A step's number is found in the queue in the record that the last column
    names: `batches` is what the loss assembler wrote, `updates` what the optimizer did. Times, rates and
    memory differ from run to run; all other numbers are the same bits for the same definition.

    P_q is the share of a question's rollouts that solved it, r a reward, y a response, v a value, R a
    return; n is the number of what a sum is over.

    """

  private static func row(_ metric: Metric) -> String {
    var what = metric.definition
    if let presence = metric.presence { what += "; \(presence)" }
    let formula = metric.formula.isEmpty ? "" : cell(metric.formula)
    let from = "\(metric.stage.rawValue), `\(metric.stage.log)`"
    return "| `\(metric.name)` | \(metric.unit) | \(cell(what)) | \(formula) | \(from) |\n"
  }

  /// Aliases of every system, with what differs.
  private static var names: String {
    "\n## Names elsewhere\n\nOnly where they answer the same question. No entry in the last column: the "
      + "same number on the same\ndata, but for floating-point rounding and the way in which others "
      + "average over their workers.\n\n| metric | there | difference |\n|---|---|---|\n"
      + MetricRegistry.all.flatMap { metric in
        metric.aliases.map { alias in
          "| `\(metric.name)` | \(label(alias.system)): `\(alias.name)` | "
            + "\(cell(alias.difference ?? "")) |\n"
        }
      }.joined()
  }

  private static func label(_ system: MetricAlias.System) -> String {
    switch system {
    case .verl: "verl"
    case .trl: "TRL"
    case .hpt: "HPT"
    }
  }

  private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
