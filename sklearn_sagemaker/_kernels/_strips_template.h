/* Included by _strips.h once for each precision, with REAL and FN() defined.
 * The elementwise losses and the steps of the optimizers come from the
 * registries losses.py and optimizers.py through _generated_*.h. */

/* Numbers in a cache line, and how many strips ahead to fetch. */
#undef SS_LINE
#define SS_LINE (64 / (int)sizeof(REAL))
#undef SS_AHEAD
#define SS_AHEAD 8
/* Features of one model that are stepped at a time. */
#undef SS_CHUNK
#define SS_CHUNK 128

SS_INLINE REAL FN(soft_threshold)(REAL w, REAL threshold) {
  REAL size = FABS(w) - threshold;
  size = size < 0 ? 0 : size; /* NaN stays NaN: divergence must show */
  return COPYSIGN(size, w);
}

/* What the losses are made of; a comparison with NaN is false, so NaN passes. */
SS_INLINE REAL FN(above_zero)(REAL x) { return x < 0 ? 0 : x; }

SS_INLINE REAL FN(sign)(REAL x) { return (REAL)((x > 0) - (x < 0)); }

SS_INLINE REAL FN(sigmoid)(REAL f) { return 1 / (1 + FN(exp)(-f)); }

SS_INLINE REAL FN(softplus)(REAL f) {
  return (f > 0 ? f : 0) + FN(log1p_unit)(FN(exp)(-FABS(f)));
}

