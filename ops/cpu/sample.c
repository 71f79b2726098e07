// Sampling: the filters and the draw, on the logits that scoring sees.
#include "head.h"

typedef struct {
  ops_context *context;
  const ops_model *model;
  ops_head head;
  const float *x;
  const size_t *rows;
  ops_tiling tiles;
  const ops_sampling *sampling;
  const double *uniforms;
  ops_drawn *drawn;
} sample_arguments;

static bool comes_before(const float *y, int32_t a, int32_t b) {
  return y[a] > y[b] || (y[a] == y[b] && a < b);
}

static void sift_down(const float *y, int32_t *heap, size_t count, size_t at) {
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count) return;
    if (child + 1 < count && comes_before(y, heap[child + 1], heap[child])) child++;
    if (!comes_before(y, heap[child], heap[at])) return;
    const int32_t moved = heap[at];
    heap[at] = heap[child];
    heap[child] = moved;
    at = child;
  }
}

// Ids that the filters leave, in descending order of y (ascending id among equals), into `ids`, and
// e^(y - max) of each into `weights`; returns how many. A heap yields the largest one by one, so
// that only what stays is sorted. e [stride]: e^(y - max) of every id; heap: room for V.
static size_t filter(
    const float *y, const float *e, size_t vocabulary, const ops_sampling *sampling, int32_t *heap,
    int32_t *ids, float *weights) {
  size_t left = sampling->token_limit < vocabulary ? sampling->token_limit : vocabulary;
  for (size_t j = 0; j < left; j++) heap[j] = (int32_t)j;
  for (size_t at = left / 2; at-- > 0;) sift_down(y, heap, left, at);
  // The mass that top-p divides: of what top-k leaves, known after its ids are popped.
  const bool top_k = sampling->top_k > 0, top_p = sampling->top_p < 1;
  double mass = 0;
  if (top_p && !top_k)
    for (size_t j = 0; j < left; j++) mass += (double)e[j];
  size_t kept = 0;
  double before = 0;
  while (left > 0) {
    const int32_t id = heap[0];
    if (top_k && kept >= sampling->top_k && y[id] < y[ids[kept - 1]]) break;
    if (top_p && !top_k && kept > 0 && before >= (double)sampling->top_p * mass) break;
    if (!top_k && kept > 0 && e[id] < sampling->min_p * weights[0]) break;
    ids[kept] = id;
    weights[kept++] = e[id];
    before += (double)e[id];
    heap[0] = heap[--left];
    sift_down(y, heap, left, 0);
  }
  if (!top_k) return kept;
  // `before` is now the mass that top-k left.
  const double bound = top_p ? (double)sampling->top_p * before : before;
  size_t final = 0;
  double running = 0;
  while (final < kept) {
    if (final > 0 && top_p && running >= bound) break;
    if (final > 0 && weights[final] < sampling->min_p * weights[0]) break;
    running += (double)weights[final++];
  }
  return final;
}

// The first index of `weights` where the running sum exceeds `uniform` times the whole sum, which is
// stored in `sum`: sums of 16 by a tree, then one by one inside the run of 16 that holds it.
OPS_BODY size_t invert(const float *weights, size_t count, double uniform, double *sum) {
  double total = 0;
  const size_t whole = count - count % OPS_LANES;
  for (size_t j = 0; j < whole; j += OPS_LANES)
    total += (double)ops_combine(ops_const_lanes(weights + j));
  for (size_t j = whole; j < count; j++) total += (double)weights[j];
  *sum = total;
  const double target = uniform * total;
  double running = 0;
  size_t start = 0;
  for (; start < whole; start += OPS_LANES) {
    const double next = running + (double)ops_combine(ops_const_lanes(weights + start));
    if (next > target) break;
    running = next;
  }
  const size_t end = start < whole ? start + OPS_LANES : count;
  // Rounding can leave the sum just short of the target: then the last one with any weight.
  size_t last = start < count ? start : 0;
  for (size_t j = start; j < end; j++) {
    if (weights[j] > 0) last = j;
    running += (double)weights[j];
    if (running > target) break;
  }
  return last;
}

static bool has_filters(const ops_sampling *s) {
  return s->top_k > 0 || s->top_p < 1 || s->min_p > 0;
}

// e^(y - max) of a whole row.
OPS_BODY void exponentials(const float *y, float max, size_t stride, float *e) {
  for (size_t j = 0; j < stride; j += OPS_LANES) {
    const f32x16 shifted = *ops_const_lanes(y + j) - max;
    ops_exp(&shifted, ops_lanes(e + j));
  }
}

