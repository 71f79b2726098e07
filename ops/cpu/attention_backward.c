// Attention backward. Per query row and head, with p = softmax(scale q K^T) and g_j = dout . V_j:
//   dV_j += p_j dout;   ds_j = p_j (g_j - sum p g) scale;   dq = sum ds_j K_j;   dK_j += ds_j q
//
// The softmax is computed again, not restored from a stored logarithm: the rounding of that would
// leave sum ds_j visibly off 0, and the gradient of a key's bias is what such sums cancel to.
#include "attention.h"

typedef struct {
  const ops_model *model;
  const ops_group *groups;
  const size_t *response_rows;
  const float *qkv, *dout;
  float *dqkv;
  ops_context *context;
} backward_attention;

// Keys and values of one kv head, twice: by position for sums over keys, in transposed blocks of 16
// positions for products with every key; and their gradients by position.
typedef struct {
  size_t d, width, room;   // width: d rounded up to whole vectors; room: positions, likewise
  float *k, *v, *dk, *dv;  // [positions, width]
  float *kt, *vt;          // [blocks][d][16]
  float *p, *ds;           // [4, room]
  float *q, *dout, *dq;    // [4, width], zero beyond d
} backward_keys;

OPS_BODY void load_key(backward_keys *b, size_t position, const float *key, const float *value) {
  float *kt = b->kt + position / OPS_KEY_BLOCK * b->d * OPS_KEY_BLOCK + position % OPS_KEY_BLOCK;
  float *vt = b->vt + position / OPS_KEY_BLOCK * b->d * OPS_KEY_BLOCK + position % OPS_KEY_BLOCK;
  for (size_t i = 0; i < b->d; i++) {
    b->k[position * b->width + i] = key[i];
    b->v[position * b->width + i] = value[i];
    kt[i * OPS_KEY_BLOCK] = key[i];
    vt[i * OPS_KEY_BLOCK] = value[i];
  }
  memset(b->dk + position * b->width, 0, b->width * sizeof(float));
  memset(b->dv + position * b->width, 0, b->width * sizeof(float));
}

// R <= 4 query heads of rows that follow each other, the r-th against counts[r] keys, which ascend: the
// keys are read once for all of them, and what a row adds to them comes after what rows before it add.
typedef struct {
  const float *q[4], *dout[4];
  float *dq[4];
  size_t counts[4];
} backward_queries;

// Scores and dout . V of R rows against the 16 keys of each of B blocks.
OPS_BODY void backward_scores(
    const backward_keys *b, const backward_queries *rows, size_t start, const size_t R,
    const size_t B, float scale, f32x16 *largest) {
  const size_t d = b->d, width = b->width, room = b->room;
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const f32x16 none = OPS_SPLAT(OPS_MINUS_INFINITY);
  f32x16 s[2][4], g[2][4];
  for (size_t c = 0; c < B; c++)
    for (size_t r = 0; r < R; r++) s[c][r] = g[c][r] = (f32x16){0};
  for (size_t i = 0; i < d; i++)
    for (size_t c = 0; c < B; c++) {
      const size_t place = (start + c * OPS_KEY_BLOCK) * d + i * OPS_KEY_BLOCK;
      const f32x16 k = *ops_const_lanes(b->kt + place), v = *ops_const_lanes(b->vt + place);
      for (size_t r = 0; r < R; r++) {
        OPS_FMA(s[c][r], k, OPS_SPLAT(b->q[r * width + i]));
        OPS_FMA(g[c][r], v, OPS_SPLAT(b->dout[r * width + i]));
      }
    }
  for (size_t c = 0; c < B; c++)
    for (size_t r = 0; r < R; r++) {
      const size_t place = start + c * OPS_KEY_BLOCK;
      const i32x16 keep = lane < (int32_t)rows->counts[r] - (int32_t)place;
      const f32x16 score = (f32x16)(((i32x16)(s[c][r] * scale) & keep) | ((i32x16)none & ~keep));
      ops_max_lanes(&largest[r], &score);
      *ops_lanes(b->p + r * room + place) = score;
      *ops_lanes(b->ds + r * room + place) = g[c][r];
    }
}

