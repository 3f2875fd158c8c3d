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

#include "_stages.h"

#define SW_LANES 16
#define SW_ERROR (SW_LANES - 1)
/* Rows summed in REAL before the sum goes on in float64. */
#define SW_PIECE 64
/* Entries ahead whose lines are fetched; the row numbers are padded by as many. */
#define SW_AHEAD 24

/* Rows of the sum of products that are kept in registers at once. */
#define SW_ABREAST 8
/* Features of at most so many entries, and at most 3/4 of their numbers, are solved
 * entry by entry: their cost follows the entries. */
#define SW_RARE 11

/* Doubles in which threads that share a feature leave what others need: the sums of
 * each part, and three lines. */
#define SW_SHARED (BARRIER_ITEMS * SW_LANES * SW_LANES + 3 * SW_LANES)

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
typedef float sw_quarter_f32 __attribute__((vector_size(16)));
typedef double sw_quarter_f64 __attribute__((vector_size(16)));
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

/* The sums of a part of the entries of a feature, added to others. */
SS_INLINE void sw_add(const double *SS_RESTRICT part, double *SS_RESTRICT sums) {
  for (int c = 0; c < SW_LANES * SW_LANES; c++) sums[c] += part[c];
}

/* The inner product of two lines. */
SS_INLINE double sw_dot(const double *SS_RESTRICT a, const double *SS_RESTRICT b) {
#if SW_VECTORS
  sw_part_f64 total = {0};
  for (int c = 0; c < SW_LANES; c += SW_WIDTH / 8) {
    sw_part_f64 left, right;
    memcpy(&left, a + c, sizeof left);
    memcpy(&right, b + c, sizeof right);
    total += left * right;
  }
  sw_quarter_f64 quarter[SW_WIDTH / 16], sum = {0};
  memcpy(quarter, &total, sizeof total);
  for (int c = 0; c < SW_WIDTH / 16; c++) sum += quarter[c];
  return sum[0] + sum[1];
#else
  double lanes[SW_LANES];
  for (int c = 0; c < SW_LANES; c++) lanes[c] = a[c] * b[c];
  for (int c = 0; c < 8; c++) lanes[c] += lanes[c + 8];
  for (int c = 0; c < 4; c++) lanes[c] += lanes[c + 4];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
#endif
}

/* a -= t b for lines. */
SS_INLINE void sw_less(double *SS_RESTRICT a, double t, const double *SS_RESTRICT b) {
#if SW_VECTORS
  for (int c = 0; c < SW_LANES; c += SW_WIDTH / 8) {
    sw_part_f64 left, right;
    memcpy(&left, a + c, sizeof left);
    memcpy(&right, b + c, sizeof right);
    left -= t * right;
    memcpy(a + c, &left, sizeof left);
  }
#else
  for (int c = 0; c < SW_LANES; c++) a[c] -= t * b[c];
#endif
}

/* Solve (P + diag) step = b + L z, where L L' = P + diag: z is standard normal noise
 * or zero. `sums` holds the products of the lines; only its lower triangle and its
 * last column are read, and it is lost. */
SS_INLINE void sw_solve(int n, double *SS_RESTRICT sums, double alpha,
                        const double *precision, const double *mean,
                        const double *own, const double *noise,
                        double *SS_RESTRICT step) {
  double inverse[SW_LANES], b[SW_LANES] = {0};
  double *L = sums;
  for (int i = 0; i < n; i++) {
    double *row = L + i * SW_LANES;
    b[i] = alpha * row[SW_ERROR] + precision[i] * (mean[i] - own[i]);
    for (int c = 0; c < SW_LANES; c++) row[c] *= alpha;
    row[i] += precision[i];
  }
  /* Right-looking, in whole lines: what comes to lie above the diagonal is not read. */
  for (int k = 0; k < n; k++) {
    const double pivot = L[k * SW_LANES + k];
    /* No information at all: that number stays as it is. */
    inverse[k] = pivot > 1e-300 ? 1.0 / sqrt(pivot) : 0.0;
    b[k] *= inverse[k];
    double column[SW_LANES] = {0};
    for (int i = k + 1; i < n; i++)
      column[i] = L[i * SW_LANES + k] *= inverse[k];
    sw_less(b, b[k], column);
    for (int i = k + 1; i < n; i++) sw_less(L + i * SW_LANES, column[i], column);
  }
  if (noise)
    for (int i = 0; i < n; i++) b[i] += noise[i];
  for (int i = n - 1; i >= 0; i--) {
    step[i] = b[i] * inverse[i];
    sw_less(b, step[i], L + i * SW_LANES);
  }
}

