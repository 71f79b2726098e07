// References of the sampling filters and of AdamW.
#include <math.h>
#include <stdlib.h>

#include "../include/ops.h"

size_t ops_filtered_distribution_reference(
    const double *logits, size_t vocabulary, const ops_sampling *sampling, int32_t *ids,
    double *probabilities) {
  size_t left = sampling->token_limit < vocabulary ? sampling->token_limit : vocabulary;
  for (size_t i = 0; i < left; i++) ids[i] = (int32_t)i;
  // Insertion sort: descending logits, ascending ids among equals.
  for (size_t i = 1; i < left; i++)
    for (size_t j = i; j > 0 && logits[ids[j]] > logits[ids[j - 1]]; j--) {
      const int32_t id = ids[j];
      ids[j] = ids[j - 1];
      ids[j - 1] = id;
    }
  if (sampling->top_k > 0 && sampling->top_k < left) {
    const double least = logits[ids[sampling->top_k - 1]];
    while (logits[ids[left - 1]] < least) left--;
  }
  double sum = 0;
  for (size_t i = 0; i < left; i++) {
    probabilities[i] = exp((logits[ids[i]] - logits[ids[0]]) / (double)sampling->temperature);
    sum += probabilities[i];
  }
  if (sampling->top_p < 1) {
    double before = 0;
    size_t kept = 0;
    while (kept < left && (kept == 0 || before < (double)sampling->top_p * sum))
      before += probabilities[kept++];
    left = kept;
  }
  while (left > 1 && probabilities[left - 1] < (double)sampling->min_p * probabilities[0]) left--;
  sum = 0;
  for (size_t i = 0; i < left; i++) sum += probabilities[i];
  for (size_t i = 0; i < left; i++) probabilities[i] /= sum;
  return left;
}

void ops_adamw_reference(
    const ops_adamw *settings, size_t count, const double *gradient, double *parameters,
    double *first, double *second) {
  const double b1 = settings->beta1, b2 = settings->beta2, t = (double)settings->update;
  for (size_t i = 0; i < count; i++) {
    const double g = settings->gradient_scale * gradient[i];
    first[i] = b1 * first[i] + (1 - b1) * g;
    second[i] = b2 * second[i] + (1 - b2) * g * g;
    parameters[i] -= settings->learning_rate * settings->weight_decay * parameters[i];
    parameters[i] -= settings->learning_rate * (first[i] / (1 - pow(b1, t))) /
                     (sqrt(second[i] / (1 - pow(b2, t))) + settings->epsilon);
  }
}
