#include <lmdb.h>

// Linux's exchange of two names. glibc declares it only under _GNU_SOURCE, which Swift's importer does
// not set for its own module of glibc.
extern int renameat2(int, const char *, int, const char *, unsigned int);
