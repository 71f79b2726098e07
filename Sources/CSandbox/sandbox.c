#include "internal.h"

#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// Where the descriptors of the first process stand.
enum { REPORT = 3, LIFE = 4, FIRST_OTHER = 5 };

static _Noreturn void fail(sandbox_step step) {
  const sandbox_report report = {.failed = step, .code = errno};
  // Nobody but the report says more.
  if (write(REPORT, &report, sizeof report) < 0) _exit(126);
  _exit(125);
}

// MARK: Inside

// Streams to 0...2, report and life behind them, everything else closed.
static int place_descriptors(const sandbox_plan *plan, int report, int life) {
  const int given[] = {plan->input, plan->output, plan->errors, report, life};
  int high[FIRST_OTHER];
  // First out of the way, so that none is overwritten before it is copied.
  for (int i = 0; i < FIRST_OTHER; i++)
    if ((high[i] = fcntl(given[i], F_DUPFD, 64)) < 0) return -1;
  for (int i = 0; i < FIRST_OTHER; i++)
    if (dup2(high[i], i) < 0) return -1;
  return close_range(FIRST_OTHER, ~0u, 0);
}

static int become_user(void) {
  const unsigned id = SANDBOX_INNER_USER;
  // The C library's own calls would look for the caller's other threads, under a lock that one of them
  // may hold for ever here.
  // Refused where the caller is no superuser outside: then it keeps the caller's own groups.
  if (syscall(SYS_setgroups, 0, NULL) && errno != EPERM) return -1;
  return syscall(SYS_setresgid, id, id, id) || syscall(SYS_setresuid, id, id, id) ? -1 : 0;
}

static int limit(const sandbox_plan *plan) {
  const struct {
    int resource;
    uint64_t most;
  } limits[] = {
      {RLIMIT_AS, plan->memory_bytes},
      {RLIMIT_CPU, plan->cpu_seconds},
      // The first process counts as well.
      {RLIMIT_NPROC, plan->processes + 1},
      {RLIMIT_FSIZE, plan->disk_bytes},
      {RLIMIT_NOFILE, plan->open_files},
      {RLIMIT_CORE, 0},
      {RLIMIT_MEMLOCK, 0},
      {RLIMIT_MSGQUEUE, 0},
      {RLIMIT_SIGPENDING, 256},
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    const struct rlimit value = {limits[i].most, limits[i].most};
    if (setrlimit(limits[i].resource, &value)) return -1;
  }
  return 0;
}

static int drop_privileges(void) {
  for (int capability = 0; capability <= 63; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none)) return -1;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// What the caller handles, ignores or blocks is its own affair: a handler of its would run here.
