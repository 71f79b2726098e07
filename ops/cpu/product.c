// Matrix products on packed weights (panels.c).
//
// Every element is one chain of fused multiply-adds over k, ascending:
//   y = fma(x[k], w[k], ... fma(x[1], w[1], fma(x[0], w[0], y0)))      y0: 0, or y where it accumulates
// It does not matter how many rows or columns are computed together, which thread does it or how
// wide its vectors are: a row's bits depend on the row and the weight alone, on every machine. An IEEE
// fused multiply-add rounds once, in hardware or not. With `OPS_PRODUCTS_BF16` the chain runs over
// pairs of k, as the processor's instruction sums them: rows stay apart, machines may differ.
//
// Speed comes from registers: a strip of a few rows by one panel of columns is summed up in them, while
// a panel's part of OPS_DEPTH values of k stays in the cache for all strips of a tile.
#include <stdlib.h>

#include "lanes.h"
#include "product.h"

// Rows of a gradient's sum that are packed at once.
#define OPS_GRADIENT_DEPTH 256

ops_tiling ops_tile_rows(size_t rows) {
  size_t count = (rows + OPS_TILE - 1) / OPS_TILE;
  // An even cut for two or four threads. Few rows share a product's panels among threads instead.
  if (rows > 2 * OPS_STRIP) count = ops_round_up(count, count > 4 ? 4 : 2);
  const size_t tile = count ? ops_round_up((rows + count - 1) / count, OPS_STRIP) : OPS_STRIP;
  return (ops_tiling){rows, tile, (rows + tile - 1) / tile};
}

// --- One pass over a panel -----------------------------------------------------------------------

// y[r][0..<16 C] (+)= sum over i of a[r * row_stride + i * step] * b[i][0..<16 C] for R rows; b's rows
// stand OPS_PANEL apart.
OPS_BODY void strip(
    const float *a, size_t row_stride, size_t step, const float *b, size_t depth, const size_t R,
    const size_t C, float *y, size_t ldy, bool adds) {
  f32x16 sum[OPS_STRIP][2];
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++)
      sum[r][c] = adds ? *ops_const_lanes(y + r * ldy + c * OPS_LANES) : (f32x16){0};
  for (size_t i = 0; i < depth; i++, b += OPS_PANEL) {
    f32x16 columns[2];
    for (size_t c = 0; c < C; c++) columns[c] = *ops_const_lanes(b + c * OPS_LANES);
    for (size_t r = 0; r < R; r++) {
      const f32x16 value = OPS_SPLAT(a[r * row_stride + i * step]);
      for (size_t c = 0; c < C; c++)
        sum[r][c] = __builtin_elementwise_fma(value, columns[c], sum[r][c]);
    }
  }
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++) *ops_lanes(y + r * ldy + c * OPS_LANES) = sum[r][c];
}

// All rows of a pass, R at a time, for C vectors of its columns from column `first`.
OPS_BODY void strips(
    const ops_panel_pass *p, size_t row_stride, size_t step, size_t first, const size_t R,
    const size_t C) {
  const float *a = p->a, *b = (const float *)p->b + first;
  float *y = p->y + first;
  size_t left = p->rows;
#define OPS_STRIPS(N) strip(a, row_stride, step, b, p->depth, N, C, y, p->ldy, p->adds)
  for (; left >= R; left -= R, a += R * row_stride, y += R * p->ldy) OPS_STRIPS(R);
  switch (left) {
    case 7: OPS_STRIPS(7); break;
    case 6: OPS_STRIPS(6); break;
    case 5: OPS_STRIPS(5); break;
    case 4: OPS_STRIPS(4); break;
    case 3: OPS_STRIPS(3); break;
    case 2: OPS_STRIPS(2); break;
    case 1: OPS_STRIPS(1); break;
    default: break;
  }
#undef OPS_STRIPS
}

// Sixteen or 32 registers hold R * C vectors of 16 beside what is multiplied.
OPS_BODY void panel(const ops_panel_pass *p, const size_t R, const size_t C) {
  for (size_t first = 0; first < OPS_PANEL; first += C * OPS_LANES) {
    if (p->step == 1)
      strips(p, p->row_stride, 1, first, R, C);
    else
      strips(p, 1, OPS_STRIP, first, R, C);
  }
}

static void panel_baseline(const ops_panel_pass *p) { panel(p, 4, 1); }
OPS_AVX2 static void panel_avx2(const ops_panel_pass *p) { panel(p, 4, 1); }
OPS_AVX512 static void panel_avx512(const ops_panel_pass *p) { panel(p, 8, 2); }

