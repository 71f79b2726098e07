// Which calls are ours, their numbers, and the order of what happens around one.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

enum { MAX_ROOTS = 8 };
static char roots[MAX_ROOTS][PATH_MAX];
static int root_count;
static int count_file = -1;
static uint64_t numbers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static call_site current_site;

// One slash where there are several, and none at the end: names of descriptors have no more.
static void collapse(char *path) {
  char *end = path;
  for (const char *c = path; *c; c++)
    if (*c != '/' || end == path || end[-1] != '/') *end++ = *c;
  while (end > path + 1 && end[-1] == '/') end--;
  *end = 0;
}

// Before main, but other constructors may already have made calls: those are none of ours.
__attribute__((constructor)) static void start(void) {
  const char *text = getenv("DISKSHIM_ROOT");
  if (text == NULL || *text == 0) return;
  site_start();
  count_file = output_open("DISKSHIM_COUNT");
  record_start();
  faults_start();
  int count = 0;
  while (*text && count < MAX_ROOTS) {
    size_t length = strcspn(text, ":");
    if (length > 0 && length < PATH_MAX) {
      memcpy(roots[count], text, length);
      roots[count][length] = 0;
      collapse(roots[count++]);
    }
    text += strcspn(text, ":");
    if (*text) text++;
  }
  root_count = count;
}

static const char *root_of(const char *path) {
  for (int i = 0; i < root_count; i++) {
    size_t length = strlen(roots[i]);
    if (strncmp(path, roots[i], length) == 0 && (path[length] == '/' || path[length] == 0))
      return roots[i];
  }
  return NULL;
}

const char *shim_relative(const char *path) {
  const char *root = root_of(path);
  if (root == NULL) return path;
  path += strlen(root);
  return *path == '/' ? path + 1 : ".";
}

// The name that a descriptor's file has now, also after a rename.
static bool path_of_descriptor(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (length <= 0) return false;
  path[length] = 0;
  return path[0] == '/';
}

static void resolve(int folder, const char *path, char *resolved) {
  char base[PATH_MAX] = "";
  if (path[0] == '/') {
    snprintf(resolved, PATH_MAX, "%s", path);
    collapse(resolved);
    return;
  }
  if (folder == AT_FDCWD) {
    if (syscall(SYS_getcwd, base, sizeof base) <= 0) base[0] = 0;
  } else if (!path_of_descriptor(folder, base)) {
    base[0] = 0;
  }
  size_t length = strlen(base);
  if (length + 1 + strlen(path) >= PATH_MAX) length = 0;
  memcpy(resolved, base, length);
  resolved[length] = '/';
  snprintf(resolved + length + 1, PATH_MAX - length - 1, "%s", path);
  collapse(resolved);
}

static void fill(disk_call *call, uint32_t kind, const char *name) {
  call->kind = kind;
  call->name = name;
  call->flags = 0;
  call->offset = call->length = call->number = 0;
  call->data = NULL;
  call->parts = 0;
  call->strikes_after = call->is_skipped = false;
  call->path2[0] = 0;
}

bool shim_begin_fd(disk_call *call, uint32_t kind, const char *name, int fd) {
  if (root_count == 0) return false;
  int error = errno;
  bool ours = path_of_descriptor(fd, call->path) && root_of(call->path) != NULL;
  if (ours) {
    fill(call, kind, name);
    int mode = fcntl(fd, F_GETFL);
    if (mode >= 0 && (mode & O_DSYNC)) call->flags |= DISKSHIM_SYNCHRONOUS;
  }
  errno = error;
  return ours;
}

bool shim_begin_path(disk_call *call, uint32_t kind, const char *name, int folder,
                     const char *path) {
  if (root_count == 0 || path == NULL) return false;
  int error = errno;
  resolve(folder, path, call->path);
  bool ours = root_of(call->path) != NULL;
  if (ours) fill(call, kind, name);
  errno = error;
  return ours;
}

bool shim_begin_paths(disk_call *call, uint32_t kind, const char *name, const int folders[2],
                      const char *const paths[2]) {
  if (root_count == 0 || paths[0] == NULL || paths[1] == NULL) return false;
  int error = errno;
  fill(call, kind, name);
  resolve(folders[0], paths[0], call->path);
  resolve(folders[1], paths[1], call->path2);
  errno = error;
  return root_of(call->path) != NULL || root_of(call->path2) != NULL;
}

call_fate shim_before(disk_call *call) {
  int error = errno;
  pthread_mutex_lock(&lock);
  record_lock();
  call->number = ++numbers;
  if (count_file >= 0 || faults_need_site()) current_site = site_here();
  call_fate fate = faults_decide(call, current_site.hash);
  errno = error;
  return fate;
}

static void count(const disk_call *call, int64_t result) {
  if (count_file < 0) return;
  char chain[PATH_MAX];
  site_print(&current_site, chain, sizeof chain);
  output_line(count_file, "%d\t%llu\t%s\t%lld\t%016llx\t%s\t%s\n", getpid(),
              (unsigned long long)call->number, call->name, (long long)result,
              (unsigned long long)current_site.hash, shim_relative(call->path), chain);
}

int64_t shim_after(disk_call *call, int64_t result) {
  int error = errno;
  if (!call->is_skipped) record_call(call, result);
  count(call, result);
  faults_strike_after(call);
  record_unlock();
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
