// Elementary functions on 16 lanes: the same bits on every instruction set.
#ifndef TEMPER_OPS_CPU_LANES_H
#define TEMPER_OPS_CPU_LANES_H

#include <math.h>
#include <string.h>

#include "internal.h"

OPS_BODY f32x16 *ops_lanes(float *p) { return (f32x16 *)p; }
OPS_BODY const f32x16 *ops_const_lanes(const float *p) { return (const f32x16 *)p; }

// sum += a b, rounded once: the same bits with and without the instruction.
#define OPS_FMA(sum, a, b) ((sum) = __builtin_elementwise_fma(a, b, sum))

// The sum of 16 lanes by one fixed tree: halves, quarters, eighths.
OPS_BODY float ops_combine(const f32x16 *lanes) {
  float v[OPS_LANES];
  memcpy(v, lanes, sizeof v);
  for (int width = OPS_LANES / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) v[l] += v[l + width];
  return v[0];
}

OPS_BODY float ops_largest(const f32x16 *lanes) {
  float v[OPS_LANES];
  memcpy(v, lanes, sizeof v);
  float largest = v[0];
  for (int l = 1; l < OPS_LANES; l++) largest = v[l] > largest ? v[l] : largest;
  return largest;
}

OPS_BODY void ops_max_lanes(f32x16 *a, const f32x16 *b) {
  const i32x16 keep = *a >= *b;
  *a = (f32x16)(((i32x16)*a & keep) | ((i32x16)*b & ~keep));
}

// y = e^x by Cody and Waite's reduction and Cephes' polynomial (expf): below 2 ulp for x in
// [-87, 88]; 0 below that range (-inf included), e^88 above it.
OPS_BODY void ops_exp(const f32x16 *in, f32x16 *out) {
  const f32x16 x0 = *in;
  const i32x16 under = x0 < -87.0f;
  const i32x16 over = x0 > 88.0f;
  const f32x16 highest = (f32x16){0} + 88.0f;
  const f32x16 x = (f32x16)(((i32x16)x0 & ~(under | over)) | ((i32x16)highest & over));
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const f32x16 shifted = x * 1.44269504088896341f + magic;
  const f32x16 n = shifted - magic;
  const f32x16 r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  f32x16 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const i32x16 exponent = ((i32x16)shifted - 0x4B400000) << 23;
  *out = (f32x16)(((i32x16)p + exponent) & ~under);
}

// log of a positive, normal double without the C library, whose variants differ between machines:
// x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1) / (m + 1)); below 1e-15 relative.
OPS_BODY double ops_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t e = (int64_t)(bits >> 52) - 1023;
  bits = (bits & 0x000FFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  double m;
  memcpy(&m, &bits, sizeof m);
  if (m > 1.41421356237309504880) {
    m *= 0.5;
    e += 1;
  }
  const double t = (m - 1) / (m + 1);
  const double s = t * t;
  double sum = 1.0 / 21;
  for (int k = 19; k > 0; k -= 2) sum = sum * s + 1.0 / k;
  return (double)e * 0.693147180559945309417 + 2 * t * sum;
}

// sum over i of a[i] * b[i] in 16 lanes and one tree; the rest of a row goes to the first lanes.
OPS_BODY float ops_dot(const float *a, const float *b, size_t count) {
  f32x16 sum = {0};
  const size_t whole = count - count % OPS_LANES;
  for (size_t i = 0; i < whole; i += OPS_LANES)
    sum += *ops_const_lanes(a + i) * *ops_const_lanes(b + i);
  if (whole < count) {
    float rest[OPS_LANES] = {0};
    for (size_t i = whole; i < count; i++) rest[i - whole] = a[i] * b[i];
    sum += *ops_const_lanes(rest);
  }
  return ops_combine(&sum);
}

// 1 / sqrt(mean(x^2) + epsilon)
OPS_BODY float ops_inverse_rms(const float *x, size_t dim, float epsilon) {
  return 1 / sqrtf(ops_dot(x, x, dim) / (float)dim + epsilon);
}

// h = x * inverse * weight with inverse = 1 / sqrt(mean(x^2) + epsilon), which is returned. h may
// be x.
OPS_BODY float ops_rmsnorm_row(
    const float *x, const float *weight, float *h, size_t dim, float epsilon) {
  const float inverse = ops_inverse_rms(x, dim, epsilon);
  const size_t whole = dim - dim % OPS_LANES;
  for (size_t i = 0; i < whole; i += OPS_LANES)
    *ops_lanes(h + i) = *ops_const_lanes(x + i) * inverse * *ops_const_lanes(weight + i);
  for (size_t i = whole; i < dim; i++) h[i] = x[i] * inverse * weight[i];
  return inverse;
}

// Backward of `ops_rmsnorm_row`: with n = x * inverse and g = dh * weight
//   dx = residual + inverse * (g - n * mean(g * n));   dweight += dh * n
// residual may be NULL (none) or dx. dh is overwritten; dx may be dh.
OPS_BODY void ops_rmsnorm_row_backward(
    const float *x, const float *weight, float inverse, float *dh, const float *residual,
    float *dx, float *dweight, size_t dim) {
  for (size_t i = 0; i < dim; i++) {
    dweight[i] += dh[i] * (x[i] * inverse);
    dh[i] *= weight[i];
  }
  const float mean = ops_dot(dh, x, dim) * inverse / (float)dim;
  const float slope = mean * inverse;
  if (residual)
    for (size_t i = 0; i < dim; i++) dx[i] = residual[i] + inverse * (dh[i] - x[i] * slope);
  else
    for (size_t i = 0; i < dim; i++) dx[i] = inverse * (dh[i] - x[i] * slope);
}

#endif
