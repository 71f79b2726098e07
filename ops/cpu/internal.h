// Shared by the CPU operators: the context, its threads, tiles, and vectors of 16 lanes.
#ifndef TEMPER_OPS_CPU_INTERNAL_H
#define TEMPER_OPS_CPU_INTERNAL_H

#include "../include/ops.h"

// Contraction to FMA would give each instruction set its own bits.
#pragma STDC FP_CONTRACT OFF

#define OPS_LANES 16
// Rows of the largest tile; a tensor of rows has room for one more.
#define OPS_TILE 128

// Sixteen lanes as one value: clang lowers it to four SSE, two AVX2 or one AVX-512 register. Loads
// and stores need no alignment. Helpers take it by pointer: by value its ABI depends on the target.
typedef float f32x16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t i32x16 __attribute__((vector_size(64), aligned(4), may_alias));

#define OPS_BODY static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define OPS_AVX2 __attribute__((target("avx2")))
#define OPS_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#else
#define OPS_AVX2
#define OPS_AVX512
#endif

// A piece of work: `item` of those handed to `ops_parallel`, on thread `thread`.
typedef void (*ops_task)(void *arguments, size_t item, unsigned thread);

// Instantiates the inline body `name` for every instruction set: `name_variants[isa]`.
#define OPS_VARIANTS(name)                                                                  \
  static void name##_baseline(void *a, size_t i, unsigned t) { name(a, i, t); }             \
  OPS_AVX2 static void name##_avx2(void *a, size_t i, unsigned t) { name(a, i, t); }        \
  OPS_AVX512 static void name##_avx512(void *a, size_t i, unsigned t) { name(a, i, t); }    \
  static const ops_task name##_variants[] = {name##_baseline, name##_avx2, name##_avx512}

struct ops_tensor {
  ops_context *context;
  float *values;  // aligned to 64 bytes, with room for a whole vector after the last
  size_t count;
  size_t bytes;  // of the mapping
};

struct ops_pool;

struct ops_context {
  ops_isa isa;
  unsigned threads;
  struct ops_pool *pool;
  float **scratch;       // per thread
  size_t scratch_count;  // floats, of each
};

// Runs task(arguments, 0..<items) on all threads and returns when all are done. Which thread takes
// which item is open: items write apart from each other, so that it cannot matter.
void ops_parallel(ops_context *context, size_t items, ops_task task, void *arguments);

struct ops_pool *ops_pool_create(unsigned threads);
void ops_pool_destroy(struct ops_pool *pool);
void ops_pool_run(struct ops_pool *pool, size_t items, ops_task task, void *arguments);

// Memory from the system, zeroed, in huge pages where there are any; NULL where exhausted.
void *ops_map(size_t bytes);
void ops_unmap(void *memory, size_t bytes);

// Makes every thread's scratch at least `count` floats; ends the process where memory is exhausted.
void ops_reserve_scratch(ops_context *context, size_t count);

// The cut of `rows` rows into tiles of equal size: it depends on the rows and on the narrowest
// product alone, never on the number of threads.
typedef struct ops_tiling {
  size_t rows;   // in all
  size_t tile;   // rows of a tile as computed: the last tile is padded to it
  size_t count;  // tiles
} ops_tiling;

ops_tiling ops_tile_rows(size_t rows, size_t narrowest);

// Y[m, n] = X[m, k] * W[n, k]^T (+ Y where `accumulate`)
void ops_product_nt(
    size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, float *y, size_t ldy);
// Y[m, k] = X[m, n] * W[n, k], or += where `accumulate`
void ops_product_nn(
    size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, float *y, size_t ldy,
    bool accumulate);
// W[n, k] += Y[rows, n]^T * X[rows, k]
void ops_product_tn(
    size_t rows, size_t n, size_t k, const float *y, size_t ldy, const float *x, size_t ldx,
    float *w);

// A gradient of a weight W[n, k] += Y^T X as work items: blocks of OPS_GRADIENT_BLOCK rows of W.
#define OPS_GRADIENT_BLOCK 64
typedef struct ops_gradient_product {
  size_t rows, n, k;
  const float *y, *x;
  size_t ldy, ldx;
  float *w;
} ops_gradient_product;

// Computes all of `products`, each cut into fixed blocks.
void ops_accumulate_products(
    ops_context *context, const ops_gradient_product *products, size_t count);

// out[c] += sum over r of values[r * stride + c], in double, r ascending; c in 0..<columns
void ops_add_columns(
    const float *values, size_t rows, size_t stride, size_t columns, float *out);

OPS_BODY size_t ops_round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

#endif
