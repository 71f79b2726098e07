// Low-rank updates beside the products of a layer (LoRA, arXiv 2106.09685).
//
// The way forward has its own kernels, which need no panels of A and B: with an adapter these change
// with every update. Every row is a function of itself alone.
#include "lanes.h"

// Ranks whose part of B is packed at once.
#define OPS_PACKED_RANKS 64

typedef struct {
  const ops_update *update;
  size_t rows;
  const float *x;
  size_t ldx;
  float *u, *y;
  size_t ldy;
  size_t first;  // row
  float *dropped;
} update_arguments;

// SplitMix64's finalizer (Steele et al., OOPSLA 2014).
static inline uint64_t mixed(uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

ops_update ops_update_at(
    const ops_adapter *adapter, const ops_low_rank *place, size_t in, size_t out) {
  if (place->a == OPS_ABSENT) return (ops_update){0};
  const float *values = adapter->values->values;
  float *gradient = adapter->gradient ? adapter->gradient->values : NULL;
  return (ops_update){
      .a = values + place->a, .b = values + place->b, .in = in, .out = out,
      .rank = adapter->rank, .scale = adapter->scale, .dropout = adapter->dropout,
      // No two products have their A at one place.
      .dropout_key = mixed(adapter->dropout_key + place->a),
      .da = gradient ? gradient + place->a : NULL, .db = gradient ? gradient + place->b : NULL};
}

// X after dropout, row by row into dropped [rows, in], which may be X. Which values stay is a hash
// (MurmurHash3's finalizer) of their place and of the row's key.
OPS_BODY void drop(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const update_arguments *p = arguments;
  const ops_update *w = p->update;
  const uint32_t bound = (uint32_t)((double)w->dropout * 0x1p32);
  const float scale = 1 / (1 - w->dropout);
  for (size_t r = 0; r < p->rows; r++) {
    const uint64_t key = mixed(w->dropout_key + p->first + r);
    const uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    const float *x = p->x + r * p->ldx;
    float *to = p->dropped + r * w->in;
    for (size_t i = 0; i < w->in; i++) {
      uint32_t h = (uint32_t)i * 0x9E3779B1u ^ low;
      h = (h ^ h >> 16) * 0x85EBCA6Bu;
      h = ((h ^ h >> 13) + high) * 0xC2B2AE35u;
      h ^= h >> 16;
      to[i] = h < bound ? 0 : x[i] * scale;
    }
  }
}
OPS_VARIANTS(drop);

void ops_reserve_dropout(
    ops_context *context, const ops_adapter *adapter, size_t rows, size_t in) {
  if (!adapter || !(adapter->dropout > 0)) return;
  ops_reserve_each(context, context->dropped, &context->dropped_count, rows * in);
}

// Puts what dropout leaves of p->x into `to`, and lets p->x be that.
static void drop_rows(const ops_context *context, update_arguments *p, float *to) {
  p->dropped = to;
  drop_variants[context->isa](p, 0, 0);
  p->x = to;
  p->ldx = p->update->in;
}

// u[r][c] = scale * x_r . a_c for R rows and C rows of A, each summed in 16 lanes and one tree.
OPS_BODY void project_block(
    const float *x, size_t ldx, const float *a, size_t in, const size_t R, const size_t C,
    float scale, float *u, size_t rank) {
  f32x16 sum[4][2] = {0};
  const size_t whole = in - in % OPS_LANES;
  for (size_t i = 0; i < whole; i += OPS_LANES)
    for (size_t r = 0; r < R; r++)
      for (size_t c = 0; c < C; c++)
        sum[r][c] += *ops_const_lanes(x + r * ldx + i) * *ops_const_lanes(a + c * in + i);
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++) {
      float rest[OPS_LANES] = {0};
      for (size_t i = whole; i < in; i++) rest[i - whole] = x[r * ldx + i] * a[c * in + i];
      const f32x16 all = sum[r][c] + *ops_const_lanes(rest);
      u[r * rank + c] = scale * ops_combine(&all);
    }
}

OPS_BODY void project(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const update_arguments *p = arguments;
  const ops_update *w = p->update;
  const size_t rank = w->rank;
  for (size_t c = 0; c < rank; c += 2) {
    const float *a = w->a + c * w->in;
    size_t r = 0;
#define OPS_PROJECT(R, C)                                                                        \
  project_block(                                                                                 \
      p->x + r * p->ldx, p->ldx, a, w->in, R, C, w->scale, p->u + r * rank + c, rank)
    if (c + 2 <= rank) {
      for (; r + 4 <= p->rows; r += 4) OPS_PROJECT(4, 2);
      for (; r < p->rows; r++) OPS_PROJECT(1, 2);
    } else {
      for (; r + 4 <= p->rows; r += 4) OPS_PROJECT(4, 1);
      for (; r < p->rows; r++) OPS_PROJECT(1, 1);
    }
#undef OPS_PROJECT
  }
}
OPS_VARIANTS(project);

