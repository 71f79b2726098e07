// Numeric operators of Temper: what a transformer needs, forward and backward, on whole tensors.
//
// One header, several implementations: `ops/cpu` is one, a CUDA build provides the same symbols.
//
// Conventions
// - A tensor is a handle that a context owns: a flat run of values in the memory of the device.
//   Host memory is reached by `ops_tensor_write` and `ops_tensor_read` alone. Parameters named
//   `host_...`, tables of rows and groups, and tokens are host memory, read before the call returns.
// - All tensors are f32, but for `parameters`, which may be in any `ops_type`: weights are widened
//   exactly, a piece at a time, as they are used. Those that AdamW updates are f32.
// - Matrices are row-major; a weight is [out, in], so a product is Y = X * W^T.
// - "rows" are tokens of packed, unpadded sequences.
// - Letters: D hidden, F intermediate, V vocabulary, H query heads, G key-value heads, d head
//   dimension, A = H*d, K = G*d, QKV = A + 2K.
// - Unless said otherwise outputs are overwritten and may not alias inputs. Gradients of parameters
//   are always accumulated into.
// - Sums over rows run in the order of the rows, whatever the number of threads: a result depends
//   on the inputs and on `ops_product_kernel` alone.
// - No operator allocates on behalf of its caller, fails or prints; sizes are the caller's promise.
//   A context is used by one thread at a time.
#ifndef TEMPER_OPS_H
#define TEMPER_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- Context -------------------------------------------------------------------------------------

typedef struct ops_context ops_context;
typedef struct ops_tensor ops_tensor;

// Instruction sets of the own kernels, in ascending order. All give the same bits.
typedef enum ops_isa {
  OPS_ISA_BASELINE = 0,  // what the target guarantees: SSE2 on x86-64, NEON on arm64
  OPS_ISA_AVX2 = 1,
  OPS_ISA_AVX512 = 2,    // F, BW, DQ and VL
} ops_isa;

// A context with `threads` threads (the caller's is one of them) that uses the best instruction set
// of this machine up to `up_to` and to TEMPER_ISA (baseline, avx2) of the environment. Returns NULL where memory or threads are exhausted.
ops_context *ops_context_create(unsigned threads, ops_isa up_to);
// Ends the threads. Tensors must have been destroyed before.
void ops_context_destroy(ops_context *context);
ops_isa ops_context_isa(const ops_context *context);
unsigned ops_context_threads(const ops_context *context);

// How the products of a model's layers and head are computed; all else is f32.
typedef enum ops_products {
  OPS_PRODUCTS_F32 = 0,
  // Weights and activations rounded to bf16, summed in f32, where the processor has AVX512-BF16;
  // elsewhere as OPS_PRODUCTS_F32.
  OPS_PRODUCTS_BF16 = 1,
} ops_products;

// What decides the bits of products on this machine, a static string: `fma` are the same on every
// machine, `avx512-bf16` those of the processor's instruction.
const char *ops_product_kernel(const ops_context *context, ops_products products);

// How the values of a tensor are held.
typedef enum ops_type {
  OPS_F32 = 0,
  OPS_BF16 = 1,  // the upper half of an f32
  OPS_F16 = 2,   // IEEE binary16
} ops_type;

// `count` zeros; NULL where memory is exhausted.
ops_tensor *ops_tensor_create(ops_context *context, size_t count, ops_type type);
// Bytes of weights up to which their tensor keeps them packed for products, beside its values, where
// the model says so.
#define OPS_KEPT_PANELS ((size_t)4 << 30)
// Tokens of the vocabulary whose weights the head packs at once where its logits are kept.
#define OPS_SLAB_TOKENS ((size_t)1 << 14)
void ops_tensor_destroy(ops_tensor *tensor);
size_t ops_tensor_count(const ops_tensor *tensor);
ops_type ops_tensor_type(const ops_tensor *tensor);
// Of an f32 tensor.
void ops_tensor_write(ops_tensor *tensor, size_t offset, const float *host_values, size_t count);
// Values in the tensor's own type, little-endian, at any alignment.
void ops_tensor_write_stored(
    ops_tensor *tensor, size_t offset, const void *host_bytes, size_t count);