/* What `sw_solve` solves, of the few slopes h of n entries: in units of the prior's
 * deviations the matrix is I + sum u u', and the inverse root of it a product of
 * I - c u u', one an entry (Potter's update of a square root). `h` holds the slopes,
 * zero in lanes without a number, and in the last lane the error; it is lost. */
SS_INLINE void sw_solve_rare(int n, double *SS_RESTRICT h, double alpha,
                             const double *SS_RESTRICT deviation,
                             const double *SS_RESTRICT mean,
                             const double *SS_RESTRICT own,
                             const double *SS_RESTRICT noise,
                             double *SS_RESTRICT step) {
  double shrink[SW_RARE], away[SW_LANES], y[SW_LANES] = {0};
  const double root = sqrt(alpha);
  for (int c = 0; c < SW_LANES; c++) away[c] = mean[c] - own[c];
  for (int i = 0; i < n; i++) {
    double *u = h + i * SW_LANES;
    const double error = root * u[SW_ERROR];
    for (int c = 0; c < SW_LANES; c++) u[c] *= c == SW_ERROR ? 0.0 : root;
    const double left = error - sw_dot(u, away);
    for (int c = 0; c < SW_LANES; c++) {
      u[c] *= deviation[c];
      y[c] += left * u[c];
    }
  }
  for (int i = 0; i < n; i++) {
    const double *u = h + i * SW_LANES;
    const double s = sqrt(1.0 + sw_dot(u, u));
    shrink[i] = 1.0 / (s + s * s);
    for (int k = i + 1; k < n; k++) {
      double *later = h + k * SW_LANES;
      sw_less(later, shrink[i] * sw_dot(u, later), u);
    }
    sw_less(y, shrink[i] * sw_dot(u, y), u);
  }
  if (noise)
    for (int c = 0; c < SW_LANES; c++) y[c] += noise[c];
  for (int i = n - 1; i >= 0; i--) {
    const double *u = h + i * SW_LANES;
    sw_less(y, shrink[i] * sw_dot(u, y), u);
  }
  for (int c = 0; c < SW_LANES; c++) step[c] = away[c] + deviation[c] * y[c];
}

/* Deviations of the prior, zero in lanes without a number; whether all others are
 * positive and finite. */
SS_INLINE int sw_deviations(int n, const double *precision, double *deviation) {
  int proper = 1;
  for (int c = 0; c < SW_LANES; c++) {
    deviation[c] = 0;
    if (c >= n) continue;
    if (precision[c] > 1e-100)
      deviation[c] = 1.0 / sqrt(precision[c]);
    else
      proper = 0;
  }
  return proper;
}

/* Rows by columns, what rows and features have in a panel, and the prior, as
 * `sweep_panel` in _sweeps.pyx tells them. `values`, `roots` and `lines` are of the
 * precision of the rows; `values`, `roots` and `noise` may be NULL. */
typedef struct {
  const int64_t *indptr;
  const int32_t *rows;
  const void *values, *roots;
  void *lines;
  double *parameters;
  const int32_t *groups;
  const double *precision, *mean, *noise;
  double alpha;
  int n_numbers, linear_lane;
} sw_panel;

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
#if SW_VECTORS
  enum { parts = SW_LANES * sizeof(SW_REAL) / SW_WIDTH };
  SW_FN(part) mine[parts];
  memcpy(mine, own, sizeof mine);
#endif
  for (ptrdiff_t i = 0; i < n; i++) {
    const SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[i] * SW_LANES;
    SW_REAL *SS_RESTRICT h = out + i * SW_LANES;
    SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES);
    if (sizeof(SW_REAL) > 4)
      SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES + SW_LANES / 2);
#if SW_VECTORS
    const SW_REAL x = values ? values[i] : 1, root = roots ? roots[rows[i]] : 1;
    const SW_REAL by = roots ? root * x : x;
    for (int c = 0; c < parts; c++) {
      SW_FN(part) part;
      memcpy(&part, (const char *)line + c * SW_WIDTH, SW_WIDTH);
      part = by * (part - x * mine[c]);
      memcpy((char *)h + c * SW_WIDTH, &part, SW_WIDTH);
    }
    h[SW_ERROR] = roots ? root * line[SW_ERROR] : line[SW_ERROR];
