// The one fault of a process: when it strikes, and how.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

typedef enum { NONE, KILL_BEFORE, KILL_WITHIN, KILL_AFTER, FAIL } action;

static struct {
  action action;
  const char *action_name;
  int error;
  bool onwards;
  bool by_site;
  uint64_t site;
  uint64_t at;  // among the calls that match, from 1
  uint64_t seen;
  const char *match;
  const char *nosync;
  // After a write cut short by a full disk: the file whose next write says so.
  char pending[PATH_MAX];
  int struck_file;
  pid_t owner;
} fault = {.struck_file = -1};

static void refuse(const char *text) {
  dprintf(STDERR_FILENO, "diskshim: DISKSHIM_FAULT=%s is not understood\n", text);
  abort();
}

static void parse(const char *text) {
  static const struct { const char *name; action action; int error; } actions[] = {
      {"kill-before", KILL_BEFORE, 0}, {"kill-within", KILL_WITHIN, 0},
      {"kill-after", KILL_AFTER, 0},   {"eio", FAIL, EIO},
      {"enospc", FAIL, ENOSPC}};
  const char *colon = strchr(text, ':');
  if (colon == NULL) refuse(text);
  for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
    if (strlen(actions[i].name) != (size_t)(colon - text)) continue;
    if (strncmp(actions[i].name, text, (size_t)(colon - text)) != 0) continue;
    fault.action = actions[i].action;
    fault.action_name = actions[i].name;
    fault.error = actions[i].error;
  }
  if (fault.action == NONE) refuse(text);
  char *end;
  const char *slash = strchr(colon, '/');
  fault.by_site = slash != NULL;
  if (fault.by_site) {
    fault.site = strtoull(colon + 1, &end, 16);
    if (end != slash) refuse(text);
  }
  fault.at = strtoull(fault.by_site ? slash + 1 : colon + 1, &end, 10);
  if (*end != 0 || fault.at == 0) refuse(text);
}

// A child inherits the environment but not the fault: the owner is the process that first saw it.
static bool is_owner(void) {
  char own[32];
  snprintf(own, sizeof own, "%d", getpid());
  const char *owner = getenv("DISKSHIM_OWNER");
  if (owner == NULL) setenv("DISKSHIM_OWNER", own, 1);
  return owner == NULL || strcmp(owner, own) == 0;
}

void faults_start(void) {
  fault.nosync = getenv("DISKSHIM_NOSYNC");
  const char *text = getenv("DISKSHIM_FAULT");
  if (text == NULL || *text == 0 || !is_owner()) return;
  parse(text);
  fault.owner = getpid();
  fault.match = getenv("DISKSHIM_FAULT_MATCH");
  const char *onwards = getenv("DISKSHIM_FAULT_ONWARDS");
  fault.onwards = onwards != NULL && strcmp(onwards, "1") == 0;
  fault.struck_file = output_open("DISKSHIM_STRUCK");
}

bool faults_need_site(void) { return fault.action != NONE && fault.by_site; }

static bool contains(const disk_call *call, const char *text) {
  char line[2 * PATH_MAX];
  snprintf(line, sizeof line, "%s %s", call->name, call->path);
  return strstr(line, text) != NULL;
}

// Whether the fault is for this call: the one counted to, or with "onwards" any after it.
static bool is_hit(const disk_call *call, uint64_t site) {
  if (fault.action == NONE || getpid() != fault.owner) return false;
  if (fault.match != NULL && *fault.match != 0 && !contains(call, fault.match)) return false;
  bool has_begun = fault.onwards && fault.seen >= fault.at;
  if (fault.by_site && site != fault.site && !has_begun) return false;
  fault.seen++;
  return fault.seen == fault.at || (fault.onwards && fault.seen > fault.at);
}

static void strike(const disk_call *call) {
  if (fault.struck_file < 0) return;
  output_line(fault.struck_file, "%d %llu %s %s %s\n", getpid(), (unsigned long long)call->number,
              call->name, fault.action_name, shim_relative(call->path));
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static bool is_sync(const disk_call *call) {
  return call->kind == DISKSHIM_FSYNC || call->kind == DISKSHIM_FDATASYNC ||
         call->kind == DISKSHIM_FSYNC_FOLDER;
}

static call_fate cut_short(disk_call *call) {
  snprintf(fault.pending, sizeof fault.pending, "%s", call->path);
  return (call_fate){.length = call->length / 2};
}

static call_fate fail(disk_call *call) {
  // A full disk takes what fits first; the next write of the file then says why.
  bool is_write = call->kind == DISKSHIM_WRITE && call->length > 1;
  if (fault.error == ENOSPC && is_write && !fault.pending[0]) return cut_short(call);
  return (call_fate){.error = fault.error};
}

call_fate faults_decide(disk_call *call, uint64_t site) {
  const call_fate normal = {.length = call->length};
  if (fault.nosync != NULL && is_sync(call) &&
      (strcmp(fault.nosync, "*") == 0 || strstr(call->path, fault.nosync) != NULL))
    call->is_skipped = true;
  if (fault.pending[0] && call->kind == DISKSHIM_WRITE && strcmp(fault.pending, call->path) == 0) {
    if (!fault.onwards) fault.pending[0] = 0;
    return (call_fate){.error = fault.error};
  }
  if (!is_hit(call, site)) return normal;
  strike(call);
  switch (fault.action) {
    case NONE: break;
    case KILL_BEFORE: die(); break;
    case KILL_AFTER: call->strikes_after = true; break;
    case KILL_WITHIN:
      call->strikes_after = true;
      return (call_fate){.length = call->kind == DISKSHIM_WRITE ? call->length / 2 : call->length};
    case FAIL: return fail(call);
  }
  return normal;
}

bool faults_disk_is_full(void) {
  return fault.error == ENOSPC && fault.onwards && fault.seen >= fault.at && fault.at > 0;
}

void faults_strike_after(const disk_call *call) {
  if (call->strikes_after) die();
}
