// Contexts, tensors and their memory.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "product.h"

// AddressSanitizer knows what comes from its allocator; of a mapping it knows neither where it ends
// nor whether it was given back.
#if __has_feature(address_sanitizer)
void *ops_map(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, 64, bytes)) return NULL;
  return memset(memory, 0, bytes);
}

void ops_unmap(void *memory, size_t bytes) {
  (void)bytes;
  free(memory);
}
#else
void *ops_map(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  // A request: where the system refuses, small pages serve.
  if (bytes >= (size_t)1 << 21) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void ops_unmap(void *memory, size_t bytes) {
  if (memory) munmap(memory, bytes);
}
#endif

// A panel's part in f32, and a tile's part of X as bf16.
#define OPS_WIDENED_BYTES (OPS_DEPTH * OPS_PANEL * sizeof(float))
#define OPS_HALVES_BYTES (OPS_DEPTH * OPS_TILE * sizeof(uint16_t))

// What TEMPER_ISA, of tests and of comparisons between machines, allows.
static ops_isa allowed_isa(ops_isa up_to) {
  const char *name = getenv("TEMPER_ISA");
  if (!name) return up_to;
  if (strcmp(name, "baseline") == 0) return OPS_ISA_BASELINE;
  return strcmp(name, "avx2") == 0 && up_to > OPS_ISA_AVX2 ? OPS_ISA_AVX2 : up_to;
}

static ops_isa best_isa(ops_isa up_to) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (up_to >= OPS_ISA_AVX512 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return OPS_ISA_AVX512;
  if (up_to >= OPS_ISA_AVX2 && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma"))
    return OPS_ISA_AVX2;
#endif
  (void)up_to;
  return OPS_ISA_BASELINE;
}

ops_context *ops_context_create(unsigned threads, ops_isa up_to) {
  ops_context *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  context->isa = best_isa(allowed_isa(up_to));
  context->threads = threads < 1 ? 1 : threads;
  context->scratch = calloc(context->threads, sizeof *context->scratch);
  context->widened = calloc(context->threads, sizeof *context->widened);
  context->halves = calloc(context->threads, sizeof *context->halves);
  context->dropped = calloc(context->threads, sizeof *context->dropped);
  context->pool = ops_pool_create(context->threads);
  bool whole = context->pool && context->scratch && context->widened && context->halves &&
               context->dropped;
  for (unsigned t = 0; whole && t < context->threads; t++) {
    context->widened[t] = ops_map(OPS_WIDENED_BYTES);
    context->halves[t] = ops_map(OPS_HALVES_BYTES);
    whole = context->widened[t] && context->halves[t];
  }
  if (whole) return context;
  ops_context_destroy(context);
  return NULL;
}

void ops_context_destroy(ops_context *context) {
  if (context->pool) ops_pool_destroy(context->pool);
  for (unsigned t = 0; t < context->threads; t++) {
    if (context->scratch)
      ops_unmap(context->scratch[t], context->scratch_count * sizeof(float));
    if (context->dropped)
      ops_unmap(context->dropped[t], context->dropped_count * sizeof(float));
    if (context->widened) ops_unmap(context->widened[t], OPS_WIDENED_BYTES);
    if (context->halves) ops_unmap(context->halves[t], OPS_HALVES_BYTES);
  }
  ops_arena_destroy(context);
  ops_unmap(context->vectors, context->vectors_count * sizeof(float));
  free(context->scratch);
  free(context->dropped);
  free(context->widened);
  free(context->halves);
  free(context);
}

ops_isa ops_context_isa(const ops_context *context) { return context->isa; }
unsigned ops_context_threads(const ops_context *context) { return context->threads; }

const char *ops_product_kernel(const ops_context *context, ops_products products) {
  if (products == OPS_PRODUCTS_BF16 && ops_pairs_available(context)) return "avx512-bf16";
  return "fma";
}

void ops_parallel(ops_context *context, size_t items, ops_task task, void *arguments) {
  const bool before = context->is_lone;
  context->is_lone = items == 1;
  ops_pool_run(context->pool, items, task, arguments);
  context->is_lone = before;
}

// A buffer of `count` floats in place of one of `before`.
static float *exchange(float *buffer, size_t before, size_t count) {
  ops_unmap(buffer, before * sizeof(float));
  buffer = ops_map(count * sizeof(float));
  if (!buffer) {
    fprintf(stderr, "ops: no memory for %zu bytes of scratch\n", count * sizeof(float));
    abort();
  }
  return buffer;
}

void ops_reserve_each(ops_context *context, float **buffers, size_t *held, size_t count) {
  if (count <= *held) return;
  count = ops_round_up(count + count / 4, 1 << 14);
  for (unsigned t = 0; t < context->threads; t++) buffers[t] = exchange(buffers[t], *held, count);
  *held = count;
}

void ops_reserve_scratch(ops_context *context, size_t count) {
  ops_reserve_each(context, context->scratch, &context->scratch_count, count);
}

float *ops_reserve_vectors(ops_context *context, const ops_tensor *parameters, size_t count) {
  if (parameters->type != OPS_F32 && count > context->vectors_count) {
    context->vectors = exchange(context->vectors, context->vectors_count, count);
    context->vectors_count = count;
  }
  return context->vectors;
}

static size_t width(ops_type type) { return type == OPS_F32 ? sizeof(float) : sizeof(uint16_t); }

ops_tensor *ops_tensor_create(ops_context *context, size_t count, ops_type type) {
  ops_tensor *tensor = calloc(1, sizeof *tensor);
  if (!tensor) return NULL;
  tensor->context = context;
  tensor->type = type;
  tensor->count = count;
  tensor->version = 1;
  tensor->bytes = (count + OPS_LANES) * width(type);
  tensor->values = ops_map(tensor->bytes);
  if (!tensor->values) {
    free(tensor);
    return NULL;
  }
  return tensor;
}

void ops_tensor_destroy(ops_tensor *tensor) {
  ops_packing_destroy(tensor->packings);
  ops_unmap(tensor->values, tensor->bytes);
  free(tensor);
}

size_t ops_tensor_count(const ops_tensor *tensor) { return tensor->count; }
ops_type ops_tensor_type(const ops_tensor *tensor) { return tensor->type; }

static char *place(const ops_tensor *tensor, size_t offset) {
  return (char *)tensor->values + offset * width(tensor->type);
}

void ops_tensor_write(ops_tensor *tensor, size_t offset, const float *host_values, size_t count) {
  tensor->version++;
  if (count) memcpy(tensor->values + offset, host_values, count * sizeof(float));
}

void ops_tensor_write_stored(
    ops_tensor *tensor, size_t offset, const void *host_bytes, size_t count) {
  tensor->version++;
  if (count) memcpy(place(tensor, offset), host_bytes, count * width(tensor->type));
}

void ops_tensor_read(const ops_tensor *tensor, size_t offset, float *host_values, size_t count) {
  if (count) ops_widen(tensor->context, ops_stored_at(tensor, offset), count, host_values);
}

void ops_tensor_zero(ops_tensor *tensor, size_t offset, size_t count) {
  tensor->version++;
  memset(place(tensor, offset), 0, count * width(tensor->type));
}

void ops_tensor_copy(
    const ops_tensor *source, size_t source_offset, ops_tensor *destination,
    size_t destination_offset, size_t count) {
  destination->version++;
  memcpy(place(destination, destination_offset), place(source, source_offset),
         count * width(source->type));
}
