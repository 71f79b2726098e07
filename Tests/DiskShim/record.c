// The log of calls that a power cut can be made from.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

static int log_file = -1;

void record_start(void) { log_file = output_open("DISKSHIM_RECORD"); }
bool record_is_on(void) { return log_file >= 0; }

static void lock(int operation) {
  if (log_file < 0) return;
  while (syscall(SYS_flock, log_file, operation) != 0) {}
}
void record_lock(void) { lock(LOCK_EX); }
void record_unlock(void) { lock(LOCK_UN); }

typedef struct __attribute__((packed)) {
  uint32_t magic, kind, pid, flags;
  uint64_t offset, length;
  int64_t result;
  uint32_t path_length, path2_length;
} record_header;

// Parts of one record: header, two paths, and as many data parts as the kernel takes at once.
enum { MAX_PARTS = IOV_MAX };

static void append(const struct iovec *parts, int count) {
  ssize_t size = 0;
  for (int part = 0; part < count; part++) size += (ssize_t)parts[part].iov_len;
  // A record that is not whole would make the log unreadable: better no test than a wrong one.
  if (syscall(SYS_writev, log_file, parts, count) != size) {
    dprintf(STDERR_FILENO, "diskshim: the record could not be written\n");
    abort();
  }
}

void record_call(const disk_call *call, int64_t result) {
  if (log_file < 0) return;
  uint64_t bytes = call->kind == DISKSHIM_WRITE ? (uint64_t)(result > 0 ? result : 0) : 0;
  record_header header = {
      .magic = DISKSHIM_MAGIC, .kind = call->kind, .pid = (uint32_t)getpid(),
      .flags = call->flags, .offset = call->offset,
      .length = call->kind == DISKSHIM_WRITE ? bytes : call->length, .result = result,
      .path_length = (uint32_t)strlen(call->path), .path2_length = (uint32_t)strlen(call->path2)};
  struct iovec parts[MAX_PARTS] = {
      {&header, sizeof header},
      {(void *)(uintptr_t)call->path, header.path_length},
      {(void *)(uintptr_t)call->path2, header.path2_length}};
  int count = 3;
  for (int part = 0; part < call->parts && bytes > 0; part++) {
    if (count == MAX_PARTS) abort();
    struct iovec data = call->data[part];
    if (data.iov_len > bytes) data.iov_len = bytes;
    bytes -= data.iov_len;
    parts[count++] = data;
  }
  append(parts, count);
}

void record_mark(const char *path, const void *data, size_t size) {
  if (log_file < 0) return;
  record_header header = {
      .magic = DISKSHIM_MAGIC, .kind = DISKSHIM_MARK, .pid = (uint32_t)getpid(),
      .length = size, .result = (int64_t)size, .path_length = (uint32_t)strlen(path)};
  const struct iovec parts[] = {
      {&header, sizeof header},
      {(void *)(uintptr_t)path, header.path_length},
      {(void *)(uintptr_t)data, size}};
  append(parts, 3);
}
