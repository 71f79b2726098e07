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
  for (size_t i = 0; i < shape->dim; i++) block[i * OPS_KEY_BLOCK + lane] = key[i];
  float *row = block + shape->dim * OPS_KEY_BLOCK + lane * shape->value_width;
  for (size_t i = 0; i < shape->dim; i++) row[i] = value[i];
}

// scores[r][j] = scale * q_r . k_j for R rows and the 16 keys of a block, summed in the order of d;
// -inf beyond `valid` keys.
OPS_BODY void ops_block_scores(
    const ops_key_shape *shape, const float *block, size_t valid, const float *q, size_t q_stride,
    const size_t R, float *scores, size_t score_stride, f32x16 *largest) {
  f32x16 sum[4] = {0};
  for (size_t i = 0; i < shape->dim; i++) {
    const f32x16 k = *ops_const_lanes(block + i * OPS_KEY_BLOCK);
    for (size_t r = 0; r < R; r++) sum[r] += k * q[r * q_stride + i];
  }
  for (size_t r = 0; r < R; r++) {
    f32x16 s = sum[r] * shape->scale;
    if (valid < OPS_KEY_BLOCK) {
      const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      const i32x16 keep = lane < (int32_t)valid;
      const f32x16 none = (f32x16){0} + OPS_MINUS_INFINITY;
      s = (f32x16)(((i32x16)s & keep) | ((i32x16)none & ~keep));
    }
    *ops_lanes(scores + r * score_stride) = s;
    ops_max_lanes(&largest[r], &s);
  }
}

// out[r][c...] = sum over j of p[r][j] V[j][c...], in the order of j, for R rows and C vectors.
OPS_BODY void ops_weigh_values(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t count, const float *p,
    size_t p_stride, size_t first, const size_t R, const size_t C, float *out, size_t out_stride) {
  f32x16 sum[4][2] = {0};
  for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
    const float *v = ops_block_at(shape, keys, start / OPS_KEY_BLOCK) +
                     shape->dim * OPS_KEY_BLOCK + first;
    const size_t end = count - start < OPS_KEY_BLOCK ? count - start : OPS_KEY_BLOCK;
    for (size_t j = 0; j < end; j++, v += shape->value_width)
      for (size_t r = 0; r < R; r++)
        for (size_t c = 0; c < C; c++)
          sum[r][c] += *ops_const_lanes(v + c * OPS_LANES) * p[r * p_stride + start + j];
  }
  for (size_t r = 0; r < R; r++)
    for (size_t c = 0; c < C; c++)
      *ops_lanes(out + r * out_stride + first + c * OPS_LANES) = sum[r][c];
}

// Attention of R <= 4 query rows of one position to `count` keys. scores: R * score_stride floats,
// count rounded up to 16 each; afterwards it holds the probabilities times the denominator.
// weighed: R * value_width floats. out: R rows of d.
OPS_BODY void ops_attend(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t count, const float *q,
    size_t q_stride, const size_t R, float *scores, size_t score_stride, float *weighed, float *out,
    size_t out_stride) {
  f32x16 largest[4];
  for (size_t r = 0; r < R; r++) largest[r] = (f32x16){0} + OPS_MINUS_INFINITY;
  for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
    const size_t valid = count - start < OPS_KEY_BLOCK ? count - start : OPS_KEY_BLOCK;
    ops_block_scores(
        shape, ops_block_at(shape, keys, start / OPS_KEY_BLOCK), valid, q, q_stride, R,
        scores + start, score_stride, largest);
  }
  float denominator[4];
  for (size_t r = 0; r < R; r++) {
    const float max = ops_largest(&largest[r]);
    f32x16 sum = {0};
    for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
      const f32x16 shifted = *ops_const_lanes(scores + r * score_stride + start) - max;
      f32x16 e;
      ops_exp(&shifted, &e);
      *ops_lanes(scores + r * score_stride + start) = e;
      sum += e;
    }
    denominator[r] = ops_combine(&sum);
  }
  size_t first = 0;
  for (; first + 2 * OPS_LANES <= shape->value_width; first += 2 * OPS_LANES)
    ops_weigh_values(
        shape, keys, count, scores, score_stride, first, R, 2, weighed, shape->value_width);
  if (first < shape->value_width)
    ops_weigh_values(
        shape, keys, count, scores, score_stride, first, R, 1, weighed, shape->value_width);
  for (size_t r = 0; r < R; r++)
    for (size_t i = 0; i < shape->dim; i++)
      out[r * out_stride + i] = weighed[r * shape->value_width + i] / denominator[r];
}

// `ops_attend` for all H / G query heads of a kv head, four at a time. score_stride floats of scores
// per head in a chunk of four, then 4 * value_width floats.
OPS_BODY void ops_attend_heads(
    const ops_key_shape *shape, const ops_key_blocks *keys, size_t count, const float *q,
    size_t heads, float *scratch, size_t score_stride, float *out) {
  float *weighed = scratch + 4 * score_stride;
  const size_t d = shape->dim;
  size_t h = 0;
#define OPS_ATTEND(R)                                                                            \
  ops_attend(                                                                                    \
      shape, keys, count, q + h * d, d, R, scratch, score_stride, weighed, out + h * d, d)
  for (; h + 4 <= heads; h += 4) OPS_ATTEND(4);
  switch (heads - h) {
    case 3: OPS_ATTEND(3); break;
    case 2: OPS_ATTEND(2); break;
    case 1: OPS_ATTEND(1); break;
    default: break;
  }
#undef OPS_ATTEND
}

// Floats that `ops_attend_heads` wants for `count` keys.
OPS_BODY size_t ops_attend_scratch(const ops_key_shape *shape, size_t count) {
  return 4 * (ops_round_up(count, OPS_LANES) + shape->value_width);
}

#endif
