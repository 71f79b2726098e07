// Output projection, residual, RMSNorm and SwiGLU: one tile of rows through all of it.
#include "lanes.h"

typedef struct {
  ops_context *context;
  const ops_model *model;
  ops_weight o, gate_up_weight, down;
  ops_update o_update, gate_update, up_update, down_update;
  const float *post_norm, *out, *x;
  ops_tiling tiles;
  float *x_mid, *gate_up, *x_out;
  // backward
  const float *dx_out;
  float *dx_mid, *dout, *h, *activations, *norm_parts;
} block_arguments;

static block_arguments arguments(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, size_t rows,
    ops_direction direction) {
  const size_t D = model->hidden, F = model->intermediate, A = model->heads * model->head_dim;
  const size_t attended = A > D ? A : D, widest = F > attended ? F : attended;
  const ops_tiling tiles = ops_tile_rows(rows);
  const ops_products kind = model->products;
  const bool keeps = model->keeps_panels;
  ops_arena_begin(context);
  ops_reserve_dropout(context, adapter, tiles.tile, widest);
  float *room = ops_reserve_vectors(context, parameters, D);
  return (block_arguments){
      .context = context, .model = model,
      .o = ops_weight_at(parameters, layer->o, D, A, kind, direction, keeps),
      .gate_up_weight =
          ops_weight_at(parameters, layer->gate_up, 2 * F, D, kind, direction, keeps),
      .down = ops_weight_at(parameters, layer->down, D, F, kind, direction, keeps),
      .o_update = OPS_UPDATE_OF(adapter, o, A, D),
      .gate_update = OPS_UPDATE_OF(adapter, gate, D, F),
      .up_update = OPS_UPDATE_OF(adapter, up, D, F),
      .down_update = OPS_UPDATE_OF(adapter, down, F, D),
      .post_norm = ops_vector(parameters, layer->post_norm, D, &room), .tiles = tiles};
}

// a = gate / (1 + e^-gate) * up
OPS_BODY void swiglu_row(const float *gate, const float *up, float *a, size_t count) {
  for (size_t i = 0; i < count; i += OPS_LANES) {
    float rest[3][OPS_LANES] = {0};
    const size_t lanes = count - i < OPS_LANES ? count - i : OPS_LANES;
    f32x16 g, u;
    if (lanes == OPS_LANES) {
      g = *ops_const_lanes(gate + i);
      u = *ops_const_lanes(up + i);
    } else {
      memcpy(rest[0], gate + i, lanes * sizeof(float));
      memcpy(rest[1], up + i, lanes * sizeof(float));
      g = *ops_const_lanes(rest[0]);
      u = *ops_const_lanes(rest[1]);
    }
    const f32x16 negative = -g;
    f32x16 e;
    ops_exp(&negative, &e);
    const f32x16 y = g / (e + 1.0f) * u;
    if (lanes == OPS_LANES) {
      *ops_lanes(a + i) = y;
    } else {
      *ops_lanes(rest[2]) = y;
      memcpy(a + i, rest[2], lanes * sizeof(float));
    }
  }
}

// With s = 1 / (1 + e^-gate): a = gate s up, dgate = da up s (1 + gate (1 - s)), dup = da gate s;
// gate and up are overwritten by their gradients.
OPS_BODY void swiglu_row_backward(
    float *gate, float *up, const float *da, float *a, size_t count) {
  for (size_t i = 0; i < count; i += OPS_LANES) {
    float rest[4][OPS_LANES] = {0};
    const size_t lanes = count - i < OPS_LANES ? count - i : OPS_LANES;
    const bool whole = lanes == OPS_LANES;
    if (!whole) {
      memcpy(rest[0], gate + i, lanes * sizeof(float));
      memcpy(rest[1], up + i, lanes * sizeof(float));
      memcpy(rest[2], da + i, lanes * sizeof(float));
    }
    float *gp = whole ? gate + i : rest[0], *upp = whole ? up + i : rest[1];
    const f32x16 g = *ops_lanes(gp), u = *ops_lanes(upp);
    const f32x16 d = *ops_const_lanes(whole ? da + i : rest[2]);
    const f32x16 negative = -g;
    f32x16 e;
    ops_exp(&negative, &e);
    const f32x16 s = 1.0f / (e + 1.0f);
    const f32x16 silu = g * s;
    *ops_lanes(whole ? a + i : rest[3]) = silu * u;
    *ops_lanes(gp) = d * u * s * (1.0f + g * (1.0f - s));
    *ops_lanes(upp) = d * silu;
    if (!whole) {
      memcpy(gate + i, rest[0], lanes * sizeof(float));
      memcpy(up + i, rest[1], lanes * sizeof(float));
      memcpy(a + i, rest[3], lanes * sizeof(float));
    }
  }
}