static void (*const panel_variants[])(const ops_panel_pass *) = {
    panel_baseline, panel_avx2, panel_avx512};

// One or two rows by OPS_WIDE panels side by side: so many sums, and so many streams from memory, that
// neither waits. `stride` floats from panel to panel.
OPS_BODY void wide(const ops_panel_pass *p, size_t stride, const size_t R) {
  const float *a = p->a, *b = p->b;
  f32x16 sum[OPS_WIDE][2][2];
  for (size_t w = 0; w < OPS_WIDE; w++)
    for (size_t r = 0; r < R; r++)
      for (size_t c = 0; c < 2; c++)
        sum[w][r][c] = p->adds
                           ? *ops_const_lanes(p->y + r * p->ldy + w * OPS_PANEL + c * OPS_LANES)
                           : (f32x16){0};
  for (size_t i = 0; i < p->depth; i++, b += OPS_PANEL)
    for (size_t w = 0; w < OPS_WIDE; w++) {
      __builtin_prefetch((const char *)(b + w * stride) + OPS_FETCH_AHEAD);
      __builtin_prefetch((const char *)(b + w * stride) + OPS_FETCH_AHEAD + 64);
      for (size_t c = 0; c < 2; c++) {
        const f32x16 column = *ops_const_lanes(b + w * stride + c * OPS_LANES);
        for (size_t r = 0; r < R; r++)
          OPS_FMA(sum[w][r][c], OPS_SPLAT(a[r * p->row_stride + i]), column);
      }
    }
  for (size_t w = 0; w < OPS_WIDE; w++)
    for (size_t r = 0; r < R; r++)
      for (size_t c = 0; c < 2; c++)
        *ops_lanes(p->y + r * p->ldy + w * OPS_PANEL + c * OPS_LANES) = sum[w][r][c];
}

OPS_AVX512 static void wide_avx512(const ops_panel_pass *p, size_t stride) {
  if (p->rows == 1)
    wide(p, stride, 1);
  else
    wide(p, stride, 2);
}

static void run_pass(const ops_context *context, const ops_panel_pass *pass, bool pairs) {
  if (pairs)
    ops_pairs_panel(pass);
  else
    panel_variants[context->isa](pass);
}

// A pass over a panel of which only `width` columns are y's: by way of a copy as wide as the panel.
static void narrow_pass(
    const ops_context *context, const ops_panel_pass *pass, bool pairs, size_t width) {
  float copy[OPS_TILE * OPS_PANEL];
  ops_panel_pass wide = *pass;
  wide.y = copy;
  wide.ldy = OPS_PANEL;
  if (pass->adds)
    for (size_t r = 0; r < pass->rows; r++) {
      memset(copy + r * OPS_PANEL, 0, OPS_PANEL * sizeof *copy);
      memcpy(copy + r * OPS_PANEL, pass->y + r * pass->ldy, width * sizeof *copy);
    }
  run_pass(context, &wide, pairs);
  for (size_t r = 0; r < pass->rows; r++)
    memcpy(pass->y + r * pass->ldy, copy + r * OPS_PANEL, width * sizeof *copy);
}

static void pass_over(
    const ops_context *context, const ops_panel_pass *pass, bool pairs, size_t width) {
  if (width < OPS_PANEL)
    narrow_pass(context, pass, pairs, width);
  else
    run_pass(context, pass, pairs);
}

// --- Products ------------------------------------------------------------------------------------

typedef struct {
  ops_context *context;
  size_t rows;
  const float *x;
  size_t ldx;
  const ops_weight *w;
  float *y;
  size_t ldy;
  bool adds;
} product;

static size_t columns_from(size_t width, size_t panel) {
  const size_t left = width - panel * OPS_PANEL;
  return left < OPS_PANEL ? left : OPS_PANEL;
}

