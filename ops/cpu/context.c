// Contexts, tensors and their memory.
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

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

static ops_isa best_isa(ops_isa up_to) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (up_to >= OPS_ISA_AVX512 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return OPS_ISA_AVX512;
  if (up_to >= OPS_ISA_AVX2 && __builtin_cpu_supports("avx2")) return OPS_ISA_AVX2;
#endif
  (void)up_to;
  return OPS_ISA_BASELINE;
}

ops_context *ops_context_create(unsigned threads, ops_isa up_to) {
  ops_context *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  context->isa = best_isa(up_to);
  context->threads = threads < 1 ? 1 : threads;
  context->scratch = calloc(context->threads, sizeof *context->scratch);
  context->pool = ops_pool_create(context->threads);
  if (!context->pool || !context->scratch) {
    if (context->pool) ops_pool_destroy(context->pool);
    free(context->scratch);
    free(context);
    return NULL;
  }
  // Every product runs on the thread that asks for it: its bits depend on the number of threads.
  openblas_set_num_threads(1);
  return context;
}

void ops_context_destroy(ops_context *context) {
  ops_pool_destroy(context->pool);
  for (unsigned t = 0; t < context->threads; t++)
    ops_unmap(context->scratch[t], context->scratch_count * sizeof(float));
  free(context->scratch);
  free(context);
}

ops_isa ops_context_isa(const ops_context *context) { return context->isa; }
unsigned ops_context_threads(const ops_context *context) { return context->threads; }

const char *ops_blas_core(const ops_context *context) {
  (void)context;
  return openblas_get_corename();
}

const char *ops_blas_library(const ops_context *context) {
  (void)context;
  return openblas_get_config();
}

void ops_parallel(ops_context *context, size_t items, ops_task task, void *arguments) {
  ops_pool_run(context->pool, items, task, arguments);
}

void ops_reserve_scratch(ops_context *context, size_t count) {
  if (count <= context->scratch_count) return;
  count = ops_round_up(count + count / 4, 1 << 14);
  for (unsigned t = 0; t < context->threads; t++) {
    ops_unmap(context->scratch[t], context->scratch_count * sizeof(float));
    context->scratch[t] = ops_map(count * sizeof(float));
    if (!context->scratch[t]) {
      fprintf(stderr, "ops: no memory for %zu bytes of scratch\n", count * sizeof(float));
      abort();
    }
  }
  context->scratch_count = count;
}

ops_tensor *ops_tensor_create(ops_context *context, size_t count) {
  ops_tensor *tensor = calloc(1, sizeof *tensor);
  if (!tensor) return NULL;
  tensor->context = context;
  tensor->count = count;
  tensor->bytes = (count + OPS_LANES) * sizeof(float);
  tensor->values = ops_map(tensor->bytes);
  if (!tensor->values) {
    free(tensor);
    return NULL;
  }
  return tensor;
}

void ops_tensor_destroy(ops_tensor *tensor) {
  ops_unmap(tensor->values, tensor->bytes);
  free(tensor);
}

size_t ops_tensor_count(const ops_tensor *tensor) { return tensor->count; }

void ops_tensor_write(ops_tensor *tensor, size_t offset, const float *host_values, size_t count) {
  if (count) memcpy(tensor->values + offset, host_values, count * sizeof(float));
}

void ops_tensor_read(const ops_tensor *tensor, size_t offset, float *host_values, size_t count) {
  if (count) memcpy(host_values, tensor->values + offset, count * sizeof(float));
}

void ops_tensor_zero(ops_tensor *tensor, size_t offset, size_t count) {
  memset(tensor->values + offset, 0, count * sizeof(float));
}

void ops_tensor_copy(
    const ops_tensor *source, size_t source_offset, ops_tensor *destination,
    size_t destination_offset, size_t count) {
  memcpy(destination->values + destination_offset, source->values + source_offset,
         count * sizeof(float));
}
