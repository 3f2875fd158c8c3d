# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Passes over the data for many linear models at once.

``setup.py`` compiles one copy of this file for each instruction-set level, so
it holds functions only. The weights of all models form ``W``: feature by
feature (*strips*, ``(n_features, n_columns)``) or, for a few columns on dense
data, column by column (``(n_columns, n_features)``, *narrow*).
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from scipy.linalg.cython_blas cimport dgemm, sgemm

cdef extern from "_strips.h" nogil:
    const int tile_products_built
    uint64_t flush_subnormals()
    void restore_subnormals(uint64_t)
    void SS_PREFETCH(const void*)
    void tile_margins_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, const float*, const float*,
                          ptrdiff_t, float*, ptrdiff_t)
    void tile_margins_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, const double*,
                          const double*, ptrdiff_t, double*, ptrdiff_t)
    void tile_gradient_f32(ptrdiff_t, ptrdiff_t, ptrdiff_t, const float*,
                           const float*, ptrdiff_t, float*, ptrdiff_t)
    void tile_gradient_f64(ptrdiff_t, ptrdiff_t, ptrdiff_t, const double*,
                           const double*, ptrdiff_t, double*, ptrdiff_t)
    float dot_f32(ptrdiff_t, const float*, const float*)
    double dot_f64(ptrdiff_t, const double*, const double*)
    void axpy_f32(ptrdiff_t, float, const float*, float*)
    void axpy_f64(ptrdiff_t, double, const double*, double*)
    void row_forward_f32(ptrdiff_t, const float*, const int32_t*, const float*,
                         ptrdiff_t, ptrdiff_t, float*)
    void row_forward_f64(ptrdiff_t, const double*, const int32_t*, const double*,
                         ptrdiff_t, ptrdiff_t, double*)
    ptrdiff_t row_slots_f32(ptrdiff_t, const int32_t*, int32_t*, int32_t, int32_t*,
                            ptrdiff_t, float*, ptrdiff_t, int32_t*, const float*,
                            float)
    ptrdiff_t row_slots_f64(ptrdiff_t, const int32_t*, int32_t*, int32_t, int32_t*,
                            ptrdiff_t, double*, ptrdiff_t, int32_t*, const double*,
                            double)
    void row_backward_f32(ptrdiff_t, const float*, const int32_t*, float*,
                          ptrdiff_t, ptrdiff_t, const float*)
    void row_backward_f64(ptrdiff_t, const double*, const int32_t*, double*,
                          ptrdiff_t, ptrdiff_t, const double*)
    void loss_f32(int, ptrdiff_t, float*, float, float, float, const float*,
                  const float*, float, float*)
    void loss_f64(int, ptrdiff_t, double*, double, double, double, const double*,
                  const double*, double, double*)
    void loss_softmax_f32(ptrdiff_t, ptrdiff_t, float*, ptrdiff_t, float, float,
                          float*, float*)
    void loss_softmax_f64(ptrdiff_t, ptrdiff_t, double*, ptrdiff_t, double, double,
                          double*, double*)
    void dense_f32(int, ptrdiff_t, ptrdiff_t, ptrdiff_t, float*, const float*, float*,
                   float*, const float*, const float*, const float*, const float*,
                   int, const float*, const float*, const float*)
    void dense_f64(int, ptrdiff_t, ptrdiff_t, ptrdiff_t, double*, const double*,
                   double*, double*, const double*, const double*, const double*,
                   const double*, int, const double*, const double*, const double*)
    void touched_f32(int, ptrdiff_t, const int32_t*, ptrdiff_t, ptrdiff_t, float*,
                     const float*, float*, float*, const float*, const float*,
                     const float*, const float*, int, const float*, const int32_t*,
                     const float*, const float*, ptrdiff_t, const float*)
    void touched_f64(int, ptrdiff_t, const int32_t*, ptrdiff_t, ptrdiff_t, double*,
                     const double*, double*, double*, const double*, const double*,
                     const double*, const double*, int, const double*, const int32_t*,
                     const double*, const double*, ptrdiff_t, const double*)
    void column_f32(int, ptrdiff_t, float*, const float*, float*, float*, const float*,
                    const float*, const float*, const float*, const float*,
                    const float*, const float*)
    void column_f64(int, ptrdiff_t, double*, const double*, double*, double*,
                    const double*, const double*, const double*, const double*,
                    const double*, const double*, const double*)
    void catch_up_f32(ptrdiff_t, float*, float, const float*, const double*,
                      const double*, const double*, const double*)
    void catch_up_f64(ptrdiff_t, double*, double, const double*, const double*,
                      const double*, const double*, const double*)

ctypedef fused real:
    float
    double

ctypedef fused value_t:
    float
    double
    int8_t
    uint8_t
    int16_t
    uint16_t
    int32_t
    uint32_t
    int64_t
    uint64_t

ctypedef fused stored_t:
    float
    double

ctypedef fused index_t:
    int32_t
    int64_t

