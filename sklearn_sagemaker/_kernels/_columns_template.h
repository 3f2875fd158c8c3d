/* Included by _strips_template.h once for each precision: a mini-batch of CSR rows
 * turned into columns by a counting sort. Each touched feature sums its gradient over
 * its stored values and steps at once, so that there is no gradient of the batch, and
 * features can be shared among threads. */
typedef struct {
  REAL value;
  int32_t row; /* of the batch */
} FN(entry);

/* The stored values of one row, each to the place that is next in its column. */
SS_NOINLINE void FN(place_row)(ptrdiff_t n_stored, const int32_t *SS_RESTRICT columns,
                               const REAL *SS_RESTRICT values, int32_t row,
                               int32_t *SS_RESTRICT next, FN(entry) *SS_RESTRICT entries) {
  for (ptrdiff_t k = 0; k < n_stored; k++) {
    FN(entry) *to = entries + next[columns[k]]++;
    to->value = values[k];
    to->row = row;
  }
}

/* Gradient of one feature in N models, from column c on. The slopes to come, those of
 * the next features too, are fetched ahead: SS_AHEAD entries follow the last one. */
#define SS_SUM_ENTRIES(N)                                                      \
  do {                                                                         \
    REAL sums[N] = {0};                                                        \
    for (ptrdiff_t e = 0; e < n_entries; e++) {                                \
      const REAL a = entries[e].value;                                         \
      const REAL *SS_RESTRICT d = slopes + (ptrdiff_t)entries[e].row * ld + c; \
      const REAL *next = slopes + (ptrdiff_t)entries[e + SS_AHEAD].row * ld + c;\
      for (int i = 0; i < N; i += SS_LINE) SS_PREFETCH(next + i);              \
      for (int i = 0; i < N; i++) sums[i] += a * d[i];                         \
    }                                                                          \
    for (int i = 0; i < N; i++) g[c + i] = sums[i];                            \
  } while (0)

/* One model, in four lanes: one would wait for each addition. */
SS_INLINE REAL FN(sum_entries_of_one)(ptrdiff_t n_entries,
                                      const FN(entry) *SS_RESTRICT entries,
                                      const REAL *SS_RESTRICT slopes) {
  REAL sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  ptrdiff_t e = 0;
  for (; e + 4 <= n_entries; e += 4) {
    sum0 += entries[e].value * slopes[entries[e].row];
    sum1 += entries[e + 1].value * slopes[entries[e + 1].row];
    sum2 += entries[e + 2].value * slopes[entries[e + 2].row];
    sum3 += entries[e + 3].value * slopes[entries[e + 3].row];
  }
  for (; e < n_entries; e++) sum0 += entries[e].value * slopes[entries[e].row];
  return (sum0 + sum1) + (sum2 + sum3);
}

SS_INLINE void FN(sum_entries)(ptrdiff_t n_entries,
                               const FN(entry) *SS_RESTRICT entries,
                               const REAL *SS_RESTRICT slopes, ptrdiff_t ld,
                               REAL *SS_RESTRICT g) {
  ptrdiff_t c = 0;
  for (; c + 2 * SS_PANEL <= ld; c += 2 * SS_PANEL) SS_SUM_ENTRIES(2 * SS_PANEL);
  for (; c + SS_PANEL <= ld; c += SS_PANEL) SS_SUM_ENTRIES(SS_PANEL);
  for (; c + 4 <= ld; c += 4) SS_SUM_ENTRIES(4);
  for (; c + 2 <= ld; c += 2) SS_SUM_ENTRIES(2);
  for (; c < ld; c++) SS_SUM_ENTRIES(1);
}
#undef SS_SUM_ENTRIES

SS_INLINE void FN(fetch_strip)(const REAL *strip, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += SS_LINE) SS_PREFETCH(strip + i);
}

/* Steps of the features t0 to t1 of a sorted batch (of the touched ones, or of all if
 * rows are shifted), for one optimizer. */
