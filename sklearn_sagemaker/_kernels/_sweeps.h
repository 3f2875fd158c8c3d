/* One step of the sweeps: all numbers that a feature has in a panel (a few factors
 * and perhaps the linear weight) at once, as their joint conditional is normal.
 *
 * A row's state in a panel is a line of SW_LANES numbers, one cache line in float32:
 * the sums q of its factors, a one for the linear weight, and last its error
 * e = target - f. The slope of f in the numbers of feature j is
 * h = x (line - x own), own being the feature's numbers (zero for the linear weight).
 * With e beside h, the sums of h h' and of h e are one product of lines.
 *
 * The file includes itself once for each precision. */
#ifndef SW_REAL
#ifndef SKLEARN_SAGEMAKER_SWEEPS_H
#define SKLEARN_SAGEMAKER_SWEEPS_H

#include "_common.h"

#define SW_LANES 16
#define SW_ERROR (SW_LANES - 1)
/* Rows summed in REAL before the sum goes on in float64. */
#define SW_PIECE 64
/* Entries ahead whose lines are fetched; the row numbers are padded by as many. */
#define SW_AHEAD 24

/* Rows of the sum of products that are kept in registers at once. */
#define SW_ABREAST 8

/* Vectors by the compiler's own extension, as wide as a register: wider ones would
 * live in memory. Else plain arrays. */
#if defined(__AVX512F__)
#define SW_WIDTH 64
#elif defined(__AVX2__)
#define SW_WIDTH 32
#else
#define SW_WIDTH 16
#endif
#if defined(__GNUC__) || defined(__clang__)
typedef float sw_part_f32 __attribute__((vector_size(SW_WIDTH)));
typedef double sw_part_f64 __attribute__((vector_size(SW_WIDTH)));
#define SW_VECTORS 1
#else
#define SW_VECTORS 0
#endif

/* Inner products of pairs of vectors of length k: row queries[i] of `left` and row
 * items[i] of `right`. Eight sums side by side, so that none waits for the last. */
SS_NOINLINE void sw_products(ptrdiff_t n, ptrdiff_t k, const int32_t *queries,
                             const int32_t *items, const double *left,
                             const double *right, double *out) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const double *SS_RESTRICT a = left + (ptrdiff_t)queries[i] * k;
    const double *SS_RESTRICT b = right + (ptrdiff_t)items[i] * k;
    double sums[8] = {0, 0, 0, 0, 0, 0, 0, 0}, total = 0;
    ptrdiff_t f = 0;
    for (; f + 8 <= k; f += 8)
      for (int c = 0; c < 8; c++) sums[c] += a[f + c] * b[f + c];
    for (; f < k; f++) total += a[f] * b[f];
    for (int c = 0; c < 8; c++) total += sums[c];
    out[i] = total;
  }
}

/* Solve (P + diag) step = b + L z, where L L' = P + diag: z is standard normal noise
 * or zero. `sums` holds the products of the lines; only its lower triangle and its
 * last column are read. */
SS_INLINE void sw_solve(int n, const double *SS_RESTRICT sums, double alpha,
                        const double *precision, const double *mean,
                        const double *own, const double *noise,
                        double *SS_RESTRICT step) {
  double L[SW_LANES * SW_LANES], inverse[SW_LANES], b[SW_LANES];
  for (int i = 0; i < n; i++) {
    for (int j = 0; j <= i; j++) L[i * SW_LANES + j] = alpha * sums[i * SW_LANES + j];
    L[i * SW_LANES + i] += precision[i];
    b[i] = alpha * sums[i * SW_LANES + SW_ERROR] + precision[i] * (mean[i] - own[i]);
  }
  /* Right-looking, so that the inner loops have no sums to wait for. */
  for (int k = 0; k < n; k++) {
    const double pivot = L[k * SW_LANES + k];
    /* No information at all: that number stays as it is. */
    inverse[k] = pivot > 1e-300 ? 1.0 / sqrt(pivot) : 0.0;
    b[k] *= inverse[k];
    for (int i = k + 1; i < n; i++) L[i * SW_LANES + k] *= inverse[k];
    for (int i = k + 1; i < n; i++) {
      const double l = L[i * SW_LANES + k];
      b[i] -= l * b[k];
      for (int j = k + 1; j <= i; j++)
        L[i * SW_LANES + j] -= l * L[j * SW_LANES + k];
    }
  }
  if (noise)
    for (int i = 0; i < n; i++) b[i] += noise[i];
  for (int i = n - 1; i >= 0; i--) {
    const double s = b[i] * inverse[i];
    step[i] = s;
    for (int j = 0; j < i; j++) b[j] -= L[i * SW_LANES + j] * s;
  }
}

