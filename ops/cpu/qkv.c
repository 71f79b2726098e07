// RMSNorm, the q, k and v products with their biases, the norms of heads, and RoPE: one tile of rows
// through all of it.
#include "lanes.h"

// The weights W of the three products, packed.
typedef struct {
  ops_weight q, k, v;
} qkv_weights;

typedef struct {
  ops_context *context;
  const ops_model *model;
  const qkv_weights *forward, *backward;  // the latter of the way back alone
  ops_update q_update, k_update, v_update;
  const float *input_norm;
  const float *q_bias, *k_bias, *v_bias, *q_norm, *k_norm;  // NULL where there are none
  const float *rope, *x;
  const int32_t *positions;
  ops_tiling tiles;
  float *qkv;
  // backward
  const float *dx_mid;
  float *dx, *h, *norm_parts, *q_norm_parts, *k_norm_parts;
} qkv_arguments;

// What both ways need but for the weights.
static qkv_arguments arguments(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, size_t rows) {
  const size_t D = model->hidden, d = model->head_dim;
  const size_t A = model->heads * d, K = model->kv_heads * d;
  const ops_tiling tiles = ops_tile_rows(rows);
  ops_arena_begin(context);
  ops_reserve_dropout(context, adapter, tiles.tile, D);
  float *room = ops_reserve_vectors(context, parameters, D + A + 2 * K + 2 * d);
  return (qkv_arguments){
      .context = context, .model = model, .q_update = OPS_UPDATE_OF(adapter, q, D, A),
      .k_update = OPS_UPDATE_OF(adapter, k, D, K), .v_update = OPS_UPDATE_OF(adapter, v, D, K),
      .input_norm = ops_vector(parameters, layer->input_norm, D, &room),
      .q_bias = ops_vector(parameters, layer->q_bias, A, &room),
      .k_bias = ops_vector(parameters, layer->k_bias, K, &room),
      .v_bias = ops_vector(parameters, layer->v_bias, K, &room),
      .q_norm = ops_vector(parameters, layer->q_norm, d, &room),
      .k_norm = ops_vector(parameters, layer->k_norm, d, &room), .tiles = tiles};
}

static qkv_weights weights(
    const ops_model *m, const ops_layer *layer, const ops_tensor *parameters,
    ops_direction direction) {
  const size_t D = m->hidden, A = m->heads * m->head_dim, K = m->kv_heads * m->head_dim;
  return (qkv_weights){
      ops_weight_at(parameters, layer->q, A, D, m->products, direction, m->keeps_panels),
      ops_weight_at(parameters, layer->k, K, D, m->products, direction, m->keeps_panels),
      ops_weight_at(parameters, layer->v, K, D, m->products, direction, m->keeps_panels)};
}

// Rotates `heads` heads of one row in place by +angle (sign 1) or -angle (sign -1).
OPS_BODY void rotate(float *row, size_t heads, size_t d, const float *rope, float sign) {
  const size_t half = d / 2;
  const float *cosine = rope, *sine = rope + half;
  for (size_t h = 0; h < heads; h++, row += d)
    for (size_t i = 0; i < half; i++) {
      const float a = row[i], b = row[i + half], s = sign * sine[i];
      row[i] = a * cosine[i] - b * s;
      row[i + half] = b * cosine[i] + a * s;
    }
}

OPS_BODY void add_bias(float *row, const float *bias, size_t count) {
  if (!bias) return;
  for (size_t i = 0; i < count; i++) row[i] += bias[i];
}

// RMSNorm of `heads` heads of one row, in place.
OPS_BODY void normalize_heads(
    float *row, size_t heads, size_t d, const float *norm, float epsilon) {
  if (!norm) return;
  for (size_t h = 0; h < heads; h++, row += d) ops_rmsnorm_row(row, norm, row, d, epsilon);
}

