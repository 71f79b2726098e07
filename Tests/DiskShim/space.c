// What a disk says of its room while the shim pretends that it is full.
#include <dlfcn.h>
#include <errno.h>
#include <sys/statvfs.h>

#include "shim.h"

typedef int (*statvfs_call)(const char *, struct statvfs *);

int statvfs(const char *path, struct statvfs *room) {
  int error = errno;
  // A pointer to data becomes one to a function: POSIX says how dlsym means it.
  statvfs_call real;
  *(void **)&real = dlsym(RTLD_NEXT, "statvfs");
  errno = error;
  int result = real(path, room);
  if (result == 0 && faults_disk_is_full()) room->f_bfree = room->f_bavail = 0;
  return result;
}
int statvfs64(const char *path, struct statvfs64 *room) __attribute__((alias("statvfs")));
