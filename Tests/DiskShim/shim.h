// What the parts of the shim share.
#ifndef TEMPER_SHIM_H
#define TEMPER_SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "DiskShim.h"

// One disk call on its way.
typedef struct {
  uint32_t kind;
  const char *name;
  uint32_t flags;
  uint64_t offset;
  uint64_t length;
  const struct iovec *data;  // of a write
  int parts;
  uint64_t number;  // in this process, from 1
  bool strikes_after;  // SIGKILL once it has returned
  bool is_skipped;  // said to be done, and not done
  char path[PATH_MAX];
  char path2[PATH_MAX];
} disk_call;

// What becomes of a call: an error instead of it, or a write of so many bytes only.
typedef struct {
  int error;
  uint64_t length;
} call_fate;

// call.c: every wrapper calls begin (false: the call is none of ours), then before, the kernel, and
// after, which returns `result` with errno as it was. A lock is held in between.
bool shim_begin_fd(disk_call *call, uint32_t kind, const char *name, int fd);
bool shim_begin_path(disk_call *call, uint32_t kind, const char *name, int folder,
                     const char *path);
// A second path, as of a rename; a call is ours when either path is.
bool shim_begin_paths(disk_call *call, uint32_t kind, const char *name, const int folders[2],
                      const char *const paths[2]);
call_fate shim_before(disk_call *call);
int64_t shim_after(disk_call *call, int64_t result);
const char *shim_relative(const char *path);

// faults.c
void faults_start(void);
bool faults_need_site(void);
call_fate faults_decide(disk_call *call, uint64_t site);
void faults_strike_after(const disk_call *call);
bool faults_disk_is_full(void);

// record.c
void record_start(void);
bool record_is_on(void);
void record_lock(void);
void record_unlock(void);
void record_call(const disk_call *call, int64_t result);
void record_mark(const char *path, const void *data, size_t size);

// site.c
// Frames further out tell what the command does rather than where in the program it is.
enum { SITE_FRAMES = 10 };
typedef struct {
  uint64_t hash;
  int frames;
  const void *addresses[SITE_FRAMES];
} call_site;
void site_start(void);
call_site site_here(void);
void site_print(const call_site *site, char *text, size_t size);

// output.c: appends a line to a file with one call, so that processes can share it.
int output_open(const char *variable);
void output_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
