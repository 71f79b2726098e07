// Tells ThreadSanitizer of contended locks of Swift's Mutex. An uncontended lock or unlock is an
// atomic operation in instrumented code; a contended one is a call of the Swift library, which is not
// instrumented, and whoever got the lock from another thread would seem to race with it. This stands
// in front of the two calls in the binaries of `make sanitize-thread`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// Synchronization._MutexHandle._lockSlow(_: UInt32) and ._unlockSlow(), as the library exports them.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SELF __attribute__((swift_context)) void *

void __tsan_acquire(void *address);
void __tsan_release(void *address);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void unlock_slow(SELF mutex) __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, SELF mutex) {
  __attribute__((swiftcall)) void (*next)(uint32_t, SELF) = dlsym(RTLD_NEXT, LOCK_SLOW);
  next(thread, mutex);
  __tsan_acquire(mutex);
}

__attribute__((swiftcall)) void unlock_slow(SELF mutex) {
  __attribute__((swiftcall)) void (*next)(SELF) = dlsym(RTLD_NEXT, UNLOCK_SLOW);
  __tsan_release(mutex);
  next(mutex);
}
