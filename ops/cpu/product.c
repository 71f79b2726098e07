// Matrix products over OpenBLAS, cut into tiles so that a row's bits depend on the row alone.
//
// Measured with OpenBLAS 0.3.21, one thread, 120 shapes: with the Cooperlake kernel X W^T gives a
// row the same bits in every tile of 48 to 768 rows and at every place in it. Fewer rows, or
// m * n <= 1200, take the small-matrix path, which rounds differently; cutting n changes bits. With
// the Haswell kernel a row's bits depend on its place. X W (no transpose) changes path with size,
// so the backward pass promises determinism alone.
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

// Fewest rows of a forward product.
#define OPS_TILE_LEAST 48
// OpenBLAS' bound on m * n below which it takes the small-matrix path.
#define OPS_SMALL_PRODUCT 1200

size_t ops_row_capacity(size_t rows) { return rows + OPS_SMALL_PRODUCT + 2 * OPS_TILE; }

ops_tiling ops_tile_rows(size_t rows, size_t narrowest) {
  const size_t least_for_width = ops_round_up(OPS_SMALL_PRODUCT / narrowest + 1, 16);
  const size_t least = least_for_width > OPS_TILE_LEAST ? least_for_width : OPS_TILE_LEAST;
  size_t count = (rows + OPS_TILE - 1) / OPS_TILE;
  // An even cut for two or four threads, as long as tiles stay large enough to be fast.
  if (count > 1 || rows > 64) count = ops_round_up(count, count > 4 ? 4 : 2);
  size_t tile = count ? ops_round_up((rows + count - 1) / count, 16) : 0;
  if (tile < least) tile = least;
  return (ops_tiling){rows, tile, (rows + tile - 1) / tile};
}

// Rows of a weight that are widened together: their piece stays in the second-level cache, and is
// never so narrow that its product would take the small-matrix path.
static size_t widened_rows(size_t k) {
  const size_t rows = ((size_t)1 << 17) / k / 16 * 16;
  return rows < 64 ? 64 : rows;
}

void ops_reserve_widened(ops_context *context, const ops_tensor *parameters, size_t k) {
  if (parameters->type == OPS_F32) return;
  ops_reserve_each(context, context->widened, &context->widened_count, 2 * widened_rows(k) * k);
}

// The pieces of a weight of n rows; the last one takes what is left, which is less than two.
static size_t piece_count(size_t n, size_t k) {
  const size_t count = n / widened_rows(k);
  return count ? count : 1;
}

typedef struct {
  size_t first, rows;
} piece;

static piece piece_at(size_t n, size_t k, size_t item) {
  const size_t rows = widened_rows(k), first = item * rows;
  return (piece){first, item + 1 == piece_count(n, k) ? n - first : rows};
}

// A piece of a weight in f32.
static const float *widened(
    const ops_context *context, unsigned thread, ops_weight w, piece p, size_t k) {
  const ops_weight part = {(const uint16_t *)w.values + p.first * k, w.type};
  ops_widen(context, part, p.rows * k, context->widened[thread]);
  return context->widened[thread];
}

static void sgemm_nt(
    size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, float *y,
    size_t ldy) {
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, x, (int)ldx, w, (int)k, 0,
      y, (int)ldy);
}

static void sgemm_nn(
    size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, float *y, size_t ldy,
    bool accumulate) {
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)k, (int)n, 1, x, (int)ldx, w, (int)k,
      accumulate ? 1 : 0, y, (int)ldy);
}

typedef struct {
  const ops_context *context;
  size_t m, n, k, ldx, ldy;
  const float *x;
  ops_weight w;
  float *y;
} widened_product;

static void widened_piece(void *arguments, size_t item, unsigned thread) {
  const widened_product *a = arguments;
  const piece p = piece_at(a->n, a->k, item);
  const float *w = widened(a->context, thread, a->w, p, a->k);
  sgemm_nt(a->m, p.rows, a->k, a->x, a->ldx, w, a->y + p.first, a->ldy);
}

void ops_product_nt(
    ops_context *context, unsigned thread, size_t m, size_t n, size_t k, const float *x, size_t ldx,
    ops_weight w, float *y, size_t ldy) {
  if (w.type == OPS_F32) return sgemm_nt(m, n, k, x, ldx, w.values, y, ldy);
  widened_product a = {context, m, n, k, ldx, ldy, x, w, y};
  const size_t pieces = piece_count(n, k);
  // The tile of a few sequences that are decoded: its pieces are what threads can share.
  if (context->is_lone) return ops_parallel(context, pieces, widened_piece, &a);
  for (size_t item = 0; item < pieces; item++) widened_piece(&a, item, thread);
}