// Of any tensor, widened to f32.
void ops_tensor_read(const ops_tensor *tensor, size_t offset, float *host_values, size_t count);
void ops_tensor_zero(ops_tensor *tensor, size_t offset, size_t count);
// destination[destination_offset...] = source[source_offset...], both of one type; the ranges may
// not overlap.
void ops_tensor_copy(
    const ops_tensor *source, size_t source_offset, ops_tensor *destination,
    size_t destination_offset, size_t count);

// --- Model ---------------------------------------------------------------------------------------

// An absent parameter.
#define OPS_ABSENT SIZE_MAX

typedef struct ops_model {
  size_t vocabulary, hidden, intermediate, heads, kv_heads, head_dim;
  float norm_epsilon;
  ops_products products;
  bool keeps_panels;  // its weights, packed for products, stay with their tensor for the next operator
  size_t embedding;   // offset of [V, D]
  size_t final_norm;  // offset of [D]
  // Offset of [V, D]; equals `embedding` where weights are tied. OPS_ABSENT in a critic: then the
  // operators of the language-model head may not be called.
  size_t head;
} ops_model;

// Offsets of one layer's parameters in the flat parameter tensor, and of their gradients in the
// flat gradient tensor.
typedef struct ops_layer {
  size_t input_norm;              // [D]
  size_t q, k, v;                 // [A, D], [K, D], [K, D]
  size_t q_bias, k_bias, v_bias;  // [A], [K], [K] or OPS_ABSENT
  size_t q_norm, k_norm;          // [d] each or OPS_ABSENT
  size_t o;                       // [D, A]
  size_t post_norm;               // [D]
  size_t gate_up;                 // [2F, D]: gate's rows, then up's
  size_t down;                    // [D, F]
} ops_layer;

// A low-rank update of one product (LoRA, arXiv 2106.09685): Y += scale (X A^T) B^T.
typedef struct ops_low_rank {
  size_t a;  // offset of A [rank, in], or OPS_ABSENT where the product has no update
  size_t b;  // offset of B [out, rank]
} ops_low_rank;

// The updates of one layer's products, as offsets into a tensor of their own.
typedef struct ops_layer_adapter {
  ops_low_rank q, k, v, o, gate, up, down;
} ops_layer_adapter;

// What stands beside the products of a layer. Where operators are given one in place of NULL, the
// layer's own parameters are frozen: the backward pass adds to `gradient` below alone, and ignores its
// own parameter of that name, which may be NULL.
typedef struct ops_adapter {
  size_t rank;
  float scale;
  // Dropout before A (arXiv 1207.0580), while training: each value of X is 0 with this probability, and
  // divided by 1 less it otherwise. Which ones is a function of the key, the product, row and place:
  // forward and backward pass see the same for the same key. 0: none.
  float dropout;
  uint64_t dropout_key;
  const ops_layer_adapter *layer;
  const ops_tensor *values;  // f32
  ops_tensor *gradient;      // of `values`; not read on the way forward
} ops_adapter;

// x[r] = E[tokens[r]].   x [rows, D]
void ops_embed_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const int32_t *tokens, size_t rows, ops_tensor *x);
// dE[tokens[r]] += dx[r], in the order of r.
void ops_embed_backward_f32(
    ops_context *context, const ops_model *model, const int32_t *tokens, size_t rows,
    const ops_tensor *dx, ops_tensor *gradient);

// The way from the residual stream to rotated queries, keys and values:
//   h = x / sqrt(mean(x^2) + eps) * input_norm              RMSNorm, arXiv 1910.07467
//   qkv = [h Wq^T + bq, h Wk^T + bk, h Wv^T + bv]
//   q, k = RMSNorm of every head * q_norm, k_norm           where there are any (Qwen3)
//   (a, b) = (a cos - b sin, b cos + a sin)                 RoPE, arXiv 2104.09864, pairs (i, i + d/2)
// x [rows, D]   rope [positions, d]: d/2 cosines, then d/2 sines   qkv [rows, QKV]
void ops_qkv_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *rope,
    const ops_tensor *x, const int32_t *positions, size_t rows, ops_tensor *qkv);