#else
    if (values) {
      const SW_REAL x = values[i];
      for (int c = 0; c < SW_LANES; c++) h[c] = x * (line[c] - x * own[c]);
      h[SW_ERROR] = line[SW_ERROR];
    } else {
      for (int c = 0; c < SW_LANES; c++) h[c] = line[c] - own[c];
    }
    if (roots)
      for (int c = 0; c < SW_LANES; c++) h[c] *= roots[rows[i]];
#endif
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
#if SW_VECTORS
  enum { parts = SW_LANES * sizeof(SW_REAL) / SW_WIDTH, quarters = SW_WIDTH / 16 };
  SW_FN(part) mine[parts], steps[parts], sum_steps[parts];
  memcpy(mine, own, sizeof mine);
  memcpy(steps, step, sizeof steps);
  memcpy(sum_steps, sum_step, sizeof sum_steps);
#endif
  for (ptrdiff_t i = 0; i < n; i++) {
    SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[i] * SW_LANES;
    const SW_REAL x = values ? values[i] : 1, error = line[SW_ERROR];
    SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES);
    if (sizeof(SW_REAL) > 4)
      SS_PREFETCH(lines + (ptrdiff_t)rows[i + SW_AHEAD] * SW_LANES + SW_LANES / 2);
#if SW_VECTORS
    SW_FN(part) total = {0};
    for (int c = 0; c < parts; c++) {
      SW_FN(part) part;
      memcpy(&part, (char *)line + c * SW_WIDTH, SW_WIDTH);
      total += steps[c] * (part - x * mine[c]);
      part += x * sum_steps[c];
      memcpy((char *)line + c * SW_WIDTH, &part, SW_WIDTH);
    }
    SW_FN(quarter) quarter[quarters], sum = {0};
    memcpy(quarter, &total, sizeof total);
    for (int c = 0; c < quarters; c++) sum += quarter[c];
    SW_REAL change = 0;
    for (int c = 0; c < 16 / (int)sizeof(SW_REAL); c++) change += sum[c];
#else
    SW_REAL lanes[SW_LANES];
    for (int c = 0; c < SW_LANES; c++) lanes[c] = step[c] * (line[c] - x * own[c]);
    for (int c = 0; c < SW_LANES; c++) line[c] += x * sum_step[c];
    for (int c = 0; c < 8; c++) lanes[c] += lanes[c + 8];
    for (int c = 0; c < 4; c++) lanes[c] += lanes[c + 4];
    const SW_REAL change = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
#endif
    line[SW_ERROR] = error - x * change;
  }
}

/* The linear weights alone, one after the other: `SW_FN(features)` of one number. */
SS_INLINE void SW_FN(weights)(const sw_panel *p, ptrdiff_t first, ptrdiff_t last) {
  const int64_t *indptr = p->indptr;
  const int32_t *rows = p->rows;
  const SW_REAL *values = (const SW_REAL *)p->values;
  const SW_REAL *roots = (const SW_REAL *)p->roots;
  SW_REAL *errors = (SW_REAL *)p->lines + SW_ERROR;
  for (ptrdiff_t j = first; j < last; j++) {
    const int64_t start = indptr[j], stop = indptr[j + 1];
    if (start == stop) continue;
    /* Four sums side by side, so that none waits for the last. */
    double squares[4] = {0, 0, 0, 0}, products[4] = {0, 0, 0, 0};
    for (int64_t at = start; at < stop; at++) {
      const ptrdiff_t row = rows[at];
      double x = values ? (double)values[at] : 1.0, e = errors[row * SW_LANES];
      SS_PREFETCH(errors + (ptrdiff_t)rows[at + SW_AHEAD] * SW_LANES);
      if (roots) {
        x *= roots[row];
        e *= roots[row];
      }
      squares[at & 3] += x * x;
      products[at & 3] += x * e;
    }
    const double square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    const double product = (products[0] + products[1]) + (products[2] + products[3]);
    const ptrdiff_t group = (ptrdiff_t)p->groups[j] * SW_LANES;
    double *theta = p->parameters + j * SW_LANES;
    const double before = *theta, total = p->alpha * square + p->precision[group];
    if (!(total > 1e-300)) continue;
    double change = p->alpha * product + p->precision[group] * (p->mean[group] - before);
    change /= total;
    if (p->noise) change += p->noise[j * SW_LANES] / sqrt(total);
    *theta = (double)(SW_REAL)(before + change);
    const SW_REAL step = (SW_REAL)(*theta - before);
    for (int64_t at = start; at < stop; at++)
      errors[(ptrdiff_t)rows[at] * SW_LANES] -= (values ? values[at] : 1) * step;
  }
}

