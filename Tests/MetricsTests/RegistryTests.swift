import Metrics
import Records
import Testing

@Suite struct RegistryTests {
  @Test func namesAreUniqueHereInPrometheusAndInEverySystem() {
    let all = MetricRegistry.all
    #expect(Set(all.map(\.name)).count == all.count)
    #expect(Set(all.map { PrometheusText.name(of: $0) }).count == all.count)
    for system in MetricAlias.System.allCases {
      let names = all.flatMap(\.aliases).filter { $0.system == system }.map(\.name)
      #expect(!names.isEmpty && Set(names).count == names.count, "\(system)")
      // Nor is a name there one that another metric has here, or an export would mix the two.
      let mixed = all.filter { metric in
        names.contains(metric.name)
          && !metric.aliases.contains { $0.system == system && $0.name == metric.name }
      }
      #expect(mixed.isEmpty, "\(system): \(mixed.map(\.name))")
    }
  }

  @Test func everyMetricIsSaidWholly() {
    for metric in MetricRegistry.all {
      #expect(!metric.title.isEmpty && metric.definition.count > 4, "\(metric.name)")
      #expect(!metric.definition.hasSuffix("."), "\(metric.name)")
      #expect(metric.aliases.allSatisfy { $0.difference?.isEmpty != true }, "\(metric.name)")
    }
    #expect(
      Metric.Group.allCases.allSatisfy { group in
        MetricRegistry.all.contains { $0.group == group }
      })
  }

  @Test func aFamilyKnowsItsMembersAndNothingElseIsKnown() throws {
    let family = try #require(MetricRegistry.metric("accuracy/source/a/b NAME"))
    #expect(family.name == "accuracy/source/NAME")
    #expect(family.member(of: "accuracy/source/a/b NAME") == "a/b NAME")
    #expect(
      family.source(step: "12", name: "accuracy/source/x")
        == "loss · batches/12 · accuracy/source/x")
    for unknown in ["accuracy/source/", "accuracy/source", "accuracy", "loss/", "step", ""] {
      #expect(MetricRegistry.metric(unknown) == nil, "\(unknown)")
    }
  }

  @Test func aNameElsewhereIsGivenOnlyWhereThereIsOne() {
    #expect(MetricRegistry.name(of: "reward/mean", in: .trl) == "reward")
    #expect(MetricRegistry.name(of: "gradient_norm", in: .verl) == "actor/grad_norm")
    #expect(MetricRegistry.name(of: "gate/sft", in: .verl) == "gate/sft")
    #expect(MetricRegistry.name(of: "reward/mean", in: nil) == "reward/mean")
    #expect(MetricRegistry.name(of: "of another version", in: .trl) == "of another version")
  }
}

@Suite struct MetricLineTests {
  @Test func everyNumberReadsBackAsItIsWritten() throws {
    let line = try MetricLine(
      json: Array(#"{"c":"-Infinity","a":"NaN","step":7,"b":-0.0,"d":1e300}"#.utf8), location: "x")
    #expect(line.step == 7 && line.values.map(\.name) == ["a", "b", "c", "d"])
    #expect(
      line.values.map { MetricLine.text($0.value) } == ["NaN", "-0.0", "-Infinity", "1e+300"])
    for value in [0.1, -0.0, 5, 1 / 3, .greatestFiniteMagnitude, .leastNonzeroMagnitude] {
      #expect(Double(MetricLine.text(value))?.bitPattern == value.bitPattern, "\(value)")
    }
  }

  @Test(arguments: [
    "", "{}", "[1]", #"{"step":-1}"#, #"{"step":1.5}"#, #"{"step":1,"a":null}"#,
    #"{"step":1,"a":"nan"}"#, #"{"step":1,"a":"0x10"}"#, #"{"step":1"#,
  ]) func whatIsNoLineIsRefused(text: String) {
    let error = #expect(throws: MetricsError.self) {
      try MetricLine(json: Array(text.utf8), location: "metrics.jsonl")
    }
    #expect(error?.exitStatus == .corrupt && error?.location == "metrics.jsonl")
  }
}