// Backward of `ops_qkv_f32` plus the residual path: dx = dx_mid + (gradient through h).
// dqkv [rows, QKV] is overwritten (rotated back). workspace: `ops_qkv_workspace` floats.
void ops_qkv_backward_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *rope,
    const ops_tensor *x, const int32_t *positions, size_t rows, ops_tensor *dqkv, const ops_tensor *dx_mid,
    ops_tensor *dx, ops_tensor *gradient, ops_tensor *workspace);
// rank: of the adapter, 0 where there is none   drops: whether it has dropout
size_t ops_qkv_workspace(const ops_model *model, size_t rows, size_t rank, bool drops);

// --- Attention -----------------------------------------------------------------------------------

// Keys and values stand in blocks of 16 positions counted from position 0 of their sequence. A block
// of one kv head is K^T [d, 16] followed by V [16, d rounded up to a multiple of 16].
#define OPS_KEY_BLOCK 16
size_t ops_key_block_floats(const ops_model *model);

// A prompt and its responses as consecutive rows: the prompt's, then each response's.
// Prompt rows see the prompt up to themselves, response rows the prompt and their own response.
typedef struct ops_group {
  size_t first_row;
  size_t prompt_rows;
  size_t responses;
  size_t first_response;  // index into response_rows
  // Where the prompt's blocks are kept in `cache`, in floats: [layer, G, blocks of the prompt].
  size_t cache_offset;
} ops_group;

// out = softmax(q K^T / sqrt(d)) V for every row and head.
// qkv [rows, QKV]   out [rows, A]
// cache: NULL, or where the prompt's keys and values are kept for decoding (layer `layer`).
void ops_attention_f32(
    ops_context *context, const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const ops_tensor *qkv, ops_tensor *out, ops_tensor *cache,
    size_t layer);
// dqkv [rows, QKV] from dout [rows, A]; responses add to their prompt's dK, dV in their order.
void ops_attention_backward_f32(
    ops_context *context, const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const ops_tensor *qkv, const ops_tensor *dout, ops_tensor *dqkv);

// A sequence that is being decoded: whole blocks of a prompt that it shares, then its own.
typedef struct ops_sequence {
  size_t shared_offset;  // floats into `cache`: [layer, G, shared_stride]
  size_t shared_stride;  // blocks between two kv heads of the shared part
  size_t shared_blocks;  // how many of them are used, all full
  size_t own_offset;     // floats into `cache`: [layer, G, own_stride]
  size_t own_stride;
  size_t position;       // of the row that is decoded; its key is stored, then seen
} ops_sequence;

// One decoding step of one layer: row r stores its key and value in sequence r and attends to
// positions 0...position. Same bits as `ops_attention_f32` for the same row.
void ops_attention_decode_f32(
    ops_context *context, const ops_model *model, const ops_sequence *sequences, size_t rows,
    const ops_tensor *qkv, ops_tensor *out, ops_tensor *cache, size_t layer);

// --- The rest of a layer -------------------------------------------------------------------------

// x_mid = x + out Wo^T;  h = RMSNorm(x_mid) * post_norm
// gate_up = h Wgu^T;     x_out = x_mid + (silu(gate) * up) Wd^T        SwiGLU, arXiv 2002.05202
// x, x_mid, x_out [rows, D], which may be one tensor   out [rows, A]
// gate_up [rows, 2F], kept for the backward pass, or NULL
// x_out may be NULL: then x_mid and gate_up alone are computed, for a backward pass that kept neither
void ops_block_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *out,
    const ops_tensor *x, size_t rows, ops_tensor *x_mid, ops_tensor *gate_up, ops_tensor *x_out);
// Backward of `ops_block_f32` except the path x_mid -> x, which `ops_qkv_backward_f32` closes.
// dx_out [rows, D] in   dx_mid [rows, D], dout [rows, A] out   gate_up is overwritten.
// workspace: `ops_block_workspace` floats.
void ops_block_backward_f32(
    ops_context *context, const ops_model *model, const ops_layer *layer,
    const ops_tensor *parameters, const ops_adapter *adapter, const ops_tensor *out,
    const ops_tensor *x_mid, ops_tensor *gate_up, size_t rows, const ops_tensor *dx_out, ops_tensor *dx_mid,
    ops_tensor *dout, ops_tensor *gradient, ops_tensor *workspace);
