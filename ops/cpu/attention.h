// Blocks of keys and values, and attention of query rows to them: what decoding, training and
// prefill share. One query row's result is a function of the row and of the keys from position 0.
#ifndef TEMPER_OPS_CPU_ATTENTION_H
#define TEMPER_OPS_CPU_ATTENTION_H

#include "lanes.h"

#define OPS_MINUS_INFINITY (-__builtin_inff())

typedef struct {
  size_t dim;          // d
  size_t value_width;  // d rounded up to whole vectors
  size_t block;        // floats of a block: K^T [d, 16], V [16, value_width]
  float scale;         // 1 / sqrt(d)
} ops_key_shape;

OPS_BODY ops_key_shape ops_key_shape_of(const ops_model *model) {
  const size_t width = ops_round_up(model->head_dim, OPS_LANES);
  return (ops_key_shape){
      model->head_dim, width, OPS_KEY_BLOCK * (model->head_dim + width),
      1 / sqrtf((float)model->head_dim)};
}

// Where the blocks of a sequence stand: some that a prompt shares, then its own.
typedef struct {
  const float *shared;
  size_t shared_blocks;
  const float *own;
} ops_key_blocks;

OPS_BODY const float *ops_block_at(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t block) {
  return block < keys->shared_blocks ? keys->shared + block * shape->block
                                     : keys->own + (block - keys->shared_blocks) * shape->block;
}

// Puts key and value of one position into its block.
OPS_BODY void ops_store_key(
    const ops_key_shape *shape, float *block, size_t lane, const float *key, const float *value) {
  // One by one: a scattered store of a vector takes longer than its parts.
#pragma clang loop vectorize(disable) unroll_count(8)
  for (size_t i = 0; i < shape->dim; i++) block[i * OPS_KEY_BLOCK + lane] = key[i];
  float *row = block + shape->dim * OPS_KEY_BLOCK + lane * shape->value_width;
  for (size_t i = 0; i < shape->dim; i++) row[i] = value[i];
}

// Up to four query rows that attend together: each key is loaded once for all of them, and no row's
// result depends on the others. Row r sees `counts[r]` keys; counts ascend.
typedef struct {
  const float *q[4];
  float *out[4];
  size_t counts[4];
} ops_queries;

// scores[r][j] = scale * q_r . k_j for R rows and the 16 keys of each of B blocks from position
// `start`, summed in the order of d; -inf beyond a row's keys.
OPS_BODY void ops_block_scores(
    const ops_key_shape *shape, const ops_key_blocks *keys, const ops_queries *rows, size_t start,
    const size_t R, const size_t B, float *scores, size_t score_stride, f32x16 *largest) {
  const float *blocks[4];
  for (size_t b = 0; b < B; b++)
    blocks[b] = ops_block_at(shape, keys, start / OPS_KEY_BLOCK + b);
  f32x16 sum[4][4];
  for (size_t b = 0; b < B; b++)
    for (size_t r = 0; r < R; r++) sum[b][r] = (f32x16){0};
  for (size_t i = 0; i < shape->dim; i++)
    for (size_t b = 0; b < B; b++) {
      const f32x16 k = *ops_const_lanes(blocks[b] + i * OPS_KEY_BLOCK);
      for (size_t r = 0; r < R; r++) OPS_FMA(sum[b][r], k, OPS_SPLAT(rows->q[r][i]));
    }
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const f32x16 none = OPS_SPLAT(OPS_MINUS_INFINITY);
  for (size_t b = 0; b < B; b++)
    for (size_t r = 0; r < R; r++) {
      const size_t place = start + b * OPS_KEY_BLOCK;
      f32x16 s = sum[b][r] * shape->scale;
      if (rows->counts[r] < place + OPS_KEY_BLOCK) {
        const i32x16 keep = lane < (int32_t)rows->counts[r] - (int32_t)place;
        s = (f32x16)(((i32x16)s & keep) | ((i32x16)none & ~keep));
      }
      *ops_lanes(scores + r * score_stride + place) = s;
      ops_max_lanes(&largest[r], &s);
    }
}

