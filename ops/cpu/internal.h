// Shared by the CPU operators: the context, its threads, tiles, and vectors of 16 lanes.
#ifndef TEMPER_OPS_CPU_INTERNAL_H
#define TEMPER_OPS_CPU_INTERNAL_H

#include "../include/ops.h"

// Contraction to FMA would give each instruction set its own bits.
#pragma STDC FP_CONTRACT OFF

#define OPS_LANES 16
// Rows of the largest tile.
#define OPS_TILE 64

// Sixteen lanes as one value: clang lowers it to four SSE, two AVX2 or one AVX-512 register. Loads
// and stores need no alignment. Helpers take it by pointer: by value its ABI depends on the target.
typedef float f32x16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t i32x16 __attribute__((vector_size(64), aligned(4), may_alias));

// One value in all lanes; an addition to zeros would change -0.
#define OPS_SPLAT(x) ((f32x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x})

#define OPS_BODY static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define OPS_AVX2 __attribute__((target("avx2,fma")))
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
  ops_type type;
  // Aligned to 64 bytes, with room for a whole vector after the last.
  union {
    float *values;     // OPS_F32
    uint16_t *halves;  // otherwise
  };
  size_t count;
  size_t bytes;      // of the mapping
  uint64_t version;  // changes with the values
  struct ops_packing *packings;
};

struct ops_pool;
struct ops_packing;

typedef struct ops_arena_part {
  void *memory;
  size_t bytes;
} ops_arena_part;
// The most weights and packed activations that one operator needs.
#define OPS_ARENA_PARTS 32

struct ops_context {
  ops_isa isa;
  unsigned threads;
  struct ops_pool *pool;
  bool is_lone;          // the task that runs is the only one: what it calls may use all threads
  float **scratch;       // per thread
  size_t scratch_count;  // floats, of each
  float **widened;       // per thread: a panel's part that is not held in f32
  uint16_t **halves;     // per thread: rows of X as bf16
  float **dropped;       // per thread: rows after dropout
  size_t dropped_count;  // floats, of each
  ops_arena_part arena[OPS_ARENA_PARTS];
  size_t arena_used;
  float *vectors;        // norms and biases that are not held in f32
  size_t vectors_count;  // floats
};

// Runs task(arguments, 0..<items) on all threads and returns when all are done. Which thread takes
// which item is open: items write apart from each other, so that it cannot matter. A lone item runs
// on the caller's thread, and may itself call this.
void ops_parallel(ops_context *context, size_t items, ops_task task, void *arguments);

struct ops_pool *ops_pool_create(unsigned threads);
void ops_pool_destroy(struct ops_pool *pool);
void ops_pool_run(struct ops_pool *pool, size_t items, ops_task task, void *arguments);

// Memory from the system, zeroed, in huge pages where there are any; NULL where exhausted.
void *ops_map(size_t bytes);
void ops_unmap(void *memory, size_t bytes);

// Makes every thread's scratch at least `count` floats; ends the process where memory is exhausted.
void ops_reserve_scratch(ops_context *context, size_t count);
// The same for buffers[0..<threads], of which each holds *held floats.
void ops_reserve_each(ops_context *context, float **buffers, size_t *held, size_t count);

// --- Parameters as they are held -----------------------------------------------------------------

// Values inside a tensor of any type.
typedef struct ops_stored {
  const void *values;
  ops_type type;
} ops_stored;

ops_stored ops_stored_at(const ops_tensor *parameters, size_t offset);
ops_stored ops_stored_from(ops_stored values, size_t offset);

// Exact: every value of the narrower types is an f32.
void ops_widen(const ops_context *context, ops_stored from, size_t count, float *values);

// Room for `count` values of vectors, for `ops_vector`; what it held before is lost.
float *ops_reserve_vectors(ops_context *context, const ops_tensor *parameters, size_t count);
// A vector of parameters in f32: where it stands, or widened into *room, which moves on behind it.
// NULL for OPS_ABSENT.
const float *ops_vector(const ops_tensor *parameters, size_t offset, size_t count, float **room);

// --- Products ------------------------------------------------------------------------------------

// Outputs of a panel (panels.c).
#define OPS_PANEL 32
OPS_BODY size_t ops_panel_count(size_t outputs) { return (outputs + OPS_PANEL - 1) / OPS_PANEL; }

// A weight as products take it: [out, in], in panels.
typedef struct ops_weight {
  const void *values;
  ops_type type;  // of the panels' values
  size_t out, in;
  bool pairs;  // bf16 values in pairs of k: X is rounded to bf16 as well
} ops_weight;

// Which way a weight W[out, in] is gone through: Y = X W^T, or X = Y W.
typedef enum ops_direction { OPS_FORWARD, OPS_BACKWARD } ops_direction;