#define SS_DEFINE_COLUMNS(NAME)                                                \
  SS_NOINLINE void FN(one_by_columns_##NAME)(const Steps *s, ptrdiff_t t0,     \
                                             ptrdiff_t t1) {                   \
    REAL g[SS_CHUNK];                                                          \
    for (ptrdiff_t t = t0; t < t1; t += SS_CHUNK) {                            \
      const ptrdiff_t m = t1 - t < SS_CHUNK ? t1 - t : SS_CHUNK;               \
      for (ptrdiff_t i = 0; i < m; i++) {                                      \
        const ptrdiff_t from = s->starts[t + i];                               \
        s->counts[s->touched[t + i]]++;                                        \
        g[i] = FN(sum_entries_of_one)(s->starts[t + i + 1] - from,             \
                                      (const FN(entry) *)s->entries + from,    \
                                      (const REAL *)s->slopes);                \
      }                                                                        \
      FN(single_##NAME)(m, s->touched + t, (REAL *)s->w, g, (REAL *)s->s0,     \
                        (REAL *)s->s1, (const REAL *)s->rate,                  \
                        (const REAL *)s->wd, (const REAL *)s->l1,              \
                        (const REAL *)s->scale, (const REAL *)s->boost,        \
                        s->counts, (const REAL *)s->table1,                    \
                        (const REAL *)s->table2, s->n_table,                   \
                        (const REAL *)s->constants);                           \
    }                                                                          \
  }                                                                            \
  static void FN(columns_##NAME)(const Steps *s, ptrdiff_t t0, ptrdiff_t t1) { \
    if (s->ld == 1 && s->counts) {                                             \
      FN(one_by_columns_##NAME)(s, t0, t1);                                    \
      return;                                                                  \
    }                                                                          \
    const ptrdiff_t ld = s->ld;                                                \
    REAL *g = (REAL *)s->gradient, *strip = (REAL *)s->strip;                  \
    const REAL one = 1, *scale = (const REAL *)s->scale;                       \
    const REAL *shift = (const REAL *)s->shift, *sums = (const REAL *)s->sums; \
    const REAL *constants = (const REAL *)s->constants;                        \
    for (ptrdiff_t t = t0; t < t1; t++) {                                      \
      const ptrdiff_t j = s->touched ? s->touched[t] : t;                      \
      if (s->touched && t + SS_AHEAD < t1) {                                   \
        const ptrdiff_t next = s->touched[t + SS_AHEAD];                       \
        SS_PREFETCH(scale + next * s->n_kinds);                                \
        SS_PREFETCH(s->counts + next);                                         \
        SS_PREFETCH((const REAL *)s->boost + next);                            \
        FN(fetch_strip)((const REAL *)s->w + next * ld, ld);                   \
        if (s->s0) FN(fetch_strip)((const REAL *)s->s0 + next * ld, ld);       \
        if (s->s1) FN(fetch_strip)((const REAL *)s->s1 + next * ld, ld);       \
      }                                                                        \
      const ptrdiff_t from = s->starts[t];                                     \
      FN(sum_entries)(s->starts[t + 1] - from,                                 \
                      (const FN(entry) *)s->entries + from,                    \
                      (const REAL *)s->slopes, ld, g);                         \
      const REAL *r = scale + j * s->n_kinds, *boost = &one;                   \
      if (s->n_kinds > 1) {                                                    \
        FN(expand_scales)(ld, r, s->n_kinds, s->kinds, strip);                 \
        r = strip;                                                             \
      }                                                                        \
      ptrdiff_t count = 0;                                                     \
      if (shift) FN(axpy)(ld, -shift[j], sums, g);                             \
      if (s->counts) {                                                         \
        count = ++s->counts[j];                                                \
        count = count < s->n_table ? count : s->n_table - 1;                   \
        boost = (const REAL *)s->boost + j;                                    \
      }                                                                        \
      for (int part = 0; part < 2; part++) {                                   \
        const ptrdiff_t c = s->bounds[2 * part], n = s->bounds[2 * part + 1] - c;\
        if (n <= 0) continue;                                                  \
        REAL *w = (REAL *)s->w + j * ld + c;                                   \
        REAL *s0 = s->s0 ? (REAL *)s->s0 + j * ld + c : NULL;                  \
        REAL *s1 = s->s1 ? (REAL *)s->s1 + j * ld + c : NULL;                  \
        const REAL *rate = (const REAL *)s->rate + c;                          \
        const REAL *wd = (const REAL *)s->wd + c, *l1 = (const REAL *)s->l1 + c;\
        const REAL *c1 = (const REAL *)s->c1 + (s->counts ? count : c);        \
        const REAL *c2 = (const REAL *)s->c2 + (s->counts ? count : c);        \
        if (s->counts && s->n_kinds == 1)                                      \
          FN(step_##NAME)(n, w, g + c, s0, s1, rate, wd, l1, 1, r, NULL, 0,    \
                          boost, 0, c1, c2, 0, constants);                     \
        else if (s->counts)                                                    \
          FN(step_##NAME)(n, w, g + c, s0, s1, rate, wd, l1, 1, r + c,         \
                          strip + ld + c, 2, boost, 0, c1, c2, 0, constants);  \
        else if (s->n_kinds == 1)                                              \
          FN(step_##NAME)(n, w, g + c, s0, s1, rate, wd, l1, 1, r, NULL, 0,    \
                          boost, 0, c1, c2, 1, constants);                     \
        else                                                                   \
          FN(step_##NAME)(n, w, g + c, s0, s1, rate, wd, l1, 1, r + c,         \
                          strip + ld + c, 2, boost, 0, c1, c2, 1, constants);  \
      }                                                                        \
    }                                                                          \
  }
