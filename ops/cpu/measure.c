// What this machine's products do, measured: `pipeline doctor` asks.
#include <stdlib.h>
#include <string.h>

#include "product.h"

static void fill(float *values, size_t count, uint64_t *state) {
  for (size_t i = 0; i < count; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    values[i] = (float)(int32_t)(*state >> 32) * 0x1p-31f;
  }
}

size_t ops_measure_row_dependence(
    ops_context *context, size_t rows, size_t n, size_t k, ops_products products, uint64_t seed) {
  float *x = malloc(rows * k * sizeof *x), *expected = malloc(rows * n * sizeof *expected);
  float *y = malloc(rows * n * sizeof *y);
  bool *changed = calloc(rows, sizeof *changed);
  ops_tensor *w = ops_tensor_create(context, n * k, OPS_F32);
  size_t dependent = 0;
  if (x && w && expected && y && changed) {
    fill(x, rows * k, &seed);
    fill(w->values, n * k, &seed);
    ops_arena_begin(context);
    const ops_weight weight = ops_weight_at(w, 0, n, k, products, OPS_FORWARD, true);
    for (size_t r = 0; r < rows; r++)
      ops_product(context, 0, 1, x + r * k, k, &weight, expected + r * n, n, false);
    for (size_t tile = 2; tile <= OPS_TILE; tile += tile < 2 * OPS_STRIP ? 1 : OPS_STRIP)
      for (size_t shift = 0; shift < 16 && shift < rows; shift += 5) {
        for (size_t r = shift; r < rows; r += tile)
          ops_product(
              context, 0, rows - r < tile ? rows - r : tile, x + r * k, k, &weight, y + r * n, n,
              false);
        for (size_t r = shift; r < rows; r++)
          changed[r] |= memcmp(y + r * n, expected + r * n, n * sizeof *y) != 0;
      }
    for (size_t r = 0; r < rows; r++) dependent += changed[r];
  } else {
    dependent = rows;  // nothing was shown
  }
  if (w) ops_tensor_destroy(w);
  free(x);
  free(expected);
  free(y);
  free(changed);
  return dependent;
}