OPS_BODY void backward_heads(
    backward_keys *b, const backward_queries *rows, const size_t R, float scale) {
  const size_t d = b->d, width = b->width, room = b->room, count = rows->counts[R - 1];
  for (size_t r = 0; r < R; r++) {
    memcpy(b->q + r * width, rows->q[r], d * sizeof(float));
    memcpy(b->dout + r * width, rows->dout[r], d * sizeof(float));
  }
  f32x16 largest[4];
  for (size_t r = 0; r < R; r++) largest[r] = OPS_SPLAT(OPS_MINUS_INFINITY);
  size_t begin = 0;
  for (; R <= 2 && begin + OPS_KEY_BLOCK < count; begin += 2 * OPS_KEY_BLOCK)
    backward_scores(b, rows, begin, R, 2, scale, largest);
  for (; begin < count; begin += OPS_KEY_BLOCK)
    backward_scores(b, rows, begin, R, 1, scale, largest);
  for (size_t r = 0; r < R; r++) {
    float *p = b->p + r * room, *ds = b->ds + r * room;
    const float max = ops_largest(&largest[r]);
    f32x16 sum = {0}, weighed = {0};
    for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
      const f32x16 shifted = *ops_lanes(p + start) - max;
      f32x16 e;
      ops_exp(&shifted, &e);
      *ops_lanes(p + start) = e;
      sum += e;
      OPS_FMA(weighed, e, *ops_lanes(ds + start));
    }
    const float denominator = ops_combine(&sum);
    const float mean = ops_combine(&weighed) / denominator;
    // What rounding left of the mean comes off too: then sum ds_j is 0 but for its last bits.
    f32x16 rest = {0};
    for (size_t start = 0; start < count; start += OPS_KEY_BLOCK) {
      const f32x16 weight = *ops_lanes(p + start) / denominator;
      const f32x16 centered = *ops_lanes(ds + start) - mean;
      *ops_lanes(p + start) = weight;
      *ops_lanes(ds + start) = centered;
      OPS_FMA(rest, weight, centered);
    }
    const float residue = ops_combine(&rest);
    for (size_t start = 0; start < count; start += OPS_KEY_BLOCK)
      *ops_lanes(ds + start) = *ops_lanes(p + start) * (*ops_lanes(ds + start) - residue) * scale;
  }
  for (size_t c = 0; c < width; c += OPS_LANES) {
    f32x16 qc[4], oc[4], sum[4];
    for (size_t r = 0; r < R; r++) {
      qc[r] = *ops_const_lanes(b->q + r * width + c);
      oc[r] = *ops_const_lanes(b->dout + r * width + c);
      sum[r] = (f32x16){0};
    }
    for (size_t j = 0; j < count; j++) {
      const f32x16 k = *ops_const_lanes(b->k + j * width + c);
      f32x16 dk = *ops_lanes(b->dk + j * width + c), dv = *ops_lanes(b->dv + j * width + c);
      for (size_t r = 0; r < R; r++) {
        const f32x16 ds = OPS_SPLAT(b->ds[r * room + j]);
        OPS_FMA(sum[r], k, ds);
        OPS_FMA(dk, qc[r], ds);
        OPS_FMA(dv, oc[r], OPS_SPLAT(b->p[r * room + j]));
      }
      *ops_lanes(b->dk + j * width + c) = dk;
      *ops_lanes(b->dv + j * width + c) = dv;
    }
    for (size_t r = 0; r < R; r++) *ops_lanes(b->dq + r * width + c) = sum[r];
  }
  for (size_t r = 0; r < R; r++) memcpy(rows->dq[r], b->dq + r * width, d * sizeof(float));
}

// `backward_heads` for all heads of a kv head in `positions` rows, four at a time; the first row sees
// `count` keys. q, dout, dq: heads of the first row.
OPS_BODY void backward_rows(
    backward_keys *b, size_t count, size_t positions, const float *q, size_t q_stride,
    const float *dout, size_t dout_stride, size_t heads, float scale, float *dq) {
  const size_t all = heads * positions;
  backward_queries rows;
  size_t taken = 0;
  for (size_t i = 0; i < all; i++) {
    const size_t position = i / heads, head = i % heads;
    rows.q[taken] = q + position * q_stride + head * b->d;
    rows.dout[taken] = dout + position * dout_stride + head * b->d;
    rows.dq[taken] = dq + position * q_stride + head * b->d;
    rows.counts[taken++] = count + position;
    if (taken < 4 && i + 1 < all) continue;
    switch (taken) {
      case 4: backward_heads(b, &rows, 4, scale); break;
      case 3: backward_heads(b, &rows, 3, scale); break;
      case 2: backward_heads(b, &rows, 2, scale); break;
      default: backward_heads(b, &rows, 1, scale); break;
    }
    taken = 0;
  }
}

