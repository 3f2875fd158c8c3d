/* What all kernels need of the compiler and of mathematics: loops that vectorise,
 * subnormals, exp and log without calls. */
#ifndef SKLEARN_SAGEMAKER_COMMON_H
#define SKLEARN_SAGEMAKER_COMMON_H

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

#endif
