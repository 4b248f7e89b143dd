#include "base/memory.h"

#ifdef __GLIBC__
#include <climits>

#include <malloc.h>
#endif

namespace thalweg {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);              // large blocks come from the heap
  mallopt(M_TRIM_THRESHOLD, INT_MAX);  // which is not given back
#endif
}

}  // namespace thalweg
