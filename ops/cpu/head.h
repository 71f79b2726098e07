// Logits of a tile of rows, and the statistics of one row of them: what scoring, its gradient and
// sampling share, so that a token's log-probability is the same bits in all three.
#ifndef TEMPER_OPS_CPU_HEAD_H
#define TEMPER_OPS_CPU_HEAD_H

#include "lanes.h"

// Stands in the lanes beyond the vocabulary: its exponential is 0, and 0 times it is 0.
#define OPS_NO_LOGIT (-1e30f)

OPS_BODY size_t ops_logit_stride(const ops_model *m) {
  return ops_round_up(m->vocabulary, OPS_LANES);
}

// What the head reads of the parameters.
typedef struct {
  ops_context *context;
  const ops_model *model;
  const float *final_norm;
  ops_weight weight;
} ops_head;

// What logits of `count` tokens of the vocabulary from `first` on are made with.
static inline ops_weight ops_head_weight(
    const ops_model *model, const ops_tensor *parameters, size_t first, size_t count,
    ops_direction direction) {
  return ops_weight_at(
      parameters, model->head + first * model->hidden, count, model->hidden, model->products,
      direction, model->keeps_panels);
}

// With the weight of the whole vocabulary where it `weighs`, else without one.
static inline ops_head ops_head_of(
    ops_context *context, const ops_model *model, const ops_tensor *parameters, bool weighs) {
  ops_arena_begin(context);
  float *room = ops_reserve_vectors(context, parameters, model->hidden);
  ops_head head = {
      .context = context, .model = model,
      .final_norm = ops_vector(parameters, model->final_norm, model->hidden, &room)};
  if (weighs) head.weight = ops_head_weight(model, parameters, 0, model->vocabulary, OPS_FORWARD);
  return head;
}

// Gathers and normalizes `count` rows into h [count, D]. inverses [count] may be NULL. Row i is
// rows[i * row_step] of x.
OPS_BODY void ops_head_rows(
    const ops_head *head, const float *x, const size_t *rows, size_t row_step, size_t count,
    float *h, float *inverses) {
  const ops_model *m = head->model;
  const size_t D = m->hidden;
  for (size_t i = 0; i < count; i++) {
    const float inverse = ops_rmsnorm_row(
        x + rows[i * row_step] * D, head->final_norm, h + i * D, D, m->norm_epsilon);
    if (inverses) inverses[i] = inverse;
  }
}

// The same, and their logits [count, stride] of the tokens that the weight has, on thread `thread`.
OPS_BODY void ops_logits_tile(
    const ops_head *head, unsigned thread, const float *x, const size_t *rows, size_t row_step,
    size_t count, float *h, float *logits) {
  const ops_model *m = head->model;
  ops_head_rows(head, x, rows, row_step, count, h, NULL);
  ops_product(
      head->context, thread, count, h, m->hidden, &head->weight, logits, ops_logit_stride(m),
      false);
}

typedef struct {
  float max;            // of y = z / temperature
  float sum;            // of e^(y - max)
  double log_sum;
  float entropy;        // of softmax(y)
} ops_row_statistics;

// Divides a row of logits by the temperature, fills its last lanes and returns its statistics.
OPS_BODY ops_row_statistics ops_logit_row(float *z, size_t vocabulary, float temperature) {
  const size_t stride = ops_round_up(vocabulary, OPS_LANES);
  if (temperature != 1 && temperature > 0)
    for (size_t j = 0; j < stride; j += OPS_LANES)
      *ops_lanes(z + j) = *ops_lanes(z + j) / temperature;
  for (size_t j = vocabulary; j < stride; j++) z[j] = OPS_NO_LOGIT;
  f32x16 largest = *ops_lanes(z);
  for (size_t j = OPS_LANES; j < stride; j += OPS_LANES) ops_max_lanes(&largest, ops_lanes(z + j));
  ops_row_statistics s = {.max = ops_largest(&largest)};
  f32x16 sum = {0}, weighted = {0};
  for (size_t j = 0; j < stride; j += OPS_LANES) {
    const f32x16 shifted = *ops_lanes(z + j) - s.max;
    f32x16 e;
    ops_exp(&shifted, &e);
    sum += e;
    weighted += e * shifted;
  }
  s.sum = ops_combine(&sum);
  s.log_sum = ops_log((double)s.sum);
  s.entropy = (float)(s.log_sum - (double)ops_combine(&weighted) / (double)s.sum);
  return s;
}

OPS_BODY float ops_log_probability(const ops_row_statistics *s, float y) {
  return (float)((double)y - (double)s->max - s->log_sum);
}

#endif