OPS_BODY void qkv_tile(void *arguments, size_t item, unsigned thread) {
  const qkv_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t D = m->hidden, d = m->head_dim, A = m->heads * d, K = m->kv_heads * d;
  const size_t QKV = A + 2 * K, tile = a->tiles.tile, first = item * tile;
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *h = a->context->scratch[thread];
  for (size_t r = 0; r < rows; r++)
    ops_rmsnorm_row(a->x + (first + r) * D, a->input_norm, h + r * D, D, m->norm_epsilon);
  float *y = h + tile * D;
  ops_product(a->context, thread, rows, h, D, &a->forward->q, y, QKV, false);
  ops_product(a->context, thread, rows, h, D, &a->forward->k, y + A, QKV, false);
  ops_product(a->context, thread, rows, h, D, &a->forward->v, y + A + K, QKV, false);
  float *u = y + tile * QKV;
  ops_update_forward(a->context, thread, &a->q_update, first, rows, h, D, u, y, QKV);
  ops_update_forward(a->context, thread, &a->k_update, first, rows, h, D, u, y + A, QKV);
  ops_update_forward(a->context, thread, &a->v_update, first, rows, h, D, u, y + A + K, QKV);
  for (size_t r = 0; r < rows; r++) {
    float *row = y + r * QKV;
    add_bias(row, a->q_bias, A);
    add_bias(row + A, a->k_bias, K);
    add_bias(row + A + K, a->v_bias, K);
    normalize_heads(row, m->heads, d, a->q_norm, m->norm_epsilon);
    normalize_heads(row + A, m->kv_heads, d, a->k_norm, m->norm_epsilon);
    rotate(row, m->heads + m->kv_heads, d, a->rope + (size_t)a->positions[first + r] * d, 1);
  }
  memcpy(a->qkv + first * QKV, y, rows * QKV * sizeof(float));
}
OPS_VARIANTS(qkv_tile);

void ops_qkv_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *rope,
    const ops_tensor *x, const int32_t *positions, size_t rows, ops_tensor *qkv) {
  const size_t QKV = (model->heads + 2 * model->kv_heads) * model->head_dim;
  const size_t rank = adapter ? adapter->rank : 0;
  qkv_arguments a = arguments(context, model, layer, parameters, adapter, rows);
  const qkv_weights forward = weights(model, layer, parameters, OPS_FORWARD);
  a.forward = &forward;
  a.rope = rope->values;
  a.x = x->values;
  a.positions = positions;
  a.qkv = qkv->values;
  ops_reserve_scratch(context, a.tiles.tile * (model->hidden + QKV + rank));
  ops_parallel(context, a.tiles.count, qkv_tile_variants[context->isa], &a);
}

// `normalize_heads` backward over the rows of a tile. before, dy: heads of row 0, before their norm
// and their gradient, which is overwritten; parts [heads, d]: the weight's gradient, head by head.
OPS_BODY void normalize_heads_backward(
    const float *before, size_t before_stride, float *dy, size_t dy_stride, size_t rows,
    size_t heads, size_t d, const float *weight, float epsilon, float *parts) {
  memset(parts, 0, heads * d * sizeof(float));
  for (size_t r = 0; r < rows; r++, before += before_stride, dy += dy_stride)
    for (size_t h = 0; h < heads; h++) {
      const float *x = before + h * d;
      float *dx = dy + h * d;
      const float inverse = ops_inverse_rms(x, d, epsilon);
      ops_rmsnorm_row_backward(x, weight, inverse, dx, NULL, dx, parts + h * d, d);
    }
}

