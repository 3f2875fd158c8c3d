/* Included by _factors.h once for each precision, with REAL and FN() defined. */

#if defined(__GNUC__) || defined(__clang__)
typedef SS_VECTOR_OF(REAL, SS_LANE_BYTES) FN(lanes);
typedef SS_VECTOR_OF(REAL, 16) FN(few_lanes);
#else
typedef REAL FN(lanes);
#endif

/* Sum of some numbers of a vector: one after the other each would wait for the last. */
SS_INLINE REAL FN(sum_of)(const REAL *parts, int width) {
#if defined(__GNUC__) || defined(__clang__)
  const int few = 16 / (int)sizeof(REAL);
  if (width >= few) {
    const FN(few_lanes) *some = (const FN(few_lanes) *)parts;
    FN(few_lanes) sums = some[0];
    for (int i = 1; i < width / few; i++) sums += some[i];
    const REAL first = sums[0] + sums[1];
    return few == 2 ? first : first + (sums[few - 2] + sums[few - 1]);
  }
#endif
  (void)width;
  return parts[0];
}

/* The factors of one class: the sums of a row's factors, sums[f] = sum_l x_l v_lf, and
 * the pair term, 1/2 sum_f (sums[f]^2 - sum_l (x_l v_lf)^2). COUNT vectors at a time. */
#define SS_PANEL_SUMS(VECTOR, COUNT)                                           \
  {                                                                            \
    VECTOR s[COUNT], q[COUNT];                                                 \
    SS_UNROLL for (int c = 0; c < COUNT; c++) s[c] = q[c] = (VECTOR){0};       \
    for (ptrdiff_t l = 0; l < n; l++) {                                        \
      const VECTOR *row = (const VECTOR *)(v + columns[l] * stride + f);       \
      SS_UNROLL for (int c = 0; c < COUNT; c++) {                              \
        const VECTOR t = row[c] * values[l];                                   \
        s[c] += t;                                                             \
        q[c] += t * t;                                                         \
      }                                                                        \
    }                                                                          \
    VECTOR *out = (VECTOR *)(sums + f);                                        \
    SS_UNROLL for (int c = 0; c < COUNT; c++) {                                \
      out[c] = s[c];                                                           \
      q[c] = s[c] * s[c] - q[c];                                               \
    }                                                                          \
    for (int c = 1; c < COUNT; c++) q[0] += q[c];                              \
    const int width = (int)(sizeof(VECTOR) / sizeof(REAL));                    \
    total += FN(sum_of)((const REAL *)q, width);                               \
    f += COUNT * width;                                                        \
  }

SS_NOINLINE double FN(pairs)(ptrdiff_t n, const REAL *SS_RESTRICT values,
                             const int32_t *SS_RESTRICT columns, const REAL *v,
                             ptrdiff_t stride, ptrdiff_t k, REAL *SS_RESTRICT sums) {
  ptrdiff_t f = 0;
  REAL total = 0;
  while (f + 4 * SS_LANES(REAL) <= k) SS_PANEL_SUMS(FN(lanes), 4)
  while (f + 2 * SS_LANES(REAL) <= k) SS_PANEL_SUMS(FN(lanes), 2)
  while (f + SS_LANES(REAL) <= k) SS_PANEL_SUMS(FN(lanes), 1)
#if defined(__GNUC__) || defined(__clang__)
  while (f + 48 / (int)sizeof(REAL) <= k) SS_PANEL_SUMS(FN(few_lanes), 3)
  while (f + 16 / (int)sizeof(REAL) <= k) SS_PANEL_SUMS(FN(few_lanes), 1)
#endif
  while (f + 2 <= k) SS_PANEL_SUMS(REAL, 2)
  while (f < k) SS_PANEL_SUMS(REAL, 1)
  return 0.5 * (double)total;
}

/* `pairs` of several machines whose factors of a feature lie side by side: they are
 * summed as one of all their factors. `terms` are n_machines * k numbers of room. */