// Panels `first..<end` of a product.
static void product_panels(const product *p, unsigned thread, size_t first, size_t end) {
  const ops_weight *w = p->w;
  const size_t in = w->pairs ? ops_round_up(w->in, 2) : w->in;
  for (size_t k = 0; k < in; k += OPS_DEPTH) {
    const size_t depth = in - k < OPS_DEPTH ? in - k : OPS_DEPTH;
    ops_panel_pass pass = {
        .a = p->x + k, .row_stride = p->ldx, .step = 1, .depth = depth, .rows = p->rows,
        .ldy = p->ldy, .adds = p->adds || k > 0};
    if (w->pairs) {
      uint16_t *halves = p->context->halves[thread];
      const size_t values = w->in - k < depth ? w->in - k : depth;
      for (size_t r = 0; r < p->rows; r++, halves += OPS_DEPTH) {
        ops_narrow(p->x + r * p->ldx + k, values, halves);
        if (values < depth) halves[values] = 0;
      }
      pass.a = p->context->halves[thread];
      pass.row_stride = OPS_DEPTH;
    }
    size_t panel = first;
    // With their registers, and where a panel is read as it stands.
    const bool is_wide = p->rows <= 2 && p->context->isa == OPS_ISA_AVX512 &&
                         (w->pairs || w->type == OPS_F32);
    for (; is_wide && panel + OPS_WIDE <= end && (panel + OPS_WIDE) * OPS_PANEL <= w->out;
         panel += OPS_WIDE) {
      const size_t place = (panel * in + k) * OPS_PANEL;
      pass.y = p->y + panel * OPS_PANEL;
      if (w->pairs) {
        pass.b = (const uint16_t *)w->values + place;
        ops_pairs_wide(&pass, in * OPS_PANEL * sizeof(uint16_t));
      } else {
        pass.b = (const float *)w->values + place;
        wide_avx512(&pass, in * OPS_PANEL);
      }
    }
    for (; panel < end; panel++) {
      const size_t place = (panel * in + k) * OPS_PANEL;
      pass.b = (const float *)w->values + place;
      if (w->type != OPS_F32) {
        pass.b = (const uint16_t *)w->values + place;
        if (!w->pairs) {
          const ops_stored part = {pass.b, w->type};
          ops_widen(p->context, part, depth * OPS_PANEL, p->context->widened[thread]);
          pass.b = p->context->widened[thread];
        }
      }
      pass.y = p->y + panel * OPS_PANEL;
      pass_over(p->context, &pass, w->pairs, columns_from(w->out, panel));
    }
  }
}

// Panels of a work item where threads share one product.
static size_t shared_panels(const ops_context *context, const ops_weight *w) {
  const size_t panels = ops_panel_count(w->out);
  const size_t share = panels / (context->threads * 4);
  // At least 2^17 weights, so that waking a thread pays.
  const size_t least = ((size_t)1 << 17) / (w->in * OPS_PANEL) + 1;
  return share > least ? share : least;
}

static void product_share(void *arguments, size_t item, unsigned thread) {
  const product *p = arguments;
  const size_t share = shared_panels(p->context, p->w), panels = ops_panel_count(p->w->out);
  const size_t first = item * share;
  product_panels(p, thread, first, first + share < panels ? first + share : panels);
}

void ops_product(
    ops_context *context, unsigned thread, size_t rows, const float *x, size_t ldx,
    const ops_weight *w, float *y, size_t ldy, bool adds) {
  product p = {context, rows, x, ldx, w, y, ldy, adds};
  const size_t panels = ops_panel_count(w->out);
  if (!context->is_lone) return product_panels(&p, thread, 0, panels);
  const size_t share = shared_panels(context, w);
  ops_parallel(context, (panels + share - 1) / share, product_share, &p);
}

// --- Gradients of weights ------------------------------------------------------------------------

// One of `products` with its X in panels: of 32 columns each, all rows.
typedef struct {
  const ops_gradient_product *products;
  const void **panels;  // of each product
  size_t count;
  ops_context *context;
} accumulation;

static size_t row_places(const ops_gradient_product *p) {
  return p->pairs ? ops_round_up(p->rows, 2) : p->rows;
}

static bool shares_panels(const ops_gradient_product *products, size_t i) {
  return i > 0 && products[i].x == products[i - 1].x && products[i].ldx == products[i - 1].ldx &&
         products[i].k == products[i - 1].k;
}

static void pack_panel(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const accumulation *a = arguments;
  size_t i = 0;
  for (;; i++) {
    if (shares_panels(a->products, i)) continue;
    const size_t panels = ops_panel_count(a->products[i].k);
    if (item < panels) break;
    item -= panels;
  }
  const ops_gradient_product *p = &a->products[i];
  const size_t width = columns_from(p->k, item), place = item * row_places(p) * OPS_PANEL;
  const float *x = p->x + item * OPS_PANEL;
  if (p->pairs) {
    ops_pack_pairs(
        x, p->ldx, p->rows, width, OPS_PANEL, (uint16_t *)a->panels[i] + place);
    return;
  }
  float *to = (float *)a->panels[i] + place;
  for (size_t r = 0; r < p->rows; r++, to += OPS_PANEL) {
    memcpy(to, x + r * p->ldx, width * sizeof *to);
    memset(to + width, 0, (OPS_PANEL - width) * sizeof *to);
  }
}