// The weight W[out, in] at `offset`, packed for a product; valid until `ops_arena_begin` and until the
// tensor changes. `keeps`: its panels begin to stay with the tensor, where that is not too large. Not
// inside a task.
ops_weight ops_weight_at(
    const ops_tensor *parameters, size_t offset, size_t out, size_t in, ops_products products,
    ops_direction direction, bool keeps);
// Whether the forward panels of W[out, in] stay with the tensor.
bool ops_keeps_weight(
    const ops_tensor *parameters, size_t offset, size_t out, size_t in, ops_products products);
void ops_packing_destroy(struct ops_packing *packing);

// Memory that one operator needs while it runs. `ops_arena_begin` gives back all that was taken.
void ops_arena_begin(ops_context *context);
void *ops_arena_take(ops_context *context, size_t bytes);
void ops_arena_destroy(ops_context *context);

// The cut of `rows` rows into tiles of equal size: it depends on the rows alone, never on the number of
// threads.
typedef struct ops_tiling {
  size_t rows;   // in all
  size_t tile;   // rows of a tile; the last one may have fewer
  size_t count;  // tiles
} ops_tiling;

ops_tiling ops_tile_rows(size_t rows);

// Y[rows, out] (+)= X[rows, in] W^T for up to OPS_TILE rows, on thread `thread`.
void ops_product(
    ops_context *context, unsigned thread, size_t rows, const float *x, size_t ldx,
    const ops_weight *w, float *y, size_t ldy, bool adds);

// A gradient of a weight W[n, k] += Y^T X over `rows` rows, as work items: blocks of
// OPS_GRADIENT_BLOCK rows of W.
#define OPS_GRADIENT_BLOCK 64
// The most of them that are asked for at once.
#define OPS_GRADIENT_PRODUCTS 8
typedef struct ops_gradient_product {
  size_t rows, n, k;
  const float *y, *x;
  size_t ldy, ldx;
  float *w;
  bool pairs;  // X and Y are rounded to bf16
} ops_gradient_product;

// Computes all of `products`, each cut into fixed blocks.
void ops_accumulate_products(
    ops_context *context, const ops_gradient_product *products, size_t count);

// --- Low-rank updates ----------------------------------------------------------------------------

// What stands beside one product: Y += scale (X A^T) B^T. No update where a is NULL: then the functions
// below do nothing.
typedef struct ops_update {
  const float *a, *b;  // [rank, in], [out, rank]
  size_t in, out, rank;
  float scale;
  float dropout;  // 0: none
  uint64_t dropout_key;
  // backward
  ops_weight a_back, b_back;
  float *da, *db;  // accumulated into
  float *u, *v;    // [all rows, rank]: scale X A^T and scale dY B
  float *dropped;  // [all rows, in]: X after dropout; NULL without
} ops_update;

ops_update ops_update_at(
    const ops_adapter *adapter, const ops_low_rank *place, size_t in, size_t out);
// The update of product `name` of a layer, if `adapter` is one and has any there.
#define OPS_UPDATE_OF(adapter, name, in, out) \
  ((adapter) ? ops_update_at(adapter, &(adapter)->layer->name, in, out) : (ops_update){0})

// Room for the dropout of `rows` rows of up to `in` values on every thread, in `dropped`.
void ops_reserve_dropout(
    ops_context *context, const ops_adapter *adapter, size_t rows, size_t in);

// Y += scale (X A^T) B^T for `rows` rows from row `first`, each of which depends on itself and its
// number alone. u: rows * rank floats.
void ops_update_forward(
    const ops_context *context, unsigned thread, const ops_update *update, size_t first, size_t rows,
    const float *x, size_t ldx, float *u, float *y, size_t ldy);

// Takes room for u, v and what dropout left out of *workspace, which moves on behind it, and packs A and
// B for the way back. Not inside a task.
void ops_update_reserve(
    ops_update *update, const ops_adapter *adapter, size_t rows, float **workspace);
// Of `rows` rows from row `first`, whose X, dY and dX are given: their part of u.
void ops_update_project(
    const ops_context *context, const ops_update *update, size_t first, size_t rows,
    const float *x, size_t ldx);
// Their part of v, and dX += v A; on thread `thread`.
void ops_update_backward(
    ops_context *context, unsigned thread, const ops_update *update, size_t first,
    size_t rows, const float *dy, size_t ldy, float *dx, size_t ldx);
// The products dA += v^T X and dB += dY^T u over all rows, appended to products[count]; returns how
// many there are then.
size_t ops_update_gradients(
    const ops_update *update, size_t rows, const float *dy, size_t ldy, const float *x, size_t ldx,
    ops_gradient_product *products, size_t count);

// out[c] += sum over r of values[r * stride + c], in double, r ascending; c in 0..<columns
void ops_add_columns(
    const float *values, size_t rows, size_t stride, size_t columns, float *out);

OPS_BODY size_t ops_round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

#endif