size_t ops_block_workspace(const ops_model *model, size_t rows, size_t rank, bool drops);

// --- Head ----------------------------------------------------------------------------------------

// Logits z = RMSNorm(x) * final_norm * Whead^T of chosen rows, for a look at them.
// rows[i]: row of x   host_logits [count, V]
void ops_logits_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const size_t *rows, size_t count, float *host_logits);

// A row of x whose logits are needed, and the tokens that are scored by it.
typedef struct ops_head_row {
  size_t row;           // of x
  size_t first_target;  // index into targets
  size_t targets;
} ops_head_row;

// What one token is and where its numbers stand in the caller's arrays.
typedef struct ops_target {
  size_t index;
  int32_t token;
} ops_target;

// Per target, with y = z / temperature of its row:
//   log_probabilities[index] = y[token] - log sum exp y
//   entropies[index] = - sum p log p,  p = softmax(y)
// logits: NULL, and logits exist for one tile of rows at a time; or `ops_logit_floats` floats, where
// they are kept for the backward pass.
void ops_head_score_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const ops_head_row *rows, size_t count, const ops_target *targets,
    float temperature, float *host_log_probabilities, float *host_entropies, ops_tensor *logits);
size_t ops_logit_floats(const ops_model *model, size_t count);

// Backward of `ops_head_score_f32` for dL/dlog_probability and dL/dentropy (NULL: none), indexed as
// the targets are. dx [x_rows, D] is overwritten (zero where a row has no logits). gradient may be
// NULL: the head's parameters are frozen. workspace: `ops_head_workspace` floats. logits: what the score
// of the same rows kept, which is overwritten; NULL: they are computed again.
void ops_head_backward_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, size_t x_rows, const ops_head_row *rows, size_t count,
    const ops_target *targets, float temperature, const float *host_dlog_probabilities,
    const float *host_dentropies, ops_tensor *dx, ops_tensor *gradient, ops_tensor *workspace,
    ops_tensor *logits);
size_t ops_head_workspace(const ops_model *model, size_t count);

// How a token is drawn. Filters work in this order on y = z / temperature, each on what the one
// before left: ids >= token_limit, top-k (ties with the k-th stay), top-p (smallest set whose mass
// reaches top_p), min-p (probability at least min_p times the largest). temperature 0: the largest
// logit, the smallest id among equals; y is z then.
typedef struct ops_sampling {
  float temperature;
  size_t top_k;  // 0: off
  float top_p;   // 1: off
  float min_p;   // 0: off
  size_t token_limit;
} ops_sampling;

// What came of one row. Both log-probabilities are of `token`: under softmax(y) and under the
// distribution that the filters left.
typedef struct ops_drawn {
  int32_t token;
  float log_probability;
  float filtered_log_probability;
  float entropy;  // of softmax(y)
} ops_drawn;

// Draws one token per row by inverse transform: the first, in the order of ids (with filters: of
// descending y), where the running sum of probabilities exceeds uniforms[i] in [0, 1).
// The scores are the same bits as those of `ops_head_score_f32`.
void ops_head_sample_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const ops_tensor *x, const size_t *rows, size_t count, const ops_sampling *sampling,
    const double *host_uniforms, ops_drawn *host_drawn);
// The distribution that the filters leave of one row of logits: ids in the order of the draw and
// their probabilities; returns how many. host_ids, host_probabilities: room for V.
size_t ops_filtered_distribution(
    ops_context *context, const float *host_logits, size_t vocabulary,
    const ops_sampling *sampling, int32_t *host_ids, float *host_probabilities);

// --- Value head ----------------------------------------------------------------------------------

// Offsets of a critic's head: one output in place of the vocabulary.
typedef struct ops_value_head {
  size_t weight;  // [D]
  size_t bias;    // [1] or OPS_ABSENT
} ops_value_head;

