// Attention forward: of packed groups (training, prefill) and of sequences that are being decoded.
#include "attention.h"

size_t ops_key_block_floats(const ops_model *model) { return ops_key_shape_of(model).block; }

typedef struct {
  const ops_model *model;
  const ops_group *groups;
  const size_t *response_rows;
  const float *qkv;
  float *out, *cache;
  size_t layer;
  ops_context *context;
} group_attention;

typedef struct {
  const ops_model *model;
  const ops_sequence *sequences;
  size_t rows, rows_per_item;
  const float *qkv;
  float *out, *cache;
  size_t layer;
  ops_context *context;
} decode_attention;

// Positions of the longest sequence of a group.
static size_t longest(const ops_group *group, const size_t *response_rows) {
  size_t most = 0;
  for (size_t r = 0; r < group->responses; r++) {
    const size_t rows = response_rows[group->first_response + r];
    most = rows > most ? rows : most;
  }
  return group->prompt_rows + most;
}

// One kv head of one group.
OPS_BODY void attend_group(void *arguments, size_t item, unsigned thread) {
  const group_attention *a = arguments;
  const ops_model *m = a->model;
  const ops_key_shape shape = ops_key_shape_of(m);
  const ops_group *g = &a->groups[item / m->kv_heads];
  const size_t head = item % m->kv_heads;
  const size_t per = m->heads / m->kv_heads;
  const size_t d = m->head_dim, A = m->heads * d, width = A + 2 * m->kv_heads * d;
  const size_t positions = longest(g, a->response_rows);
  const size_t blocks = (positions + OPS_KEY_BLOCK - 1) / OPS_KEY_BLOCK;
  float *keys = a->context->scratch[thread];
  float *scratch = keys + blocks * shape.block;
  const size_t score_stride = blocks * OPS_KEY_BLOCK;
  if (a->cache) {
    const size_t prompt_blocks = (g->prompt_rows + OPS_KEY_BLOCK - 1) / OPS_KEY_BLOCK;
    keys = a->cache + g->cache_offset +
           (a->layer * m->kv_heads + head) * prompt_blocks * shape.block;
  }
  const ops_key_blocks all = {keys, blocks, keys};
  // The prompt first, then every response over the positions after it.
  size_t row = g->first_row;
  for (size_t part = 0; part <= g->responses; part++) {
    const size_t rows =
        part ? a->response_rows[g->first_response + part - 1] : g->prompt_rows;
    const size_t first = part ? g->prompt_rows : 0;
    for (size_t i = 0; i < rows; i++) {
      const float *key = a->qkv + (row + i) * width + A + head * d;
      float *block = keys + (first + i) / OPS_KEY_BLOCK * shape.block;
      ops_store_key(&shape, block, (first + i) % OPS_KEY_BLOCK, key, key + m->kv_heads * d);
    }
    ops_attend_heads(
        &shape, &all, first + 1, rows, a->qkv + row * width + head * per * d, width, per, scratch,
        score_stride, a->out + row * A + head * per * d, A);
    row += rows;
  }
}
OPS_VARIANTS(attend_group);

void ops_attention_f32(
    ops_context *context, const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const ops_tensor *qkv, ops_tensor *out, ops_tensor *cache,
    size_t layer) {
  const ops_key_shape shape = ops_key_shape_of(model);
  size_t most = 0;
  for (size_t g = 0; g < group_count; g++) {
    const size_t positions = longest(&groups[g], response_rows);
    most = positions > most ? positions : most;
  }
  const size_t blocks = (most + OPS_KEY_BLOCK - 1) / OPS_KEY_BLOCK;
  ops_reserve_scratch(context, blocks * shape.block + ops_attend_scratch(&shape, most));
  group_attention a = {model, groups, response_rows, qkv->values, out->values,
                       cache ? cache->values : NULL, layer, context};
  ops_parallel(context, group_count * model->kv_heads, attend_group_variants[context->isa], &a);
}

// Some rows, one after the other: their keys differ, so nothing is shared but the code.
OPS_BODY void attend_sequences(void *arguments, size_t item, unsigned thread) {
  const decode_attention *a = arguments;
  const ops_model *m = a->model;
  const ops_key_shape shape = ops_key_shape_of(m);
  const size_t per = m->heads / m->kv_heads;
  const size_t d = m->head_dim, A = m->heads * d, width = A + 2 * m->kv_heads * d;
  float *scratch = a->context->scratch[thread];
  const size_t first = item * a->rows_per_item;
  const size_t end = first + a->rows_per_item < a->rows ? first + a->rows_per_item : a->rows;
  for (size_t row = first; row < end; row++) {
    const ops_sequence *s = &a->sequences[row];
    const size_t count = s->position + 1;
    for (size_t head = 0; head < m->kv_heads; head++) {
      const size_t place = a->layer * m->kv_heads + head;
      const float *shared = a->cache + s->shared_offset + place * s->shared_stride * shape.block;
      float *own = a->cache + s->own_offset + place * s->own_stride * shape.block;
      const float *key = a->qkv + row * width + A + head * d;
      float *block = own + (s->position / OPS_KEY_BLOCK - s->shared_blocks) * shape.block;
      ops_store_key(&shape, block, s->position % OPS_KEY_BLOCK, key, key + m->kv_heads * d);
      const ops_key_blocks keys = {shared, s->shared_blocks, own};
      ops_attend_heads(
          &shape, &keys, count, 1, a->qkv + row * width + head * per * d, width, per, scratch,
          ops_round_up(count, OPS_LANES), a->out + row * A + head * per * d, A);
    }
  }
}
OPS_VARIANTS(attend_sequences);

void ops_attention_decode_f32(
    ops_context *context, const ops_model *model, const ops_sequence *sequences, size_t rows,
    const ops_tensor *qkv, ops_tensor *out, ops_tensor *cache, size_t layer) {
  const ops_key_shape shape = ops_key_shape_of(model);
  size_t most = 0;
  for (size_t r = 0; r < rows; r++) {
    const size_t count = sequences[r].position + 1;
    most = count > most ? count : most;
  }
  ops_reserve_scratch(context, ops_attend_scratch(&shape, most));
  decode_attention a = {model, sequences, rows, 8, qkv->values, out->values, cache->values, layer,
                        context};
  ops_parallel(context, (rows + 7) / 8, attend_sequences_variants[context->isa], &a);
}