// y[r][0..<lanes] += sum over j of u[r][j] * packed[j] for R rows, in the order of j.
OPS_BODY void expand_block(
    const float *packed, size_t ranks, const float *u, size_t rank, const size_t R, float *y,
    size_t ldy, size_t lanes) {
  f32x16 sum[4] = {0};
  for (size_t j = 0; j < ranks; j++)
    for (size_t r = 0; r < R; r++)
      sum[r] += *ops_const_lanes(packed + j * OPS_LANES) * u[r * rank + j];
  for (size_t r = 0; r < R; r++) {
    float *row = y + r * ldy;
    if (lanes == OPS_LANES)
      *ops_lanes(row) += sum[r];
    else
      for (size_t l = 0; l < lanes; l++) row[l] += sum[r][l];
  }
}

OPS_BODY void expand(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const update_arguments *p = arguments;
  const ops_update *w = p->update;
  const size_t rank = w->rank;
  float packed[OPS_PACKED_RANKS * OPS_LANES];
  for (size_t first = 0; first < rank; first += OPS_PACKED_RANKS) {
    const size_t ranks = rank - first < OPS_PACKED_RANKS ? rank - first : OPS_PACKED_RANKS;
    const float *u = p->u + first;
    for (size_t o = 0; o < w->out; o += OPS_LANES) {
      const size_t lanes = w->out - o < OPS_LANES ? w->out - o : OPS_LANES;
      memset(packed, 0, sizeof packed);
      for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < ranks; j++)
          packed[j * OPS_LANES + l] = w->b[(o + l) * rank + first + j];
      size_t r = 0;
      for (; r + 4 <= p->rows; r += 4)
        expand_block(packed, ranks, u + r * rank, rank, 4, p->y + r * p->ldy + o, p->ldy, lanes);
      for (; r < p->rows; r++)
        expand_block(packed, ranks, u + r * rank, rank, 1, p->y + r * p->ldy + o, p->ldy, lanes);
    }
  }
}
OPS_VARIANTS(expand);

void ops_update_forward(
    const ops_context *context, unsigned thread, const ops_update *update, size_t first, size_t rows,
    const float *x, size_t ldx, float *u, float *y, size_t ldy) {
  if (!update->a) return;
  update_arguments p = {
      .update = update, .rows = rows, .x = x, .ldx = ldx, .u = u, .y = y, .ldy = ldy,
      .first = first};
  if (update->dropout > 0) drop_rows(context, &p, context->dropped[thread]);
  project_variants[context->isa](&p, 0, 0);
  expand_variants[context->isa](&p, 0, 0);
}

void ops_update_reserve(
    ops_update *update, const ops_adapter *adapter, size_t rows, float **workspace) {
  if (!update->a) return;
  const size_t a = (size_t)(update->a - adapter->values->values);
  const size_t b = (size_t)(update->b - adapter->values->values);
  update->a_back = ops_weight_at(
      adapter->values, a, update->rank, update->in, OPS_PRODUCTS_F32, OPS_BACKWARD, false);
  update->b_back = ops_weight_at(
      adapter->values, b, update->out, update->rank, OPS_PRODUCTS_F32, OPS_BACKWARD, false);
  update->u = *workspace;
  update->v = update->u + rows * update->rank;
  *workspace = update->v + rows * update->rank;
  if (!(update->dropout > 0)) return;
  update->dropped = *workspace;
  *workspace += rows * update->in;
}

void ops_update_project(
    const ops_context *context, const ops_update *update, size_t first, size_t rows,
    const float *x, size_t ldx) {
  if (!update->a) return;
  update_arguments p = {
      .update = update, .rows = rows, .x = x, .ldx = ldx, .u = update->u + first * update->rank,
      .first = first};
  if (update->dropped) drop_rows(context, &p, update->dropped + first * update->in);
  project_variants[context->isa](&p, 0, 0);
}

void ops_update_backward(
    ops_context *context, unsigned thread, const ops_update *update, size_t first,
    size_t rows, const float *dy, size_t ldy, float *dx, size_t ldx) {
  if (!update->a) return;
  const size_t rank = update->rank;
  float *v = update->v + first * rank;
  ops_product(context, thread, rows, dy, ldy, &update->b_back, v, rank, false);
  for (size_t i = 0; i < rows * rank; i++) v[i] *= update->scale;
  if (!(update->dropout > 0)) {
    ops_product(context, thread, rows, v, rank, &update->a_back, dx, ldx, true);
    return;
  }
  const size_t in = update->in;
  float *part = context->dropped[thread];
  ops_product(context, thread, rows, v, rank, &update->a_back, part, in, false);
  update_arguments p = {.update = update, .rows = rows, .x = part, .ldx = in, .first = first};
  drop_rows(context, &p, part);
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < in; i++) dx[r * ldx + i] += part[r * in + i];
}

size_t ops_update_gradients(
    const ops_update *update, size_t rows, const float *dy, size_t ldy, const float *x, size_t ldx,
    ops_gradient_product *products, size_t count) {
  if (!update->a) return count;
  const size_t rank = update->rank;
  if (update->dropped) {
    x = update->dropped;
    ldx = update->in;
  }
  products[count++] = (ops_gradient_product){
      rows, rank, update->in, update->v, x, rank, ldx, update->da, false};
  products[count++] = (ops_gradient_product){
      rows, update->out, rank, dy, update->u, ldy, rank, update->db, false};
  return count;
}
