// The exponential by itself, for tests of its error over its whole range.
#include "lanes.h"

typedef struct {
  const float *x;
  float *y;
  size_t count;
} exp_arguments;

OPS_BODY void exp_all(void *arguments, size_t item, unsigned thread) {
  (void)item;
  (void)thread;
  const exp_arguments *a = arguments;
  for (size_t i = 0; i < a->count; i += OPS_LANES) {
    const size_t lanes = a->count - i < OPS_LANES ? a->count - i : OPS_LANES;
    float v[OPS_LANES] = {0};
    memcpy(v, a->x + i, lanes * sizeof(float));
    ops_exp(ops_const_lanes(v), ops_lanes(v));
    memcpy(a->y + i, v, lanes * sizeof(float));
  }
}
OPS_VARIANTS(exp_all);

void ops_exp_f32(ops_context *context, const float *host_x, float *host_y, size_t count) {
  exp_arguments a = {host_x, host_y, count};
  exp_all_variants[context->isa](&a, 0, 0);
}