// values[index] = (RMSNorm(x) * final_norm) . weight + bias for every target of a row; the tokens
// of targets are not read. Rows are distinct.
void ops_value_f32(
    ops_context *context, const ops_model *model, const ops_value_head *head,
    const ops_tensor *parameters, const ops_tensor *x, const ops_head_row *rows, size_t count,
    const ops_target *targets, float *host_values);
// Backward of `ops_value_f32` for dL/dvalue, indexed as the targets are; targets that share a row
// add up in their order. dx [x_rows, D] is overwritten (zero where a row has no value). workspace:
// `ops_value_workspace` floats.
void ops_value_backward_f32(
    ops_context *context, const ops_model *model, const ops_value_head *head,
    const ops_tensor *parameters, const ops_tensor *x, size_t x_rows, const ops_head_row *rows,
    size_t count, const ops_target *targets, const float *host_dvalues, ops_tensor *dx,
    ops_tensor *gradient, ops_tensor *workspace);
size_t ops_value_workspace(const ops_model *model, size_t count);

// --- Optimizer -----------------------------------------------------------------------------------

// Sum of squares in double: 16 lanes and a tree inside fixed runs of 4096, runs in order.
double ops_sum_of_squares_f32(ops_context *context, const ops_tensor *values);

typedef struct ops_adamw {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double gradient_scale;  // clipping coefficient: g = gradient_scale * gradient
  uint64_t update;        // 1 for the first one
} ops_adamw;

// AdamW (arXiv 1711.05101) as torch.optim.AdamW computes it:
//   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
// parameters, first, second are updated in place.
void ops_adamw_f32(
    ops_context *context, const ops_adamw *settings, const ops_tensor *gradient,
    ops_tensor *parameters, ops_tensor *first, ops_tensor *second);

// --- Elementary functions ------------------------------------------------------------------------

// y[i] = e^x[i], as every operator here computes it: below 2 ulp for x in [-87, 88], 0 below that
// range, e^88 above it. x and y in host memory; y may be x.
void ops_exp_f32(ops_context *context, const float *host_x, float *host_y, size_t count);

// --- Measurements --------------------------------------------------------------------------------

// How many of `rows` rows of a product X * W^T, [rows, n] over k, change bits when they are computed
// at another place of a tile or in tiles of another size that the engine uses. 0: rows are
// independent for this shape. `seed` makes the numbers.
size_t ops_measure_row_dependence(
    ops_context *context, size_t rows, size_t n, size_t k, ops_products products, uint64_t seed);

// --- References ----------------------------------------------------------------------------------
//
// The equations above in double, plain loops, one row after the other. Never optimized, never
// removed: they are the specification that every implementation is tested against, and gradients
// are compared with central differences of them.

void ops_qkv_reference(
    const ops_model *model, const ops_layer *layer, const double *parameters, const double *rope,
    const double *x, const int32_t *positions, size_t rows, double *qkv);
void ops_attention_reference(
    const ops_model *model, const ops_group *groups, size_t group_count,
    const size_t *response_rows, const double *qkv, double *out);
void ops_block_reference(
    const ops_model *model, const ops_layer *layer, const double *parameters, const double *out,
    const double *x, size_t rows, double *x_out);
// log_probabilities and entropies are indexed as in `ops_head_score_f32`.
void ops_head_reference(
    const ops_model *model, const double *parameters, const double *x, const ops_head_row *rows,
    size_t count, const ops_target *targets, double temperature, double *log_probabilities,
    double *entropies);
// values are indexed as in `ops_value_f32`.
void ops_value_reference(
    const ops_model *model, const ops_value_head *head, const double *parameters, const double *x,
    const ops_head_row *rows, size_t count, const ops_target *targets, double *values);
// Sorts all of the vocabulary; returns how many ids are left.
size_t ops_filtered_distribution_reference(
    const double *logits, size_t vocabulary, const ops_sampling *sampling, int32_t *ids,
    double *probabilities);
void ops_adamw_reference(
    const ops_adamw *settings, size_t count, const double *gradient, double *parameters,
    double *first, double *second);

#endif