/* The numbers of a feature as they enter slopes: zero for the linear weight. */
SS_INLINE void SW_FN(own)(const sw_panel *p, ptrdiff_t j, SW_REAL *own) {
  const double *theta = p->parameters + j * SW_LANES;
  for (int c = 0; c < SW_LANES; c++) own[c] = c < p->n_numbers ? (SW_REAL)theta[c] : 0;
  if (p->linear_lane >= 0) own[p->linear_lane] = 0;
}

/* The sums of some entries of a feature. */
SS_INLINE void SW_FN(entries)(const sw_panel *p, int64_t start, int64_t stop,
                              const SW_REAL *own, double *sums) {
  const SW_REAL *values = (const SW_REAL *)p->values;
  SW_REAL h[SW_PIECE * SW_LANES];
  memset(sums, 0, SW_LANES * SW_LANES * sizeof *sums);
  for (int64_t at = start; at < stop; at += SW_PIECE) {
    const ptrdiff_t n = stop - at < SW_PIECE ? stop - at : SW_PIECE;
    SW_FN(slopes)(n, p->rows + at, values ? values + at : NULL,
                  (const SW_REAL *)p->roots, (const SW_REAL *)p->lines, own, h);
    for (int a = 0; a < p->n_numbers; a += SW_ABREAST) SW_FN(products)(n, h, a, sums);
  }
}

/* Change a feature's numbers, and say by how much its rows are to move. */
SS_INLINE void SW_FN(change)(const sw_panel *p, ptrdiff_t j, const double *change,
                             SW_REAL *step, SW_REAL *sum_step) {
  double *theta = p->parameters + j * SW_LANES;
  for (int c = 0; c < SW_LANES; c++) {
    const double before = theta[c];
    step[c] = 0;
    if (c < p->n_numbers) {
      theta[c] = (double)(SW_REAL)(before + change[c]);
      step[c] = (SW_REAL)(theta[c] - before);
    }
    sum_step[c] = c == p->linear_lane ? 0 : step[c];
  }
}

/* Some features of a panel, one after the other. Those without rows are left alone. */
SS_NOINLINE void SW_FN(features)(const sw_panel *p, ptrdiff_t first, ptrdiff_t last) {
  const SW_REAL *values = (const SW_REAL *)p->values;
  SW_REAL *lines = (SW_REAL *)p->lines;
  const int n_numbers = p->n_numbers;
  SW_REAL h[SW_RARE * SW_LANES], own[SW_LANES], step[SW_LANES], sum_step[SW_LANES];
  double sums[SW_LANES * SW_LANES], part_sums[SW_LANES * SW_LANES];
  double few[SW_RARE * SW_LANES], change[SW_LANES], deviation[SW_LANES];
  ptrdiff_t last_group = -1;
  int proper = 0;
  if (n_numbers == 1 && p->linear_lane == 0) {
    SW_FN(weights)(p, first, last);
    return;
  }
  for (ptrdiff_t j = first; j < last; j++) {
    const int64_t start = p->indptr[j], stop = p->indptr[j + 1];
    if (start == stop) continue;
    const int32_t *rows = p->rows + start;
    const SW_REAL *its = values ? values + start : NULL;
    const double *theta = p->parameters + j * SW_LANES;
    const double *z = p->noise ? p->noise + j * SW_LANES : NULL;
    const ptrdiff_t group = (ptrdiff_t)p->groups[j] * SW_LANES;
    const double *precision = p->precision + group, *mean = p->mean + group;
    if (group != last_group) {
      proper = sw_deviations(n_numbers, precision, deviation);
      last_group = group;
    }
    SW_FN(own)(p, j, own);
    if (4 * (stop - start) <= 3 * n_numbers && proper) {
      const int n = (int)(stop - start);
      SW_FN(slopes)(n, rows, its, (const SW_REAL *)p->roots, lines, own, h);
      for (int i = 0; i < n * SW_LANES; i++) few[i] = h[i];
      sw_solve_rare(n, few, p->alpha, deviation, mean, theta, z, change);
    } else {
      const ptrdiff_t parts = sw_parts(stop - start);
      SW_FN(entries)(p, start, sw_cut(start, stop, parts, 1), own, sums);
      for (ptrdiff_t part = 1; part < parts; part++) {
        SW_FN(entries)(p, sw_cut(start, stop, parts, part),
                       sw_cut(start, stop, parts, part + 1), own, part_sums);
        sw_add(part_sums, sums);
      }
      sw_solve(n_numbers, sums, p->alpha, precision, mean, theta, z, change);
    }
    SW_FN(change)(p, j, change, step, sum_step);
    SW_FN(move)(stop - start, rows, its, lines, own, step, sum_step);
  }
}

