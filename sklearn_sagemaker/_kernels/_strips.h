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

/* A team of threads that work on one pass wait for each other here. They come from
 * the caller; the meeting has been agreed by all, so nobody waits long, and spins.
 * meeting[0] counts arrivals, meeting[8] completed meetings, meeting[16] is raised by
 * whoever cannot come: then nobody waits, and the answer is false. */
#if defined(__GNUC__) || defined(__clang__)
#include <sched.h>
static const int teams_built = 1;
SS_NOINLINE int team_meet(int64_t *meeting, ptrdiff_t members) {
  if (members <= 1) return 1;
  const int64_t before = __atomic_load_n(meeting + 8, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(meeting, 1, __ATOMIC_ACQ_REL) == (int64_t)members) {
    __atomic_store_n(meeting, 0, __ATOMIC_RELAXED);
    __atomic_store_n(meeting + 8, before + 1, __ATOMIC_RELEASE);
    return 1;
  }
  for (int spins = 0; __atomic_load_n(meeting + 8, __ATOMIC_ACQUIRE) == before;) {
    if (__atomic_load_n(meeting + 16, __ATOMIC_ACQUIRE)) return 0;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    if (++spins >= 4096) {
      sched_yield();
      spins = 0;
    }
  }
  return 1;
}
SS_INLINE void team_leave(int64_t *meeting) {
  __atomic_store_n(meeting + 16, 1, __ATOMIC_RELEASE);
}
#else
static const int teams_built = 0;
SS_INLINE int team_meet(int64_t *meeting, ptrdiff_t members) {
  (void)meeting, (void)members;
  return 1;
}
SS_INLINE void team_leave(int64_t *meeting) { (void)meeting; }
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
