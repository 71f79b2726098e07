// The head: logits, the log-probabilities and entropies of tokens, and their gradients.
//
// A large vocabulary's weights are the largest there are. Where all rows have room for their logits,
// they go through the vocabulary slab by slab, and the weights of one slab alone are packed at a time.
// A sum over tokens goes on from slab to slab: its bits are those of the whole.
#include "head.h"
#include "product.h"

_Static_assert(OPS_SLAB_TOKENS % OPS_DEPTH == 0, "a product's passes end where a slab does");

typedef struct {
  ops_context *context;
  const ops_model *model;
  ops_head head;
  ops_weight transposed;  // of the way back
  size_t token;           // the slab's first
  bool is_first, is_last;
  const float *x;
  const ops_head_row *rows;
  const ops_target *targets;
  ops_tiling tiles;
  float temperature;
  float *log_probabilities, *entropies;
  float *logits;  // that are kept, or NULL
  // backward
  const float *dlog_probabilities, *dentropies;
  float *dx, *h, *dh, *inverses, *dlogits, *norm_parts;
} head_arguments;

// Sets a slab of up to `tokens` tokens from `token` on; returns how many it has.
static size_t begin_slab(head_arguments *a, size_t token, size_t tokens) {
  const size_t left = a->model->vocabulary - token;
  a->token = token;
  a->is_first = token == 0;
  a->is_last = left <= tokens;
  return a->is_last ? left : tokens;
}

#define OPS_ROW_STEP (sizeof(ops_head_row) / sizeof(size_t))

OPS_BODY void score_tile(void *arguments, size_t item, unsigned thread) {
  const head_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t tile = a->tiles.tile, first = item * tile, stride = ops_logit_stride(m);
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *h = a->context->scratch[thread];
  float *logits = a->logits ? a->logits + first * stride : h + tile * m->hidden;
  const ops_head_row *head = a->rows + first;
  ops_logits_tile(
      &a->head, thread, a->x, &head->row, OPS_ROW_STEP, rows, h, logits + a->token);
  if (!a->is_last) return;
  for (size_t i = 0; i < rows; i++) {
    float *y = logits + i * stride;
    const ops_row_statistics s = ops_logit_row(y, m->vocabulary, a->temperature);
    for (size_t t = 0; t < head[i].targets; t++) {
      const ops_target *target = &a->targets[head[i].first_target + t];
      a->log_probabilities[target->index] = ops_log_probability(&s, y[target->token]);
      a->entropies[target->index] = s.entropy;
    }
  }
}
OPS_VARIANTS(score_tile);

void ops_head_score_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const ops_head_row *rows, size_t count, const ops_target *targets,
    float temperature, float *host_log_probabilities, float *host_entropies, ops_tensor *logits) {
  head_arguments a = {
      .context = context, .model = model, .head = ops_head_of(context, model, parameters, false),
      .x = x->values,
      .rows = rows, .targets = targets, .tiles = ops_tile_rows(count),
      .temperature = temperature, .log_probabilities = host_log_probabilities,
      .entropies = host_entropies, .logits = logits ? logits->values : NULL};
  const size_t own = logits ? 0 : ops_logit_stride(model);
  ops_reserve_scratch(context, a.tiles.tile * (model->hidden + own));
  const bool is_packed = ops_keeps_weight(
      parameters, model->head, model->vocabulary, model->hidden, model->products);
  // Whole, where a tile alone has room for logits, and where the weights are packed for good.
  const size_t tokens =
      logits && !is_packed && !model->keeps_panels ? OPS_SLAB_TOKENS : model->vocabulary;
  const size_t used = context->arena_used;
  for (size_t token = 0; token < model->vocabulary; token += tokens) {
    const size_t slab = begin_slab(&a, token, tokens);
    context->arena_used = used;
    a.head.weight = ops_head_weight(model, parameters, token, slab, OPS_FORWARD);
    ops_parallel(context, a.tiles.count, score_tile_variants[context->isa], &a);
  }
}

size_t ops_logit_floats(const ops_model *model, size_t count) {
  return count * ops_logit_stride(model);
}

void ops_logits_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const size_t *rows, size_t count, float *host_logits) {
  const ops_head head = ops_head_of(context, model, parameters, true);
  const ops_tiling tiles = ops_tile_rows(count);
  const size_t stride = ops_logit_stride(model), V = model->vocabulary;
  ops_reserve_scratch(context, tiles.tile * (model->hidden + stride));
  float *h = context->scratch[0], *logits = h + tiles.tile * model->hidden;
  for (size_t first = 0; first < count; first += tiles.tile) {
    const size_t n = count - first < tiles.tile ? count - first : tiles.tile;
    ops_logits_tile(&head, 0, x->values, rows + first, 1, n, h, logits);
    for (size_t i = 0; i < n; i++)
      memcpy(host_logits + (first + i) * V, logits + i * stride, V * sizeof(float));
  }
}

