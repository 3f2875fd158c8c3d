/* Inner loops of factorization machines: a strip is the factors of one feature in
 * all classes, its optimizer states right behind it. Compiled once for each
 * instruction-set level, in float32 and float64. */
#ifndef SKLEARN_SAGEMAKER_FACTORS_H
#define SKLEARN_SAGEMAKER_FACTORS_H

#include "_strips.h"

/* Sums over the stored values of a row are kept in vector registers: left to itself
 * the compiler stores and loads them for each value. Without vector types (MSVC) a
 * vector is one number. */
#if defined(__GNUC__) || defined(__clang__)
#if defined(SS_VECTOR)
#define SS_LANE_BYTES 64
#elif defined(__AVX2__)
#define SS_LANE_BYTES 32
#else
#define SS_LANE_BYTES 16
#endif
#define SS_LANES(type) (SS_LANE_BYTES / (int)sizeof(type))
#define SS_VECTOR_OF(type, bytes)                                              \
  type __attribute__((vector_size(bytes), aligned(sizeof(type)), may_alias))
#else
#define SS_LANES(type) 1
#endif

/* The steps of a factorization machine have no l1 penalty. */
#define SS_NO_THRESHOLD(value, threshold) (value)

#define REAL float
#define FN(name) name##_f32
#define SQRT sqrtf
#define FABS fabsf
#define COPYSIGN copysignf
#include "_factors_template.h"
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
#include "_factors_template.h"
#undef REAL
#undef FN
#undef SQRT
#undef FABS
#undef COPYSIGN

#endif
