# What the threads of a team wait for each other at.

cdef extern from "_barrier.h" nogil:
    const int barriers_built
    const ptrdiff_t BARRIER_ITEMS
    const ptrdiff_t barrier_slots "BARRIER_SLOTS"
    const ptrdiff_t barrier_broken_slot "BARRIER_BROKEN"
    int barrier_claim(int64_t*, ptrdiff_t, int64_t)
    void barrier_arrive(int64_t*, int64_t)
    int barrier_wait(int64_t*, int64_t, ptrdiff_t)
    void barrier_break(int64_t*)