// Takes the gradient of a tile's queries and keys back through the norms of their heads. The heads
// before these are computed again: from the normed ones they come back only where no weight is 0.
OPS_BODY void head_norms_backward(
    const qkv_arguments *a, size_t item, unsigned thread, size_t rows, float *before) {
  const ops_model *m = a->model;
  const size_t D = m->hidden, d = m->head_dim, A = m->heads * d, K = m->kv_heads * d;
  const size_t QKV = A + 2 * K, tile = a->tiles.tile, first = item * tile;
  float *h = a->h + first * D, *dy = a->qkv + first * QKV;
  for (size_t r = 0; r < rows; r++)
    ops_rmsnorm_row(a->x + (first + r) * D, a->input_norm, h + r * D, D, m->norm_epsilon);
  ops_product(a->context, thread, rows, h, D, &a->forward->q, before, A + K, false);
  ops_product(a->context, thread, rows, h, D, &a->forward->k, before + A, A + K, false);
  float *u = before + tile * (A + K);
  ops_update_forward(a->context, thread, &a->q_update, first, rows, h, D, u, before, A + K);
  ops_update_forward(a->context, thread, &a->k_update, first, rows, h, D, u, before + A, A + K);
  for (size_t r = 0; r < rows; r++) {
    add_bias(before + r * (A + K), a->q_bias, A);
    add_bias(before + r * (A + K) + A, a->k_bias, K);
  }
  normalize_heads_backward(
      before, A + K, dy, QKV, rows, m->heads, d, a->q_norm, m->norm_epsilon,
      a->q_norm_parts + item * A);
  normalize_heads_backward(
      before + A, A + K, dy + A, QKV, rows, m->kv_heads, d, a->k_norm, m->norm_epsilon,
      a->k_norm_parts + item * K);
}

OPS_BODY void qkv_backward_tile(void *arguments, size_t item, unsigned thread) {
  const qkv_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t D = m->hidden, d = m->head_dim, A = m->heads * d, K = m->kv_heads * d;
  const size_t QKV = A + 2 * K, tile = a->tiles.tile, first = item * tile;
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *dy = a->qkv + first * QKV;
  for (size_t r = 0; r < rows; r++)
    rotate(
        dy + r * QKV, m->heads + m->kv_heads, d, a->rope + (size_t)a->positions[first + r] * d, -1);
  float *dh = a->context->scratch[thread];
  if (a->q_norm) head_norms_backward(a, item, thread, rows, dh + tile * D);
  ops_product(a->context, thread, rows, dy, QKV, &a->backward->q, dh, D, false);
  ops_product(a->context, thread, rows, dy + A, QKV, &a->backward->k, dh, D, true);
  ops_product(a->context, thread, rows, dy + A + K, QKV, &a->backward->v, dh, D, true);
  ops_update_backward(a->context, thread, &a->q_update, first, rows, dy, QKV, dh, D);
  ops_update_backward(a->context, thread, &a->k_update, first, rows, dy + A, QKV, dh, D);
  ops_update_backward(a->context, thread, &a->v_update, first, rows, dy + A + K, QKV, dh, D);
  float *dnorm = a->norm_parts + item * D;
  memset(dnorm, 0, D * sizeof(float));
  for (size_t r = 0; r < rows; r++) {
    const size_t row = (first + r) * D;
    const float inverse = ops_rmsnorm_row(a->x + row, a->input_norm, a->h + row, D, m->norm_epsilon);
    ops_rmsnorm_row_backward(
        a->x + row, a->input_norm, inverse, dh + r * D, a->dx_mid + row, a->dx + row, dnorm, D);
  }
  const float *h = a->h + first * D;
  ops_update_project(a->context, &a->q_update, first, rows, h, D);
  ops_update_project(a->context, &a->k_update, first, rows, h, D);
  ops_update_project(a->context, &a->v_update, first, rows, h, D);
}
OPS_VARIANTS(qkv_backward_tile);

size_t ops_qkv_workspace(const ops_model *model, size_t rows, size_t rank, bool drops) {
  const size_t tiles = ops_tile_rows(rows).count;
  return (rows + tiles) * model->hidden +
         tiles * (model->heads + model->kv_heads) * model->head_dim + 6 * rows * rank +
         (drops ? 3 * rows * model->hidden : 0);
}

