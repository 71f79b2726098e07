// Products of bf16 values by AVX512-BF16: vdpbf16ps adds the products of a pair of k to an f32.
#include <string.h>

#include "lanes.h"
#include "product.h"

// --- Rounding ------------------------------------------------------------------------------------

typedef uint32_t u32x16 __attribute__((vector_size(64), aligned(2), may_alias));
typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));

typedef uint32_t u32x8 __attribute__((vector_size(32), aligned(2), may_alias));

// The bits of f32 values as those of bf16: to the nearest, ties to even; a NaN stays one.
#define OPS_ROUNDED(vector, bits)                                                              \
  ({                                                                                           \
    const vector exact = bits;                                                                 \
    const vector nearest = (exact + 0x7FFF + (exact >> 16 & 1)) >> 16;                         \
    const vector is_nan = (vector)((exact & 0x7FFFFFFF) > 0x7F800000);                         \
    (is_nan & (exact >> 16 | 0x40)) | (~is_nan & nearest);                                     \
  })

typedef struct {
  const float *values;
  size_t stride, rows, width, places;
  uint16_t *to;
} narrowing;

OPS_BODY void narrow(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const narrowing *n = arguments;
  const size_t whole = n->width - n->width % OPS_LANES;
  for (size_t i = 0; i < whole; i += OPS_LANES) {
    const u32x16 bits = *(const u32x16 *)(n->values + i);
    *(u16x16 *)(n->to + i) = __builtin_convertvector(OPS_ROUNDED(u32x16, bits), u16x16);
  }
  if (whole == n->width) return;
  u32x16 bits = {0};
  memcpy(&bits, n->values + whole, (n->width - whole) * sizeof(float));
  const u16x16 halves = __builtin_convertvector(OPS_ROUNDED(u32x16, bits), u16x16);
  memcpy(n->to + whole, &halves, (n->width - whole) * sizeof *n->to);
}
OPS_VARIANTS(narrow);

// LANES columns of two rows as pairs, of which only `lanes` are there, and the second row perhaps not.
#define OPS_PACK_PAIRS(name, vector, LANES)                                                    \
  OPS_BODY void name(                                                                          \
      const float *values, size_t stride, bool is_pair, size_t lanes, uint16_t *to) {          \
    vector first = {0}, second = {0};                                                          \
    if (lanes == LANES && is_pair) {                                                           \
      first = *(const vector *)values;                                                         \
      second = *(const vector *)(values + stride);                                             \
    } else {                                                                                   \
      memcpy(&first, values, lanes * sizeof(float));                                           \
      if (is_pair) memcpy(&second, values + stride, lanes * sizeof(float));                    \
    }                                                                                          \
    *(vector *)to = OPS_ROUNDED(vector, first) | OPS_ROUNDED(vector, second) << 16;            \
  }
OPS_PACK_PAIRS(pack_sixteen, u32x16, 16)
OPS_PACK_PAIRS(pack_eight, u32x8, 8)

OPS_BODY void pack_pairs(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const narrowing *n = arguments;
  for (size_t r = 0; r < n->rows; r += 2) {
    const float *values = n->values + r * n->stride;
    uint16_t *to = n->to + r * n->places;
    const bool is_pair = r + 1 < n->rows;
    if (n->places == OPS_STRIP) {
      pack_eight(values, n->stride, is_pair, n->width, to);
      continue;
    }
    for (size_t i = 0; i < n->places; i += OPS_LANES) {
      const size_t left = n->width > i ? n->width - i : 0;
      pack_sixteen(values + i, n->stride, is_pair, left < OPS_LANES ? left : OPS_LANES, to + 2 * i);
    }
  }
}
OPS_VARIANTS(pack_pairs);

void ops_narrow(const ops_context *context, const float *values, size_t count, uint16_t *halves) {
  narrowing n = {.values = values, .width = count, .to = halves};
  narrow_variants[context->isa](&n, 0, 0);
}

void ops_pack_pairs(
    const ops_context *context, const float *values, size_t stride, size_t rows, size_t width,
    size_t places, uint16_t *to) {
  narrowing n = {values, stride, rows, width, places, to};
  pack_pairs_variants[context->isa](&n, 0, 0);
}

// --- The innermost loops -------------------------------------------------------------------------

#if defined(__x86_64__)
#include <immintrin.h>

#define OPS_AVX512_BF16                                                                        \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

bool ops_pairs_available(const ops_context *context) {
  __builtin_cpu_init();
  return context->isa == OPS_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}

// `strip` of product.c with pairs of k in place of k. a, b: pairs as 32 bits.
OPS_AVX512_BF16 OPS_BODY void strip(
    const char *a, size_t row_stride, size_t step, const char *b, size_t pairs, const size_t R,
    float *y, size_t ldy, bool adds) {
  __m512 sum[OPS_STRIP][2];
#pragma clang loop unroll(full)
  for (size_t r = 0; r < R; r++) {
    sum[r][0] = adds ? _mm512_loadu_ps(y + r * ldy) : _mm512_setzero_ps();
    sum[r][1] = adds ? _mm512_loadu_ps(y + r * ldy + OPS_LANES) : _mm512_setzero_ps();
  }
  for (size_t i = 0; i < pairs; i++, b += 4 * OPS_PANEL) {
    const __m512bh left = (__m512bh)_mm512_loadu_si512(b);
    const __m512bh right = (__m512bh)_mm512_loadu_si512(b + 64);
#pragma clang loop unroll(full)
    for (size_t r = 0; r < R; r++) {
      int pair;
      memcpy(&pair, a + r * row_stride + i * step, sizeof pair);
      const __m512bh value = (__m512bh)_mm512_set1_epi32(pair);
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], value, left);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], value, right);
    }
  }
#pragma clang loop unroll(full)
  for (size_t r = 0; r < R; r++) {
    _mm512_storeu_ps(y + r * ldy, sum[r][0]);
    _mm512_storeu_ps(y + r * ldy + OPS_LANES, sum[r][1]);
  }
}

OPS_AVX512_BF16 OPS_BODY void strips(
    const ops_panel_pass *p, size_t row_stride, size_t step, size_t rows_apart) {
  const char *a = p->a;
  float *y = p->y;
  size_t left = p->rows;
#define OPS_STRIPS(N) strip(a, row_stride, step, p->b, p->depth / 2, N, y, p->ldy, p->adds)
  for (; left >= OPS_STRIP; left -= OPS_STRIP, a += rows_apart, y += OPS_STRIP * p->ldy)
    OPS_STRIPS(OPS_STRIP);
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

OPS_AVX512_BF16 void ops_pairs_panel(const ops_panel_pass *p) {
  if (p->step == 1)
    strips(p, 2 * p->row_stride, 4, 2 * p->row_stride * OPS_STRIP);
  else
    strips(p, 4, 4 * OPS_STRIP, 4 * OPS_STRIP);
}
#else
bool ops_pairs_available(const ops_context *context) {
  (void)context;
  return false;
}
void ops_pairs_panel(const ops_panel_pass *pass) { (void)pass; }
#endif
