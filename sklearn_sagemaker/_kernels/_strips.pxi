# One spelling for both precisions of what _strips.h holds.

cdef extern from "_strips.h" nogil:
    const int tile_products_built
    const ptrdiff_t ABREAST "SS_ABREAST"
    const ptrdiff_t AHEAD "SS_AHEAD"
    const int barriers_built
    ctypedef struct Steps:
        ptrdiff_t ld, n_table, n_kinds
        ptrdiff_t bounds[4]
        const int32_t* touched
        const int32_t* starts
        const int32_t* kinds
        int32_t* counts
        const void* entries
        const void* slopes
        const void* rate
        const void* wd
        const void* l1
        const void* scale
        const void* boost
        const void* table1
        const void* table2
        const void* c1
        const void* c2
        const void* constants
        const void* shift
        const void* sums
        void* w
        void* s0
        void* s1
        void* gradient
        void* strip
    ctypedef struct entry_f32:
        pass
    ctypedef struct entry_f64:
        pass
    void count_row(ptrdiff_t, const int32_t*, int32_t*, uint64_t*)
    ptrdiff_t list_touched(ptrdiff_t, uint64_t*, int32_t*)
    ptrdiff_t range_start(const int32_t*, ptrdiff_t, ptrdiff_t, ptrdiff_t)
    double dot_mixed(ptrdiff_t, const float*, const double*)
    double sparse_dot_mixed(ptrdiff_t, const float*, const int32_t*, const double*)
    const ptrdiff_t BARRIER_ITEMS
    const ptrdiff_t barrier_slots "BARRIER_SLOTS"
    const ptrdiff_t barrier_broken_slot "BARRIER_BROKEN"
    int barrier_claim(int64_t*, ptrdiff_t, int64_t)
    void barrier_arrive(int64_t*, int64_t)
    int barrier_wait(int64_t*, int64_t, ptrdiff_t)
    void barrier_break(int64_t*)
    void tile_margins_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, const float*, const float*,
                          ptrdiff_t, float*, ptrdiff_t)
    void tile_margins_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, const double*,
                          const double*, ptrdiff_t, double*, ptrdiff_t)
    void tile_gradient_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, const float*, ptrdiff_t,
                           const float*, ptrdiff_t, float*, ptrdiff_t)
    void tile_gradient_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, const double*, ptrdiff_t,
                           const double*, ptrdiff_t, double*, ptrdiff_t)
    float dot_f32(ptrdiff_t, const float*, const float*)
    double dot_f64(ptrdiff_t, const double*, const double*)
    void axpy_f32(ptrdiff_t, float, const float*, float*)
    void dots_f32(ptrdiff_t, const float* const*, const float* const*,
                  const float*, float*)
    void axpys_f32(ptrdiff_t, const float*, const float* const*,
                   const float* const*, float*)
    void lossrows_f32(int, ptrdiff_t, float*, const float*, const float*,
                      const float*, float, float, float, float*)
    void axpy_f64(ptrdiff_t, double, const double*, double*)
    void dots_f64(ptrdiff_t, const double* const*, const double* const*,
                  const double*, double*)
    void axpys_f64(ptrdiff_t, const double*, const double* const*,
                   const double* const*, double*)
    void lossrows_f64(int, ptrdiff_t, double*, const double*, const double*,
                      const double*, double, double, double, double*)
    void row_forward_f32(ptrdiff_t, const float*, const int32_t*, const float*,
                         ptrdiff_t, ptrdiff_t, float*, ptrdiff_t, const int32_t*)
    void row_forward_f64(ptrdiff_t, const double*, const int32_t*, const double*,
                         ptrdiff_t, ptrdiff_t, double*, ptrdiff_t, const int32_t*)
    void row_marks_f32(ptrdiff_t, const int32_t*, const float*, float, float*,
                       uint8_t*)
    void row_marks_f64(ptrdiff_t, const int32_t*, const double*, double, double*,
                       uint8_t*)
    ptrdiff_t collect_marks_f32(ptrdiff_t, uint8_t*, float*, float*, int32_t*)
    ptrdiff_t collect_marks_f64(ptrdiff_t, uint8_t*, double*, double*, int32_t*)
    void loss_f32(int, ptrdiff_t, float*, float, float, float, const float*,
                  const float*, const float*, float*)
    void loss_f64(int, ptrdiff_t, double*, double, double, double, const double*,
                  const double*, const double*, double*)
    void loss_softmax_f32(ptrdiff_t, ptrdiff_t, float*, ptrdiff_t, float, float,
                          float*, float*)
    void loss_softmax_f64(ptrdiff_t, ptrdiff_t, double*, ptrdiff_t, double, double,
                          double*, double*)
    void dense_f32(int, ptrdiff_t, ptrdiff_t, ptrdiff_t, float*, const float*, float*,
                   float*, const float*, const float*, const float*, const float*,
                   ptrdiff_t, const int32_t*, float*, const float*, const float*,
                   const float*)
    void dense_f64(int, ptrdiff_t, ptrdiff_t, ptrdiff_t, double*, const double*,
                   double*, double*, const double*, const double*, const double*,
                   const double*, ptrdiff_t, const int32_t*, double*, const double*,
                   const double*, const double*)
    void single_f32(int, ptrdiff_t, const int32_t*, float*, const float*, float*,
                    float*, const float*, const float*, const float*, const float*,
                    const float*, const int32_t*, const float*, const float*,
                    ptrdiff_t, const float*)
    void single_f64(int, ptrdiff_t, const int32_t*, double*, const double*, double*,
                    double*, const double*, const double*, const double*,
                    const double*, const double*, const int32_t*, const double*,
                    const double*, ptrdiff_t, const double*)
    void columns_f32(int, const Steps*, ptrdiff_t, ptrdiff_t)
    void columns_f64(int, const Steps*, ptrdiff_t, ptrdiff_t)
    void place_row_f32(ptrdiff_t, const int32_t*, const float*, int32_t, int32_t*,
                       entry_f32*)
    void place_row_f64(ptrdiff_t, const int32_t*, const double*, int32_t, int32_t*,
                       entry_f64*)
    void column_f32(int, ptrdiff_t, float*, const float*, float*, float*, const float*,
                    const float*, const float*, const float*, const float*,
                    const float*, const float*)
    void column_f64(int, ptrdiff_t, double*, const double*, double*, double*,
                    const double*, const double*, const double*, const double*,
                    const double*, const double*, const double*)
    void catch_up_f32(ptrdiff_t, float*, const float*, const int32_t*, const double*,
                      const double*, const double*, const double*)
    void catch_up_f64(ptrdiff_t, double*, const double*, const int32_t*, const double*,
                      const double*, const double*, const double*)


