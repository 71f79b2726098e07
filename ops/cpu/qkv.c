// RMSNorm, the q, k and v products with their biases, and RoPE: one tile of rows through all of it.
#include "lanes.h"

typedef struct {
  ops_context *context;
  const ops_model *model;
  const ops_layer *layer;
  const float *parameters, *rope, *x;
  const int32_t *positions;
  ops_tiling tiles;
  float *qkv;
  // backward
  const float *dx_mid;
  float *dx, *h, *norm_parts;
} qkv_arguments;

static size_t narrowest(const ops_model *m) {
  const size_t K = m->kv_heads * m->head_dim;
  return K < m->hidden ? K : m->hidden;
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

OPS_BODY void add_bias(float *row, const float *parameters, size_t bias, size_t count) {
  if (bias == OPS_ABSENT) return;
  for (size_t i = 0; i < count; i++) row[i] += parameters[bias + i];
}

OPS_BODY void qkv_tile(void *arguments, size_t item, unsigned thread) {
  const qkv_arguments *a = arguments;
  const ops_model *m = a->model;
  const ops_layer *l = a->layer;
  const size_t D = m->hidden, d = m->head_dim, A = m->heads * d, K = m->kv_heads * d;
  const size_t QKV = A + 2 * K, tile = a->tiles.tile, first = item * tile;
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *h = a->context->scratch[thread];
  for (size_t r = 0; r < rows; r++)
    ops_rmsnorm_row(
        a->x + (first + r) * D, a->parameters + l->input_norm, h + r * D, D, m->norm_epsilon);
  memset(h + rows * D, 0, (tile - rows) * D * sizeof(float));
  float *y = h + tile * D;
  ops_product_nt(tile, A, D, h, D, a->parameters + l->q, y, QKV);
  ops_product_nt(tile, K, D, h, D, a->parameters + l->k, y + A, QKV);
  ops_product_nt(tile, K, D, h, D, a->parameters + l->v, y + A + K, QKV);
  for (size_t r = 0; r < rows; r++) {
    float *row = y + r * QKV;
    add_bias(row, a->parameters, l->q_bias, A);
    add_bias(row + A, a->parameters, l->k_bias, K);
    add_bias(row + A + K, a->parameters, l->v_bias, K);
    rotate(row, m->heads + m->kv_heads, d, a->rope + (size_t)a->positions[first + r] * d, 1);
  }
  memcpy(a->qkv + first * QKV, y, rows * QKV * sizeof(float));
}
OPS_VARIANTS(qkv_tile);

void ops_qkv_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_tensor *rope, const ops_tensor *x,
    const int32_t *positions, size_t rows, ops_tensor *qkv) {
  const size_t QKV = (model->heads + 2 * model->kv_heads) * model->head_dim;
  qkv_arguments a = {
      .context = context, .model = model, .layer = layer, .parameters = parameters->values,
      .rope = rope->values, .x = x->values, .positions = positions,
      .tiles = ops_tile_rows(rows, narrowest(model)), .qkv = qkv->values};
  ops_reserve_scratch(context, a.tiles.tile * (model->hidden + QKV));
  ops_parallel(context, a.tiles.count, qkv_tile_variants[context->isa], &a);
}

OPS_BODY void qkv_backward_tile(void *arguments, size_t item, unsigned thread) {
  const qkv_arguments *a = arguments;
  const ops_model *m = a->model;
  const ops_layer *l = a->layer;
  const size_t D = m->hidden, d = m->head_dim, A = m->heads * d, K = m->kv_heads * d;
  const size_t QKV = A + 2 * K, tile = a->tiles.tile, first = item * tile;
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *dy = a->qkv + first * QKV;
  for (size_t r = 0; r < rows; r++)
    rotate(
        dy + r * QKV, m->heads + m->kv_heads, d, a->rope + (size_t)a->positions[first + r] * d, -1);
  float *dh = a->context->scratch[thread];
  ops_product_nn(rows, A, D, dy, QKV, a->parameters + l->q, dh, D, false);
  ops_product_nn(rows, K, D, dy + A, QKV, a->parameters + l->k, dh, D, true);
  ops_product_nn(rows, K, D, dy + A + K, QKV, a->parameters + l->v, dh, D, true);
  float *dnorm = a->norm_parts + item * D;
  memset(dnorm, 0, D * sizeof(float));
  const float *weight = a->parameters + l->input_norm;
  for (size_t r = 0; r < rows; r++) {
    const size_t row = (first + r) * D;
    const float inverse = ops_rmsnorm_row(a->x + row, weight, a->h + row, D, m->norm_epsilon);
    ops_rmsnorm_row_backward(
        a->x + row, weight, inverse, dh + r * D, a->dx_mid + row, a->dx + row, dnorm, D);
  }
}
OPS_VARIANTS(qkv_backward_tile);

size_t ops_qkv_workspace(const ops_model *model, size_t rows) {
  return (ops_row_capacity(rows) + ops_tile_rows(rows, narrowest(model)).count + 4) * model->hidden;
}

void ops_qkv_backward_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_tensor *rope, const ops_tensor *x,
    const int32_t *positions, size_t rows, ops_tensor *dqkv, const ops_tensor *dx_mid,
    ops_tensor *dx, ops_tensor *gradient, ops_tensor *workspace) {
  const size_t D = model->hidden, A = model->heads * model->head_dim;
  const size_t K = model->kv_heads * model->head_dim, QKV = A + 2 * K;
  qkv_arguments a = {
      .context = context, .model = model, .layer = layer, .parameters = parameters->values,
      .rope = rope->values, .x = x->values, .positions = positions,
      .tiles = ops_tile_rows(rows, narrowest(model)), .qkv = dqkv->values,
      .dx_mid = dx_mid->values, .dx = dx->values, .h = workspace->values,
      .norm_parts = workspace->values + ops_row_capacity(rows) * D};
  ops_reserve_scratch(context, a.tiles.tile * D);
  ops_parallel(context, a.tiles.count, qkv_backward_tile_variants[context->isa], &a);
  float *g = gradient->values;
  const float *dy = dqkv->values;
  const ops_gradient_product products[] = {
      {rows, A, D, dy, a.h, QKV, D, g + layer->q},
      {rows, K, D, dy + A, a.h, QKV, D, g + layer->k},
      {rows, K, D, dy + A + K, a.h, QKV, D, g + layer->v},
  };
  ops_accumulate_products(context, products, 3);
  ops_add_columns(a.norm_parts, a.tiles.count, D, D, g + layer->input_norm);
  if (layer->q_bias != OPS_ABSENT) {
    ops_add_columns(dy, rows, QKV, A, g + layer->q_bias);
    ops_add_columns(dy + A, rows, QKV, K, g + layer->k_bias);
    ops_add_columns(dy + A + K, rows, QKV, K, g + layer->v_bias);
  }
}
