// Rows of the embedding, and the gradient that returns to them.
#include "internal.h"

void ops_embed_f32(
    ops_context *context, const ops_model *model, const ops_tensor *parameters,
    const int32_t *tokens, size_t rows, ops_tensor *x) {
  const size_t D = model->hidden;
  for (size_t r = 0; r < rows; r++) {
    const size_t row = model->embedding + (size_t)tokens[r] * D;
    ops_widen(context, ops_stored_at(parameters, row), D, x->values + r * D);
  }
}

typedef struct {
  const int32_t *tokens;
  size_t rows, D;
  const float *dx;
  float *embedding;
} embed_backward;

// Columns apart, rows in order: a token that stands in many rows gets one order of additions.
#define OPS_EMBED_COLUMNS 64

static void add_columns(void *arguments, size_t item, unsigned thread) {
  (void)thread;
  const embed_backward *a = arguments;
  const size_t first = item * OPS_EMBED_COLUMNS;
  const size_t end = first + OPS_EMBED_COLUMNS < a->D ? first + OPS_EMBED_COLUMNS : a->D;
  for (size_t r = 0; r < a->rows; r++) {
    float *to = a->embedding + (size_t)a->tokens[r] * a->D;
    const float *from = a->dx + r * a->D;
    for (size_t c = first; c < end; c++) to[c] += from[c];
  }
}

void ops_embed_backward_f32(
    ops_context *context, const ops_model *model, const int32_t *tokens, size_t rows,
    const ops_tensor *dx, ops_tensor *gradient) {
  embed_backward a = {tokens, rows, model->hidden, dx->values, gradient->values + model->embedding};
  ops_parallel(
      context, (model->hidden + OPS_EMBED_COLUMNS - 1) / OPS_EMBED_COLUMNS, add_columns, &a);
}
