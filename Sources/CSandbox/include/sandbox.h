// A program that reaches nothing but what it is given: the part of the sandbox that has to run between
// clone and exec, where no Swift may. docs/verifiers.md, section code, says what it protects from.
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The first user outside whom a sandbox is: nobody's, and no range that a distribution deals out.
#define SANDBOX_USER 60903

typedef struct sandbox_plan {
  // Program and arguments, as paths inside, and its environment; each ends with NULL.
  const char *const *arguments;
  const char *const *environment;
  // Folders and files that are seen read-only under their own path; ends with NULL.
  const char *const *readable;
  // Devices, likewise.
  const char *const *devices;
  // Pairs of a path and what the symbolic link there says; ends with NULL.
  const char *const *links;
  // Written to `file_path`, in /tmp: the only folder that can be written, and where the program starts.
  const char *file_path;
  const void *file;
  size_t file_bytes;
  // Of each process; of all processes and threads; of /tmp.
  uint64_t memory_bytes, cpu_seconds, processes, disk_bytes, open_files;
  // Descriptors for its streams.
  int input, output, errors;
} sandbox_plan;

// Where setting it up failed.
typedef enum sandbox_step {
  SANDBOX_NONE,
  SANDBOX_NAMESPACES,
  SANDBOX_USERS,
  SANDBOX_MOUNTS,
  SANDBOX_READABLE,
  SANDBOX_ROOT,
  SANDBOX_LIMITS,
  SANDBOX_PRIVILEGES,
  SANDBOX_FILTER,
  SANDBOX_FORK,
  SANDBOX_PROGRAM,
} sandbox_step;

// What the sandbox says of itself, once, before it ends: nothing if it was killed.
typedef struct sandbox_report {
  int32_t failed;  // sandbox_step
  int32_t code;    // errno of it
  int32_t status;  // of the program, as waitpid has it
} sandbox_report;

typedef struct sandbox_handles {
  // The first process inside: with it all others end. It ends with the thread that started it.
  pid_t process;
  // Holds one sandbox_report when the process has ended; to be closed by the caller, like `life`.
  int report;
  int life;
} sandbox_handles;

// Starts the program. Thread-safe.
// Returns a sandbox_step, with errno; SANDBOX_NONE: it is under way.
int sandbox_start(const sandbox_plan *plan, sandbox_handles *handles);

// The version of Landlock that the kernel has; 0 for none.
int sandbox_landlock_version(void);

#endif