void ops_product_nn(
    const ops_context *context, unsigned thread, size_t m, size_t n, size_t k, const float *x,
    size_t ldx, ops_weight w, float *y, size_t ldy, bool accumulate) {
  if (w.type == OPS_F32) return sgemm_nn(m, n, k, x, ldx, w.values, y, ldy, accumulate);
  for (size_t item = 0; item < piece_count(n, k); item++) {
    const piece p = piece_at(n, k, item);
    sgemm_nn(
        m, p.rows, k, x + p.first, ldx, widened(context, thread, w, p, k), y, ldy,
        accumulate || item > 0);
  }
}

void ops_product_tn(
    size_t rows, size_t n, size_t k, const float *y, size_t ldy, const float *x, size_t ldx,
    float *w) {
  cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, (int)n, (int)k, (int)rows, 1, y, (int)ldy, x,
      (int)ldx, 1, w, (int)k);
}

typedef struct {
  const ops_gradient_product *products;
  size_t count;
} accumulation;

static size_t blocks(const ops_gradient_product *product) {
  return (product->n + OPS_GRADIENT_BLOCK - 1) / OPS_GRADIENT_BLOCK;
}

static void accumulate_block(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const accumulation *a = arguments;
  const ops_gradient_product *p = a->products;
  while (item >= blocks(p)) item -= blocks(p++);
  const size_t first = item * OPS_GRADIENT_BLOCK;
  const size_t n = p->n - first < OPS_GRADIENT_BLOCK ? p->n - first : OPS_GRADIENT_BLOCK;
  ops_product_tn(p->rows, n, p->k, p->y + first, p->ldy, p->x, p->ldx, p->w + first * p->k);
}

void ops_accumulate_products(
    ops_context *context, const ops_gradient_product *products, size_t count) {
  size_t items = 0;
  for (size_t i = 0; i < count; i++) items += blocks(&products[i]);
  accumulation a = {products, count};
  ops_parallel(context, items, accumulate_block, &a);
}

void ops_add_columns(
    const float *values, size_t rows, size_t stride, size_t columns, float *out) {
  // Double, since gradients of biases are what is left of sums that cancel; a run of columns at a
  // time, so that the sums stay in registers and cache.
  double sums[64];
  for (size_t first = 0; first < columns; first += 64) {
    const size_t width = columns - first < 64 ? columns - first : 64;
    memset(sums, 0, sizeof sums);
    for (size_t r = 0; r < rows; r++)
      for (size_t c = 0; c < width; c++) sums[c] += (double)values[r * stride + first + c];
    for (size_t c = 0; c < width; c++) out[first + c] += (float)sums[c];
  }
}

// --- Measurement ---------------------------------------------------------------------------------

static float *numbers(size_t count, uint64_t *state) {
  float *values = malloc(count * sizeof(float));
  for (size_t i = 0; values && i < count; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    values[i] = (float)(int32_t)(*state >> 32) * 0x1p-31f;
  }
  return values;
}

size_t ops_measure_row_dependence(
    ops_context *context, size_t rows, size_t n, size_t k, uint64_t seed) {
  const size_t room = ops_row_capacity(rows);
  float *x = numbers(room * k, &seed);
  float *w = numbers(n * k, &seed);
  float *expected = calloc(room * n, sizeof(float));
  float *y = calloc(room * n, sizeof(float));
  bool *changed = calloc(rows, sizeof *changed);
  size_t dependent = 0;
  if (x && w && expected && y && changed) {
    const size_t least = ops_tile_rows(1, n).tile;
    const ops_weight weight = {w, OPS_F32};
    for (size_t r = 0; r < rows; r += least)
      ops_product_nt(context, 0, least, n, k, x + r * k, k, weight, expected + r * n, n);
    for (size_t tile = least; tile <= (least > OPS_TILE ? least : OPS_TILE); tile += 16)
      for (size_t shift = 0; shift < 16 && shift < rows; shift += 5) {
        for (size_t r = shift; r < rows; r += tile)
          ops_product_nt(context, 0, tile, n, k, x + r * k, k, weight, y + r * n, n);
        for (size_t r = shift; r < rows; r++)
          changed[r] |= memcmp(y + r * n, expected + r * n, n * sizeof(float)) != 0;
      }
    for (size_t r = 0; r < rows; r++) dependent += changed[r];
  } else {
    dependent = rows;  // nothing was shown
  }
  free(x);
  free(w);
  free(expected);
  free(y);
  free(changed);
  return dependent;
}