// The gradients of the layer's own parameters.
static void accumulate(
    ops_context *context, const ops_model *model, const ops_layer *layer, const qkv_arguments *a,
    float *g) {
  const size_t D = model->hidden, A = model->heads * model->head_dim;
  const size_t K = model->kv_heads * model->head_dim, QKV = A + 2 * K, rows = a->tiles.rows;
  const float *dy = a->qkv;
  const bool pairs = a->backward->q.pairs;
  const ops_gradient_product products[] = {
      {rows, A, D, dy, a->h, QKV, D, g + layer->q, pairs},
      {rows, K, D, dy + A, a->h, QKV, D, g + layer->k, pairs},
      {rows, K, D, dy + A + K, a->h, QKV, D, g + layer->v, pairs},
  };
  ops_accumulate_products(context, products, 3);
  ops_add_columns(a->norm_parts, a->tiles.count, D, D, g + layer->input_norm);
  if (layer->q_norm != OPS_ABSENT) {
    const size_t d = model->head_dim, tiles = a->tiles.count;
    ops_add_columns(a->q_norm_parts, tiles * model->heads, d, d, g + layer->q_norm);
    ops_add_columns(a->k_norm_parts, tiles * model->kv_heads, d, d, g + layer->k_norm);
  }
  if (layer->q_bias != OPS_ABSENT) {
    ops_add_columns(dy, rows, QKV, A, g + layer->q_bias);
    ops_add_columns(dy + A, rows, QKV, K, g + layer->k_bias);
    ops_add_columns(dy + A + K, rows, QKV, K, g + layer->v_bias);
  }
}

// The gradients of the updates beside its products.
static void accumulate_updates(
    ops_context *context, const ops_model *model, const qkv_arguments *a) {
  const size_t D = model->hidden, A = model->heads * model->head_dim;
  const size_t K = model->kv_heads * model->head_dim, QKV = A + 2 * K, rows = a->tiles.rows;
  const float *dy = a->qkv;
  ops_gradient_product products[6];
  size_t count = 0;
  count = ops_update_gradients(&a->q_update, rows, dy, QKV, a->h, D, products, count);
  count = ops_update_gradients(&a->k_update, rows, dy + A, QKV, a->h, D, products, count);
  count = ops_update_gradients(&a->v_update, rows, dy + A + K, QKV, a->h, D, products, count);
  ops_accumulate_products(context, products, count);
}

void ops_qkv_backward_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *rope,
    const ops_tensor *x, const int32_t *positions, size_t rows, ops_tensor *dqkv,
    const ops_tensor *dx_mid, ops_tensor *dx, ops_tensor *gradient, ops_tensor *workspace) {
  const size_t D = model->hidden, A = model->heads * model->head_dim;
  const size_t K = model->kv_heads * model->head_dim, rank = adapter ? adapter->rank : 0;
  qkv_arguments a = arguments(context, model, layer, parameters, adapter, rows);
  const qkv_weights backward = weights(model, layer, parameters, OPS_BACKWARD);
  a.backward = &backward;
  qkv_weights forward;
  if (a.q_norm) forward = weights(model, layer, parameters, OPS_FORWARD);
  a.forward = &forward;
  a.rope = rope->values;
  a.x = x->values;
  a.positions = positions;
  a.qkv = dqkv->values;
  a.dx_mid = dx_mid->values;
  a.dx = dx->values;
  a.h = workspace->values;
  a.norm_parts = workspace->values + rows * D;
  a.q_norm_parts = a.norm_parts + a.tiles.count * D;
  a.k_norm_parts = a.q_norm_parts + a.tiles.count * A;
  float *room = a.k_norm_parts + a.tiles.count * K;
  ops_update_reserve(&a.q_update, adapter, rows, &room);
  ops_update_reserve(&a.k_update, adapter, rows, &room);
  ops_update_reserve(&a.v_update, adapter, rows, &room);
  const size_t before = layer->q_norm == OPS_ABSENT ? 0 : A + K + rank;
  ops_reserve_scratch(context, a.tiles.tile * (D + before));
  ops_parallel(context, a.tiles.count, qkv_backward_tile_variants[context->isa], &a);
  if (adapter)
    accumulate_updates(context, model, &a);
  else
    accumulate(context, model, layer, &a, gradient->values);
}
