#ifndef SANDBOX_INTERNAL_H
#define SANDBOX_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "sandbox.h"

// Who the program is inside.
#define SANDBOX_INNER_USER 1000

// All of these run inside, between clone and exec: they allocate nothing and take no lock.
// Each returns 0, or -1 with errno.

// Replaces the root by a read-only view of what the plan names, and /tmp. *step says where it failed.
int sandbox_mount(const sandbox_plan *plan, const int *trees, sandbox_step *step);
// Detached copies of what is to be seen, opened while the user outside may still look for them.
// At most SANDBOX_TREES, readable ones first.
#define SANDBOX_TREES 64
int sandbox_open_trees(const sandbox_plan *plan, int *trees);

// No new privileges are needed for these two, and none can be gained behind them.
int sandbox_filter(void);
int sandbox_landlock(void);

#endif
