/* Inner loops of the kernels: strips (the weights of one feature in all models)
 * and rows of margins. Plain C so that every compiler vectorises them; compiled
 * once for each instruction-set level, in float32 and float64. */
#ifndef SKLEARN_SAGEMAKER_STRIPS_H
#define SKLEARN_SAGEMAKER_STRIPS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define SS_RESTRICT __restrict
#define SS_INLINE static __forceinline
#define SS_NOINLINE static __declspec(noinline)
#define SS_PREFETCH(address) ((void)0)
#define SS_PREFETCH_FAR(address) ((void)0)
#else
#define SS_RESTRICT __restrict__
#define SS_INLINE static inline __attribute__((always_inline, unused))
#define SS_NOINLINE static __attribute__((noinline, unused))
#define SS_PREFETCH(address) __builtin_prefetch(address)
/* Into L2: it is needed later than what would push it out of L1. */
#define SS_PREFETCH_FAR(address) __builtin_prefetch(address, 0, 2)
#endif

/* The arrays of a step never overlap; inlining loses what restrict promised. */
#if defined(__clang__)
#define SS_NO_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define SS_NO_OVERLAP _Pragma("GCC ivdep")
#else
#define SS_NO_OVERLAP
#endif

/* Gathers and scatters of AVX-512 are slower than the loads and stores they
 * stand for. */
#if defined(__GNUC__) && !defined(__clang__)
#define SS_SCALAR                                                              \
  static __attribute__((noinline, unused,                                      \
                        optimize("no-tree-vectorize", "no-tree-slp-vectorize")))
#else
#define SS_SCALAR SS_NOINLINE
#endif
#define SS_UNROLL _Pragma("GCC unroll 16")
/* Rows of narrow dense data that are worked on together. */
#define SS_ABREAST 4

#ifdef SS_VECTOR
static const int tile_products_built = 1;
#else
static const int tile_products_built = 0;
#endif

/* Subnormal numbers, which tiny probabilities make by the million, cost a hundred
 * times a normal one. A kernel flushes them to zero in its own thread and puts the
 * processor back as it was; the process never notices. */
#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
SS_INLINE uint64_t flush_subnormals(void) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);
  return before;
}
SS_INLINE void restore_subnormals(uint64_t before) { _mm_setcsr((unsigned)before); }
#elif defined(__aarch64__)
SS_INLINE uint64_t flush_subnormals(void) {
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
  return before;
}
SS_INLINE void restore_subnormals(uint64_t before) {
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
}
#else
SS_INLINE uint64_t flush_subnormals(void) { return 0; }
SS_INLINE void restore_subnormals(uint64_t before) { (void)before; }
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

/* exp by Cody and Waite's reduction and a Taylor polynomial on |r| <= ln2 / 2.
 * Written without branches or calls, so that loops over it vectorise. The
 * argument is clamped to the normal range; NaN stays NaN. */
SS_INLINE float exp_f32(float x) {
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * 1.44269504088896341f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (int32_t)((uint32_t)(bits - 0x4B400000 + 127) << 23);
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

SS_INLINE double exp_f64(double x) {
  x = x > 709.0 ? 709.0 : x;
  x = x < -708.0 ? -708.0 : x;
  const double shifted = x * 1.4426950408889634074 + 6755399441055744.0;
  const double n = shifted - 6755399441055744.0;
  double r = x - n * 6.93147180369123816490e-01;
  r = r - n * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  int64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (int64_t)((uint64_t)(bits - 0x4338000000000000LL + 1023) << 52);
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

/* log(1 + u) for 0 <= u <= 1 as 2 atanh(u / (2 + u)): full relative precision
 * for tiny u, and no exponent to take apart. */
SS_INLINE float log1p_unit_f32(float u) {
  const float s = u / (2.0f + u), q = s * s;
  float p = 1.0f / 15.0f;
  p = p * q + 1.0f / 13.0f;
  p = p * q + 1.0f / 11.0f;
  p = p * q + 1.0f / 9.0f;
  p = p * q + 1.0f / 7.0f;
  p = p * q + 1.0f / 5.0f;
  p = p * q + 1.0f / 3.0f;
  return 2.0f * s * (p * q + 1.0f);
}

SS_INLINE double log1p_unit_f64(double u) {
  const double s = u / (2.0 + u), q = s * s;
  double p = 1.0 / 33.0;
  p = p * q + 1.0 / 31.0;
  p = p * q + 1.0 / 29.0;
  p = p * q + 1.0 / 27.0;
  p = p * q + 1.0 / 25.0;
  p = p * q + 1.0 / 23.0;
  p = p * q + 1.0 / 21.0;
  p = p * q + 1.0 / 19.0;
  p = p * q + 1.0 / 17.0;
  p = p * q + 1.0 / 15.0;
  p = p * q + 1.0 / 13.0;
  p = p * q + 1.0 / 11.0;
  p = p * q + 1.0 / 9.0;
  p = p * q + 1.0 / 7.0;
  p = p * q + 1.0 / 5.0;
  p = p * q + 1.0 / 3.0;
  return 2.0 * s * (p * q + 1.0);
}

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