// weighed[r][c...] = sum over j of p[r][j] V[j][c...], in the order of j, for R rows and C vectors.
OPS_BODY void ops_weigh_values(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t count, const float *p,
    size_t p_stride, size_t first, const size_t R, const size_t C, float *weighed) {
  f32x16 sum[4][4];
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++) sum[r][c] = (f32x16){0};
  for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
    const float *v = ops_block_at(shape, keys, start / OPS_KEY_BLOCK) +
                     shape->dim * OPS_KEY_BLOCK + first;
    const size_t end = count - start < OPS_KEY_BLOCK ? count - start : OPS_KEY_BLOCK;
    for (size_t j = 0; j < end; j++, v += shape->value_width) {
      f32x16 values[4];
      for (size_t c = 0; c < C; c++) values[c] = *ops_const_lanes(v + c * OPS_LANES);
      for (size_t r = 0; r < R; r++) {
        const f32x16 weight = OPS_SPLAT(p[r * p_stride + start + j]);
        for (size_t c = 0; c < C; c++) OPS_FMA(sum[r][c], values[c], weight);
      }
    }
  }
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++)
      *ops_lanes(weighed + r * shape->value_width + first + c * OPS_LANES) = sum[r][c];
}

// Attention of R rows. scores: R * score_stride floats, the last count rounded up to 16 each;
// afterwards it holds the probabilities times the denominator. weighed: R * value_width floats.
OPS_BODY void ops_attend(
    const ops_key_shape *shape, const ops_key_blocks *keys, const ops_queries *rows, const size_t R,
    float *scores, size_t score_stride, float *weighed) {
  const size_t count = rows->counts[R - 1];
  // So many sums run side by side that none waits for the one before.
  const size_t B = R <= 2 ? 4 : 2;
  f32x16 largest[4];
  for (size_t r = 0; r < R; r++) largest[r] = OPS_SPLAT(OPS_MINUS_INFINITY);
  size_t start = 0;
  for (; start + (B - 1) * OPS_KEY_BLOCK < count; start += B * OPS_KEY_BLOCK)
    ops_block_scores(shape, keys, rows, start, R, B, scores, score_stride, largest);
  for (; start < count; start += OPS_KEY_BLOCK)
    ops_block_scores(shape, keys, rows, start, R, 1, scores, score_stride, largest);
  float denominator[4];
  for (size_t r = 0; r < R; r++) {
    const float max = ops_largest(&largest[r]);
    f32x16 sum = {0};
    for (start = 0; start < count; start += OPS_KEY_BLOCK) {
      const f32x16 shifted = *ops_const_lanes(scores + r * score_stride + start) - max;
      f32x16 e;
      ops_exp(&shifted, &e);
      *ops_lanes(scores + r * score_stride + start) = e;
      sum += e;
    }
    denominator[r] = ops_combine(&sum);
  }
  size_t first = 0;
  for (; first + 4 * OPS_LANES <= shape->value_width; first += 4 * OPS_LANES)
    ops_weigh_values(shape, keys, count, scores, score_stride, first, R, 4, weighed);
  for (; first < shape->value_width; first += OPS_LANES)
    ops_weigh_values(shape, keys, count, scores, score_stride, first, R, 1, weighed);
  for (size_t r = 0; r < R; r++)
    for (size_t i = 0; i < shape->dim; i++)
      rows->out[r][i] = weighed[r * shape->value_width + i] / denominator[r];
}

// `ops_attend` for the `heads` = H / G query heads of a kv head in each of `positions` rows, of which the
// first sees `count` keys and each further one key more. q, out: heads of the first row.
OPS_BODY void ops_attend_heads(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t count, size_t positions,
    const float *q, size_t q_stride, size_t heads, float *scratch, size_t score_stride, float *out,
    size_t out_stride) {
  float *weighed = scratch + 4 * score_stride;
  const size_t all = heads * positions;
  ops_queries rows;
  size_t taken = 0;
  for (size_t i = 0; i < all; i++) {
    const size_t position = i / heads, head = i % heads;
    rows.q[taken] = q + position * q_stride + head * shape->dim;
    rows.out[taken] = out + position * out_stride + head * shape->dim;
    rows.counts[taken++] = count + position;
    if (taken < 4 && i + 1 < all) continue;
    switch (taken) {
      case 4: ops_attend(shape, keys, &rows, 4, scratch, score_stride, weighed); break;
      case 3: ops_attend(shape, keys, &rows, 3, scratch, score_stride, weighed); break;
      case 2: ops_attend(shape, keys, &rows, 2, scratch, score_stride, weighed); break;
      default: ops_attend(shape, keys, &rows, 1, scratch, score_stride, weighed); break;
    }
    taken = 0;
  }
}

// Floats that `ops_attend_heads` wants for up to `count` keys.
OPS_BODY size_t ops_attend_scratch(const ops_key_shape *shape, size_t count) {
  return 4 * (ops_round_up(count, OPS_LANES) + shape->value_width);
}

#endif
