/* Inner loops of the kernels: strips (the weights of one feature in all models)
 * and rows of margins. Plain C so that every compiler vectorises them; compiled
 * once for each instruction-set level, in float32 and float64. */
#ifndef SKLEARN_SAGEMAKER_STRIPS_H
#define SKLEARN_SAGEMAKER_STRIPS_H

#include "_barrier.h"
#include "_common.h"

/* Rows of narrow dense data that are worked on together. */
#define SS_ABREAST 4

#ifdef SS_VECTOR
static const int tile_products_built = 1;
#else
static const int tile_products_built = 0;
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