static size_t blocks(const ops_gradient_product *product) {
  return (product->n + OPS_GRADIENT_BLOCK - 1) / OPS_GRADIENT_BLOCK;
}

// Rows `first..<first + depth` of `width` columns of Y, in strips of OPS_STRIP columns: of each, row
// after row.
static void pack_strips(const float *y, size_t ldy, size_t depth, size_t width, float *to) {
  // Row by row, since rows stand on pages of their own.
  for (size_t r = 0; r < depth; r++, y += ldy) {
    float *place = to + r * OPS_STRIP;
    size_t c = 0;
    for (; c + OPS_STRIP <= width; c += OPS_STRIP, place += depth * OPS_STRIP)
      memcpy(place, y + c, OPS_STRIP * sizeof *y);
    if (c == width) continue;
    memset(place, 0, OPS_STRIP * sizeof *y);
    memcpy(place, y + c, (width - c) * sizeof *y);
  }
}

static void accumulate_block(void *arguments, size_t item, unsigned thread) {
  const accumulation *a = arguments;
  size_t i = 0;
  for (; item >= blocks(&a->products[i]); i++) item -= blocks(&a->products[i]);
  const ops_gradient_product *p = &a->products[i];
  const size_t first = item * OPS_GRADIENT_BLOCK;
  const size_t n = p->n - first < OPS_GRADIENT_BLOCK ? p->n - first : OPS_GRADIENT_BLOCK;
  float *packed = a->context->scratch[thread];
  for (size_t row = 0; row < p->rows; row += OPS_GRADIENT_DEPTH) {
    const size_t left = p->rows - row;
    size_t depth = left < OPS_GRADIENT_DEPTH ? left : OPS_GRADIENT_DEPTH;
    const float *y = p->y + row * p->ldy + first;
    if (p->pairs) {
      ops_pack_pair_strips(y, p->ldy, depth, n, (uint16_t *)(void *)packed);
      depth = ops_round_up(depth, 2);
    } else {
      pack_strips(y, p->ldy, depth, n, packed);
    }
    for (size_t k = 0; k < p->k; k += OPS_PANEL) {
      const size_t place = (k / OPS_PANEL * row_places(p) + row) * OPS_PANEL;
      for (size_t c = 0; c < n; c += OPS_STRIP) {
        ops_panel_pass pass = {
            .a = packed + c * depth, .row_stride = 1, .step = OPS_STRIP,
            .b = (const float *)a->panels[i] + place, .depth = depth,
            .rows = n - c < OPS_STRIP ? n - c : OPS_STRIP, .y = p->w + (first + c) * p->k + k,
            .ldy = p->k, .adds = true};
        if (p->pairs) {
          pass.a = (const uint16_t *)(void *)packed + c * depth;
          pass.b = (const uint16_t *)a->panels[i] + place;
        }
        pass_over(a->context, &pass, p->pairs, columns_from(p->k, k / OPS_PANEL));
      }
    }
  }
}

void ops_accumulate_products(
    ops_context *context, const ops_gradient_product *products, size_t count) {
  const void *panels[OPS_GRADIENT_PRODUCTS];
  size_t packs = 0, items = 0;
  for (size_t i = 0; i < count; i++) {
    items += blocks(&products[i]);
    if (shares_panels(products, i)) {
      panels[i] = panels[i - 1];
      continue;
    }
    const size_t places = ops_panel_count(products[i].k) * row_places(&products[i]) * OPS_PANEL;
    panels[i] = ops_arena_take(context, places * (products[i].pairs ? 2 : 4));
    packs += ops_panel_count(products[i].k);
  }
  accumulation a = {products, panels, count, context};
  ops_reserve_scratch(context, OPS_GRADIENT_DEPTH * OPS_GRADIENT_BLOCK);
  ops_parallel(context, packs, pack_panel, &a);
  ops_parallel(context, items, accumulate_block, &a);
}

// out[c] += sum over r of values[r * stride + c] for up to 64 columns
OPS_BODY void add_columns(
    const float *values, size_t rows, size_t stride, size_t width, float *out) {
  double sums[64] = {0};
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < width; c++) sums[c] += (double)values[r * stride + c];
  for (size_t c = 0; c < width; c++) out[c] += (float)sums[c];
}

void ops_add_columns(
    const float *values, size_t rows, size_t stride, size_t columns, float *out) {
  // Double, since gradients of biases are what is left of sums that cancel; a run of columns at a
  // time, so that the sums stay in registers and cache.
  for (size_t first = 0; first < columns; first += 64) {
    const size_t width = columns - first < 64 ? columns - first : 64;
    add_columns(values + first, rows, stride, width, out + first);
  }
}