# The codes of RowReader.code (see readers.py).
cdef enum:
    F32 = 0
    F64 = 1
    I8 = 2
    U8 = 3
    I16 = 4
    U16 = 5
    I32 = 6
    U32 = 7
    I64 = 8
    U64 = 9


cdef struct Rows:
    int sparse
    int code
    int wide_index
    const char* data
    ptrdiff_t row_stride
    ptrdiff_t column_stride
    const char* indices
    const char* indptr
    ptrdiff_t n_features


cdef Rows rows_of(reader):
    cdef Rows rows
    rows.sparse = reader.sparse
    rows.code = reader.code
    rows.wide_index = reader.wide_index
    rows.data = <const char*> <uintptr_t> reader.data_address
    rows.row_stride = reader.row_stride
    rows.column_stride = reader.column_stride
    rows.indices = <const char*> <uintptr_t> reader.indices_address
    rows.indptr = <const char*> <uintptr_t> reader.indptr_address
    rows.n_features = reader.n_features
    return rows


# ---------------------------------------------------------------- row readers
cdef void fill(value_t* tag, const Rows* X, const int64_t* order, ptrdiff_t n,
               const real* shift, real* tile) noexcept nogil:
    """Gather rows into a tile, converted and shifted while they are in cache."""
    cdef ptrdiff_t i, j, d = X.n_features
    cdef const char* row
    cdef const char* following
    cdef const value_t* values
    cdef real* to
    if X.column_stride == sizeof(value_t):
        for i in range(n):
            row = X.data + order[i] * X.row_stride
            if i + 1 < n:
                following = X.data + order[i + 1] * X.row_stride
                j = 0
                while j < d * <ptrdiff_t> sizeof(value_t) and j < 4096:
                    SS_PREFETCH(following + j)
                    j += 64
            values = <const value_t*> row
            to = tile + i * d
            if shift == NULL:
                for j in range(d):
                    to[j] = <real> values[j]
            else:
                for j in range(d):
                    to[j] = <real> values[j] - shift[j]
    else:
        # Column by column, so that rows that are neighbours share cache lines.
        for j in range(d):
            row = X.data + j * X.column_stride
            for i in range(n):
                tile[i * d + j] = <real> (<const value_t*> (
                    row + order[i] * X.row_stride))[0]
                if shift != NULL:
                    tile[i * d + j] -= shift[j]


cdef void fill_tile(const Rows* X, const int64_t* order, ptrdiff_t n,
                    const real* shift, real* tile) noexcept nogil:
    if X.code == F32:
        fill(<float*> NULL, X, order, n, shift, tile)
    elif X.code == F64:
        fill(<double*> NULL, X, order, n, shift, tile)
    elif X.code == U8:
        fill(<uint8_t*> NULL, X, order, n, shift, tile)
    elif X.code == I8:
        fill(<int8_t*> NULL, X, order, n, shift, tile)
    elif X.code == I16:
        fill(<int16_t*> NULL, X, order, n, shift, tile)
    elif X.code == U16:
        fill(<uint16_t*> NULL, X, order, n, shift, tile)
    elif X.code == I32:
        fill(<int32_t*> NULL, X, order, n, shift, tile)
    elif X.code == U32:
        fill(<uint32_t*> NULL, X, order, n, shift, tile)
    elif X.code == I64:
        fill(<int64_t*> NULL, X, order, n, shift, tile)
    elif X.code == U64:
        fill(<uint64_t*> NULL, X, order, n, shift, tile)


cdef inline void row_span(const Rows* X, ptrdiff_t i, ptrdiff_t* start,
                          ptrdiff_t* stop) noexcept nogil:
    if X.wide_index:
        start[0] = (<const int64_t*> X.indptr)[i]
        stop[0] = (<const int64_t*> X.indptr)[i + 1]
    else:
        start[0] = (<const int32_t*> X.indptr)[i]
        stop[0] = (<const int32_t*> X.indptr)[i + 1]


cdef inline ptrdiff_t read_columns(const Rows* X, ptrdiff_t i, int32_t* buffer,
                                   const int32_t** columns) noexcept nogil:
    """Columns of one CSR row, in place if they are int32; returns how many."""
    cdef ptrdiff_t start, stop, k
    row_span(X, i, &start, &stop)
    if X.wide_index:
        for k in range(stop - start):
            buffer[k] = <int32_t> (<const int64_t*> X.indices)[start + k]
        columns[0] = buffer
    else:
        columns[0] = <const int32_t*> X.indices + start
    return stop - start


cdef inline ptrdiff_t read_row(const Rows* X, ptrdiff_t i, real* value_buffer,
                               int32_t* column_buffer, const real** values,
                               const int32_t** columns) noexcept nogil:
    """One CSR row, in place as far as the types agree; returns its length."""
    cdef ptrdiff_t start, stop, k
    cdef int own
    if real is float:
        own = F32
    else:
        own = F64
    row_span(X, i, &start, &stop)
    if X.code == own:
        values[0] = <const real*> X.data + start
    else:
        if X.code == F32:
            for k in range(stop - start):
                value_buffer[k] = <real> (<const float*> X.data)[start + k]
        else:
            for k in range(stop - start):
                value_buffer[k] = <real> (<const double*> X.data)[start + k]
        values[0] = value_buffer
    return read_columns(X, i, column_buffer, columns)


