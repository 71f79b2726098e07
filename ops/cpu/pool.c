// The threads of a context: they take numbered items until none is left.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "internal.h"

// How often a thread looks before it blocks, about 20 microseconds: regions of a small model follow
// each other within less, and threads that spin on a core that others want lose a factor.
#define OPS_SPINS 2000

struct ops_pool {
  pthread_mutex_t mutex;
  pthread_cond_t started;
  pthread_cond_t finished;
  pthread_t *workers;
  unsigned worker_count;
  unsigned next_thread;  // numbers the workers as they start

  // The region under way. Written while all workers are idle, published by `region`.
  ops_task task;
  void *arguments;
  size_t items;
  atomic_size_t next_item;
  atomic_uint running;  // workers that have not left the region yet
  atomic_ullong region;
  atomic_bool stop;
};

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void work(struct ops_pool *pool, unsigned thread) {
  for (;;) {
    const size_t item = atomic_fetch_add_explicit(&pool->next_item, 1, memory_order_relaxed);
    if (item >= pool->items) return;
    pool->task(pool->arguments, item, thread);
  }
}

static void *worker_main(void *argument) {
  struct ops_pool *pool = argument;
  pthread_mutex_lock(&pool->mutex);
  const unsigned thread = pool->next_thread++;
  pthread_mutex_unlock(&pool->mutex);
  unsigned long long seen = 0;
  for (;;) {
    for (int spin = 0; spin < OPS_SPINS; spin++) {
      if (atomic_load_explicit(&pool->region, memory_order_acquire) != seen) break;
      relax();
    }
    if (atomic_load_explicit(&pool->region, memory_order_acquire) == seen) {
      pthread_mutex_lock(&pool->mutex);
      while (atomic_load_explicit(&pool->region, memory_order_acquire) == seen)
        pthread_cond_wait(&pool->started, &pool->mutex);
      pthread_mutex_unlock(&pool->mutex);
    }
    seen = atomic_load_explicit(&pool->region, memory_order_acquire);
    if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
    work(pool, thread);
    if (atomic_fetch_sub_explicit(&pool->running, 1, memory_order_acq_rel) == 1) {
      pthread_mutex_lock(&pool->mutex);
      pthread_cond_signal(&pool->finished);
      pthread_mutex_unlock(&pool->mutex);
    }
  }
}

// Publishes the next region and wakes the workers that block.
static void publish(struct ops_pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add_explicit(&pool->region, 1, memory_order_release);
  pthread_cond_broadcast(&pool->started);
  pthread_mutex_unlock(&pool->mutex);
}

void ops_pool_run(struct ops_pool *pool, size_t items, ops_task task, void *arguments) {
  if (pool->worker_count == 0 || items <= 1) {
    for (size_t item = 0; item < items; item++) task(arguments, item, 0);
    return;
  }
  pool->task = task;
  pool->arguments = arguments;
  pool->items = items;
  atomic_store_explicit(&pool->next_item, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->running, pool->worker_count, memory_order_relaxed);
  publish(pool);
  work(pool, 0);
  for (int spin = 0; spin < OPS_SPINS; spin++) {
    if (atomic_load_explicit(&pool->running, memory_order_acquire) == 0) return;
    relax();
  }
  pthread_mutex_lock(&pool->mutex);
  while (atomic_load_explicit(&pool->running, memory_order_acquire) != 0)
    pthread_cond_wait(&pool->finished, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
}

struct ops_pool *ops_pool_create(unsigned threads) {
  struct ops_pool *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->next_thread = 1;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->started, NULL);
  pthread_cond_init(&pool->finished, NULL);
  if (threads <= 1) return pool;
  pool->workers = calloc(threads - 1, sizeof *pool->workers);
  while (pool->workers && pool->worker_count < threads - 1 &&
         pthread_create(&pool->workers[pool->worker_count], NULL, worker_main, pool) == 0)
    pool->worker_count++;
  if (pool->worker_count < threads - 1) {
    ops_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void ops_pool_destroy(struct ops_pool *pool) {
  atomic_store_explicit(&pool->stop, true, memory_order_release);
  publish(pool);
  for (unsigned w = 0; w < pool->worker_count; w++) pthread_join(pool->workers[w], NULL);
  pthread_cond_destroy(&pool->started);
  pthread_cond_destroy(&pool->finished);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->workers);
  free(pool);
}
