#include <spawn.h>

// Linux's way to start a program that inherits nothing by accident. glibc declares these only under
// _GNU_SOURCE, which Swift's importer does not set for its own module of glibc.
extern int pipe2(int ends[2], int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