cdef ptrdiff_t longest_row(const Rows* X, const int64_t* order,
                           ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t i, start, stop, longest = 1
    for i in range(n):
        row_span(X, order[i], &start, &stop)
        if stop - start > longest:
            longest = stop - start
    return longest


cdef inline void prefetch_row(const Rows* X, ptrdiff_t i) noexcept nogil:
    """Ask for a CSR row ahead of its use: shuffled rows defeat the hardware."""
    cdef ptrdiff_t start, stop, k, last
    cdef ptrdiff_t width = 8 if X.wide_index else 4
    cdef ptrdiff_t size = 4 if X.code == F32 else 8
    row_span(X, i, &start, &stop)
    last = min(stop, start + 512)
    k = start * width
    while k < last * width:
        SS_PREFETCH(X.indices + k)
        k += 64
    k = start * size
    while k < last * size:
        SS_PREFETCH(X.data + k)
        k += 64


cdef void* carve(int n, const size_t* sizes, char** pieces) noexcept nogil:
    """One allocation in n pieces, each on a cache line of its own."""
    cdef size_t total = 64
    cdef int i
    for i in range(n):
        total += (sizes[i] + 63) // 64 * 64
    cdef char* memory = <char*> malloc(total)
    if memory == NULL:
        return NULL
    cdef char* at = memory + (64 - <uintptr_t> memory % 64) % 64
    for i in range(n):
        pieces[i] = at
        at += (sizes[i] + 63) // 64 * 64
    return memory


# ------------------------------------------------- one spelling for both precisions
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
                        const real* z, ptrdiff_t ldz, real* g,
                        ptrdiff_t ldg) noexcept nogil:
    """G (d x width) += transposed tile (d x rows) Z (rows x width)."""
    if not tile_products_built:
        gemm("N", "T", <int> width, <int> d, <int> rows, <real*> z, <int> ldz,
             <real*> tile, <int> d, <real> 1, g, <int> ldg)
    elif real is float:
        tile_gradient_f32(rows, d, width, tile, z, ldz, g, ldg)
    else:
        tile_gradient_f64(rows, d, width, tile, z, ldz, g, ldg)


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


cdef inline void row_forward(ptrdiff_t stored, const real* values,
                             const int32_t* columns, const real* w, ptrdiff_t ld,
                             ptrdiff_t n, real* z) noexcept nogil:
    if real is float:
        row_forward_f32(stored, values, columns, w, ld, n, z)
    else:
        row_forward_f64(stored, values, columns, w, ld, n, z)


cdef inline ptrdiff_t row_slots(ptrdiff_t stored, const int32_t* columns,
                                int32_t* slot, int32_t mark, int32_t* touched,
                                ptrdiff_t n_touched, real* g, ptrdiff_t ld,
                                int32_t* slots, const real* values,
                                real d) noexcept nogil:
    if real is float:
        return row_slots_f32(stored, columns, slot, mark, touched, n_touched, g, ld,
                             slots, values, d)
    else:
        return row_slots_f64(stored, columns, slot, mark, touched, n_touched, g, ld,
                             slots, values, d)


cdef inline void row_backward(ptrdiff_t stored, const real* values,
                              const int32_t* slots, real* g, ptrdiff_t ld,
                              ptrdiff_t n, const real* d) noexcept nogil:
    if real is float:
        row_backward_f32(stored, values, slots, g, ld, n, d)
    else:
        row_backward_f64(stored, values, slots, g, ld, n, d)


cdef inline void catch_up(ptrdiff_t n, real* w, const real* scale, ptrdiff_t j,
                          ptrdiff_t ld, int shared, const double* p_from,
                          const double* q_from, const double* p_to,
                          const double* q_to) noexcept nogil:
    cdef const real* strip = NULL
    if not shared:
        strip = scale + j * ld
    cdef real single = scale[j] if shared else 0
    if real is float:
        catch_up_f32(n, w, single, strip, p_from, q_from, p_to, q_to)
    else:
        catch_up_f64(n, w, single, strip, p_from, q_from, p_to, q_to)


cdef inline void update_dense(int optimizer, ptrdiff_t d, ptrdiff_t n, ptrdiff_t ld,
                              real* w, const real* g, real* s0, real* s1,
                              const real* rate, const real* wd, const real* l1,
                              const real* scale, int shared, const real* c1,
                              const real* c2, const real* constants) noexcept nogil:
    if real is float:
        dense_f32(optimizer, d, n, ld, w, g, s0, s1, rate, wd, l1, scale, shared,
                  c1, c2, constants)
    else:
        dense_f64(optimizer, d, n, ld, w, g, s0, s1, rate, wd, l1, scale, shared,
                  c1, c2, constants)


