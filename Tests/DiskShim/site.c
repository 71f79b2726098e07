// Where in the program a call was made.
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#include "shim.h"

// The first use loads the unwinder, which allocates and opens files: better now than in a call.
void site_start(void) {
  void *frames[2];
  backtrace(frames, 2);
}

static const char *library_name(const Dl_info *info) {
  const char *slash = strrchr(info->dli_fname, '/');
  return slash == NULL ? info->dli_fname : slash + 1;
}

// FNV-1a.
static void mix(uint64_t *hash, uint8_t byte) { *hash = (*hash ^ byte) * 1099511628211ull; }

call_site site_here(void) {
  void *frames[SITE_FRAMES + 8];
  int count = backtrace(frames, SITE_FRAMES + 8);
  Dl_info own, info;
  dladdr((void *)(uintptr_t)&site_here, &own);
  call_site site = {.hash = 14695981039346656037ull};
  for (int frame = 0; frame < count && site.frames < SITE_FRAMES; frame++) {
    if (!dladdr(frames[frame], &info) || info.dli_fbase == own.dli_fbase) continue;
    site.addresses[site.frames++] = frames[frame];
    uint64_t place = (uint64_t)((char *)frames[frame] - (char *)info.dli_fbase);
    for (const char *c = library_name(&info); *c; c++) mix(&site.hash, (uint8_t)*c);
    for (int byte = 0; byte < 8; byte++) mix(&site.hash, (uint8_t)(place >> 8 * byte));
  }
  return site;
}

void site_print(const call_site *site, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int frame = 0; frame < site->frames && used < size; frame++) {
    Dl_info info;
    if (!dladdr(site->addresses[frame], &info)) continue;
    size_t place = (size_t)((char *)site->addresses[frame] - (char *)info.dli_fbase);
    used += (size_t)snprintf(text + used, size - used, "%s%s+%zx", used ? ";" : "",
                             library_name(&info), place);
  }
}