#define SS_ALL_PAIRS(VECTOR)                                                   \
  for (; f + (ptrdiff_t)(sizeof(VECTOR) / sizeof(REAL)) <= n_machines * k;     \
       f += sizeof(VECTOR) / sizeof(REAL)) {                                   \
    VECTOR s = (VECTOR){0}, q = (VECTOR){0};                                   \
    for (ptrdiff_t l = 0; l < n; l++) {                                        \
      const VECTOR t = *(const VECTOR *)(v + columns[l] * stride + f) * values[l]; \
      s += t;                                                                  \
      q += t * t;                                                              \
    }                                                                          \
    *(VECTOR *)(terms + f) = s * s - q;                                        \
  }
SS_NOINLINE void FN(all_pairs)(ptrdiff_t n, const REAL *SS_RESTRICT values,
                               const int32_t *SS_RESTRICT columns, const REAL *v,
                               ptrdiff_t stride, ptrdiff_t n_machines, ptrdiff_t k,
                               REAL *SS_RESTRICT terms, double *SS_RESTRICT out) {
  ptrdiff_t f = 0;
#if defined(__GNUC__) || defined(__clang__)
  const ptrdiff_t width = 4 * sizeof(FN(lanes)) / sizeof(REAL);
  for (; f + width <= n_machines * k; f += width) {
    FN(lanes) s[4], q[4];
    SS_UNROLL for (int c = 0; c < 4; c++) s[c] = q[c] = (FN(lanes)){0};
    for (ptrdiff_t l = 0; l < n; l++) {
      const FN(lanes) *row = (const FN(lanes) *)(v + columns[l] * stride + f);
      SS_UNROLL for (int c = 0; c < 4; c++) {
        const FN(lanes) t = row[c] * values[l];
        s[c] += t;
        q[c] += t * t;
      }
    }
    FN(lanes) *found = (FN(lanes) *)(terms + f);
    SS_UNROLL for (int c = 0; c < 4; c++) found[c] = s[c] * s[c] - q[c];
  }
  SS_ALL_PAIRS(FN(lanes))
#endif
  SS_ALL_PAIRS(REAL)
  for (ptrdiff_t m = 0; m < n_machines; m++) {
    double total = 0;
    for (ptrdiff_t i = 0; i < k; i++) total += (double)terms[m * k + i];
    out[m] += 0.5 * total;
  }
}
#undef SS_ALL_PAIRS

/* Fetch the strips of a row that is to come. */
SS_INLINE void FN(prefetch_strips)(ptrdiff_t n, const int32_t *columns, const REAL *v,
                                   ptrdiff_t stride, ptrdiff_t length) {
  for (ptrdiff_t l = 0; l < n; l++) {
    const REAL *strip = v + columns[l] * stride;
    for (ptrdiff_t i = 0; i < length; i += 64 / (ptrdiff_t)sizeof(REAL))
      SS_PREFETCH(strip + i);
  }
}

/* A rule is what a step does to one group of parameters; the gradient is rescaled,
 * then clipped, then decayed, as in MXNet. The order is RULE of _factors.pyx.
 * A shape is: classes, factors, from one feature to the next in the linear weights and
 * in the factors. */

/* n weights, the states behind them at DISTANCE; GRADIENT may use i and w. */
#define SS_FACTOR_LOOP(N_STATES, DECAYS, STEP, COUNT, WEIGHTS, DISTANCE, RULE,  \
                       GRADIENT)                                               \
  {                                                                            \
    const REAL lr = (RULE)[0], decay = (RULE)[1], rescale = (RULE)[2];         \
    const REAL clip = (RULE)[3], c1 = (RULE)[4], c2 = (RULE)[5];               \
    const REAL beta_1 = (RULE)[6], beta_2 = (RULE)[7], eps = (RULE)[8];        \
    const REAL momentum = (RULE)[9];                                           \
    (void)c1, (void)c2, (void)beta_1, (void)beta_2, (void)eps, (void)momentum; \
    REAL *weights_ = (WEIGHTS);                                                \
    const ptrdiff_t distance_ = (DISTANCE);                                    \
    SS_NO_OVERLAP                                                              \
    for (ptrdiff_t i = 0; i < (COUNT); i++) {                                  \
      REAL w = weights_[i];                                                    \
      REAL g = rescale * (GRADIENT);                                           \
      g = g > clip ? clip : g;                                                 \
      g = g < -clip ? -clip : g;                                               \
      if (DECAYS) g += decay * w;                                              \
      REAL s0 = N_STATES > 0 ? weights_[distance_ + i] : 0;                    \
      REAL s1 = N_STATES > 1 ? weights_[2 * distance_ + i] : 0;                \
      STEP                                                                     \
      weights_[i] = w;                                                         \
      if (N_STATES > 0) weights_[distance_ + i] = s0;                          \
      if (N_STATES > 1) weights_[2 * distance_ + i] = s1;                      \
    }                                                                          \
  }

