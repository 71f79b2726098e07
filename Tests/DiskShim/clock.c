// Steps of the real-time clock; the monotonic clocks go on as they are.
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

enum { MAX_STEPS = 8 };
static struct { int64_t seconds; uint64_t from; } steps[MAX_STEPS];
static int step_count;
static atomic_ullong readings;

__attribute__((constructor)) static void start(void) {
  const char *text = getenv("DISKSHIM_CLOCK");
  while (text != NULL && *text && step_count < MAX_STEPS) {
    char *end;
    steps[step_count].seconds = strtoll(text, &end, 10);
    steps[step_count].from = *end == '@' ? strtoull(end + 1, &end, 10) : 1;
    if (end == text) break;
    step_count++;
    text = *end == ',' ? end + 1 : end;
  }
}

static int64_t offset_now(void) {
  if (step_count == 0) return 0;
  uint64_t reading = atomic_fetch_add(&readings, 1) + 1;
  int64_t seconds = 0;
  for (int i = 0; i < step_count; i++)
    if (reading >= steps[i].from) seconds = steps[i].seconds;
  return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *value) {
  if (syscall(SYS_clock_gettime, clock, value) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) value->tv_sec += offset_now();
  return 0;
}

time_t time(time_t *value) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (value != NULL) *value = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  value->tv_sec = now.tv_sec;
  value->tv_usec = now.tv_nsec / 1000;
  return 0;
}