cdef inline void gemm(char* ta, char* tb, int m, int n, int k, real* a, int lda,
                      real* b, int ldb, real beta, real* c, int ldc) noexcept nogil:
    cdef real alpha = 1
    if real is float:
        sgemm(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc)
    else:
        dgemm(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc)


cdef void tile_margins(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width, const real* tile,
                       const real* w, ptrdiff_t ldw, real* z,
                       ptrdiff_t ldz) noexcept nogil:
    """z (rows x width) += tile (rows x d) W (d x width)."""
    if not tile_products_built:
        gemm("N", "N", <int> width, <int> rows, <int> d, <real*> w, <int> ldw,
             <real*> tile, <int> d, <real> 1, z, <int> ldz)
    elif real is float:
        tile_margins_f32(rows, d, width, tile, w, ldw, z, ldz)
    else:
        tile_margins_f64(rows, d, width, tile, w, ldw, z, ldz)


cdef void tile_gradient(ptrdiff_t rows, ptrdiff_t d, ptrdiff_t width, const real* tile,
                        ptrdiff_t ldx, const real* z, ptrdiff_t ldz, real* g,
                        ptrdiff_t ldg) noexcept nogil:
    """G (d x width) += transposed tile (d x rows) Z (rows x width).

    The tile may be some of the features of rows that are ``ldx`` numbers apart.
    """
    if not tile_products_built:
        gemm("N", "T", <int> width, <int> d, <int> rows, <real*> z, <int> ldz,
             <real*> tile, <int> ldx, <real> 1, g, <int> ldg)
    elif real is float:
        tile_gradient_f32(rows, d, width, tile, ldx, z, ldz, g, ldg)
    else:
        tile_gradient_f64(rows, d, width, tile, ldx, z, ldz, g, ldg)


cdef inline real dot(ptrdiff_t n, const real* x, const real* w) noexcept nogil:
    if real is float:
        return dot_f32(n, x, w)
    else:
        return dot_f64(n, x, w)


cdef inline void axpy(ptrdiff_t n, real a, const real* x, real* y) noexcept nogil:
    if real is float:
        axpy_f32(n, a, x, y)
    else:
        axpy_f64(n, a, x, y)


cdef inline void dots(ptrdiff_t n, const real** rows, const real** next_,
                      const real* w, real* out) noexcept nogil:
    if real is float:
        dots_f32(n, rows, next_, w, out)
    else:
        dots_f64(n, rows, next_, w, out)