OPS_BODY int32_t largest_id(const float *y, size_t count) {
  size_t best = 0;
  for (size_t j = 1; j < count; j++)
    if (y[j] > y[best]) best = j;
  return (int32_t)best;
}

// Draws from one row of logits. e, weights [stride], heap, ids [V]: scratch.
OPS_BODY ops_drawn draw(
    float *y, size_t vocabulary, const ops_sampling *sampling, double uniform, float *e,
    float *weights, int32_t *heap, int32_t *ids) {
  const size_t limit =
      sampling->token_limit < vocabulary ? sampling->token_limit : vocabulary;
  const ops_row_statistics s = ops_logit_row(y, vocabulary, sampling->temperature);
  ops_drawn drawn = {.entropy = s.entropy};
  double sum = 0;
  if (!(sampling->temperature > 0)) {
    drawn.token = largest_id(y, limit);
    drawn.log_probability = ops_log_probability(&s, y[drawn.token]);
    return drawn;  // all of the filtered distribution is on that token: log 1 = 0
  }
  exponentials(y, s.max, ops_round_up(vocabulary, OPS_LANES), e);
  if (has_filters(sampling)) {
    const size_t kept = filter(y, e, vocabulary, sampling, heap, ids, weights);
    drawn.token = ids[invert(weights, kept, uniform, &sum)];
  } else {
    drawn.token = (int32_t)invert(e, limit, uniform, &sum);
  }
  drawn.log_probability = ops_log_probability(&s, y[drawn.token]);
  drawn.filtered_log_probability =
      has_filters(sampling) || limit < vocabulary
          ? (float)((double)y[drawn.token] - (double)s.max - ops_log(sum))
          : drawn.log_probability;
  return drawn;
}

OPS_BODY void sample_tile(void *arguments, size_t item, unsigned thread) {
  const sample_arguments *a = arguments;
  const ops_model *m = a->model;
  const size_t tile = a->tiles.tile, first = item * tile, stride = ops_logit_stride(m);
  const size_t rows = a->tiles.rows - first < tile ? a->tiles.rows - first : tile;
  float *h = a->context->scratch[thread], *logits = h + tile * m->hidden;
  float *e = logits + tile * stride, *weights = e + stride;
  int32_t *heap = (int32_t *)(void *)(weights + stride), *ids = heap + stride;
  ops_logits_tile(&a->head, thread, a->x, a->rows + first, 1, rows, h, logits);
  for (size_t i = 0; i < rows; i++)
    a->drawn[first + i] = draw(
        logits + i * stride, m->vocabulary, a->sampling, a->uniforms[first + i], e, weights, heap,
        ids);
}
OPS_VARIANTS(sample_tile);

void ops_head_sample_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const size_t *rows, size_t count, const ops_sampling *sampling,
    const double *host_uniforms, ops_drawn *host_drawn) {
  sample_arguments a = {
      .context = context, .model = model, .head = ops_head_of(context, model, parameters, true),
      .x = x->values, .rows = rows, .tiles = ops_tile_rows(count), .sampling = sampling,
      .uniforms = host_uniforms, .drawn = host_drawn};
  const size_t stride = ops_logit_stride(model);
  ops_reserve_scratch(context, a.tiles.tile * (model->hidden + stride) + 4 * stride);
  ops_parallel(context, a.tiles.count, sample_tile_variants[context->isa], &a);
}

size_t ops_filtered_distribution(
    ops_context *context, const float *host_logits, size_t vocabulary,
    const ops_sampling *sampling, int32_t *host_ids, float *host_probabilities) {
  const size_t stride = ops_round_up(vocabulary, OPS_LANES);
  ops_reserve_scratch(context, 3 * stride);
  float *y = context->scratch[0], *e = y + stride;
  int32_t *heap = (int32_t *)(void *)(e + stride);
  memcpy(y, host_logits, vocabulary * sizeof(float));
  const ops_row_statistics s = ops_logit_row(y, vocabulary, sampling->temperature);
  exponentials(y, s.max, stride, e);
  const size_t kept = filter(y, e, vocabulary, sampling, heap, host_ids, host_probabilities);
  double sum = 0;
  for (size_t i = 0; i < kept; i++) sum += (double)host_probabilities[i];
  for (size_t i = 0; i < kept; i++)
    host_probabilities[i] = (float)((double)host_probabilities[i] / sum);
  return kept;
}