/* y += a * x */
SS_INLINE void FN(axpy)(ptrdiff_t n, REAL a, const REAL *SS_RESTRICT x,
                        REAL *SS_RESTRICT y) {
  for (ptrdiff_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* Sum of 2 * SS_PANEL lanes, half by half: one after the other they would wait for
 * each other. */
SS_INLINE REAL FN(sum_lanes)(REAL *SS_RESTRICT lanes) {
#if SS_PANEL > 8
  for (int c = 0; c < 16; c++) lanes[c] += lanes[c + 16];
#endif
  for (int c = 0; c < 8; c++) lanes[c] += lanes[c + 8];
  for (int c = 0; c < 4; c++) lanes[c] += lanes[c + 4];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

/* Sum of x * w in SS_PANEL lanes: a fixed order, and one that vectorises. */
SS_INLINE REAL FN(dot)(ptrdiff_t n, const REAL *SS_RESTRICT x,
                       const REAL *SS_RESTRICT w) {
  REAL lanes[2 * SS_PANEL] = {0};
  ptrdiff_t i = 0;
  for (; i + 2 * SS_PANEL <= n; i += 2 * SS_PANEL)
    for (int c = 0; c < 2 * SS_PANEL; c++) lanes[c] += x[i + c] * w[i + c];
  REAL sum = 0;
  for (; i < n; i++) sum += x[i] * w[i];
  return sum + FN(sum_lanes)(lanes);
}

/* Two rows to come are fetched while others are read: numbers 2i to 2i + 4 * SS_PANEL
 * of them, laid end to end. In that order, not side by side, as neighbours in memory
 * they make one stream. */
SS_INLINE void FN(fetch_two)(ptrdiff_t n, ptrdiff_t i, const REAL *const *next) {
  const REAL *at = 2 * i < n ? next[0] + 2 * i : next[1] + (2 * i - n);
  for (int c = 0; c < 4 * SS_PANEL; c += SS_LINE) SS_PREFETCH_FAR(at + c);
}

/* A number of a row, centred or not: `centred` is known at compile time. */
#undef SS_AT
#define SS_AT(x, i) (centred ? x[i] - shift[i] : x[i])

/* The lanes of `dots`, and the numbers of the rows that fill no lanes. */
SS_INLINE ptrdiff_t FN(dots_lanes)(ptrdiff_t n, const REAL *const *rows,
                                   const REAL *const *next, int centred,
                                   const REAL *SS_RESTRICT shift,
                                   const REAL *SS_RESTRICT w,
                                   REAL (*SS_RESTRICT lanes)[2 * SS_PANEL],
                                   REAL (*SS_RESTRICT rest)[2 * SS_PANEL]) {
  const REAL *SS_RESTRICT x0 = rows[0], *SS_RESTRICT x1 = rows[1];
  const REAL *SS_RESTRICT x2 = rows[2], *SS_RESTRICT x3 = rows[3];
  ptrdiff_t i = 0;
  for (; i + 2 * SS_PANEL <= n; i += 2 * SS_PANEL) {
    if (next != NULL) FN(fetch_two)(n, i, next);
    for (int c = 0; c < 2 * SS_PANEL; c++) lanes[0][c] += SS_AT(x0, i + c) * w[i + c];
    for (int c = 0; c < 2 * SS_PANEL; c++) lanes[1][c] += SS_AT(x1, i + c) * w[i + c];
    for (int c = 0; c < 2 * SS_PANEL; c++) lanes[2][c] += SS_AT(x2, i + c) * w[i + c];
    for (int c = 0; c < 2 * SS_PANEL; c++) lanes[3][c] += SS_AT(x3, i + c) * w[i + c];
  }
  for (int r = 0; r < SS_ABREAST; r++)
    for (ptrdiff_t j = i; j < n; j++) rest[r][j - i] = SS_AT(rows[r], j);
  return i;
}

/* The same for SS_ABREAST rows at once, less the shift if it is not NULL, so that the
 * weights are read once. Rows to come are fetched meanwhile: two here, two in axpys (if
 * next is not NULL). What is left of the rows is summed by one loop, centred or not: two
 * loops might be rounded differently. */
SS_NOINLINE void FN(dots)(ptrdiff_t n, const REAL *const *rows,
                          const REAL *const *next, const REAL *shift, const REAL *w,
                          REAL *out) {
  REAL lanes[SS_ABREAST][2 * SS_PANEL] = {{0}}, rest[SS_ABREAST][2 * SS_PANEL];
  REAL sums[SS_ABREAST] = {0};
  const ptrdiff_t i = shift != NULL
                          ? FN(dots_lanes)(n, rows, next, 1, shift, w, lanes, rest)
                          : FN(dots_lanes)(n, rows, next, 0, shift, w, lanes, rest);
  for (ptrdiff_t j = 0; i + j < n; j++)
    for (int r = 0; r < SS_ABREAST; r++) sums[r] += rest[r][j] * w[i + j];
  for (int r = 0; r < SS_ABREAST; r++) out[r] = sums[r] + FN(sum_lanes)(lanes[r]);
}

/* g += sum of a[r] * rows[r], for SS_ABREAST rows */
SS_INLINE void FN(axpys_of)(ptrdiff_t n, const REAL *SS_RESTRICT a,
                            const REAL *const *rows, const REAL *const *next,
                            int centred, const REAL *SS_RESTRICT shift,
                            REAL *SS_RESTRICT g) {
  const REAL *SS_RESTRICT x0 = rows[0], *SS_RESTRICT x1 = rows[1];
  const REAL *SS_RESTRICT x2 = rows[2], *SS_RESTRICT x3 = rows[3];
  const REAL a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
  ptrdiff_t i = 0;
  for (; i + 2 * SS_PANEL <= n; i += 2 * SS_PANEL) {
    if (next != NULL) FN(fetch_two)(n, i, next + 2);
    SS_NO_OVERLAP
    for (int c = 0; c < 2 * SS_PANEL; c++)
      g[i + c] += (a0 * SS_AT(x0, i + c) + a1 * SS_AT(x1, i + c)) +
                  (a2 * SS_AT(x2, i + c) + a3 * SS_AT(x3, i + c));
  }
  for (; i < n; i++)
    g[i] += (a0 * SS_AT(x0, i) + a1 * SS_AT(x1, i)) +
            (a2 * SS_AT(x2, i) + a3 * SS_AT(x3, i));
}

SS_NOINLINE void FN(axpys)(ptrdiff_t n, const REAL *a, const REAL *const *rows,
                           const REAL *const *next, const REAL *shift, REAL *g) {
  if (shift != NULL)
    FN(axpys_of)(n, a, rows, next, 1, shift, g);
  else
    FN(axpys_of)(n, a, rows, next, 0, shift, g);
}

/* Sum of values * w[columns] for one model, in four lanes: one would wait for each
 * addition. */
SS_SCALAR REAL FN(sparse_dot)(ptrdiff_t n_stored, const REAL *SS_RESTRICT values,
                              const int32_t *SS_RESTRICT columns,
                              const REAL *SS_RESTRICT w, ptrdiff_t ld) {
  REAL sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  ptrdiff_t k = 0;
  for (; k + 4 <= n_stored; k += 4) {
    sum0 += values[k] * w[(ptrdiff_t)columns[k] * ld];
    sum1 += values[k + 1] * w[(ptrdiff_t)columns[k + 1] * ld];
    sum2 += values[k + 2] * w[(ptrdiff_t)columns[k + 2] * ld];
    sum3 += values[k + 3] * w[(ptrdiff_t)columns[k + 3] * ld];
  }
  for (; k < n_stored; k++) sum0 += values[k] * w[(ptrdiff_t)columns[k] * ld];
  return (sum0 + sum1) + (sum2 + sum3);
}

/* Margins of one CSR row: z += sum_k values[k] * w[columns[k]], the sums of up to
 * four panels held in registers while the row's strips stream past. The strips to come
 * are fetched ahead, those of the next row too, as their order is random. */
SS_INLINE void FN(row_forward)(ptrdiff_t n_stored, const REAL *SS_RESTRICT values,
                               const int32_t *SS_RESTRICT columns,
                               const REAL *SS_RESTRICT w, ptrdiff_t ld, ptrdiff_t n,
                               REAL *SS_RESTRICT z, ptrdiff_t n_next,
                               const int32_t *SS_RESTRICT next) {
  if (n == 1 && ld == 1) {
    z[0] += FN(sparse_dot)(n_stored, values, columns, w, ld);
    return;
  }
  ptrdiff_t c = 0;
  for (; c + 2 * SS_PANEL <= n; c += 2 * SS_PANEL) {
    REAL sums[2 * SS_PANEL];
    for (int i = 0; i < 2 * SS_PANEL; i++) sums[i] = z[c + i];
    for (ptrdiff_t k = 0; k < n_stored; k++) {
      const REAL a = values[k], *SS_RESTRICT strip = w + (ptrdiff_t)columns[k] * ld + c;
      const ptrdiff_t over = k + 2 * SS_AHEAD - n_stored;
      if (over < n_next) {
        const int32_t j = over < 0 ? columns[k + 2 * SS_AHEAD] : next[over];
        const REAL *coming = w + (ptrdiff_t)j * ld + c;
        for (int i = 0; i < 2 * SS_PANEL; i += SS_LINE) SS_PREFETCH(coming + i);
      }
      for (int i = 0; i < 2 * SS_PANEL; i++) sums[i] += a * strip[i];
    }
    for (int i = 0; i < 2 * SS_PANEL; i++) z[c + i] = sums[i];
  }
  for (; c + SS_PANEL <= n; c += SS_PANEL) {
    REAL sums[SS_PANEL];
    for (int i = 0; i < SS_PANEL; i++) sums[i] = z[c + i];
    for (ptrdiff_t k = 0; k < n_stored; k++) {
      const REAL a = values[k], *SS_RESTRICT strip = w + (ptrdiff_t)columns[k] * ld + c;
      for (int i = 0; i < SS_PANEL; i++) sums[i] += a * strip[i];
    }
    for (int i = 0; i < SS_PANEL; i++) z[c + i] = sums[i];
  }
  if (c < n)
    for (ptrdiff_t k = 0; k < n_stored; k++)
      FN(axpy)(n - c, values[k], w + (ptrdiff_t)columns[k] * ld + c, z + c);
}

/* Gradient of one CSR row for one model, where features are few enough to look
 * through: whole[j] += values * d, and a mark at each feature that was touched. */
SS_NOINLINE void FN(row_marks)(ptrdiff_t n_stored, const int32_t *SS_RESTRICT columns,
                               const REAL *SS_RESTRICT values, REAL d,
                               REAL *SS_RESTRICT whole, uint8_t *SS_RESTRICT marks) {
  for (ptrdiff_t k = 0; k < n_stored; k++) {
    const ptrdiff_t j = columns[k];
    whole[j] += values[k] * d;
    marks[j] = 1;
  }
}

/* The marked features in order, their gradients moved to the compact g; marks and
 * whole gradient are zero again. Returns how many. */
SS_NOINLINE ptrdiff_t FN(collect_marks)(ptrdiff_t n_features,
                                        uint8_t *SS_RESTRICT marks,
                                        REAL *SS_RESTRICT whole, REAL *SS_RESTRICT g,
                                        int32_t *SS_RESTRICT touched) {
  ptrdiff_t n = 0;
  for (ptrdiff_t start = 0; start < n_features; start += 8) {
    uint64_t eight = 0;
    const ptrdiff_t stop = start + 8 < n_features ? start + 8 : n_features;
    memcpy(&eight, marks + start, (size_t)(stop - start));
    if (eight == 0) continue;
    for (ptrdiff_t j = start; j < stop; j++) {
      touched[n] = (int32_t)j; /* room for one more */
      g[n] = whole[j];
      n += marks[j];
      marks[j] = 0;
      whole[j] = 0;
    }
  }
  return n;
}

/* Elementwise losses: z holds margins and becomes weight * dloss/dmargin;
 * total[c] grows by loss_weight * loss. Labels are shifted and scaled per
 * column (each fold has its own label scaler), and so is the loss's parameter. */
#define SS_DEFINE_LOSS(NAME, VALUE, GRADIENT)                                  \
  static void FN(loss_##NAME)(                                                 \
      ptrdiff_t n, REAL *SS_RESTRICT z, REAL label, REAL weight,               \
      REAL loss_weight, const REAL *SS_RESTRICT shift,                         \
      const REAL *SS_RESTRICT scale, const REAL *SS_RESTRICT parameter,        \
      REAL *SS_RESTRICT total) {                                               \
    for (ptrdiff_t c = 0; c < n; c++) {                                        \
      const REAL f = z[c], y = (label - shift[c]) * scale[c], p = parameter[c];\
      (void)p;                                                                 \
      total[c] += loss_weight * (VALUE);                                       \
      z[c] = weight * (GRADIENT);                                              \
    }                                                                          \
  }
/* The same for one column and several rows; total is one for each row. */
#define SS_DEFINE_LOSS_ROWS(NAME, VALUE, GRADIENT)                             \
  static void FN(lossrows_##NAME)(                                             \
      ptrdiff_t n, REAL *SS_RESTRICT z, const REAL *SS_RESTRICT label,         \
      const REAL *SS_RESTRICT weight, const REAL *SS_RESTRICT loss_weight,     \
      REAL shift, REAL scale, REAL p, REAL *SS_RESTRICT total) {               \
    (void)p;                                                                   \
    for (ptrdiff_t i = 0; i < n; i++) {                                        \
      const REAL f = z[i], y = (label[i] - shift) * scale;                     \
      total[i] = loss_weight[i] * (VALUE);                                     \
      z[i] = weight[i] * (GRADIENT);                                           \
    }                                                                          \
  }
#include "_generated_losses.h"

/* Softmax of one group of columns laid out class by class:
 * z[k * m + c] is class k of model c. total has m entries. A few models make short
 * loops: then several classes are taken side by side, and joined at the end. */
static void FN(loss_softmax)(ptrdiff_t n_classes, ptrdiff_t m, REAL *SS_RESTRICT z,
                             ptrdiff_t label, REAL weight, REAL loss_weight,
                             REAL *SS_RESTRICT scratch, REAL *SS_RESTRICT total) {
  ptrdiff_t abreast = m < 32 ? 32 / m : 1;
  if (abreast > n_classes) abreast = n_classes;
  const ptrdiff_t width = abreast * m, n = n_classes * m;
  REAL *SS_RESTRICT top = scratch, *SS_RESTRICT sum = scratch + width;
  for (ptrdiff_t c = 0; c < m; c++) total[c] -= loss_weight * z[label * m + c];
  for (ptrdiff_t i = 0; i < width; i++) top[i] = z[i], sum[i] = 0;
  for (ptrdiff_t start = width; start < n; start += width) {
    const ptrdiff_t count = start + width < n ? width : n - start;
    for (ptrdiff_t i = 0; i < count; i++)
      top[i] = z[start + i] > top[i] ? z[start + i] : top[i];
  }
  for (ptrdiff_t k = 1; k < abreast; k++)
    for (ptrdiff_t c = 0; c < m; c++)
      top[c] = top[k * m + c] > top[c] ? top[k * m + c] : top[c];
  for (ptrdiff_t c = 0; c < m; c++) total[c] += loss_weight * top[c];
  for (ptrdiff_t k = 1; k < abreast; k++)
    for (ptrdiff_t c = 0; c < m; c++) top[k * m + c] = top[c];
  for (ptrdiff_t start = 0; start < n; start += width) {
    const ptrdiff_t count = start + width < n ? width : n - start;
    REAL *SS_RESTRICT part = z + start;
    for (ptrdiff_t i = 0; i < count; i++) {
      part[i] = FN(exp)(part[i] - top[i]);
      sum[i] += part[i];
    }
  }
  for (ptrdiff_t k = 1; k < abreast; k++)
    for (ptrdiff_t c = 0; c < m; c++) sum[c] += sum[k * m + c];
  for (ptrdiff_t c = 0; c < m; c++) {
    total[c] += loss_weight * (REAL)log((double)sum[c]);
    sum[c] = weight / sum[c];
  }
  for (ptrdiff_t k = 1; k < abreast; k++)
    for (ptrdiff_t c = 0; c < m; c++) sum[k * m + c] = sum[c];
  for (ptrdiff_t start = 0; start < n; start += width) {
    const ptrdiff_t count = start + width < n ? width : n - start;
    REAL *SS_RESTRICT part = z + start;
    for (ptrdiff_t i = 0; i < count; i++) part[i] *= sum[i];
  }
  for (ptrdiff_t c = 0; c < m; c++) z[label * m + c] -= weight;
}

/* Scales of one feature in the models of a strip, and one over them: there are a few
 * kinds, and memory holds one number for each. */
SS_INLINE void FN(expand_scales)(ptrdiff_t n, const REAL *SS_RESTRICT scales,
                                 ptrdiff_t n_kinds, const int32_t *SS_RESTRICT kinds,
                                 REAL *SS_RESTRICT strip) {
  REAL *SS_RESTRICT over = strip + n;
  for (int32_t k = 0; k < n_kinds; k++) {
    const REAL r = scales[k], inverse = r > 0 ? 1 / r : 0;
    for (ptrdiff_t i = 0; i < n; i++) {
      strip[i] = kinds[i] == k ? r : strip[i];
      over[i] = kinds[i] == k ? inverse : over[i];
    }
  }
}

/* One step of an optimizer over n weights. A stride of 0 or 1, known at compile
 * time, says whether a parameter is shared or one for each weight: along a
 * strip the models differ (hs = 1) and the feature's scale is shared (rs = 0)
 * or not (rs = 2: over holds one over the scales); along a column it is the other
 * way round (rs = 1).
 * Weights are kept in the units of the (shifted) data; scale r maps them to the
 * scaled space in which the penalties and the optimizer act. */
#define SS_DEFINE_OPTIMIZER(NAME, N_STATES, STEP)                              \
  SS_INLINE void FN(step_##NAME)(                                              \
      ptrdiff_t n, REAL *SS_RESTRICT weights, const REAL *SS_RESTRICT gradient,\
      REAL *SS_RESTRICT state0, REAL *SS_RESTRICT state1,                      \
      const REAL *SS_RESTRICT rate, const REAL *SS_RESTRICT wd,                \
      const REAL *SS_RESTRICT l1, ptrdiff_t hs, const REAL *SS_RESTRICT scale, \
      const REAL *SS_RESTRICT over, ptrdiff_t rs,                              \
      const REAL *SS_RESTRICT boost, ptrdiff_t ks,                             \
      const REAL *SS_RESTRICT correction1, const REAL *SS_RESTRICT correction2,\
      ptrdiff_t cs, const REAL *SS_RESTRICT constants) {                       \
    const REAL beta_1 = constants[0], beta_2 = constants[1];                   \
    const REAL eps = constants[2], momentum = constants[3];                    \
    (void)beta_1, (void)beta_2, (void)eps, (void)momentum;                     \
    (void)state0, (void)state1;                                                \
    const REAL r0 = scale[0], lr0 = rate[0], wd0 = wd[0], l10 = l1[0];         \
    const REAL k0 = boost[0], c10 = correction1[0], c20 = correction2[0];      \
    const REAL inverse0 = r0 > 0 ? 1 / r0 : 0;                                 \
    SS_NO_OVERLAP                                                              \
    for (ptrdiff_t i = 0; i < n; i++) {                                        \
      const REAL r = rs ? scale[i] : r0;                                       \
      const REAL inverse = rs == 2 ? over[i] : rs ? (r > 0 ? 1 / r : 0) : inverse0;\
      const REAL k = ks ? boost[i] : k0, lr = hs ? rate[i] : lr0;              \
      const REAL decay = k * (hs ? wd[i] : wd0), pen = k * (hs ? l1[i] : l10); \
      const REAL c1 = cs ? correction1[i] : c10, c2 = cs ? correction2[i] : c20;\
      REAL w = weights[i] * inverse;                                           \
      const REAL g = r * gradient[i] + decay * w;                              \
      REAL s0 = N_STATES > 0 ? state0[i] : 0, s1 = N_STATES > 1 ? state1[i] : 0;\
      (void)c1, (void)c2;                                                      \
      STEP                                                                     \
      weights[i] = r * w;                                                      \
      if (N_STATES > 0) state0[i] = s0;                                        \
      if (N_STATES > 1) state1[i] = s1;                                        \
    }                                                                          \
  }
/* The step over whole arrays, for one optimizer:
 * dense   every feature's strip, with bias corrections for each model;
 * single  the weights of one model that are listed, their gradients compact, with a
 *         boost of the penalties and bias corrections (by count of touches) for each;
 * column  one model's weights over all features.
 * ld is the distance between strips, n the number of models stepped. */
#define SS_DEFINE_UPDATES(NAME)                                                \
  /* A function of its own: inlined into the gather below it stays scalar. */  \
  SS_NOINLINE void FN(chunk_##NAME)(                                           \
      ptrdiff_t n, REAL *w, const REAL *g, REAL *s0, REAL *s1,                 \
      const REAL *rate, const REAL *wd, const REAL *l1, const REAL *scale,     \
      const REAL *boost, const REAL *c1, const REAL *c2,                       \
      const REAL *constants) {                                                 \
    FN(step_##NAME)(n, w, g, s0, s1, rate, wd, l1, 0, scale, NULL, 1, boost, 1,\
                    c1, c2, 1, constants);                                     \
  }                                                                            \
  static void FN(dense_##NAME)(                                                \
      ptrdiff_t n_features, ptrdiff_t n, ptrdiff_t ld, REAL *w, const REAL *g, \
      REAL *s0, REAL *s1, const REAL *rate, const REAL *wd, const REAL *l1,    \
      const REAL *scale, ptrdiff_t n_kinds, const int32_t *kinds, REAL *strip, \
      const REAL *c1, const REAL *c2, const REAL *constants) {                 \
    const REAL one = 1;                                                        \
    for (ptrdiff_t j = 0; j < n_features; j++) {                               \
      const ptrdiff_t at = j * ld;                                             \
      if (n_kinds == 1) {                                                      \
        FN(step_##NAME)(n, w + at, g + at, s0 + at, s1 + at, rate, wd, l1, 1,  \
                        scale + j, NULL, 0, &one, 0, c1, c2, 1, constants);    \
        continue;                                                              \
      }                                                                        \
      FN(expand_scales)(n, scale + j * n_kinds, n_kinds, kinds, strip);        \
      FN(step_##NAME)(n, w + at, g + at, s0 + at, s1 + at, rate, wd, l1, 1,    \
                      strip, strip + n, 2, &one, 0, c1, c2, 1, constants);     \
    }                                                                          \
  }                                                                            \
  /* One model: gather the features' weights and step them as a column. */     \
  SS_SCALAR void FN(single_##NAME)(                                            \
      ptrdiff_t n_touched, const int32_t *SS_RESTRICT touched,                 \
      REAL *SS_RESTRICT w, const REAL *SS_RESTRICT g, REAL *SS_RESTRICT s0,    \
      REAL *SS_RESTRICT s1, const REAL *rate, const REAL *wd, const REAL *l1,  \
      const REAL *SS_RESTRICT scale, const REAL *SS_RESTRICT boost,            \
      const int32_t *SS_RESTRICT count, const REAL *SS_RESTRICT table1,        \
      const REAL *SS_RESTRICT table2, ptrdiff_t n_table,                       \
      const REAL *constants) {                                                 \
    REAL u[SS_CHUNK], v0[SS_CHUNK], v1[SS_CHUNK], r[SS_CHUNK], k[SS_CHUNK];    \
    REAL k1[SS_CHUNK], k2[SS_CHUNK];                                           \
    for (ptrdiff_t t = 0; t < n_touched; t += SS_CHUNK) {                      \
      const ptrdiff_t m = n_touched - t < SS_CHUNK ? n_touched - t : SS_CHUNK; \
      for (ptrdiff_t i = 0; i < m; i++) {                                      \
        const ptrdiff_t j = touched[t + i];                                    \
        const ptrdiff_t at = count[j] < n_table ? count[j] : n_table - 1;      \
        u[i] = w[j], r[i] = scale[j], k[i] = boost[j];                         \
        k1[i] = table1[at], k2[i] = table2[at];                                \
      }                                                                        \
      if (s0)                                                                  \
        for (ptrdiff_t i = 0; i < m; i++) v0[i] = s0[touched[t + i]];          \
      if (s1)                                                                  \
        for (ptrdiff_t i = 0; i < m; i++) v1[i] = s1[touched[t + i]];          \
      FN(chunk_##NAME)(m, u, g + t, v0, v1, rate, wd, l1, r, k, k1, k2, constants);\
      for (ptrdiff_t i = 0; i < m; i++) w[touched[t + i]] = u[i];              \
      if (s0)                                                                  \
        for (ptrdiff_t i = 0; i < m; i++) s0[touched[t + i]] = v0[i];          \
      if (s1)                                                                  \
        for (ptrdiff_t i = 0; i < m; i++) s1[touched[t + i]] = v1[i];          \
    }                                                                          \
  }                                                                            \
  static void FN(column_##NAME)(                                               \
      ptrdiff_t n, REAL *w, const REAL *g, REAL *s0, REAL *s1,                 \
      const REAL *rate, const REAL *wd, const REAL *l1, const REAL *scale,     \
      const REAL *c1, const REAL *c2, const REAL *constants) {                 \
    const REAL one = 1;                                                        \
    FN(step_##NAME)(n, w, g, s0, s1, rate, wd, l1, 0, scale, NULL, 1, &one, 0, \
                    c1, c2, 0, constants);                                     \
  }
#include "_columns_template.h"
#include "_generated_optimizers.h"

/* Exact catch-up of a strip over the steps from `from` to `to` in which its
 * feature was absent: |w| -> max(0, |w| P_to/P_from - r P_to (Q_to - Q_from)),
 * with P the running product of (1 - lr wd) and Q the running sum of lr l1 / P. */
SS_INLINE void FN(catch_up)(ptrdiff_t n, REAL *SS_RESTRICT w,
                            const REAL *SS_RESTRICT scales,
                            const int32_t *SS_RESTRICT kinds,
                            const double *SS_RESTRICT p_from,
                            const double *SS_RESTRICT q_from,
                            const double *SS_RESTRICT p_to,
                            const double *SS_RESTRICT q_to) {
  for (ptrdiff_t c = 0; c < n; c++) {
    const double scale = (double)scales[kinds[c]];
    double size = fabs((double)w[c]) * (p_to[c] / p_from[c]) -
                  scale * p_to[c] * (q_to[c] - q_from[c]);
    size = size < 0 ? 0 : size;
    w[c] = (REAL)copysign(size, (double)w[c]);
  }
}