cdef inline void axpys(ptrdiff_t n, const real* a, const real** rows,
                       const real** next_, real* g) noexcept nogil:
    if real is float:
        axpys_f32(n, a, rows, next_, g)
    else:
        axpys_f64(n, a, rows, next_, g)


cdef inline void row_forward(ptrdiff_t stored, const real* values,
                             const int32_t* columns, const real* w, ptrdiff_t ld,
                             ptrdiff_t n, real* z, ptrdiff_t n_next,
                             const int32_t* next_columns) noexcept nogil:
    if real is float:
        row_forward_f32(stored, values, columns, w, ld, n, z, n_next, next_columns)
    else:
        row_forward_f64(stored, values, columns, w, ld, n, z, n_next, next_columns)


cdef inline void row_marks(ptrdiff_t stored, const int32_t* columns,
                           const real* values, real d, real* whole,
                           uint8_t* marks) noexcept nogil:
    if real is float:
        row_marks_f32(stored, columns, values, d, whole, marks)
    else:
        row_marks_f64(stored, columns, values, d, whole, marks)


cdef inline ptrdiff_t collect_marks(ptrdiff_t d, uint8_t* marks, real* whole, real* g,
                                    int32_t* touched) noexcept nogil:
    if real is float:
        return collect_marks_f32(d, marks, whole, g, touched)
    else:
        return collect_marks_f64(d, marks, whole, g, touched)


cdef inline void catch_up(ptrdiff_t n, real* w, const real* scales,
                          const int32_t* kinds, const double* p_from,
                          const double* q_from, const double* p_to,
                          const double* q_to) noexcept nogil:
    if real is float:
        catch_up_f32(n, w, scales, kinds, p_from, q_from, p_to, q_to)
    else:
        catch_up_f64(n, w, scales, kinds, p_from, q_from, p_to, q_to)


cdef inline void update_dense(int optimizer, ptrdiff_t d, ptrdiff_t n, ptrdiff_t ld,
                              real* w, const real* g, real* s0, real* s1,
                              const real* rate, const real* wd, const real* l1,
                              const real* scale, ptrdiff_t n_kinds,
                              const int32_t* kinds, real* strip, const real* c1,
                              const real* c2, const real* constants) noexcept nogil:
    if real is float:
        dense_f32(optimizer, d, n, ld, w, g, s0, s1, rate, wd, l1, scale, n_kinds,
                  kinds, strip, c1, c2, constants)
    else:
        dense_f64(optimizer, d, n, ld, w, g, s0, s1, rate, wd, l1, scale, n_kinds,
                  kinds, strip, c1, c2, constants)


cdef inline void update_column(int optimizer, ptrdiff_t n, real* w, const real* g,
                               real* s0, real* s1, const real* rate, const real* wd,
                               const real* l1, const real* scale, const real* c1,
                               const real* c2, const real* constants) noexcept nogil:
    if real is float:
        column_f32(optimizer, n, w, g, s0, s1, rate, wd, l1, scale, c1, c2, constants)
    else:
        column_f64(optimizer, n, w, g, s0, s1, rate, wd, l1, scale, c1, c2, constants)


cdef inline void update_single(int optimizer, ptrdiff_t n_touched,
                               const int32_t* touched, real* w, const real* g,
                               real* s0, real* s1, const real* rate, const real* wd,
                               const real* l1, const real* scale, const real* boost,
                               const int32_t* count, const real* table1,
                               const real* table2, ptrdiff_t n_table,
                               const real* constants) noexcept nogil:
    if real is float:
        single_f32(optimizer, n_touched, touched, w, g, s0, s1, rate, wd, l1, scale,
                   boost, count, table1, table2, n_table, constants)
    else:
        single_f64(optimizer, n_touched, touched, w, g, s0, s1, rate, wd, l1, scale,
                   boost, count, table1, table2, n_table, constants)


cdef inline void update_by_columns(real* tag, int optimizer, const Steps* steps,
                                   ptrdiff_t t0, ptrdiff_t t1) noexcept nogil:
    if real is float:
        columns_f32(optimizer, steps, t0, t1)
    else:
        columns_f64(optimizer, steps, t0, t1)


cdef inline size_t entry_size(real* tag) noexcept nogil:
    return sizeof(entry_f32) if real is float else sizeof(entry_f64)


cdef inline void place_row(ptrdiff_t stored, const int32_t* columns,
                           const real* values, int32_t row, int32_t* next_,
                           void* entries) noexcept nogil:
    if real is float:
        place_row_f32(stored, columns, values, row, next_, <entry_f32*> entries)
    else:
        place_row_f64(stored, columns, values, row, next_, <entry_f64*> entries)
