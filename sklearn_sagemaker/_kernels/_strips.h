/* Inner loops of the kernels: strips (the weights of one feature in all models)
 * and rows of margins. Plain C so that every compiler vectorises them; compiled
 * once for each instruction-set level, in float32 and float64. */
#ifndef SKLEARN_SAGEMAKER_STRIPS_H
#define SKLEARN_SAGEMAKER_STRIPS_H

#include "_common.h"

/* Rows of narrow dense data that are worked on together. */
#define SS_ABREAST 4

#ifdef SS_VECTOR
static const int tile_products_built = 1;
#else
static const int tile_products_built = 0;
#endif

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

/* Predictions are summed in double; float rows are widened as they are read. */
SS_NOINLINE double dot_mixed(ptrdiff_t n, const float *SS_RESTRICT x,
                             const double *SS_RESTRICT w) {
  double sum = 0;
  ptrdiff_t i = 0;
#if defined(__GNUC__) || defined(__clang__)
  /* Left to itself the compiler shuffles more than it multiplies. */
  typedef double wide __attribute__((vector_size(64), aligned(8), may_alias));
  typedef float half __attribute__((vector_size(32), aligned(4), may_alias));
  wide lanes[4] = {{0}, {0}, {0}, {0}};
  for (; i + 32 <= n; i += 32)
    SS_UNROLL for (int c = 0; c < 4; c++)
      lanes[c] += __builtin_convertvector(*(const half *)(x + i + 8 * c), wide) *
                  *(const wide *)(w + i + 8 * c);
  lanes[0] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  for (int c = 0; c < 8; c++) sum += lanes[0][c];
#endif
  double rest = 0;
  for (; i < n; i++) rest += (double)x[i] * w[i];
  return sum + rest;
}

SS_SCALAR double sparse_dot_mixed(ptrdiff_t n_stored, const float *SS_RESTRICT values,
                                  const int32_t *SS_RESTRICT columns,
                                  const double *SS_RESTRICT w) {
  double sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  ptrdiff_t k = 0;
  for (; k + 4 <= n_stored; k += 4) {
    sum0 += (double)values[k] * w[columns[k]];
    sum1 += (double)values[k + 1] * w[columns[k + 1]];
    sum2 += (double)values[k + 2] * w[columns[k + 2]];
    sum3 += (double)values[k + 3] * w[columns[k + 3]];
  }
  for (; k < n_stored; k++) sum0 += (double)values[k] * w[columns[k]];
  return (sum0 + sum1) + (sum2 + sum3);
}

/* What stepping the features of a sorted mini-batch needs, in either precision. Without
 * counts every feature is stepped, with bias corrections for each column. */
typedef struct {
  ptrdiff_t ld, n_table, n_kinds;
  ptrdiff_t bounds[4]; /* the columns that are stepped: two ranges */
  const int32_t *touched, *starts, *kinds;
  int32_t *counts;
  const void *entries, *slopes, *rate, *wd, *l1, *scale, *boost, *table1, *table2;
  const void *c1, *c2, *constants, *shift, *sums;
  void *w, *s0, *s1, *gradient, *strip;
} Steps;

/* Counts the stored values of a row in their columns, and sets a bit for each. */
SS_NOINLINE void count_row(ptrdiff_t n_stored, const int32_t *SS_RESTRICT columns,
                           int32_t *SS_RESTRICT counter, uint64_t *SS_RESTRICT bits) {
  for (ptrdiff_t k = 0; k < n_stored; k++) {
    const int32_t j = columns[k];
    counter[j]++;
    bits[j >> 6] |= (uint64_t)1 << (j & 63);
  }
}

/* The features whose bits are set, in order, so that what is kept for each of them is
 * read in order; the bits are zero again. Returns how many. */
SS_NOINLINE ptrdiff_t list_touched(ptrdiff_t n_words, uint64_t *SS_RESTRICT bits,
                                   int32_t *SS_RESTRICT touched) {
  ptrdiff_t n = 0;
  for (ptrdiff_t word = 0; word < n_words; word++) {
#if defined(__GNUC__) || defined(__clang__)
    for (uint64_t left = bits[word]; left; left &= left - 1)
      touched[n++] = (int32_t)(64 * word + __builtin_ctzll(left));
#else
    for (int i = 0; i < 64; i++)
      if (bits[word] >> i & 1) touched[n++] = (int32_t)(64 * word + i);
#endif
    bits[word] = 0;
  }
  return n;
}

/* Where range `share` of `shares` begins, so that all take about as long: a feature
 * costs as much as some of its values. */
#define SS_FEATURE_COST 12
SS_NOINLINE ptrdiff_t range_start(const int32_t *starts, ptrdiff_t n, ptrdiff_t share,
                                  ptrdiff_t shares) {
  const int64_t all = (int64_t)starts[n] + SS_FEATURE_COST * (int64_t)n;
  const int64_t wanted = all * share / shares;
  ptrdiff_t low = 0, high = n;
  while (low < high) {
    const ptrdiff_t middle = low + (high - low) / 2;
    if ((int64_t)starts[middle] + SS_FEATURE_COST * (int64_t)middle < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

#define REAL float
#define FN(name) name##_f32
#define SQRT sqrtf
#define FABS fabsf
#define COPYSIGN copysignf
#include "_strips_template.h"
#include "_tiles_template.h"
#undef REAL
#undef FN
#undef SQRT
#undef FABS
#undef COPYSIGN

#define REAL double
#define FN(name) name##_f64
#define SQRT sqrt
#define FABS fabs
#define COPYSIGN copysign
#include "_strips_template.h"
#include "_tiles_template.h"
#undef REAL
#undef FN
#undef SQRT
#undef FABS
#undef COPYSIGN

#endif
