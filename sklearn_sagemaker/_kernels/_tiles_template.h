/* Included by _strips.h once for each precision: the two products of a dense
 * tile of rows with strips of models. A general matrix product packs both
 * operands first; here one of them is a few strips wide and lies in cache
 * already, so that packing costs as much as a quarter of the arithmetic.
 *
 * Only built where SS_VECTOR (bytes of a register) is set; elsewhere BLAS. */
#ifdef SS_VECTOR

typedef REAL FN(vec)
    __attribute__((vector_size(SS_VECTOR), aligned(sizeof(REAL)), may_alias));

#undef SS_WIDE
#define SS_WIDE (SS_VECTOR / (int)sizeof(REAL))

/* Margins of MR rows for NV vectors of models, added up in registers while the
 * weights stream past: z += x w. */
#define SS_DEFINE_MARGINS(MR, NV)                                              \
  SS_INLINE void FN(margins_##MR##_##NV)(                                      \
      ptrdiff_t d, const REAL *x, ptrdiff_t ldx, const REAL *w, ptrdiff_t ldw, \
      REAL *z, ptrdiff_t ldz) {                                                \
    FN(vec) sum[MR][NV];                                                       \
    SS_UNROLL for (int i = 0; i < MR; i++)                                     \
      SS_UNROLL for (int v = 0; v < NV; v++)                                   \
        sum[i][v] = *(const FN(vec) *)(z + i * ldz + v * SS_WIDE);             \
    for (ptrdiff_t j = 0; j < d; j++) {                                        \
      FN(vec) strip[NV];                                                       \
      SS_UNROLL for (int v = 0; v < NV; v++)                                   \
        strip[v] = *(const FN(vec) *)(w + j * ldw + v * SS_WIDE);              \
      SS_UNROLL for (int i = 0; i < MR; i++) {                                 \
        const REAL value = x[i * ldx + j];                                     \
        SS_UNROLL for (int v = 0; v < NV; v++) sum[i][v] += value * strip[v];  \
      }                                                                        \
    }                                                                          \
    SS_UNROLL for (int i = 0; i < MR; i++)                                     \
      SS_UNROLL for (int v = 0; v < NV; v++)                                   \
        *(FN(vec) *)(z + i * ldz + v * SS_WIDE) = sum[i][v];                   \
  }

/* Gradient of MR rows for NV vectors of models: their slopes stay in registers
 * while rows and gradient stream past, all of them in order: g += x' z. */
#define SS_DEFINE_GRADIENT(MR, NV)                                             \
  SS_INLINE void FN(gradient_##MR##_##NV)(                                     \
      ptrdiff_t d, const REAL *x, ptrdiff_t ldx, const REAL *z, ptrdiff_t ldz, \
      REAL *g, ptrdiff_t ldg) {                                                \
    FN(vec) slope[MR][NV];                                                     \
    SS_UNROLL for (int i = 0; i < MR; i++)                                     \
      SS_UNROLL for (int v = 0; v < NV; v++)                                   \
        slope[i][v] = *(const FN(vec) *)(z + i * ldz + v * SS_WIDE);           \
    for (ptrdiff_t j = 0; j < d; j++) {                                        \
      SS_UNROLL for (int v = 0; v < NV; v++) {                                 \
        FN(vec) *to = (FN(vec) *)(g + j * ldg + v * SS_WIDE);                  \
        FN(vec) even = *to, odd = x[j] * slope[0][v];                          \
        SS_UNROLL for (int i = 1; i + 1 < MR; i += 2) {                        \
          even += x[i * ldx + j] * slope[i][v];                                \
          odd += x[(i + 1) * ldx + j] * slope[i + 1][v];                       \
        }                                                                      \
        if (MR % 2 == 0) even += x[(MR - 1) * ldx + j] * slope[MR - 1][v];     \
        *to = even + odd;                                                      \
      }                                                                        \
    }                                                                          \
  }

#define SS_DEFINE_BOTH(MR, NV) SS_DEFINE_MARGINS(MR, NV) SS_DEFINE_GRADIENT(MR, NV)
SS_DEFINE_BOTH(12, 2)
SS_DEFINE_BOTH(4, 2)
SS_DEFINE_BOTH(1, 2)
SS_DEFINE_BOTH(12, 1)
SS_DEFINE_BOTH(4, 1)
SS_DEFINE_BOTH(1, 1)