#define SW_REAL float
#define SW_FN(name) sw_##name##_f32
#include "_sweeps.h"
#undef SW_REAL
#undef SW_FN

#define SW_REAL double
#define SW_FN(name) sw_##name##_f64
#include "_sweeps.h"
#undef SW_REAL
#undef SW_FN

#endif
#else /* once for each precision */

/* The slopes of some rows in the numbers of one feature, each followed by the row's
 * error, times the root of the row's weight. `own` is zero in the lane of the error. */
SS_INLINE void SW_FN(slopes)(ptrdiff_t n, const int32_t *rows, const SW_REAL *values,
                             const SW_REAL *roots, const SW_REAL *lines,
                             const SW_REAL *SS_RESTRICT own,
                             SW_REAL *SS_RESTRICT out) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[i] * SW_LANES;
    SW_REAL *SS_RESTRICT h = out + i * SW_LANES;
    SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES);
    if (sizeof(SW_REAL) > 4)
      SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES + SW_LANES / 2);
    if (values) {
      const SW_REAL x = values[i];
      for (int c = 0; c < SW_LANES; c++) h[c] = x * (line[c] - x * own[c]);
      h[SW_ERROR] = line[SW_ERROR];
    } else {
      for (int c = 0; c < SW_LANES; c++) h[c] = line[c] - own[c];
    }
    if (roots)
      for (int c = 0; c < SW_LANES; c++) h[c] *= roots[rows[i]];
  }
}

/* sums[a:a + SW_ABREAST] += h[a:a + SW_ABREAST] h' over n rows, as far as the lower
 * triangle and the last column go. */
SS_INLINE void SW_FN(products)(ptrdiff_t n, const SW_REAL *SS_RESTRICT h, int a,
                               double *SS_RESTRICT sums) {
#if SW_VECTORS
#define SW_EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define SW_ROW(b) total##b += row[a + b] * part;
#define SW_ADD(b)                                                              \
  for (int c = 0; c < width; c++)                                              \
    sums[(a + b) * SW_LANES + at + c] += (double)total##b[c];
  const int width = SW_WIDTH / (int)sizeof(SW_REAL);
  for (int at = 0; at < SW_LANES; at += width) {
    if (at >= a + SW_ABREAST && at + width < SW_LANES) continue;
    SW_FN(part) part, total0 = {0}, total1 = {0}, total2 = {0}, total3 = {0};
    SW_FN(part) total4 = {0}, total5 = {0}, total6 = {0}, total7 = {0};
    for (ptrdiff_t i = 0; i < n; i++) {
      const SW_REAL *row = h + i * SW_LANES;
      memcpy(&part, row + at, sizeof part);
      SW_EACH(SW_ROW)
    }
    SW_EACH(SW_ADD)
  }
#undef SW_EACH
#undef SW_ROW
#undef SW_ADD
#else
  SW_REAL total[SW_ABREAST][SW_LANES] = {{0}};
  for (ptrdiff_t i = 0; i < n; i++, h += SW_LANES)
    for (int b = 0; b < SW_ABREAST; b++)
      for (int c = 0; c < SW_LANES; c++) total[b][c] += h[a + b] * h[c];
  for (int b = 0; b < SW_ABREAST; b++)
    for (int c = 0; c < SW_LANES; c++)
      sums[(a + b) * SW_LANES + c] += (double)total[b][c];
#endif
}

/* Move the rows of one feature by `step`: their sums by `sum_step`, which is zero for
 * the linear weight and in the lane of the error. */
SS_INLINE void SW_FN(move)(ptrdiff_t n, const int32_t *rows, const SW_REAL *values,
                           SW_REAL *lines, const SW_REAL *SS_RESTRICT own,
                           const SW_REAL *SS_RESTRICT step,
                           const SW_REAL *SS_RESTRICT sum_step) {
  for (ptrdiff_t i = 0; i < n; i++) {
    SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[i] * SW_LANES;
    const SW_REAL x = values ? values[i] : 1;
    SW_REAL lanes[SW_LANES];
    SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES);
    if (sizeof(SW_REAL) > 4)
      SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES + SW_LANES / 2);
    for (int c = 0; c < SW_LANES; c++) lanes[c] = step[c] * (line[c] - x * own[c]);
    for (int c = 0; c < SW_LANES; c++) line[c] += x * sum_step[c];
    for (int c = 0; c < 8; c++) lanes[c] += lanes[c + 8];
    for (int c = 0; c < 4; c++) lanes[c] += lanes[c + 4];
    line[SW_ERROR] -= x * ((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]));
  }
}