cdef inline void update_column(int optimizer, ptrdiff_t n, real* w, const real* g,
                               real* s0, real* s1, const real* rate, const real* wd,
                               const real* l1, const real* scale, const real* c1,
                               const real* c2, const real* constants) noexcept nogil:
    if real is float:
        column_f32(optimizer, n, w, g, s0, s1, rate, wd, l1, scale, c1, c2, constants)
    else:
        column_f64(optimizer, n, w, g, s0, s1, rate, wd, l1, scale, c1, c2, constants)


cdef inline void update_touched(int optimizer, ptrdiff_t n_touched,
                                const int32_t* touched, ptrdiff_t n, ptrdiff_t ld,
                                real* w, const real* g, real* s0, real* s1,
                                const real* rate, const real* wd, const real* l1,
                                const real* scale, int shared, const real* boost,
                                const int32_t* count, const real* table1,
                                const real* table2, ptrdiff_t n_table,
                                const real* constants) noexcept nogil:
    if real is float:
        touched_f32(optimizer, n_touched, touched, n, ld, w, g, s0, s1, rate, wd, l1,
                    scale, shared, boost, count, table1, table2, n_table, constants)
    else:
        touched_f64(optimizer, n_touched, touched, n, ld, w, g, s0, s1, rate, wd, l1,
                    scale, shared, boost, count, table1, table2, n_table, constants)


# ------------------------------------------------------------------- the losses
# A block's columns are groups (the refit, then each fold) of classes of models:
# column = (group * n_classes + class) * n_models + model.
cdef struct Loss:
    int kind             # place in LOSSES
    int coupled
    ptrdiff_t n_classes  # columns of a model: 1 unless coupled
    ptrdiff_t n_models


cdef void loss_row(const Loss* loss, ptrdiff_t start, ptrdiff_t stop, real* z,
                   real label, real weight, real loss_weight, const real* shift,
                   const real* scale, real p, real* scratch,
                   real* total) noexcept nogil:
    """Turn the margins z[start:stop] of one row into weighted gradients."""
    cdef ptrdiff_t group = loss.n_classes * loss.n_models
    if not loss.coupled:
        if real is float:
            loss_f32(loss.kind, stop - start, z + start, label, weight, loss_weight,
                     shift + start, scale + start, p, total + start)
        else:
            loss_f64(loss.kind, stop - start, z + start, label, weight, loss_weight,
                     shift + start, scale + start, p, total + start)
        return
    while start + group <= stop:
        if real is float:
            loss_softmax_f32(loss.n_classes, loss.n_models, z + start,
                             <ptrdiff_t> label, weight, loss_weight, scratch,
                             total + start)
        else:
            loss_softmax_f64(loss.n_classes, loss.n_models, z + start,
                             <ptrdiff_t> label, weight, loss_weight, scratch,
                             total + start)
        start += group


cdef void losses_of_row(const Loss* loss, ptrdiff_t used, ptrdiff_t mask0,
                        ptrdiff_t mask1, real* z, real label, real weight,
                        real loss_weight, const real* shift, const real* scale,
                        real p, real* scratch, real* total) noexcept nogil:
    """The losses of the columns outside [mask0, mask1); those inside get 0."""
    cdef ptrdiff_t c
    if mask1 > mask0:
        loss_row(loss, 0, mask0, z, label, weight, loss_weight, shift, scale, p,
                 scratch, total)
        loss_row(loss, mask1, used, z, label, weight, loss_weight, shift, scale, p,
                 scratch, total)
        for c in range(mask0, mask1):
            z[c] = 0
    else:
        loss_row(loss, 0, used, z, label, weight, loss_weight, shift, scale, p,
                 scratch, total)


