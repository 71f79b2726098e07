// Products of bf16 values by AVX512-BF16: vdpbf16ps adds the products of a pair of k to an f32.
#include <string.h>

#include "lanes.h"
#include "product.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define OPS_AVX512_BF16                                                                        \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

bool ops_pairs_available(const ops_context *context) {
  __builtin_cpu_init();
  return context->isa == OPS_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}

// --- Rounding ------------------------------------------------------------------------------------

// The first `count` of 16 lanes.
#define OPS_FIRST(count) ((__mmask16)((1u << (count)) - 1))

OPS_AVX512_BF16 void ops_narrow(const float *values, size_t count, uint16_t *halves) {
  for (size_t i = 0; i < count; i += OPS_LANES) {
    const __mmask16 lanes = count - i < OPS_LANES ? OPS_FIRST(count - i) : 0xFFFF;
    const __m512 exact = _mm512_maskz_loadu_ps(lanes, values + i);
    _mm256_mask_storeu_epi16(halves + i, lanes, (__m256i)_mm512_cvtneps_pbh(exact));
  }
}

// Sixteen columns of two rows, of which `lanes` are there, in pairs.
OPS_AVX512_BF16 OPS_BODY __m512i paired(
    const float *first, const float *second, __mmask16 lanes) {
  const __m512 one = _mm512_maskz_loadu_ps(lanes, first);
  const __m512 two = second ? _mm512_maskz_loadu_ps(lanes, second) : _mm512_setzero_ps();
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(one));
  const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(two));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

OPS_AVX512_BF16 void ops_pack_pairs(
    const float *values, size_t stride, size_t rows, size_t width, size_t places, uint16_t *to) {
  for (size_t r = 0; r < rows; r += 2, values += 2 * stride, to += 2 * places) {
    const float *second = r + 1 < rows ? values + stride : NULL;
    for (size_t i = 0; i < places; i += OPS_LANES) {
      const size_t left = width > i ? width - i : 0, room = places - i;
      const __m512i both = paired(
          values + i, second ? second + i : NULL, left < OPS_LANES ? OPS_FIRST(left) : 0xFFFF);
      _mm512_mask_storeu_epi32(
          to + 2 * i, room < OPS_LANES ? OPS_FIRST(room) : 0xFFFF, both);
    }
  }
}

OPS_AVX512_BF16 void ops_pack_pair_strips(
    const float *values, size_t stride, size_t rows, size_t width, uint16_t *to) {
  const size_t strip = (rows + 1) / 2 * 2 * OPS_STRIP;
  for (size_t r = 0; r < rows; r += 2, values += 2 * stride) {
    const float *second = r + 1 < rows ? values + stride : NULL;
    uint16_t *place = to + r * OPS_STRIP;
    for (size_t c = 0; c < width; c += OPS_LANES, place += 2 * strip) {
      const size_t left = width - c;
      const __m512i both = paired(
          values + c, second ? second + c : NULL, left < OPS_LANES ? OPS_FIRST(left) : 0xFFFF);
      _mm256_storeu_si256((void *)place, _mm512_castsi512_si256(both));
      if (left > OPS_STRIP)
        _mm256_storeu_si256((void *)(place + strip), _mm512_extracti64x4_epi64(both, 1));
    }
  }
}

// --- The innermost loops -------------------------------------------------------------------------

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

// One or two rows by OPS_WIDE panels side by side: so many sums, and so many streams from memory, that
// neither waits. `stride` bytes from panel to panel.
OPS_AVX512_BF16 OPS_BODY void wide_strip(
    const char *a, size_t row_stride, const char *b, size_t stride, size_t pairs, const size_t R,
    float *y, size_t ldy, bool adds) {
  __m512 sum[OPS_WIDE][2][2];
#pragma clang loop unroll(full)
  for (size_t p = 0; p < OPS_WIDE; p++)
#pragma clang loop unroll(full)
    for (size_t r = 0; r < R; r++) {
      float *to = y + r * ldy + p * OPS_PANEL;
      sum[p][r][0] = adds ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
      sum[p][r][1] = adds ? _mm512_loadu_ps(to + OPS_LANES) : _mm512_setzero_ps();
    }
  for (size_t i = 0; i < pairs; i++, b += 4 * OPS_PANEL) {
    __m512bh values[2];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < R; r++) {
      int pair;
      memcpy(&pair, a + r * row_stride + i * 4, sizeof pair);
      values[r] = (__m512bh)_mm512_set1_epi32(pair);
    }
#pragma clang loop unroll(full)
    for (size_t p = 0; p < OPS_WIDE; p++) {
      const __m512bh left = (__m512bh)_mm512_loadu_si512(b + p * stride);
      const __m512bh right = (__m512bh)_mm512_loadu_si512(b + p * stride + 64);
      __builtin_prefetch(b + p * stride + OPS_FETCH_AHEAD);
      __builtin_prefetch(b + p * stride + OPS_FETCH_AHEAD + 64);
#pragma clang loop unroll(full)
      for (size_t r = 0; r < R; r++) {
        sum[p][r][0] = _mm512_dpbf16_ps(sum[p][r][0], values[r], left);
        sum[p][r][1] = _mm512_dpbf16_ps(sum[p][r][1], values[r], right);
      }
    }
  }
#pragma clang loop unroll(full)
  for (size_t p = 0; p < OPS_WIDE; p++)
#pragma clang loop unroll(full)
    for (size_t r = 0; r < R; r++) {
      float *to = y + r * ldy + p * OPS_PANEL;
      _mm512_storeu_ps(to, sum[p][r][0]);
      _mm512_storeu_ps(to + OPS_LANES, sum[p][r][1]);
    }
}

OPS_AVX512_BF16 void ops_pairs_wide(const ops_panel_pass *p, size_t stride) {
  if (p->rows == 1)
    wide_strip(p->a, 0, p->b, stride, p->depth / 2, 1, p->y, p->ldy, p->adds);
  else
    wide_strip(
        p->a, 2 * p->row_stride, p->b, stride, p->depth / 2, 2, p->y, p->ldy, p->adds);
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

// Never called: nothing is in pairs where they are not available.
void ops_pairs_panel(const ops_panel_pass *pass) { (void)pass; }
void ops_pairs_wide(const ops_panel_pass *pass, size_t stride) { (void)pass, (void)stride; }
void ops_narrow(const float *values, size_t count, uint16_t *halves) {
  (void)values, (void)count, (void)halves;
}
void ops_pack_pairs(
    const float *values, size_t stride, size_t rows, size_t width, size_t places, uint16_t *to) {
  (void)values, (void)stride, (void)rows, (void)width, (void)places, (void)to;
}
void ops_pack_pair_strips(
    const float *values, size_t stride, size_t rows, size_t width, uint16_t *to) {
  (void)values, (void)stride, (void)rows, (void)width, (void)to;
}
#endif
