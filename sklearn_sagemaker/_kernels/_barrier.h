/* What the threads of a team wait for each other at. */
#ifndef SKLEARN_SAGEMAKER_BARRIER_H
#define SKLEARN_SAGEMAKER_BARRIER_H

#include "_common.h"

/* A team of threads works on one pass, stage by stage. The items of a stage are free
 * for whoever comes first, so that a thread that gets no processor holds up nobody but
 * with the item in its hands. It takes its own first, which are in its cache. Who has
 * to wait spins for some microseconds, as long as a neighbour needs that has a
 * processor too, and then sleeps: it has none to spare for those that work.
 * A barrier is BARRIER_SLOTS zeros from the caller: the last stage in which each item
 * was claimed, how many items are finished, how many threads sleep, the futex that they
 * sleep on and, on a cache line of its own, whether it is broken: raised by whoever
 * cannot come, and then the answer of a wait is false. */
enum {
  BARRIER_ITEMS = 8,
  BARRIER_ARRIVED = BARRIER_ITEMS,
  BARRIER_SLEEPERS,
  BARRIER_FUTEX,
  BARRIER_BROKEN = 16,
  BARRIER_SLOTS = 24
};
#if defined(__GNUC__) || defined(__clang__)
#include <time.h>
#if defined(__linux__) && defined(__LP64__) && !defined(SS_NO_FUTEX)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#define SS_FUTEX
#endif
#ifndef SS_SPIN_NANOSECONDS
#define SS_SPIN_NANOSECONDS 20000
#endif
static const int barriers_built = 1;
SS_INLINE int64_t barrier_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
SS_INLINE int barrier_reached(int64_t *barrier, int64_t due) {
  return __atomic_load_n(barrier + BARRIER_ARRIVED, __ATOMIC_SEQ_CST) >= due;
}
SS_INLINE int barrier_broken(int64_t *barrier) {
  return __atomic_load_n(barrier + BARRIER_BROKEN, __ATOMIC_ACQUIRE) != 0;
}
/* Sleeps until it is woken, or for a moment: the caller looks again anyway. */
SS_NOINLINE void barrier_sleep(int64_t *barrier, int64_t due) {
#ifdef SS_FUTEX
  uint32_t *futex = (uint32_t *)(barrier + BARRIER_FUTEX);
  const struct timespec moment = {0, 2000000};
  __atomic_add_fetch(barrier + BARRIER_SLEEPERS, 1, __ATOMIC_SEQ_CST);
  const uint32_t seen = __atomic_load_n(futex, __ATOMIC_SEQ_CST);
  if (!barrier_reached(barrier, due) && !barrier_broken(barrier))
    syscall(SYS_futex, futex, FUTEX_WAIT_PRIVATE, seen, &moment, NULL, 0);
  __atomic_sub_fetch(barrier + BARRIER_SLEEPERS, 1, __ATOMIC_SEQ_CST);
#else
  const struct timespec moment = {0, 50000};
  (void)barrier, (void)due;
  nanosleep(&moment, NULL);
#endif
}
/* Whether an item of a stage is the caller's to do. */
SS_INLINE int barrier_claim(int64_t *barrier, ptrdiff_t item, int64_t stage) {
  int64_t last = __atomic_load_n(barrier + item, __ATOMIC_RELAXED);
  return last < stage &&
         __atomic_compare_exchange_n(barrier + item, &last, stage, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
/* One item is finished; the stage is when so many are `due`. */
SS_INLINE void barrier_arrive(int64_t *barrier, int64_t due) {
  if (__atomic_add_fetch(barrier + BARRIER_ARRIVED, 1, __ATOMIC_SEQ_CST) < due) return;
#ifdef SS_FUTEX
  if (__atomic_load_n(barrier + BARRIER_SLEEPERS, __ATOMIC_SEQ_CST)) {
    uint32_t *futex = (uint32_t *)(barrier + BARRIER_FUTEX);
    __atomic_add_fetch(futex, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, futex, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
  }
#endif
}
/* Waits until the items due are finished; false if the barrier is broken. */
SS_NOINLINE int barrier_wait(int64_t *barrier, int64_t due, ptrdiff_t members) {
  if (members <= 1) return 1;
  int64_t until = 0;
  for (int spins = 0;; spins = (spins + 1) & 63) {
    if (barrier_broken(barrier)) return 0;
    if (barrier_reached(barrier, due)) return 1;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    if (spins < 63) continue;
    if (until == 0) until = barrier_clock() + SS_SPIN_NANOSECONDS;
    else if (barrier_clock() > until) barrier_sleep(barrier, due);
  }
}
SS_INLINE void barrier_break(int64_t *barrier) {
  __atomic_store_n(barrier + BARRIER_BROKEN, 1, __ATOMIC_RELEASE);
}
#else
static const int barriers_built = 0;
SS_INLINE int barrier_claim(int64_t *barrier, ptrdiff_t item, int64_t stage) {
  (void)barrier, (void)item, (void)stage;
  return 1;
}
SS_INLINE void barrier_arrive(int64_t *barrier, int64_t due) { (void)barrier, (void)due; }
SS_INLINE int barrier_wait(int64_t *barrier, int64_t due, ptrdiff_t members) {
  (void)barrier, (void)due, (void)members;
  return 1;
}
SS_INLINE void barrier_break(int64_t *barrier) { (void)barrier; }
#endif

#endif
