// AdamW in one pass over parameters, gradient and moments, and the norm for clipping.
#include <stdlib.h>

#include "lanes.h"

// Elements of a work item, and of a run whose squares are summed by lanes and a tree.
#define OPS_RUN 4096

typedef struct {
  const ops_adamw *settings;
  const float *gradient;
  float *parameters, *first, *second;
  size_t count;
  float decay, step, root_correction;
} adamw_arguments;

OPS_BODY void adamw_run(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const adamw_arguments *a = arguments;
  const size_t begin = item * OPS_RUN;
  const size_t end = begin + OPS_RUN < a->count ? begin + OPS_RUN : a->count;
  const float beta1 = (float)a->settings->beta1, beta2 = (float)a->settings->beta2;
  const float rest1 = (float)(1 - a->settings->beta1), rest2 = (float)(1 - a->settings->beta2);
  const float scale = (float)a->settings->gradient_scale, epsilon = (float)a->settings->epsilon;
  const float decay = a->decay, step = a->step, root = a->root_correction;
  // Tensors have room for whole vectors: the lanes after the last element compute zeros.
  for (size_t i = begin; i < end; i += OPS_LANES) {
    const f32x16 g = *ops_const_lanes(a->gradient + i) * scale;
    const f32x16 m = beta1 * *ops_lanes(a->first + i) + rest1 * g;
    const f32x16 v = beta2 * *ops_lanes(a->second + i) + rest2 * (g * g);
    *ops_lanes(a->first + i) = m;
    *ops_lanes(a->second + i) = v;
    *ops_lanes(a->parameters + i) =
        *ops_lanes(a->parameters + i) * decay -
        step * (m / (__builtin_elementwise_sqrt(v) / root + epsilon));
  }
}
OPS_VARIANTS(adamw_run);

void ops_adamw_f32(
    ops_context *context, const ops_adamw *settings, const ops_tensor *gradient,
    ops_tensor *parameters, ops_tensor *first, ops_tensor *second) {
  const double t = (double)settings->update;
  adamw_arguments a = {
      .settings = settings, .gradient = gradient->values, .parameters = parameters->values,
      .first = first->values, .second = second->values, .count = parameters->count,
      .decay = (float)(1 - settings->learning_rate * settings->weight_decay),
      .step = (float)(settings->learning_rate / (1 - pow(settings->beta1, t))),
      .root_correction = (float)sqrt(1 - pow(settings->beta2, t))};
  parameters->version++;
  first->version++;
  second->version++;
  ops_parallel(
      context, (a.count + OPS_RUN - 1) / OPS_RUN, adamw_run_variants[context->isa], &a);
}

typedef struct {
  const float *values;
  size_t count;
  double *sums;
} squares_arguments;

OPS_BODY void squares_run(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const squares_arguments *a = arguments;
  const size_t begin = item * OPS_RUN;
  const size_t end = begin + OPS_RUN < a->count ? begin + OPS_RUN : a->count;
  double lanes[OPS_LANES] = {0};
  size_t i = begin;
  for (; i + OPS_LANES <= end; i += OPS_LANES)
    for (int l = 0; l < OPS_LANES; l++) {
      const double v = a->values[i + l];
      lanes[l] += v * v;
    }
  for (int l = 0; i < end; i++, l++) lanes[l] += (double)a->values[i] * a->values[i];
  for (int width = OPS_LANES / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
  a->sums[item] = lanes[0];
}
OPS_VARIANTS(squares_run);

double ops_sum_of_squares_f32(ops_context *context, const ops_tensor *values) {
  const size_t runs = (values->count + OPS_RUN - 1) / OPS_RUN;
  // Doubles in the scratch of the first thread: two floats each.
  ops_reserve_scratch(context, 2 * runs);
  squares_arguments a = {values->values, values->count, (double *)(void *)context->scratch[0]};
  ops_parallel(context, runs, squares_run_variants[context->isa], &a);
  double sum = 0;
  for (size_t r = 0; r < runs; r++) sum += a.sums[r];
  return sum;
}