/* One feature of many entries, by all threads of a team: its sums, then the solution by
 * one of them, then the moves of its rows. */
SS_NOINLINE int SW_FN(shared)(const sw_panel *p, ptrdiff_t j, sw_turn *turn,
                              double *shared) {
  const int64_t start = p->indptr[j], stop = p->indptr[j + 1];
  const ptrdiff_t parts = sw_parts(stop - start);
  const SW_REAL *values = (const SW_REAL *)p->values;
  SW_REAL *own = (SW_REAL *)(shared + BARRIER_ITEMS * SW_LANES * SW_LANES);
  SW_REAL *step = own + SW_LANES, *sum_step = step + SW_LANES;
  ptrdiff_t part;
  if (start == stop) return 1;
  for (sw_begin(turn, parts); (part = sw_take(turn)) >= 0; sw_done(turn)) {
    SW_REAL mine[SW_LANES];
    SW_FN(own)(p, j, mine);
    SW_FN(entries)(p, sw_cut(start, stop, parts, part),
                   sw_cut(start, stop, parts, part + 1), mine,
                   shared + part * SW_LANES * SW_LANES);
  }
  if (!sw_end(turn)) return 0;
  for (sw_begin(turn, 1); sw_take(turn) >= 0; sw_done(turn)) {
    const ptrdiff_t group = (ptrdiff_t)p->groups[j] * SW_LANES;
    double change[SW_LANES];
    for (part = 1; part < parts; part++)
      sw_add(shared + part * SW_LANES * SW_LANES, shared);
    sw_solve(p->n_numbers, shared, p->alpha, p->precision + group, p->mean + group,
             p->parameters + j * SW_LANES, p->noise ? p->noise + j * SW_LANES : NULL,
             change);
    SW_FN(own)(p, j, own);
    SW_FN(change)(p, j, change, step, sum_step);
  }
  if (!sw_end(turn)) return 0;
  for (sw_begin(turn, parts); (part = sw_take(turn)) >= 0; sw_done(turn)) {
    const int64_t at = sw_cut(start, stop, parts, part);
    SW_FN(move)(sw_cut(start, stop, parts, part + 1) - at, p->rows + at,
                values ? values + at : NULL, (SW_REAL *)p->lines, own, step, sum_step);
  }
  return sw_end(turn);
}

/* All features of a panel, stage by stage: as if one after the other. `parameters`,
 * and `noise`, have SW_LANES numbers a feature; `precision` and `mean` SW_LANES a
 * group. */
SS_NOINLINE void SW_FN(panel)(const sw_panel *p, sw_share *share) {
  const sw_stages *stages = &share->stages;
  sw_turn *turn = &share->turn;
  const int64_t *bounds = stages->bounds;
  const int alone = p->n_numbers == 1 && p->linear_lane == 0;
  ptrdiff_t item;
  for (ptrdiff_t s = 0; s < stages->n_stages; s++) {
    const ptrdiff_t count = stages->counts[s] || !alone ? stages->counts[s] : 1;
    if (count == 0) {
      if (!sw_ready(share, bounds)) return;
      if (!SW_FN(shared)(p, *bounds++, turn, share->shared)) return;
      continue;
    }
    for (sw_begin(turn, count); (item = sw_take(turn)) >= 0; sw_done(turn)) {
      if (!sw_ready(share, bounds + item)) return;
      SW_FN(features)(p, bounds[item], bounds[item + 1]);
    }
    if (!sw_end(turn)) return;
    bounds += count;
  }
}

