#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

int output_open(const char *variable) {
  const char *path = getenv(variable);
  if (path == NULL || *path == 0) return -1;
  long low = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (low < 0) {
    dprintf(STDERR_FILENO, "diskshim: %s=%s cannot be opened\n", variable, path);
    abort();
  }
  // Out of the way of a process that has few descriptors: its numbers stay as without the shim.
  int high = fcntl((int)low, F_DUPFD_CLOEXEC, 200);
  if (high < 0) return (int)low;
  close((int)low);
  return high;
}

void output_line(int fd, const char *format, ...) {
  char line[2 * PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (size >= (int)sizeof line) {
    size = sizeof line;
    line[size - 1] = '\n';
  }
  if (syscall(SYS_write, fd, line, size) != size) abort();
}
