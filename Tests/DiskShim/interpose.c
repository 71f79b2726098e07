// The calls themselves, under the names of the C library. Each goes to the kernel directly, so
// nothing here calls what it stands in for.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

#define ALIAS(name) __attribute__((alias(#name)))

// MARK: Opening

static bool exists(int folder, const char *path) {
  int error = errno;
  bool found = syscall(SYS_faccessat, folder, path, F_OK) == 0;
  errno = error;
  return found;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  disk_call call;
  bool is_new = (flags & O_CREAT) && !exists(folder, path);
  bool changes = is_new || ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY);
  if (!changes || !shim_begin_path(&call, is_new ? DISKSHIM_CREATE : DISKSHIM_TRUNCATE, "open",
                                   folder, path))
    return (int)syscall(SYS_openat, folder, path, flags, mode);
  if (flags & O_DSYNC) call.flags |= DISKSHIM_SYNCHRONOUS;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call,
                         fate.error ? -1 : syscall(SYS_openat, folder, path, flags, mode));
}

static mode_t mode_of(int flags, va_list arguments) {
  bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
  return makes ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) ALIAS(open);

int openat(int folder, const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) ALIAS(openat);

int creat(const char *path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) ALIAS(creat);

// MARK: Writing

enum { AT_POSITION = -1 };

// Cuts the parts to their first `length` bytes; returns how many are left.
static int cut(struct iovec *parts, int count, uint64_t length) {
  for (int part = 0; part < count; part++) {
    if (parts[part].iov_len >= length) {
      parts[part].iov_len = length;
      return part + 1;
    }
    length -= parts[part].iov_len;
  }
  return count;
}

static int64_t put(int fd, const struct iovec *parts, int count, off_t offset) {
  return offset == AT_POSITION ? syscall(SYS_writev, fd, parts, count)
                               : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

static ssize_t write_parts(const char *name, int fd, const struct iovec *parts, int count,
                           off_t offset) {
  disk_call call;
  if (count < 0 || count > IOV_MAX || !shim_begin_fd(&call, DISKSHIM_WRITE, name, fd))
    return put(fd, parts, count, offset);
  call.data = parts;
  call.parts = count;
  for (int part = 0; part < count; part++) call.length += parts[part].iov_len;
  call_fate fate = shim_before(&call);
  int64_t result = -1;
  errno = fate.error;
  if (!fate.error) {
    struct iovec kept[count > 0 ? count : 1];
    for (int part = 0; part < count; part++) kept[part] = parts[part];
    if (fate.length < call.length) count = cut(kept, count, fate.length);
    result = put(fd, kept, count, offset);
  }
  int error = errno;
  // A write at the file's position, appending or not, leaves that position behind it.
  int64_t moved = result > 0 ? result : 0;
  call.offset = (uint64_t)(offset != AT_POSITION ? offset : lseek(fd, 0, SEEK_CUR) - moved);
  errno = error;
  return shim_after(&call, result);
}

ssize_t write(int fd, const void *data, size_t size) {
  const struct iovec part = {(void *)(uintptr_t)data, size};
  ssize_t result = write_parts("write", fd, &part, 1, AT_POSITION);
  int error = errno;
  // What the process told its user it must keep.
  if (result > 0 && fd == STDOUT_FILENO) record_mark("stdout", data, (size_t)result);
  if (result > 0 && fd == STDERR_FILENO) record_mark("stderr", data, (size_t)result);
  errno = error;
  return result;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return write_parts("writev", fd, parts, count, AT_POSITION);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  const struct iovec part = {(void *)(uintptr_t)data, size};
  if (offset < 0) return syscall(SYS_pwrite64, fd, data, size, offset);
  return write_parts("pwrite", fd, &part, 1, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) ALIAS(pwrite);

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  if (offset < 0) return syscall(SYS_pwritev, fd, parts, count, offset, 0);
  return write_parts("pwritev", fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) ALIAS(pwritev);

// Copying inside the kernel shows no data: into our files it becomes a read and a write.
ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
  disk_call call;
  if (!shim_begin_fd(&call, DISKSHIM_WRITE, "sendfile", to))
    return syscall(SYS_sendfile, to, from, offset, size);
  char data[1 << 16];
  if (size > sizeof data) size = sizeof data;
  ssize_t taken = offset ? pread(from, data, size, *offset) : read(from, data, size);
  if (taken <= 0) return taken;
  ssize_t result = write(to, data, (size_t)taken);
  if (result >= 0 && offset) *offset += result;
  if (result < taken && !offset) lseek(from, (result < 0 ? 0 : result) - taken, SEEK_CUR);
  return result;
}
ssize_t sendfile64(int to, int from, off_t *offset, size_t size) ALIAS(sendfile);

// MARK: Lengths

int ftruncate(int fd, off_t length) {
  disk_call call;
  if (!shim_begin_fd(&call, DISKSHIM_TRUNCATE, "ftruncate", fd))
    return (int)syscall(SYS_ftruncate, fd, length);
  call.length = (uint64_t)length;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call, fate.error ? -1 : syscall(SYS_ftruncate, fd, length));
}
int ftruncate64(int fd, off_t length) ALIAS(ftruncate);