/* All rows of one panel of models. */
#define SS_ROWS(KIND, NV, X, LDX, Z, LDZ, W, LDW)                              \
  do {                                                                         \
    ptrdiff_t i = 0;                                                           \
    for (; i + 12 <= rows; i += 12)                                            \
      FN(KIND##_12_##NV)(d, X, LDX, W, LDW, Z, LDZ);                           \
    for (; i + 4 <= rows; i += 4) FN(KIND##_4_##NV)(d, X, LDX, W, LDW, Z, LDZ);\
    for (; i < rows; i++) FN(KIND##_1_##NV)(d, X, LDX, W, LDW, Z, LDZ);        \
  } while (0)

SS_INLINE REAL FN(strided_dot)(ptrdiff_t n, const REAL *x, const REAL *w,
                               ptrdiff_t stride) {
  REAL sum = 0;
  for (ptrdiff_t j = 0; j < n; j++) sum += x[j] * w[j * stride];
  return sum;
}

/* z (rows x width) += x (rows x d) w (d x width) */
SS_NOINLINE void FN(tile_margins)(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width,
                                  const REAL *x, const REAL *w, ptrdiff_t ldw,
                                  REAL *z, ptrdiff_t ldz) {
  ptrdiff_t c = 0;
  for (; c + 2 * SS_WIDE <= width; c += 2 * SS_WIDE)
    SS_ROWS(margins, 2, x + i * d, d, z + i * ldz + c, ldz, w + c, ldw);
  for (; c + SS_WIDE <= width; c += SS_WIDE)
    SS_ROWS(margins, 1, x + i * d, d, z + i * ldz + c, ldz, w + c, ldw);
  if (c == width) return;
  /* The rest of the columns, as a panel of their own with zeros behind. */
  const ptrdiff_t rest = width - c;
  REAL *strips = (REAL *)calloc((size_t)((d + rows) * SS_WIDE), sizeof(REAL));
  if (strips == NULL) {
    for (; c < width; c++)
      for (ptrdiff_t i = 0; i < rows; i++)
        z[i * ldz + c] += FN(strided_dot)(d, x + i * d, w + c, ldw);
    return;
  }
  REAL *sums = strips + d * SS_WIDE;
  for (ptrdiff_t j = 0; j < d; j++)
    memcpy(strips + j * SS_WIDE, w + j * ldw + c, (size_t)rest * sizeof(REAL));
  for (ptrdiff_t i = 0; i < rows; i++)
    memcpy(sums + i * SS_WIDE, z + i * ldz + c, (size_t)rest * sizeof(REAL));
  SS_ROWS(margins, 1, x + i * d, d, sums + i * SS_WIDE, SS_WIDE, strips, SS_WIDE);
  for (ptrdiff_t i = 0; i < rows; i++)
    memcpy(z + i * ldz + c, sums + i * SS_WIDE, (size_t)rest * sizeof(REAL));
  free(strips);
}

/* g (d x width) += x' (d x rows) z (rows x width), of rows that may be longer */
SS_NOINLINE void FN(tile_gradient)(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width,
                                   const REAL *x, ptrdiff_t ldx, const REAL *z,
                                   ptrdiff_t ldz, REAL *g, ptrdiff_t ldg) {
  ptrdiff_t c = 0;
  for (; c + 2 * SS_WIDE <= width; c += 2 * SS_WIDE)
    SS_ROWS(gradient, 2, x + i * ldx, ldx, g + c, ldg, z + i * ldz + c, ldz);
  for (; c + SS_WIDE <= width; c += SS_WIDE)
    SS_ROWS(gradient, 1, x + i * ldx, ldx, g + c, ldg, z + i * ldz + c, ldz);
  for (; c < width; c++)
    for (ptrdiff_t i = 0; i < rows; i++)
      for (ptrdiff_t j = 0; j < d; j++)
        g[j * ldg + c] += x[i * ldx + j] * z[i * ldz + c];
}

#undef SS_DEFINE_MARGINS
#undef SS_DEFINE_GRADIENT
#undef SS_DEFINE_BOTH
#undef SS_ROWS
#else

/* Never called: tile_products_built says so. */
SS_NOINLINE void FN(tile_margins)(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width,
                                  const REAL *x, const REAL *w, ptrdiff_t ldw,
                                  REAL *z, ptrdiff_t ldz) {
  (void)rows, (void)d, (void)width, (void)x, (void)w, (void)ldw, (void)z, (void)ldz;
}
SS_NOINLINE void FN(tile_gradient)(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width,
                                   const REAL *x, ptrdiff_t ldx, const REAL *z,
                                   ptrdiff_t ldz, REAL *g, ptrdiff_t ldg) {
  (void)rows, (void)d, (void)width, (void)x, (void)ldx, (void)z, (void)ldz;
  (void)g, (void)ldg;
}

#endif
