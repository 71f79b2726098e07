// Parameters that are held in 16 bits, as the f32 values that they stand for.
#include <string.h>

#include "internal.h"

typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t u32x16 __attribute__((vector_size(64), aligned(4), may_alias));

OPS_BODY void widen_bf16(const u32x16 *halves, u32x16 *wide) { *wide = *halves << 16; }

// A half's exponent and fraction, moved into an f32's, stand for its value times 2^-112, subnormals
// too: no instruction set has to know halves.
OPS_BODY void widen_f16(const u32x16 *halves, u32x16 *wide) {
  const u32x16 magnitude = (*halves & 0x7FFF) << 13;
  const f32x16 scaled = (f32x16)magnitude * 0x1p112f;
  const u32x16 endless = (u32x16)((*halves & 0x7C00) == 0x7C00) & 0x7F800000;
  *wide = (u32x16)scaled | endless | (*halves & 0x8000) << 16;
}

OPS_BODY void widen(const uint16_t *from, ops_type type, size_t count, float *to) {
  for (size_t i = 0; i < count; i += OPS_LANES) {
    const size_t lanes = count - i < OPS_LANES ? count - i : OPS_LANES;
    uint16_t rest[OPS_LANES] = {0};
    if (lanes < OPS_LANES) memcpy(rest, from + i, lanes * sizeof *rest);
    const u16x16 *halves = (const u16x16 *)(lanes < OPS_LANES ? rest : from + i);
    const u32x16 raw = __builtin_convertvector(*halves, u32x16);
    u32x16 wide;
    if (type == OPS_BF16)
      widen_bf16(&raw, &wide);
    else
      widen_f16(&raw, &wide);
    memcpy(to + i, &wide, lanes * sizeof *to);
  }
}

static void widen_baseline(const uint16_t *from, ops_type type, size_t count, float *to) {
  widen(from, type, count, to);
}
OPS_AVX2 static void widen_avx2(const uint16_t *from, ops_type type, size_t count, float *to) {
  widen(from, type, count, to);
}
OPS_AVX512 static void widen_avx512(const uint16_t *from, ops_type type, size_t count, float *to) {
  widen(from, type, count, to);
}

void ops_widen(const ops_context *context, ops_stored from, size_t count, float *values) {
  if (from.type == OPS_F32) {
    memcpy(values, from.values, count * sizeof *values);
    return;
  }
  static void (*const variants[])(const uint16_t *, ops_type, size_t, float *) = {
      widen_baseline, widen_avx2, widen_avx512};
  variants[context->isa](from.values, from.type, count, values);
}

ops_stored ops_stored_from(ops_stored values, size_t offset) {
  if (values.type == OPS_F32)
    return (ops_stored){(const float *)values.values + offset, OPS_F32};
  return (ops_stored){(const uint16_t *)values.values + offset, values.type};
}

ops_stored ops_stored_at(const ops_tensor *parameters, size_t offset) {
  return ops_stored_from((ops_stored){parameters->values, parameters->type}, offset);
}

const float *ops_vector(const ops_tensor *parameters, size_t offset, size_t count, float **room) {
  if (offset == OPS_ABSENT) return NULL;
  if (parameters->type == OPS_F32) return parameters->values + offset;
  float *values = *room;
  *room += count;
  ops_widen(parameters->context, ops_stored_at(parameters, offset), count, values);
  return values;
}
