/* Large pages for memory that is about to be filled, as NumPy has them for its arrays:
   of small ones each is a fault of its own, which takes longer than to fill it. */
#ifndef SS_PAGES_H
#define SS_PAGES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { LEAST_BYTES = 1 << 22, SMALL_PAGE = 4096 };

static inline void ask_for_large_pages(void *memory, size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (size >= LEAST_BYTES) {
    size_t ahead = SMALL_PAGE - (uintptr_t)memory % SMALL_PAGE;
    /* A wish; where it is not granted all is as before. */
    (void)madvise((char *)memory + ahead, size - ahead, MADV_HUGEPAGE);
  }
#else
  (void)memory;
  (void)size;
#endif
}

#endif