# ------------------------------------------------------------------ training pass
def train(reader, const int64_t[::1] order, const int64_t[::1] bounds,
          const int32_t[::1] masked, real[:, ::1] W, real[:, ::1] S0,
          real[:, ::1] S1, real[:, ::1] bias, const real[::1] labels,
          const real[::1] weights, const real[::1] loss_weights, double batch_weight,
          const real[:, ::1] rate, const real[:, ::1] penalties,
          const real[:, ::1] scale, const real[::1] shift,
          const real[:, ::1] label_scaler, int64_t[::1] steps,
          int32_t[::1] counts, const real[::1] boost,
          const real[:, ::1] corrections, const double[:, ::1] lazy_p,
          const double[:, ::1] lazy_q, int loss_kind, bint coupled,
          ptrdiff_t n_classes, ptrdiff_t n_models, ptrdiff_t used, double loss_p,
          int optimizer, int n_states, const real[::1] constants, bint use_bias,
          double bias_lr_mult, bint narrow, double[::1] loss_sum,
          double[::1] weight_sum):
    """One pass: mini-batches ``order[bounds[t]:bounds[t + 1]]``, a step after each.

    Parameters
    ----------
    reader : RowReader
        The rows, dense or CSR.
    order : int64 array of shape (n_rows,)
        Row numbers in the order of the pass.
    bounds : int64 array of shape (n_batches + 1,)
        Where each mini-batch starts in ``order``.
    masked : int32 array of shape (n_batches,)
        Group of columns that skips the batch, or -1.
    W, S0, S1 : arrays
        Weights and optimizer states, ``(n_features, n_columns)``, or
        ``(n_columns, n_features)`` if ``narrow``. Changed in place. A state that
        the optimizer lacks has shape (0, 0).
    bias : array of shape (3, n_columns)
        Biases and their two states. Changed in place.
    labels, weights, loss_weights : arrays indexed by row number
        Targets (class index for softmax), weights of the gradient (mean 1 over
        the training rows) and weights of the reported loss.
    batch_weight : float
        Nominal weight of a row in a full batch is one over the batch's rows;
        this factor multiplies it (1.0 unless rows are masked unevenly).
    rate : array of shape (n_batches, n_columns)
        Learning rates.
    penalties : array of shape (3, n_columns)
        ``wd``, ``l1`` and the bias's ``wd`` of every column.
    scale : array of shape (n_features, 1) or like W
        Scale of each feature (0 switches it off).
    shift : array of shape (n_features,) or (0,)
        Subtracted from every row.
    label_scaler : array of shape (2, n_columns)
        Shift and factor of the labels of each column.
    steps : int64 array of shape (n_columns,)
        Steps taken so far. Changed in place.
    counts, boost : arrays of shape (n_features,) or (0,)
        For CSR: touches so far (changed in place), and the factor on the
        penalties of a touched feature.
    corrections : array of shape (2, n_table) or (2, 1)
        For CSR: Adam's bias corrections after 0, 1, ... touches of a feature; the
        last entry serves all later ones.
    lazy_p, lazy_q : float64 arrays of shape (n_batches + 1, n_columns) or (0, 0)
        Running product and sum for exact catch-up of untouched strips.
    loss_sum, weight_sum : float64 arrays of shape (n_columns,)
        Grow by the weighted losses and by the weights behind them.
    """
    cdef Rows X = rows_of(reader)
    cdef Loss loss
    loss.kind = loss_kind
    loss.coupled = coupled
    loss.n_classes = n_classes
    loss.n_models = n_models
    cdef ptrdiff_t d = X.n_features
    cdef ptrdiff_t ld = bias.shape[1], n_batches = bounds.shape[0] - 1
    cdef ptrdiff_t group = n_classes * n_models
    cdef const real* shift_ = &shift[0] if shift.shape[0] else NULL
    cdef int centred = shift_ != NULL
    cdef int shared = scale.shape[1] == 1
    cdef int lazy = lazy_p.shape[0] > 0
    cdef int sparse = X.sparse
    cdef real* w = &W[0, 0]
    cdef real* s0 = &S0[0, 0] if n_states > 0 else NULL
    cdef real* s1 = &S1[0, 0] if n_states > 1 else NULL
    cdef real* b = &bias[0, 0]
    cdef ptrdiff_t t, i, j, c, k, start, stop, m0, m1, n_here, tile_rows, n_tile
    cdef ptrdiff_t n_touched = 0, stored, longest = 1
    cdef real inverse, weight
    cdef double total
    # Work space.
    cdef ptrdiff_t max_batch = 1
    for t in range(n_batches):
        max_batch = max(max_batch, bounds[t + 1] - bounds[t])
    tile_rows = max(16, min(512, <ptrdiff_t> (524288 / (d * sizeof(real) + 1))))
    tile_rows = min(tile_rows, max_batch)
    cdef int64_t max_stored = 0
    if sparse:
        longest = longest_row(&X, &order[0], order.shape[0])
        for t in range(n_batches):
            k = 0
            for i in range(bounds[t], bounds[t + 1]):
                row_span(&X, order[i], &start, &stop)
                k += stop - start
            max_stored = max(max_stored, k)
        max_stored = min(max_stored, d)
    cdef ptrdiff_t g_rows = max_stored if sparse and not centred else d
    cdef ptrdiff_t n_table = corrections.shape[1]
    cdef const real* table = &corrections[0, 0]
    # One allocation, carved into pieces that start on cache lines: a strip that
    # straddles two lines costs twice.
    cdef ptrdiff_t plain = sparse and not centred
    cdef size_t sizes[10]
    sizes[0] = max(1, g_rows) * ld * sizeof(real)
    sizes[1] = (longest if sparse else tile_rows * d) * sizeof(real)
    sizes[2] = (1 if sparse else tile_rows) * ld * sizeof(real)
    # Per column: gradient of the bias, bias's rate, two corrections, loss of the
    # batch, scratch of softmax (2), zeros for the bias's l1.
    sizes[3] = 8 * ld * sizeof(real)
    sizes[4] = ld * sizeof(double)
    sizes[5] = sizes[8] = longest * sizeof(int32_t)
    sizes[6] = sizes[9] = d * sizeof(int32_t) if plain else 0
    sizes[7] = max(1, max_stored) * sizeof(int32_t) if plain else 0
    cdef char* pieces[10]
    cdef void* arena = carve(10, sizes, pieces)
    if arena == NULL:
        raise MemoryError("no memory for the work space of a pass over the data")
    cdef real* g = <real*> pieces[0]
    cdef real* tile = <real*> pieces[1]
    cdef real* z = <real*> pieces[2]
    cdef real* lanes = <real*> pieces[3]
    cdef double* base = <double*> pieces[4]
    cdef int32_t* slots = <int32_t*> pieces[5]
    cdef int32_t* slot = <int32_t*> pieces[6]
    cdef int32_t* touched = <int32_t*> pieces[7]
    cdef int32_t* column_buffer = <int32_t*> pieces[8]
    cdef const int32_t* columns
    cdef const real* values
    cdef int32_t mark = 0
    cdef int32_t* last = <int32_t*> pieces[9]
    cdef real* gb = lanes
    cdef real* rate_b = lanes + ld
    cdef real* c1 = lanes + 2 * ld
    cdef real* c2 = lanes + 3 * ld
    cdef real* batch_loss = lanes + 4 * ld
    cdef real* scratch = lanes + 5 * ld
    cdef real* no_l1 = lanes + 7 * ld
    cdef real one = 1
    cdef double beta1 = constants[0], beta2 = constants[1], power1, power2
    memset(lanes, 0, sizes[3])
    if plain:
        memset(slot, 0xFF, sizes[6])  # -1: not touched
        memset(last, 0, sizes[9])
    cdef uint64_t processor
    with nogil:
        processor = flush_subnormals()
        for t in range(n_batches):
            start, stop = bounds[t], bounds[t + 1]
            n_here = stop - start
            inverse = <real> (batch_weight / n_here)
            m0 = m1 = 0
            if masked[t] >= 0:
                m0 = masked[t] * group
                m1 = m0 + group
            memset(gb, 0, ld * sizeof(real))
            memset(batch_loss, 0, ld * sizeof(real))
            total = 0
            for i in range(start, stop):
                total += loss_weights[order[i]]
            # ---- forward, loss gradient, backward
            if not sparse:
                memset(g, 0, d * ld * sizeof(real))
                while start < stop:
                    n_tile = min(tile_rows, stop - start)
                    if narrow:
                        for i in range(start, start + n_tile):
                            if i + 1 < stop:
                                SS_PREFETCH(X.data + order[i + 1] * X.row_stride)
                            fill_tile(&X, &order[i], 1, shift_, tile)
                            for c in range(used):
                                z[c] = b[c] + dot(d, tile, w + c * d)
                            weight = weights[order[i]] * inverse
                            losses_of_row(&loss, used, m0, m1, z, labels[order[i]],
                                          weight, loss_weights[order[i]],
                                          &label_scaler[0, 0], &label_scaler[1, 0],
                                          <real> loss_p, scratch, batch_loss)
                            for c in range(used):
                                gb[c] += z[c]
                                if c < m0 or c >= m1:
                                    axpy(d, z[c], tile, g + c * d)
                    else:
                        fill_tile(&X, &order[start], n_tile, shift_, tile)
                        for i in range(n_tile):
                            memcpy(z + i * ld, b, ld * sizeof(real))
                        tile_margins(n_tile, d, ld, tile, w, ld, z, ld)
                        for i in range(n_tile):
                            k = order[start + i]
                            losses_of_row(&loss, used, m0, m1, z + i * ld, labels[k],
                                          weights[k] * inverse, loss_weights[k],
                                          &label_scaler[0, 0], &label_scaler[1, 0],
                                          <real> loss_p, scratch, batch_loss)
                            for c in range(used, ld):
                                z[i * ld + c] = 0
                            axpy(ld, one, z + i * ld, gb)
                        tile_gradient(n_tile, d, ld, tile, z, ld, g, ld)
                    start += n_tile
            else:
                if centred:
                    memset(g, 0, d * ld * sizeof(real))
                    for c in range(ld):
                        base[c] = b[c]
                    for j in range(d):
                        for c in range(ld):
                            base[c] -= <double> shift_[j] * w[j * ld + c]
                elif mark > 2147483647 - d:
                    memset(slot, 0xFF, d * sizeof(int32_t))
                    mark = 0
                n_touched = 0
                if lazy:
                    # The strips must be up to date before the margins.
                    for i in range(start, stop):
                        stored = read_columns(&X, order[i], column_buffer, &columns)
                        for k in range(stored):
                            j = columns[k]
                            if slot[j] < mark:
                                slot[j] = <int32_t> (mark + n_touched)
                                touched[n_touched] = <int32_t> j
                                memset(g + n_touched * ld, 0, ld * sizeof(real))
                                n_touched += 1
                                if last[j] < t:
                                    catch_up(used, w + j * ld, &scale[0, 0], j, ld,
                                             shared, &lazy_p[last[j], 0],
                                             &lazy_q[last[j], 0], &lazy_p[t, 0],
                                             &lazy_q[t, 0])
                                last[j] = <int32_t> (t + 1)
                for i in range(start, stop):
                    if i + 8 < order.shape[0]:
                        prefetch_row(&X, order[i + 8])
                    stored = read_row(&X, order[i], tile, column_buffer, &values,
                                      &columns)
                    if centred:
                        for c in range(ld):
                            z[c] = <real> base[c]
                    else:
                        memcpy(z, b, ld * sizeof(real))
                    row_forward(stored, values, columns, w, ld, ld, z)
                    weight = weights[order[i]] * inverse
                    losses_of_row(&loss, used, m0, m1, z, labels[order[i]], weight,
                                  loss_weights[order[i]], &label_scaler[0, 0],
                                  &label_scaler[1, 0], <real> loss_p, scratch,
                                  batch_loss)
                    for c in range(used, ld):
                        z[c] = 0
                    axpy(ld, one, z, gb)
                    if centred:
                        row_backward(stored, values, columns, g, ld, ld, z)
                        continue
                    n_touched = row_slots(stored, columns, slot, mark, touched,
                                          n_touched, g, ld, slots, values, z[0])
                    if ld > 1:
                        row_backward(stored, values, slots, g, ld, ld, z)
                for k in range(n_touched):
                    counts[touched[k]] += 1
                mark += <int32_t> n_touched
                if centred:
                    for j in range(d):
                        axpy(ld, -shift_[j], gb, g + j * ld)
            # ---- update of the columns outside the mask
            for c in range(used):
                if c < m0 or c >= m1:
                    steps[c] += 1
                    loss_sum[c] += batch_loss[c]
                    weight_sum[c] += total
                    power1 = beta1 ** (<double> steps[c])
                    power2 = beta2 ** (<double> steps[c])
                    c1[c] = <real> (1 / (1 - power1)) if power1 < 1 else 1
                    c2[c] = <real> (1 / (1 - power2)) if power2 < 1 else 1
                    rate_b[c] = <real> (rate[t, c] * bias_lr_mult)
            k = 0
            while k < 2:
                # Two ranges of columns: before and after the masked group.
                start = 0 if k == 0 else m1
                stop = (m0 if m1 > m0 else used) if k == 0 else (
                    used if m1 > m0 else 0)
                k += 1
                n_here = stop - start
                if n_here <= 0:
                    continue
                if narrow:
                    for c in range(start, stop):
                        update_column(
                            optimizer, d, w + c * d, g + c * d,
                            s0 + c * d if n_states > 0 else NULL,
                            s1 + c * d if n_states > 1 else NULL,
                            &rate[t, c], &penalties[0, c], &penalties[1, c],
                            &scale[0, 0] + (0 if shared else c * d), c1 + c, c2 + c,
                            &constants[0])
                elif sparse and not centred:
                    update_touched(
                        optimizer, n_touched, touched, n_here, ld, w + start,
                        g + start, s0 + start if n_states > 0 else NULL,
                        s1 + start if n_states > 1 else NULL, &rate[t, start],
                        &penalties[0, start], &penalties[1, start],
                        &scale[0, 0] + (0 if shared else start), shared, &boost[0],
                        &counts[0], table, table + n_table, n_table, &constants[0])
                else:
                    update_dense(
                        optimizer, d, n_here, ld, w + start, g + start,
                        s0 + start if n_states > 0 else NULL,
                        s1 + start if n_states > 1 else NULL, &rate[t, start],
                        &penalties[0, start], &penalties[1, start],
                        &scale[0, 0] + (0 if shared else start), shared, c1 + start,
                        c2 + start, &constants[0])
                if use_bias:
                    update_dense(
                        optimizer, 1, n_here, ld, b + start, gb + start,
                        b + ld + start, b + 2 * ld + start, rate_b + start,
                        &penalties[2, start], no_l1 + start, &one, 1, c1 + start,
                        c2 + start, &constants[0])
        if lazy and sparse and not centred:
            for j in range(d):
                if last[j] < n_batches:
                    catch_up(used, w + j * ld, &scale[0, 0], j, ld, shared,
                             &lazy_p[last[j], 0], &lazy_q[last[j], 0],
                             &lazy_p[n_batches, 0], &lazy_q[n_batches, 0])
        restore_subnormals(processor)
    free(arena)