/* row:   the step of one row, its gradient taken on the fly;
 * apply: the step of some weights, by a gradient that was summed before. */
#define SS_DEFINE_FACTOR_UPDATES(NAME, N_STATES, DECAYS, STEP)                 \
  SS_NOINLINE void FN(factor_row_##NAME)(                                      \
      ptrdiff_t n, const REAL *values, const int32_t *columns, REAL *linear,   \
      REAL *factors, const ptrdiff_t *shape, const REAL *slopes,               \
      const REAL *SS_RESTRICT sums, const REAL *linear_rule,                   \
      const REAL *factor_rule) {                                               \
    const ptrdiff_t n_classes = shape[0], k = shape[1], width = n_classes * k; \
    const ptrdiff_t linear_stride = shape[2], factor_stride = shape[3];        \
    for (ptrdiff_t l = 0; l < n; l++) {                                        \
      const REAL x = values[l];                                                \
      SS_FACTOR_LOOP(N_STATES, DECAYS, STEP, n_classes,                        \
                     linear + columns[l] * linear_stride, n_classes,           \
                     linear_rule, slopes[i] * x)                               \
      for (ptrdiff_t c = 0; c < n_classes; c++) {                              \
        const REAL along = slopes[c] * x;                                      \
        const REAL *SS_RESTRICT own = sums + c * k;                            \
        SS_FACTOR_LOOP(N_STATES, DECAYS, STEP, k,                              \
                       factors + columns[l] * factor_stride + c * k, width,    \
                       factor_rule, along * (own[i] - x * w))                  \
      }                                                                        \
    }                                                                          \
  }                                                                            \
  SS_NOINLINE void FN(factor_apply_##NAME)(                                    \
      ptrdiff_t n, REAL *weights, const REAL *SS_RESTRICT gradient,            \
      ptrdiff_t distance, const REAL *rule) {                                  \
    SS_FACTOR_LOOP(N_STATES, DECAYS, STEP, n, weights, distance, rule,         \
                   gradient[i])                                                \
  }
#include "_generated_factor_optimizers.h"

/* Gradient of one row, into the slots of its features. */
SS_NOINLINE void FN(factor_gradient)(
    ptrdiff_t n, const REAL *SS_RESTRICT values, const int32_t *SS_RESTRICT columns,
    const int32_t *SS_RESTRICT slots, const REAL *factors, const ptrdiff_t *shape,
    const REAL *SS_RESTRICT slopes, const REAL *SS_RESTRICT sums,
    REAL *SS_RESTRICT linear_gradient, REAL *SS_RESTRICT factor_gradient) {
  const ptrdiff_t n_classes = shape[0], k = shape[1];
  for (ptrdiff_t l = 0; l < n; l++) {
    const REAL x = values[l];
    const REAL *strip = factors + columns[l] * shape[3];
    REAL *SS_RESTRICT g = factor_gradient + slots[l] * n_classes * k;
    for (ptrdiff_t c = 0; c < n_classes; c++) {
      const REAL along = slopes[c] * x;
      linear_gradient[slots[l] * n_classes + c] += along;
      for (ptrdiff_t i = 0; i < k; i++)
        g[c * k + i] += along * (sums[c * k + i] - x * strip[c * k + i]);
    }
  }
}
