// The file system that the program sees: a small one in memory, with the system's folders in it,
// read-only, and /tmp.
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

// Files and folders in /tmp.
#define FILES_PER_MEGABYTE 1024

int sandbox_open_trees(const sandbox_plan *plan, int *trees) {
  int count = 0;
  const char *const *const lists[] = {plan->readable, plan->devices};
  for (int list = 0; list < 2; list++) {
    for (const char *const *path = lists[list]; *path; path++) {
      if (count == SANDBOX_TREES) {
        errno = E2BIG;
        return -1;
      }
      trees[count] =
          open_tree(AT_FDCWD, *path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
      if (trees[count++] < 0) return -1;
    }
  }
  return 0;
}

// Makes the folders above `path`, which is taken from the new root; and itself, as a folder or a file.
static int make_place(const char *path, bool folder, bool file) {
  char place[4096];
  if (strlen(path) >= sizeof place) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (size_t i = 1; path[i]; i++) {
    if (path[i] != '/') continue;
    memcpy(place, path + 1, i - 1);
    place[i - 1] = 0;
    if (mkdir(place, 0755) && errno != EEXIST) return -1;
  }
  strcpy(place, path + 1);
  if (folder) return mkdir(place, 0755) && errno != EEXIST ? -1 : 0;
  if (!file) return 0;
  const int made = open(place, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  return made < 0 ? -1 : close(made);
}

static int attach(const char *path, int tree, uint64_t attributes) {
  struct stat kind;
  if (fstat(tree, &kind)) return -1;
  const bool folder = S_ISDIR(kind.st_mode);
  if (make_place(path, folder, !folder)) return -1;
  if (move_mount(tree, "", AT_FDCWD, path + 1, MOVE_MOUNT_F_EMPTY_PATH)) return -1;
  const struct mount_attr change = {.attr_set = attributes};
  return mount_setattr(
      AT_FDCWD, path + 1, AT_RECURSIVE, (struct mount_attr *)&change, sizeof change);
}

static int write_file(const sandbox_plan *plan) {
  const int file = open(plan->file_path + 1, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return -1;
  size_t done = 0;
  while (done < plan->file_bytes) {
    const ssize_t count = write(file, (const char *)plan->file + done, plan->file_bytes - done);
    if (count < 0) return -1;
    done += (size_t)count;
  }
  return close(file);
}

// Decimal digits of `number` behind `text`; the room must suffice.
static void append(char *text, uint64_t number) {
  char digits[24];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10); while (number /= 10);
  char *end = text + strlen(text);
  while (count) *end++ = digits[--count];
  *end = 0;
}

static int mount_memory(const char *place, uint64_t bytes, uint64_t files, const char *mode) {
  char options[128] = "size=";
  append(options, bytes);
  strcat(options, ",nr_inodes=");
  append(options, files);
  strcat(options, ",mode=");
  strcat(options, mode);
  return mount("sandbox", place, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

int sandbox_mount(const sandbox_plan *plan, const int *trees, sandbox_step *step) {
  *step = SANDBOX_MOUNTS;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return -1;
  // Any folder that every system has: what lies in it is covered here and nowhere else.
  if (mount_memory("/tmp", 1 << 20, 4096, "755") || chdir("/tmp")) return -1;
  *step = SANDBOX_READABLE;
  const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY;
  for (const char *const *path = plan->readable; *path; path++)
    if (attach(*path, *trees++, safe | MOUNT_ATTR_NODEV)) return -1;
  for (const char *const *path = plan->devices; *path; path++)
    if (attach(*path, *trees++, safe | MOUNT_ATTR_NOEXEC)) return -1;
  for (const char *const *link = plan->links; *link; link += 2)
    if (make_place(link[0], false, false) || symlink(link[1], link[0] + 1)) return -1;
  *step = SANDBOX_ROOT;
  const uint64_t files = (plan->disk_bytes >> 20) * FILES_PER_MEGABYTE;
  if (mkdir("tmp", 0755) || mount_memory("tmp", plan->disk_bytes, files + 16, "700")) return -1;
  if (write_file(plan)) return -1;
  // The old root comes to lie over the new one, and is taken away.
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH)) return -1;
  const struct mount_attr change = {.attr_set = MOUNT_ATTR_RDONLY};
  if (mount_setattr(AT_FDCWD, "/", 0, (struct mount_attr *)&change, sizeof change)) return -1;
  return chdir("/tmp");
}
