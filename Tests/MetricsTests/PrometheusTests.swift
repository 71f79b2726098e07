import Metrics
import Testing

@Suite struct PrometheusTests {
  @Test func familiesStandTogetherWithLabelsAndEscapes() throws {
    var text = PrometheusText()
    for run in ["a", "b\"\\\n"] {
      text.add(
        MetricLine(
          step: 3,
          values: [
            ("reward/mean", 0.5), ("accuracy/source/é \"x\"", 1), ("loss", .nan),
            ("critic/error", .infinity), ("gradient_norm", -.infinity), ("not known/1", 2),
          ]), labels: [("run", run)])
    }
    #expect(
      text.text == #"""
        # HELP temper_accuracy_source Rollout accuracy of the questions of one data source, in share
        # TYPE temper_accuracy_source gauge
        temper_accuracy_source{run="a",name="é \"x\""} 1.0
        temper_accuracy_source{run="b\"\\\n",name="é \"x\""} 1.0
        # HELP temper_critic_error Root of the mean squared difference of value and return, over the rollouts' tokens
        # TYPE temper_critic_error gauge
        temper_critic_error{run="a"} +Inf
        temper_critic_error{run="b\"\\\n"} +Inf
        # HELP temper_gradient_norm Mean over the step's updates of the gradient's norm before it is clipped
        # TYPE temper_gradient_norm gauge
        temper_gradient_norm{run="a"} -Inf
        temper_gradient_norm{run="b\"\\\n"} -Inf
        # HELP temper_loss Mean over the step's updates of the scalar that each minimised
        # TYPE temper_loss gauge
        temper_loss{run="a"} NaN
        temper_loss{run="b\"\\\n"} NaN
        # HELP temper_not_known_1 No metric of this version
        # TYPE temper_not_known_1 gauge
        temper_not_known_1{run="a"} 2.0
        temper_not_known_1{run="b\"\\\n"} 2.0
        # HELP temper_reward_mean Mean reward of the step's rollouts, those apart on which the verifier had no verdict
        # TYPE temper_reward_mean gauge
        temper_reward_mean{run="a"} 0.5
        temper_reward_mean{run="b\"\\\n"} 0.5

        """#)
  }

  @Test func namesAreThoseThatPrometheusAllows() {
    for metric in MetricRegistry.all {
      let name = PrometheusText.name(of: metric)
      #expect(name.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil, "\(name)")
    }
  }
}