// dL/dz of one row, in place of its logits. With y = z / T, p = softmax(y), H its entropy:
//   dlogp_a/dz_j = (1[j = a] - p_j) / T        dH/dz_j = -p_j (log p_j + H) / T
OPS_BODY void logit_row_gradient(
    const head_arguments *a, const ops_head_row *row, float *y, const ops_row_statistics *s) {
  const size_t stride = ops_logit_stride(a->model);
  float pull = 0, spread = 0;
  for (size_t t = 0; t < row->targets; t++) {
    const size_t index = a->targets[row->first_target + t].index;
    pull += a->dlog_probabilities[index];
    if (a->dentropies) spread += a->dentropies[index];
  }
  const float divisor = a->temperature > 0 ? a->temperature : 1;
  const float log_sum = (float)s->log_sum;
  for (size_t j = 0; j < stride; j += OPS_LANES) {
    const f32x16 shifted = *ops_lanes(y + j) - s->max;
    f32x16 e;
    ops_exp(&shifted, &e);
    const f32x16 p = e / s->sum;
    *ops_lanes(y + j) = p * ((shifted - log_sum + s->entropy) * -spread - pull) / divisor;
  }
  for (size_t t = 0; t < row->targets; t++) {
    const ops_target *target = &a->targets[row->first_target + t];
    y[target->token] += a->dlog_probabilities[target->index] / divisor;
  }
}

OPS_BODY void head_backward_tile(void *arguments, size_t item, unsigned thread) {
  const head_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t tile = a->tiles.tile, first = item * tile, stride = ops_logit_stride(m);
  const size_t D = m->hidden;
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *h = a->h + first * D, *logits = a->dlogits + first * stride, *dh = a->dh + first * D;
  const ops_head_row *head = a->rows + first;
  if (a->is_first) {
    ops_head_rows(&a->head, a->x, &head->row, OPS_ROW_STEP, rows, h, a->inverses + first);
    if (!a->logits)
      ops_product(a->context, thread, rows, h, D, &a->head.weight, logits, stride, false);
    for (size_t i = 0; i < rows; i++) {
      float *y = logits + i * stride;
      // Those that were kept have been divided.
      const ops_row_statistics s =
          ops_logit_row(y, m->vocabulary, a->logits ? 1 : a->temperature);
      logit_row_gradient(a, &head[i], y, &s);
    }
  }
  ops_product(
      a->context, thread, rows, logits + a->token, stride, &a->transposed, dh, D, !a->is_first);
  if (!a->is_last) return;
  float *dnorm = a->norm_parts + item * D;
  memset(dnorm, 0, D * sizeof(float));
  for (size_t i = 0; i < rows; i++)
    ops_rmsnorm_row_backward(
        a->x + head[i].row * D, a->head.final_norm, a->inverses[first + i], dh + i * D, NULL,
        a->dx + head[i].row * D, dnorm, D);
}
OPS_VARIANTS(head_backward_tile);

// Rows whose logits' gradients are held at once where their logits were not kept.
static size_t chunk_rows(const ops_model *m, size_t count) {
  const size_t most = ops_round_up(((size_t)1 << 24) / ops_logit_stride(m) + 1, OPS_TILE);
  return count < most ? count : most;
}

// Floats of `rows` rows beside their logits.
static size_t row_room(const ops_model *m, size_t rows) {
  return rows * (2 * m->hidden + 1) + ops_tile_rows(rows).count * m->hidden;
}

size_t ops_head_workspace(const ops_model *model, size_t count) {
  const size_t chunk = chunk_rows(model, count);
  const size_t again = row_room(model, chunk) + chunk * ops_logit_stride(model);
  const size_t kept = row_room(model, count);
  return again > kept ? again : kept;
}

void ops_head_backward_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, size_t x_rows, const ops_head_row *rows, size_t count,
    const ops_target *targets, float temperature, const float *host_dlog_probabilities,
    const float *host_dentropies, ops_tensor *dx, ops_tensor *gradient, ops_tensor *workspace,
    ops_tensor *logits) {
  const size_t D = model->hidden, V = model->vocabulary, stride = ops_logit_stride(model);
  const size_t chunk = logits ? count : chunk_rows(model, count);
  // Whole, where each chunk of rows would pack every slab again.
  const size_t tokens = chunk == count ? OPS_SLAB_TOKENS : V;
  head_arguments a = {
      .context = context, .model = model, .head = ops_head_of(context, model, parameters, !logits),
      .x = x->values, .targets = targets, .temperature = temperature,
      .dlog_probabilities = host_dlog_probabilities, .dentropies = host_dentropies,
      .dx = dx->values};
  a.h = workspace->values;
  a.dh = a.h + chunk * D;
  a.logits = logits ? logits->values : NULL;
  a.dlogits = logits ? logits->values : a.dh + chunk * D;
  a.norm_parts = a.dh + chunk * (D + (logits ? 0 : stride));
  a.inverses = a.norm_parts + ops_tile_rows(chunk).count * D;
  memset(dx->values, 0, x_rows * D * sizeof(float));
  const size_t used = context->arena_used;
  for (size_t first = 0; first < count; first += chunk) {
    const size_t n = count - first < chunk ? count - first : chunk;
    a.rows = rows + first;
    a.tiles = ops_tile_rows(n);
    for (size_t token = 0; token < V; token += tokens) {
      const size_t slab = begin_slab(&a, token, tokens);
      if (first == 0) {
        context->arena_used = used;
        a.transposed = ops_head_weight(model, parameters, token, slab, OPS_BACKWARD);
      }
      ops_parallel(context, a.tiles.count, head_backward_tile_variants[context->isa], &a);
    }
    if (!gradient) continue;
    for (size_t token = 0; token < V; token += OPS_SLAB_TOKENS) {
      const size_t left = V - token;
      const ops_gradient_product product = {
          n, left < OPS_SLAB_TOKENS ? left : OPS_SLAB_TOKENS, D, a.dlogits + token, a.h, stride, D,
          gradient->values + model->head + token * D, a.transposed.pairs};
      context->arena_used = used + 1;
      ops_accumulate_products(context, &product, 1);
    }
    ops_add_columns(a.norm_parts, a.tiles.count, D, D, gradient->values + model->final_norm);
  }
}