OPS_BODY void block_tile(void *arguments, size_t item, unsigned thread) {
  const block_arguments *b = arguments;
  const ops_model *m = b->model;
  const size_t D = m->hidden, F = m->intermediate, A = m->heads * m->head_dim;
  const size_t tile = b->tiles.tile, first = item * tile;
  const size_t rows = b->tiles.rows - first < tile ? b->tiles.rows - first : tile;
  float *y = b->context->scratch[thread];
  float *h = y + tile * D;
  float *gate_up = b->gate_up ? b->gate_up + first * 2 * F : h + tile * D;
  float *activations = h + tile * D + (b->gate_up ? 0 : tile * 2 * F);
  float *u = activations + tile * F;
  ops_product(b->context, thread, rows, b->out + first * A, A, &b->o, y, D, false);
  ops_update_forward(
      b->context, thread, &b->o_update, first, rows, b->out + first * A, A, u, y, D);
  for (size_t r = 0; r < rows; r++) {
    const float *x = b->x + (first + r) * D;
    float *mid = b->x_mid + (first + r) * D;
    for (size_t i = 0; i < D; i++) mid[i] = x[i] + y[r * D + i];
    ops_rmsnorm_row(mid, b->post_norm, h + r * D, D, m->norm_epsilon);
  }
  ops_product(b->context, thread, rows, h, D, &b->gate_up_weight, gate_up, 2 * F, false);
  ops_update_forward(
      b->context, thread, &b->gate_update, first, rows, h, D, u, gate_up, 2 * F);
  ops_update_forward(
      b->context, thread, &b->up_update, first, rows, h, D, u, gate_up + F, 2 * F);
  if (!b->x_out) return;
  for (size_t r = 0; r < rows; r++) {
    float *gate = gate_up + r * 2 * F;
    swiglu_row(gate, gate + F, activations + r * F, F);
  }
  ops_product(b->context, thread, rows, activations, F, &b->down, y, D, false);
  ops_update_forward(
      b->context, thread, &b->down_update, first, rows, activations, F, u, y, D);
  for (size_t r = 0; r < rows; r++) {
    const float *mid = b->x_mid + (first + r) * D;
    float *x = b->x_out + (first + r) * D;
    for (size_t i = 0; i < D; i++) x[i] = mid[i] + y[r * D + i];
  }
}
OPS_VARIANTS(block_tile);

void ops_block_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *out,
    const ops_tensor *x, size_t rows, ops_tensor *x_mid, ops_tensor *gate_up, ops_tensor *x_out) {
  const size_t rank = adapter ? adapter->rank : 0;
  block_arguments b = arguments(context, model, layer, parameters, adapter, rows, OPS_FORWARD);
  b.out = out->values;
  b.x = x->values;
  b.x_mid = x_mid->values;
  b.gate_up = gate_up ? gate_up->values : NULL;
  b.x_out = x_out ? x_out->values : NULL;
  ops_reserve_scratch(context, b.tiles.tile * (2 * model->hidden + 3 * model->intermediate + rank));
  ops_parallel(context, b.tiles.count, block_tile_variants[context->isa], &b);
}

OPS_BODY void block_backward_tile(void *arguments, size_t item, unsigned thread) {
  const block_arguments *b = arguments;
  const ops_model *m = b->model;
  const size_t D = m->hidden, F = m->intermediate, A = m->heads * m->head_dim;
  const size_t tile = b->tiles.tile, first = item * tile;
  const size_t rows = b->tiles.rows - first < tile ? b->tiles.rows - first : tile;
  float *da = b->context->scratch[thread];
  float *dh = da + tile * F;
  float *gate_up = b->gate_up + first * 2 * F;
  ops_product(b->context, thread, rows, b->dx_out + first * D, D, &b->down, da, F, false);
  ops_update_backward(
      b->context, thread, &b->down_update, first, rows, b->dx_out + first * D, D, da, F);
  for (size_t r = 0; r < rows; r++) {
    float *gate = gate_up + r * 2 * F;
    swiglu_row_backward(gate, gate + F, da + r * F, b->activations + (first + r) * F, F);
  }
  ops_product(b->context, thread, rows, gate_up, 2 * F, &b->gate_up_weight, dh, D, false);
  ops_update_backward(b->context, thread, &b->gate_update, first, rows, gate_up, 2 * F, dh, D);
  ops_update_backward(b->context, thread, &b->up_update, first, rows, gate_up + F, 2 * F, dh, D);
  float *dnorm = b->norm_parts + item * D;
  memset(dnorm, 0, D * sizeof(float));
  for (size_t r = 0; r < rows; r++) {
    const size_t row = (first + r) * D;
    const float *mid = b->x + row;
    const float inverse = ops_rmsnorm_row(mid, b->post_norm, b->h + row, D, m->norm_epsilon);
    ops_rmsnorm_row_backward(
        mid, b->post_norm, inverse, dh + r * D, b->dx_out + row, b->dx_mid + row, dnorm, D);
  }
  ops_product(
      b->context, thread, rows, b->dx_mid + first * D, D, &b->o, b->dout + first * A, A, false);
  ops_update_backward(
      b->context, thread, &b->o_update, first, rows, b->dx_mid + first * D, D,
      b->dout + first * A, A);
  const float *h = b->h + first * D;
  ops_update_project(b->context, &b->o_update, first, rows, b->out + first * A, A);
  ops_update_project(b->context, &b->gate_update, first, rows, h, D);
  ops_update_project(b->context, &b->up_update, first, rows, h, D);
  ops_update_project(b->context, &b->down_update, first, rows, b->activations + first * F, F);
}
OPS_VARIANTS(block_backward_tile);