static size_t backward_floats(const ops_model *m, size_t positions) {
  const size_t width = ops_round_up(m->head_dim, OPS_LANES);
  const size_t room = ops_round_up(positions, OPS_LANES);
  return room * (4 * width + 2 * m->head_dim + 2 * 4) + 3 * 4 * width;
}

OPS_BODY void backward_group(void *arguments, size_t item, unsigned thread) {
  const backward_attention *a = arguments;
  const ops_model *m = a->model;
  const ops_group *g = &a->groups[item / m->kv_heads];
  const size_t head = item % m->kv_heads, per = m->heads / m->kv_heads;
  const size_t d = m->head_dim, A = m->heads * d, K = m->kv_heads * d, QKV = A + 2 * K;
  const float scale = ops_key_shape_of(m).scale;
  size_t most = 0;
  for (size_t r = 0; r < g->responses; r++) {
    const size_t rows = a->response_rows[g->first_response + r];
    most = rows > most ? rows : most;
  }
  const size_t room = ops_round_up(g->prompt_rows + most, OPS_LANES);
  backward_keys b = {.d = d, .width = ops_round_up(d, OPS_LANES), .room = room};
  float *next = a->context->scratch[thread];
  float **by_position[] = {&b.k, &b.v, &b.dk, &b.dv};
  for (int i = 0; i < 4; i++, next += room * b.width) *by_position[i] = next;
  b.kt = next, next += room * d;
  b.vt = next, next += room * d;
  b.p = next, next += 4 * room;
  b.ds = next, next += 4 * room;
  b.q = next, next += 4 * b.width;
  b.dout = next, next += 4 * b.width;
  b.dq = next, next += 4 * b.width;
  // Lanes beyond d and positions not loaded yet take part in sums that are thrown away: they must
  // be finite only.
  memset(a->context->scratch[thread], 0, (size_t)(next - b.k) * sizeof(float));

  size_t row = g->first_row;
  for (size_t part = 0; part <= g->responses; part++) {
    const size_t rows = part ? a->response_rows[g->first_response + part - 1] : g->prompt_rows;
    const size_t first = part ? g->prompt_rows : 0;
    for (size_t i = 0; i < rows; i++) {
      const float *key = a->qkv + (row + i) * QKV + A + head * d;
      load_key(&b, first + i, key, key + K);
    }
    const size_t at = row * QKV + head * per * d;
    backward_rows(
        &b, first + 1, rows, a->qkv + at, QKV, a->dout + row * A + head * per * d, A, per, scale,
        a->dqkv + at);
    for (size_t i = 0; part && i < rows; i++) {
      float *dkey = a->dqkv + (row + i) * QKV + A + head * d;
      memcpy(dkey, b.dk + (first + i) * b.width, d * sizeof(float));
      memcpy(dkey + K, b.dv + (first + i) * b.width, d * sizeof(float));
    }
    row += rows;
  }
  // The prompt's keys have gradients from every response, in their order.
  for (size_t i = 0; i < g->prompt_rows; i++) {
    float *dkey = a->dqkv + (g->first_row + i) * QKV + A + head * d;
    memcpy(dkey, b.dk + i * b.width, d * sizeof(float));
    memcpy(dkey + K, b.dv + i * b.width, d * sizeof(float));
  }
}
OPS_VARIANTS(backward_group);

void ops_attention_backward_f32(
    ops_context *context, const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const ops_tensor *qkv, const ops_tensor *dout, ops_tensor *dqkv) {
  size_t positions = 0;
  for (size_t g = 0; g < group_count; g++) {
    size_t most = 0;
    for (size_t r = 0; r < groups[g].responses; r++) {
      const size_t rows = response_rows[groups[g].first_response + r];
      most = rows > most ? rows : most;
    }
    most += groups[g].prompt_rows;
    positions = most > positions ? most : positions;
  }
  ops_reserve_scratch(context, backward_floats(model, positions));
  backward_attention a = {model, groups, response_rows, qkv->values, dout->values,
                          dqkv->values, context};
  ops_parallel(context, group_count * model->kv_heads, backward_group_variants[context->isa], &a);
}