static void reset_signals(void) {
  const unsigned long standard[8] = {0};  // sigaction as the kernel has it: SIG_DFL, no flags
  for (int number = 1; number < 65; number++)
    syscall(SYS_rt_sigaction, number, standard, NULL, sizeof(uint64_t));
  const uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

// When memory runs out, the kernel takes this first.
static void offer_to_kernel(void) {
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  // A machine without it is none the worse.
  if (write(file, "1000", 4) < 0) errno = 0;
  close(file);
}

static _Noreturn void run_program(const sandbox_plan *plan) {
  setsid();
  if (limit(plan)) fail(SANDBOX_LIMITS);
  if (sandbox_landlock() || sandbox_filter()) fail(SANDBOX_FILTER);
  // A program that begins closes the report, which is how the caller learns of it.
  fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  close(LIFE);
  execve(
      plan->arguments[0], (char *const *)plan->arguments, (char *const *)plan->environment);
  fail(SANDBOX_PROGRAM);
}

// The first process: nothing else ends before it, and nothing outlives it.
static _Noreturn void first_process(const sandbox_plan *plan, int report, int life) {
  reset_signals();
  if (place_descriptors(plan, report, life)) _exit(124);
  // One byte: who we are outside is settled. None: the caller is gone.
  char byte;
  if (read(LIFE, &byte, 1) != 1) _exit(124);
  offer_to_kernel();
  int trees[SANDBOX_TREES];
  if (sandbox_open_trees(plan, trees)) fail(SANDBOX_READABLE);
  if (become_user()) fail(SANDBOX_USERS);
  sandbox_step step = SANDBOX_MOUNTS;
  if (sandbox_mount(plan, trees, &step)) fail(step);
  if (close_range(FIRST_OTHER, ~0u, 0)) fail(SANDBOX_ROOT);
  if (sethostname("sandbox", 7)) fail(SANDBOX_ROOT);
  if (drop_privileges()) fail(SANDBOX_PRIVILEGES);
  // Only now, since a change of user takes it back.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
    fail(SANDBOX_PRIVILEGES);
  struct pollfd caller = {.fd = LIFE, .events = POLLIN};
  if (poll(&caller, 1, 0) != 0) _exit(124);

  // Not a copy of all that the caller holds: until the program begins, the memory is shared.
  const pid_t program = vfork();
  if (program < 0) fail(SANDBOX_FORK);
  if (program == 0) run_program(plan);
  for (int stream = 0; stream < 3; stream++) close(stream);
  sandbox_report ended = {0};
  pid_t one;
  while ((one = waitpid(-1, &ended.status, 0)) != program)
    if (one < 0 && errno != EINTR) fail(SANDBOX_FORK);
  // Where it never began, it has said so itself, before this.
  if (write(REPORT, &ended, sizeof ended) < 0) _exit(126);
  _exit(0);
}

// MARK: Outside

static int write_text(pid_t process, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  const ssize_t length = (ssize_t)strlen(text);
  const bool whole = write(file, text, (size_t)length) == length;
  const int code = errno;
  close(file);
  errno = code;
  return whole ? 0 : -1;
}

// One user inside, who is somebody unprivileged outside: nobody's user where the caller may say so, else
// the caller.
static int map_user(pid_t process) {
  const bool privileged = geteuid() == 0;
  char users[64], groups[64];
  snprintf(
      users, sizeof users, "%d %u 1", SANDBOX_INNER_USER, privileged ? SANDBOX_USER : geteuid());
  snprintf(
      groups, sizeof groups, "%d %u 1", SANDBOX_INNER_USER, privileged ? SANDBOX_USER : getegid());
  if (!privileged && write_text(process, "setgroups", "deny")) return -1;
  return write_text(process, "uid_map", users) || write_text(process, "gid_map", groups) ? -1 : 0;
}

static int give_up(sandbox_handles *handles, sandbox_step step) {
  const int code = errno;
  if (handles->process > 0) {
    kill(handles->process, SIGKILL);
    while (waitpid(handles->process, NULL, 0) < 0 && errno == EINTR) {}
  }
  close(handles->report);
  close(handles->life);
  errno = code;
  return step;
}

int sandbox_start(const sandbox_plan *plan, sandbox_handles *handles) {
  int report[2], life[2];
  if (pipe2(report, O_CLOEXEC)) return SANDBOX_NAMESPACES;
  if (pipe2(life, O_CLOEXEC)) {
    close(report[0]);
    close(report[1]);
    return SANDBOX_NAMESPACES;
  }
  const unsigned long flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET
                              | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
  const pid_t process = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (process == 0) {
    close(life[1]);
    first_process(plan, report[1], life[0]);
  }
  const int code = errno;
  close(report[1]);
  close(life[0]);
  *handles = (sandbox_handles){.process = process, .report = report[0], .life = life[1]};
  errno = code;
  if (process < 0) return give_up(handles, SANDBOX_NAMESPACES);
  if (map_user(process)) return give_up(handles, SANDBOX_USERS);
  if (write(handles->life, "", 1) != 1) return give_up(handles, SANDBOX_USERS);
  return SANDBOX_NONE;
}