size_t ops_block_workspace(const ops_model *model, size_t rows, size_t rank, bool drops) {
  const size_t D = model->hidden, F = model->intermediate, A = model->heads * model->head_dim;
  return rows * (D + F) + ops_tile_rows(rows).count * D +
         8 * rows * rank + (drops ? rows * (A + 2 * D + F) : 0);
}

// The gradients of the layer's own parameters.
static void accumulate(
    ops_context *context, const ops_model *model, const ops_layer *layer, const block_arguments *b,
    float *g) {
  const size_t D = model->hidden, F = model->intermediate, A = model->heads * model->head_dim;
  const size_t rows = b->tiles.rows;
  const bool pairs = b->o.pairs;
  const ops_gradient_product products[] = {
      {rows, 2 * F, D, b->gate_up, b->h, 2 * F, D, g + layer->gate_up, pairs},
      {rows, D, F, b->dx_out, b->activations, D, F, g + layer->down, pairs},
      {rows, D, A, b->dx_mid, b->out, D, A, g + layer->o, pairs},
  };
  ops_accumulate_products(context, products, 3);
  ops_add_columns(b->norm_parts, b->tiles.count, D, D, g + layer->post_norm);
}

// The gradients of the updates beside its products.
static void accumulate_updates(
    ops_context *context, const ops_model *model, const block_arguments *b) {
  const size_t D = model->hidden, F = model->intermediate, A = model->heads * model->head_dim;
  const size_t rows = b->tiles.rows;
  const float *dup = b->gate_up + F;
  ops_gradient_product products[8];
  size_t count = 0;
  count = ops_update_gradients(
      &b->gate_update, rows, b->gate_up, 2 * F, b->h, D, products, count);
  count = ops_update_gradients(&b->up_update, rows, dup, 2 * F, b->h, D, products, count);
  count = ops_update_gradients(
      &b->down_update, rows, b->dx_out, D, b->activations, F, products, count);
  count = ops_update_gradients(&b->o_update, rows, b->dx_mid, D, b->out, A, products, count);
  ops_accumulate_products(context, products, count);
}

void ops_block_backward_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *out,
    const ops_tensor *x_mid, ops_tensor *gate_up, size_t rows, const ops_tensor *dx_out,
    ops_tensor *dx_mid, ops_tensor *dout, ops_tensor *gradient, ops_tensor *workspace) {
  const size_t D = model->hidden, F = model->intermediate;
  block_arguments b = arguments(context, model, layer, parameters, adapter, rows, OPS_BACKWARD);
  b.out = out->values;
  b.x = x_mid->values;
  b.gate_up = gate_up->values;
  b.dx_out = dx_out->values;
  b.dx_mid = dx_mid->values;
  b.dout = dout->values;
  b.h = workspace->values;
  b.activations = workspace->values + rows * D;
  b.norm_parts = workspace->values + rows * (D + F);
  float *rest = b.norm_parts + b.tiles.count * D;
  ops_update_reserve(&b.o_update, adapter, rows, &rest);
  ops_update_reserve(&b.gate_update, adapter, rows, &rest);
  ops_update_reserve(&b.up_update, adapter, rows, &rest);
  ops_update_reserve(&b.down_update, adapter, rows, &rest);
  ops_reserve_scratch(context, b.tiles.tile * (D + F));
  ops_parallel(context, b.tiles.count, block_backward_tile_variants[context->isa], &b);
  if (adapter)
    accumulate_updates(context, model, &b);
  else
    accumulate(context, model, layer, &b, gradient->values);
}