# ------------------------------------------------------------------------ scores
def score(reader, const int64_t[::1] rows, const real[:, ::1] W,
          const real[:, ::1] bias, const real[::1] shift, ptrdiff_t first,
          ptrdiff_t last, bint narrow, real[:, ::1] out):
    """Margins of columns ``first:last`` for the rows listed, into ``out``."""
    cdef Rows X = rows_of(reader)
    cdef ptrdiff_t d = X.n_features, ld = bias.shape[1], n = rows.shape[0]
    cdef ptrdiff_t m = last - first, i, j, c, n_tile, start, tile_rows, stored
    cdef ptrdiff_t longest = 1
    cdef const real* shift_ = &shift[0] if shift.shape[0] else NULL
    cdef const real* w = &W[0, 0]
    cdef real one = 1
    if n == 0 or m == 0:
        return
    tile_rows = max(16, min(512, <ptrdiff_t> (524288 / (d * sizeof(real) + 1))))
    tile_rows = min(tile_rows, n)
    if X.sparse:
        longest = longest_row(&X, &rows[0], n)
    cdef size_t sizes[3]
    sizes[0] = (longest if X.sparse else tile_rows * d) * sizeof(real)
    sizes[1] = longest * sizeof(int32_t)
    sizes[2] = m * sizeof(double)
    cdef char* pieces[3]
    cdef void* arena = carve(3, sizes, pieces)
    if arena == NULL:
        raise MemoryError("no memory for the work space of scoring")
    cdef real* tile = <real*> pieces[0]
    cdef int32_t* column_buffer = <int32_t*> pieces[1]
    cdef const int32_t* columns
    cdef const real* values
    cdef double* base = <double*> pieces[2]
    cdef uint64_t processor
    with nogil:
        processor = flush_subnormals()
        for c in range(m):
            base[c] = bias[0, first + c]
        if X.sparse:
            if shift_ != NULL:
                for j in range(d):
                    for c in range(m):
                        base[c] -= <double> shift_[j] * w[j * ld + first + c]
            for i in range(n):
                if i + 8 < n:
                    prefetch_row(&X, rows[i + 8])
                stored = read_row(&X, rows[i], tile, column_buffer, &values, &columns)
                for c in range(m):
                    out[i, c] = <real> base[c]
                row_forward(stored, values, columns, w + first, ld, m, &out[i, 0])
        else:
            start = 0
            while start < n:
                n_tile = min(tile_rows, n - start)
                fill_tile(&X, &rows[start], n_tile, shift_, tile)
                for i in range(n_tile):
                    for c in range(m):
                        out[start + i, c] = bias[0, first + c]
                if narrow:
                    for i in range(n_tile):
                        for c in range(m):
                            out[start + i, c] += dot(
                                d, tile + i * d, w + (first + c) * d)
                else:
                    tile_margins(n_tile, d, m, tile, w + first, ld, &out[start, 0],
                                 m)
                start += n_tile
        restore_subnormals(processor)
    free(arena)