/* Add what a feature adds to the sums of some of its rows, and to `out`. */
SS_INLINE void SW_FN(sum_feature)(const sw_panel *p, ptrdiff_t j, int64_t start,
                                  int64_t stop, double *out) {
  const int32_t *rows = p->rows;
  const SW_REAL *values = (const SW_REAL *)p->values;
  const double *theta = p->parameters + j * SW_LANES;
  SW_REAL own[SW_LANES];
  double linear = 0, square = 0;
  for (int c = 0; c < SW_LANES; c++) {
    own[c] = 0;
    if (c == p->linear_lane) {
      linear = theta[c];
    } else if (c < p->n_numbers) {
      own[c] = (SW_REAL)theta[c];
      square += theta[c] * theta[c];
    }
  }
  for (int64_t at = start; at < stop; at++) {
    SW_REAL *lines = (SW_REAL *)p->lines;
    SW_REAL *SS_RESTRICT line = lines + (ptrdiff_t)rows[at] * SW_LANES;
    const SW_REAL x = values ? values[at] : 1;
    SS_PREFETCH(lines + (ptrdiff_t)rows[at + SW_AHEAD] * SW_LANES);
#if SW_VECTORS
    for (int c = 0; c < SW_LANES; c += SW_WIDTH / (int)sizeof(SW_REAL)) {
      SW_FN(part) part, mine;
      memcpy(&part, line + c, sizeof part);
      memcpy(&mine, own + c, sizeof mine);
      part += x * mine;
      memcpy(line + c, &part, sizeof part);
    }
#else
    for (int c = 0; c < SW_LANES; c++) line[c] += x * own[c];
#endif
    out[rows[at]] += (double)x * (linear - 0.5 * (double)x * square);
  }
}

/* Sums of the factors of every row from scratch, and the rows' linear terms less half
 * the squares of single features, added to `out`; errors are left alone. */
SS_NOINLINE void SW_FN(sums)(const sw_panel *p, sw_share *share, ptrdiff_t n_rows,
                             double *out) {
  const sw_stages *stages = &share->stages;
  sw_turn *turn = &share->turn;
  SW_REAL *lines = (SW_REAL *)p->lines;
  const int64_t *bounds = stages->bounds;
  const ptrdiff_t row_parts = sw_parts(n_rows);
  ptrdiff_t item;
  for (sw_begin(turn, row_parts); (item = sw_take(turn)) >= 0; sw_done(turn)) {
    const ptrdiff_t stop = sw_cut(0, n_rows, row_parts, item + 1);
    for (ptrdiff_t i = sw_cut(0, n_rows, row_parts, item); i < stop; i++)
      for (int c = 0; c < SW_ERROR; c++)
        lines[i * SW_LANES + c] = c == p->linear_lane ? (SW_REAL)1 : (SW_REAL)0;
  }
  if (!sw_end(turn)) return;
  for (ptrdiff_t s = 0; s < stages->n_stages; s++) {
    const ptrdiff_t count = stages->counts[s];
    if (count) {
      for (sw_begin(turn, count); (item = sw_take(turn)) >= 0; sw_done(turn))
        for (ptrdiff_t j = bounds[item]; j < bounds[item + 1]; j++)
          SW_FN(sum_feature)(p, j, p->indptr[j], p->indptr[j + 1], out);
      bounds += count;
    } else {
      const ptrdiff_t j = *bounds++;
      const int64_t start = p->indptr[j], stop = p->indptr[j + 1];
      const ptrdiff_t parts = sw_parts(stop - start);
      for (sw_begin(turn, parts); (item = sw_take(turn)) >= 0; sw_done(turn))
        SW_FN(sum_feature)(p, j, sw_cut(start, stop, parts, item),
                           sw_cut(start, stop, parts, item + 1), out);
    }
    if (!sw_end(turn)) return;
  }
  for (sw_begin(turn, row_parts); (item = sw_take(turn)) >= 0; sw_done(turn)) {
    const ptrdiff_t stop = sw_cut(0, n_rows, row_parts, item + 1);
    for (ptrdiff_t i = sw_cut(0, n_rows, row_parts, item); i < stop; i++) {
      double square = 0;
      for (int c = 0; c < p->n_numbers; c++) {
        const double q = c == p->linear_lane ? 0.0 : (double)lines[i * SW_LANES + c];
        square += q * q;
      }
      out[i] += 0.5 * square;
    }
  }
  sw_end(turn);
}

#endif