int truncate(const char *path, off_t length) {
  disk_call call;
  if (!shim_begin_path(&call, DISKSHIM_TRUNCATE, "truncate", AT_FDCWD, path))
    return (int)syscall(SYS_truncate, path, length);
  call.length = (uint64_t)length;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call, fate.error ? -1 : syscall(SYS_truncate, path, length));
}
int truncate64(const char *path, off_t length) ALIAS(truncate);

int fallocate(int fd, int mode, off_t offset, off_t length) {
  disk_call call;
  if (!shim_begin_fd(&call, DISKSHIM_ALLOCATE, "fallocate", fd))
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
  call.offset = (uint64_t)offset;
  call.length = (uint64_t)length;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call, fate.error ? -1 : syscall(SYS_fallocate, fd, mode, offset, length));
}
int fallocate64(int fd, int mode, off_t offset, off_t length) ALIAS(fallocate);

int posix_fallocate(int fd, off_t offset, off_t length) {
  int error = errno;
  int result = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
  errno = error;
  return result;
}
int posix_fallocate64(int fd, off_t offset, off_t length) ALIAS(posix_fallocate);

// MARK: Syncing

static int sync_file(const char *name, uint32_t kind, long number, int fd) {
  disk_call call;
  struct stat status;
  if (!shim_begin_fd(&call, kind, name, fd)) return (int)syscall(number, fd);
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) call.kind = DISKSHIM_FSYNC_FOLDER;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  int64_t result = fate.error ? -1 : call.is_skipped ? 0 : syscall(number, fd);
  return (int)shim_after(&call, result);
}

int fsync(int fd) { return sync_file("fsync", DISKSHIM_FSYNC, SYS_fsync, fd); }
int fdatasync(int fd) { return sync_file("fdatasync", DISKSHIM_FDATASYNC, SYS_fdatasync, fd); }

int sync_file_range(int fd, off_t offset, off_t length, unsigned flags) {
  disk_call call;
  if (!shim_begin_fd(&call, DISKSHIM_SYNC_RANGE, "sync_file_range", fd))
    return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
  call.offset = (uint64_t)offset;
  call.length = (uint64_t)length;
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(
      &call, fate.error ? -1 : syscall(SYS_sync_file_range, fd, offset, length, flags));
}

// MARK: Names

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  disk_call call;
  const int folders[] = {from_folder, to_folder};
  const char *const paths[] = {from, to};
  if (!shim_begin_paths(&call, DISKSHIM_RENAME, "rename", folders, paths))
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(
      &call,
      fate.error ? -1 : syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
  disk_call call;
  const int folders[] = {from_folder, to_folder};
  const char *const paths[] = {from, to};
  if (!shim_begin_paths(&call, DISKSHIM_LINK, "link", folders, paths))
    return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(
      &call, fate.error ? -1 : syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int unlink_at(const char *name, int folder, const char *path, int flags) {
  disk_call call;
  uint32_t kind = flags & AT_REMOVEDIR ? DISKSHIM_RMDIR : DISKSHIM_UNLINK;
  if (!shim_begin_path(&call, kind, name, folder, path))
    return (int)syscall(SYS_unlinkat, folder, path, flags);
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call, fate.error ? -1 : syscall(SYS_unlinkat, folder, path, flags));
}
int unlinkat(int folder, const char *path, int flags) {
  return unlink_at(flags & AT_REMOVEDIR ? "rmdir" : "unlink", folder, path, flags);
}
int unlink(const char *path) { return unlink_at("unlink", AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlink_at("rmdir", AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
  disk_call call;
  if (!shim_begin_path(&call, DISKSHIM_MKDIR, "mkdir", folder, path))
    return (int)syscall(SYS_mkdirat, folder, path, mode);
  call_fate fate = shim_before(&call);
  errno = fate.error;
  return (int)shim_after(&call, fate.error ? -1 : syscall(SYS_mkdirat, folder, path, mode));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