/* All features of a panel, one after the other. `parameters`, and `noise` unless NULL,
 * have SW_LANES numbers a feature; `precision` and `mean` SW_LANES a group. Features
 * without rows are left alone. */
SS_NOINLINE void SW_FN(panel)(ptrdiff_t d, const int64_t *indptr, const int32_t *rows,
                              const SW_REAL *values, const SW_REAL *roots,
                              SW_REAL *lines, double *parameters,
                              const int32_t *groups, const double *precision,
                              const double *mean, const double *noise, double alpha,
                              int n_numbers, int linear_lane) {
  SW_REAL h[SW_PIECE * SW_LANES], own[SW_LANES], step[SW_LANES], sum_step[SW_LANES];
  double sums[SW_LANES * SW_LANES], change[SW_LANES];
  for (ptrdiff_t j = 0; j < d; j++) {
    const int64_t start = indptr[j], stop = indptr[j + 1];
    if (start == stop) continue;
    double *theta = parameters + j * SW_LANES;
    const ptrdiff_t group = (ptrdiff_t)groups[j] * SW_LANES;
    memset(sums, 0, sizeof sums);
    for (int c = 0; c < SW_LANES; c++) own[c] = c < n_numbers ? (SW_REAL)theta[c] : 0;
    if (linear_lane >= 0) own[linear_lane] = 0;
    for (int64_t at = start; at < stop; at += SW_PIECE) {
      const ptrdiff_t n = stop - at < SW_PIECE ? stop - at : SW_PIECE;
      SW_FN(slopes)(n, rows + at, values ? values + at : NULL, roots, lines, own, h);
      for (int a = 0; a < n_numbers; a += SW_ABREAST) SW_FN(products)(n, h, a, sums);
    }
    sw_solve(n_numbers, sums, alpha, precision + group, mean + group, theta,
             noise ? noise + j * SW_LANES : NULL, change);
    for (int c = 0; c < SW_LANES; c++) {
      const double before = theta[c];
      step[c] = 0;
      if (c < n_numbers) {
        theta[c] = (double)(SW_REAL)(before + change[c]);
        step[c] = (SW_REAL)(theta[c] - before);
      }
      sum_step[c] = c == linear_lane ? 0 : step[c];
    }
    SW_FN(move)(stop - start, rows + start, values ? values + start : NULL, lines, own,
                step, sum_step);
  }
}

/* Sums of the factors of every row from scratch, and the rows' linear terms less half
 * the squares of single features, added to `out`; errors are left alone. */
SS_NOINLINE void SW_FN(sums)(ptrdiff_t n, ptrdiff_t d, const int64_t *indptr,
                             const int32_t *rows, const SW_REAL *values,
                             SW_REAL *lines, const double *parameters, int n_numbers,
                             int linear_lane, double *out) {
  SW_REAL own[SW_LANES];
  for (ptrdiff_t i = 0; i < n; i++) {
    for (int c = 0; c < SW_ERROR; c++)
      lines[i * SW_LANES + c] = c == linear_lane ? (SW_REAL)1 : (SW_REAL)0;
  }
  for (ptrdiff_t j = 0; j < d; j++) {
    const double *theta = parameters + j * SW_LANES;
    double linear = 0, square = 0;
    for (int c = 0; c < SW_LANES; c++) {
      own[c] = 0;
      if (c == linear_lane) {
        linear = theta[c];
      } else if (c < n_numbers) {
        own[c] = (SW_REAL)theta[c];
        square += theta[c] * theta[c];
      }
    }
    for (int64_t at = indptr[j]; at < indptr[j + 1]; at++) {
      SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[at] * SW_LANES;
      const SW_REAL x = values ? values[at] : 1;
      SS_PREFETCH(lines + (ptrdiff_t)rows[at + SW_AHEAD] * SW_LANES);
      for (int c = 0; c < SW_LANES; c++) line[c] += x * own[c];
      out[rows[at]] += (double)x * (linear - 0.5 * (double)x * square);
    }
  }
  for (ptrdiff_t i = 0; i < n; i++) {
    double square = 0;
    for (int c = 0; c < n_numbers; c++) {
      const double q = c == linear_lane ? 0.0 : (double)lines[i * SW_LANES + c];
      square += q * q;
    }
    out[i] += 0.5 * square;
  }
}

#endif
