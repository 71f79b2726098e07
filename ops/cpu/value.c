// The value head of a critic: one number per row, and its gradients. No product kernel takes part,
// so the bits are the same on every machine.
#include "lanes.h"

// Rows of one work item. Fixed: gradients are summed in f32 inside a run, in double over runs.
#define OPS_VALUE_RUN 64

typedef struct {
  ops_context *context;
  const ops_model *model;
  const float *norm, *weight, *bias;
  const float *x;
  const ops_head_row *rows;
  const ops_target *targets;
  size_t count;
  float *values;
  // backward
  const float *dvalues;
  float *dx, *parts;
} value_arguments;

static value_arguments arguments(
    ops_context *context, const ops_model *model, const ops_value_head *head,
    const ops_tensor *parameters) {
  float *room = ops_reserve_vectors(context, parameters, 2 * model->hidden + 1);
  return (value_arguments){
      .context = context, .model = model,
      .norm = ops_vector(parameters, model->final_norm, model->hidden, &room),
      .weight = ops_vector(parameters, head->weight, model->hidden, &room),
      .bias = ops_vector(parameters, head->bias, 1, &room)};
}

static size_t runs(size_t count) { return (count + OPS_VALUE_RUN - 1) / OPS_VALUE_RUN; }

OPS_BODY void value_run(void *arguments, size_t item, unsigned thread) {
  const value_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t D = m->hidden, first = item * OPS_VALUE_RUN;
  const size_t end = a->count - first < OPS_VALUE_RUN ? a->count : first + OPS_VALUE_RUN;
  float *h = a->context->scratch[thread];
  for (size_t i = first; i < end; i++) {
    const ops_head_row *row = &a->rows[i];
    ops_rmsnorm_row(a->x + row->row * D, a->norm, h, D, m->norm_epsilon);
    const float value = ops_dot(h, a->weight, D) + (a->bias ? *a->bias : 0);
    for (size_t t = 0; t < row->targets; t++)
      a->values[a->targets[row->first_target + t].index] = value;
  }
}
OPS_VARIANTS(value_run);

void ops_value_f32(
    ops_context *context, const ops_model *model, const ops_value_head *head,
    const ops_tensor *parameters, const ops_tensor *x, const ops_head_row *rows, size_t count,
    const ops_target *targets, float *host_values) {
  value_arguments a = arguments(context, model, head, parameters);
  a.x = x->values;
  a.rows = rows;
  a.targets = targets;
  a.count = count;
  a.values = host_values;
  ops_reserve_scratch(context, model->hidden);
  ops_parallel(context, runs(count), value_run_variants[context->isa], &a);
}

// Floats of one run's sums: gradients of final_norm [D] and weight [D], then of bias.
static size_t part_stride(const ops_model *m) { return 2 * m->hidden + 1; }

// With h = RMSNorm(x) * final_norm and g = dL/dvalue of the row:
//   dweight += g h;   dbias += g;   dL/dh = g weight
OPS_BODY void value_backward_run(void *arguments, size_t item, unsigned thread) {
  const value_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t D = m->hidden, first = item * OPS_VALUE_RUN;
  const size_t end = a->count - first < OPS_VALUE_RUN ? a->count : first + OPS_VALUE_RUN;
  const float *norm = a->norm, *weight = a->weight;
  float *h = a->context->scratch[thread], *dh = h + D;
  float *dnorm = a->parts + item * part_stride(m), *dweight = dnorm + D;
  memset(dnorm, 0, part_stride(m) * sizeof(float));
  double dbias = 0;
  for (size_t i = first; i < end; i++) {
    const ops_head_row *row = &a->rows[i];
    const float *x = a->x + row->row * D;
    double sum = 0;
    for (size_t t = 0; t < row->targets; t++)
      sum += (double)a->dvalues[a->targets[row->first_target + t].index];
    const float g = (float)sum;
    dbias += sum;
    const float inverse = ops_rmsnorm_row(x, norm, h, D, m->norm_epsilon);
    for (size_t j = 0; j < D; j++) {
      dweight[j] += g * h[j];
      dh[j] = g * weight[j];
    }
    ops_rmsnorm_row_backward(x, norm, inverse, dh, NULL, a->dx + row->row * D, dnorm, D);
  }
  dweight[D] = (float)dbias;
}
OPS_VARIANTS(value_backward_run);

size_t ops_value_workspace(const ops_model *model, size_t count) {
  return runs(count) * part_stride(model);
}

void ops_value_backward_f32(
    ops_context *context, const ops_model *model, const ops_value_head *head,
    const ops_tensor *parameters, const ops_tensor *x, size_t x_rows, const ops_head_row *rows,
    size_t count, const ops_target *targets, const float *host_dvalues, ops_tensor *dx,
    ops_tensor *gradient, ops_tensor *workspace) {
  const size_t D = model->hidden, stride = part_stride(model);
  float *parts = workspace->values, *g = gradient->values;
  value_arguments a = arguments(context, model, head, parameters);
  a.x = x->values;
  a.rows = rows;
  a.targets = targets;
  a.count = count;
  a.dvalues = host_dvalues;
  a.dx = dx->values;
  a.parts = parts;
  memset(dx->values, 0, x_rows * D * sizeof(float));
  ops_reserve_scratch(context, 2 * D);
  ops_parallel(context, runs(count), value_backward_run_variants[context->isa], &a);
  ops_add_columns(parts, runs(count), stride, D, g + model->final_norm);
  ops_add_columns(parts + D, runs(count), stride, D, g + head->weight);
  if (head->bias != OPS_ABSENT)
    ops_add_columns(parts + 2 * D, runs(count), stride, 1, g + head->bias);
}
