// What the program may not ask of the kernel: a list of system calls, since an interpreter's own are
// many. Namespaces and the user already make most of them useless; the list keeps the kernel's rarer
// parts, where its bugs are, out of reach.
#include "internal.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "say which system calls this architecture has"
#endif

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(code) RETURN(SECCOMP_RET_ERRNO | (code))
// Refuses one call.
#define DENY(call, code) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), REFUSE(code)

#define NAMESPACES                                                                              \
  (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |   \
   CLONE_NEWCGROUP)

static const struct sock_filter filter[] = {
    FIELD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    FIELD(nr),
#if defined(__x86_64__)
    // The numbers of x32, which mean the same calls again.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    DENY(iopl, EPERM), DENY(ioperm, EPERM), DENY(modify_ldt, EPERM),
#endif
    // Sockets of every family, those of the same machine included.
    DENY(socket, EACCES),
    // Other processes' memory and descriptors.
    DENY(ptrace, EPERM), DENY(process_vm_readv, EPERM), DENY(process_vm_writev, EPERM),
    DENY(kcmp, EPERM), DENY(pidfd_getfd, EPERM), DENY(process_madvise, EPERM),
    // Memory that no limit of a process counts.
    DENY(memfd_create, EPERM), DENY(memfd_secret, EPERM), DENY(shmget, EPERM),
    DENY(msgget, EPERM), DENY(semget, EPERM), DENY(mq_open, EPERM),
    // Namespaces and mounts.
    DENY(unshare, EPERM), DENY(setns, EPERM), DENY(mount, EPERM), DENY(umount2, EPERM),
    DENY(pivot_root, EPERM), DENY(chroot, EPERM), DENY(open_tree, EPERM),
    DENY(move_mount, EPERM), DENY(fsopen, EPERM), DENY(fsconfig, EPERM), DENY(fsmount, EPERM),
    DENY(fspick, EPERM), DENY(mount_setattr, EPERM), DENY(name_to_handle_at, EPERM),
    DENY(open_by_handle_at, EPERM),
    // Rare parts of the kernel.
    DENY(bpf, EPERM), DENY(perf_event_open, EPERM), DENY(userfaultfd, EPERM),
    DENY(io_uring_setup, EPERM), DENY(io_uring_enter, EPERM), DENY(io_uring_register, EPERM),
    DENY(add_key, EPERM), DENY(request_key, EPERM), DENY(keyctl, EPERM),
    DENY(fanotify_init, EPERM), DENY(personality, EPERM), DENY(quotactl, EPERM),
    DENY(move_pages, EPERM), DENY(migrate_pages, EPERM), DENY(mbind, EPERM),
    DENY(set_mempolicy, EPERM), DENY(syslog, EPERM), DENY(acct, EPERM), DENY(vhangup, EPERM),
    // The machine itself.
    DENY(init_module, EPERM), DENY(finit_module, EPERM), DENY(delete_module, EPERM),
    DENY(kexec_load, EPERM), DENY(kexec_file_load, EPERM), DENY(reboot, EPERM),
    DENY(swapon, EPERM), DENY(swapoff, EPERM), DENY(settimeofday, EPERM),
    DENY(clock_settime, EPERM), DENY(adjtimex, EPERM), DENY(clock_adjtime, EPERM),
    DENY(sethostname, EPERM), DENY(setdomainname, EPERM),
    // Its flags stand in memory, where a filter cannot look; C libraries take clone then.
    DENY(clone3, ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
    FIELD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
    REFUSE(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};

int sandbox_filter(void) {
  const struct sock_fprog program = {
      .len = sizeof filter / sizeof *filter, .filter = (struct sock_filter *)filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

// linux/landlock.h as of version 6; older headers lack the later fields.
typedef struct landlock_rules {
  uint64_t files, net, scoped;
} landlock_rules;

int sandbox_landlock_version(void) {
  const long version =
      syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : (int)version;
}

static int allow(int rules, const char *path, uint64_t access) {
  const int folder = open(path, O_PATH | O_CLOEXEC);
  if (folder < 0) return -1;
  const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = folder};
  const int result =
      (int)syscall(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  close(folder);
  return result;
}

int sandbox_landlock(void) {
  const int version = sandbox_landlock_version();
  if (version == 0) return 0;
  const uint64_t reading =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  // Bits 0 to 12 of version 1; then renaming across folders, truncating, and controlling devices.
  const uint64_t files = (1u << (version < 2 ? 13 : version < 3 ? 14 : version < 5 ? 15 : 16)) - 1;
  const landlock_rules handled = {
      .files = files,
      .net = version < 4 ? 0 : 3,     // binding and connecting
      .scoped = version < 6 ? 0 : 3,  // sockets without a file, signals
  };
  const size_t bytes = version < 4 ? 8 : version < 6 ? 16 : 24;
  const int rules = (int)syscall(__NR_landlock_create_ruleset, &handled, bytes, 0);
  if (rules < 0) return -1;
  // Devices are read and written; special files are not made.
  const uint64_t special =
      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK;
  int result = allow(rules, "/", reading);
  if (result == 0) result = allow(rules, "/tmp", files & ~special);
  if (result == 0) {
    result = allow(rules, "/dev", reading | LANDLOCK_ACCESS_FS_WRITE_FILE);
  }
  if (result == 0) result = (int)syscall(__NR_landlock_restrict_self, rules, 0);
  close(rules);
  return result;
}