def losses(real[:, ::1] margins, const int64_t[::1] rows, const real[::1] labels,
           const real[::1] weights, const real[:, ::1] label_scaler, int loss_kind,
           bint coupled, ptrdiff_t n_classes, ptrdiff_t n_models, double loss_p,
           double[::1] total):
    """Add the weighted losses of a block of margins to ``total``.

    The margins are overwritten by gradients. A coupled loss adds to the column
    of its first class.
    """
    cdef ptrdiff_t n = rows.shape[0], m = margins.shape[1], i, c
    cdef Loss loss
    loss.kind = loss_kind
    loss.coupled = coupled
    loss.n_classes = n_classes
    loss.n_models = n_models
    if n == 0 or m == 0:
        return
    cdef real* scratch = <real*> malloc(3 * m * sizeof(real))
    if scratch == NULL:
        raise MemoryError("no memory for the work space of the losses")
    cdef uint64_t processor
    with nogil:
        processor = flush_subnormals()
        for i in range(n):
            memset(scratch + 2 * m, 0, m * sizeof(real))
            loss_row(&loss, 0, m, &margins[i, 0], labels[rows[i]], <real> 1,
                     weights[rows[i]], &label_scaler[0, 0], &label_scaler[1, 0],
                     <real> loss_p, scratch, scratch + 2 * m)
            for c in range(m):
                total[c] += scratch[2 * m + c]
        restore_subnormals(processor)
    free(scratch)


