// What products on packed weights are made of: shared by product.c, pairs.c and panels.c.
#ifndef TEMPER_OPS_CPU_PRODUCT_H
#define TEMPER_OPS_CPU_PRODUCT_H

#include "internal.h"

// Values of k of one pass over a panel: 64 KiB of it.
#define OPS_DEPTH 512
// Rows of the widest strip, and columns of Y that gradients pack together.
#define OPS_STRIP 8

// Panels that one or two rows go through side by side, and bytes that are fetched ahead of each.
#define OPS_WIDE 4
#define OPS_FETCH_AHEAD 2048

// One panel's part of a product: y[rows][32] (+)= a b, with b [depth][32].
typedef struct ops_panel_pass {
  const void *a;      // f32, or pairs of bf16
  size_t row_stride;  // values between two rows of a
  size_t step;        // values, with pairs pairs, between two k of a: 1, or OPS_STRIP with rows side by side
  const void *b;
  size_t depth;
  size_t rows;
  float *y;
  size_t ldy;
  bool adds;  // to what stands in y
} ops_panel_pass;

// A pass over bf16 values that stand in pairs of k: b [depth / 2][32][2]. Only where
// `ops_pairs_available`.
void ops_pairs_panel(const ops_panel_pass *pass);
// The same for one or two rows over OPS_WIDE panels, `stride` bytes apart.
void ops_pairs_wide(const ops_panel_pass *pass, size_t stride);
bool ops_pairs_available(const ops_context *context);

// The functions below are for where pairs are available. They round to the nearest bf16, ties to even,
// and take what is below the smallest normal number for 0, as the processor's products do.
void ops_narrow(const float *values, size_t count, uint16_t *halves);
// Rows of `width` values as bf16 in pairs of rows: to[row / 2][column][row % 2], columns up to `places`
// and an odd row's partner zero.
void ops_pack_pairs(
    const float *values, size_t stride, size_t rows, size_t width, size_t places, uint16_t *to);
// The same in strips of OPS_STRIP columns, one after the other: of each, pair after pair of rows.
void ops_pack_pair_strips(
    const float *values, size_t stride, size_t rows, size_t width, uint16_t *to);

#endif