def column_statistics(reader, const int64_t[::1] rows, const double[::1] weights,
                      const double[::1] centre, double[::1] first,
                      double[::1] second, double[::1] stored_weight):
    """Weighted sums of (x - centre) and of its square for each feature.

    For CSR the sums run over stored values only, and ``stored_weight`` is the
    weight of the rows that store the feature; dense data leave it unchanged.
    """
    cdef Rows X = rows_of(reader)
    cdef ptrdiff_t d = X.n_features, n = rows.shape[0], i, j, k, stored, longest = 1
    cdef double weight, value
    if n == 0:
        return
    if X.sparse:
        longest = longest_row(&X, &rows[0], n)
    cdef double* tile = <double*> malloc((longest if X.sparse else d) * sizeof(double))
    cdef int32_t* column_buffer = <int32_t*> malloc(longest * sizeof(int32_t))
    cdef const int32_t* columns
    cdef const double* values
    if tile == NULL or column_buffer == NULL:
        free(tile)
        free(column_buffer)
        raise MemoryError("no memory for the work space of the scaler")
    with nogil:
        for i in range(n):
            weight = weights[i]
            if X.sparse:
                stored = read_row(&X, rows[i], tile, column_buffer, &values, &columns)
                for k in range(stored):
                    j = columns[k]
                    value = values[k] - centre[j]
                    first[j] += weight * value
                    second[j] += weight * value * value
                    stored_weight[j] += weight
            else:
                fill_tile(&X, &rows[i], 1, <double*> NULL, tile)
                for j in range(d):
                    value = tile[j] - centre[j]
                    first[j] += weight * value
                    second[j] += weight * value * value
    free(tile)
    free(column_buffer)
