# Row readers: dense arrays of any strides, CSR with either index type.

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
cdef inline void prefetch_dense(const Rows* X, ptrdiff_t i,
                                ptrdiff_t n_bytes) noexcept nogil:
    """Ask for a dense row ahead of its use: into L2, as L1 waits for few lines."""
    cdef const char* row = X.data + i * X.row_stride
    cdef ptrdiff_t j = 0
    while j < min(n_bytes, 4096):
        SS_PREFETCH_FAR(row + j)
        j += 64


cdef void fill(value_t* tag, const Rows* X, const int64_t* order, ptrdiff_t n,
               ptrdiff_t listed, const real* shift, real* tile) noexcept nogil:
    """Gather rows into a tile, converted and shifted while they are in cache."""
    cdef ptrdiff_t i, j, d = X.n_features
    cdef ptrdiff_t ahead = max(<ptrdiff_t> 1, <ptrdiff_t> (
        16384 // max(d * sizeof(value_t), <size_t> 1)))
    cdef const char* row
    cdef const value_t* values
    cdef real* to
    if X.column_stride == sizeof(value_t):
        for i in range(n):
            row = X.data + order[i] * X.row_stride
            if i + ahead < listed:
                prefetch_dense(X, order[i + ahead], d * sizeof(value_t))
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
                    ptrdiff_t listed, const real* shift, real* tile) noexcept nogil:
    """Gather n rows; of those listed behind them some are fetched ahead."""
    if X.code == F32:
        fill(<float*> NULL, X, order, n, listed, shift, tile)
    elif X.code == F64:
        fill(<double*> NULL, X, order, n, listed, shift, tile)
    elif X.code == U8:
        fill(<uint8_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == I8:
        fill(<int8_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == I16:
        fill(<int16_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == U16:
        fill(<uint16_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == I32:
        fill(<int32_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == U32:
        fill(<uint32_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == I64:
        fill(<int64_t*> NULL, X, order, n, listed, shift, tile)
    elif X.code == U64:
        fill(<uint64_t*> NULL, X, order, n, listed, shift, tile)


cdef inline int in_place(const Rows* X, const real* tag) noexcept nogil:
    """Whether dense rows can be read where they are: contiguous, of the own type."""
    if real is float:
        return X.code == F32 and X.column_stride == sizeof(float)
    else:
        return X.code == F64 and X.column_stride == sizeof(double)


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


cdef inline void prefetch_span(const Rows* X, ptrdiff_t i) noexcept nogil:
    """Ask for where a CSR row lies, which fetching the row itself needs."""
    SS_PREFETCH(X.indptr + i * (8 if X.wide_index else 4))


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


cdef size_t carved_bytes(int n, const size_t* sizes) noexcept nogil:
    """Bytes of n pieces, each on a cache line of its own."""
    cdef size_t total = 64
    cdef int i
    for i in range(n):
        total += (sizes[i] + 63) // 64 * 64
    return total


cdef void carve_from(char* memory, int n, const size_t* sizes,
                     char** pieces) noexcept nogil:
    cdef char* at = memory + (64 - <uintptr_t> memory % 64) % 64
    cdef int i
    for i in range(n):
        pieces[i] = at
        at += (sizes[i] + 63) // 64 * 64


cdef void* carve(int n, const size_t* sizes, char** pieces) noexcept nogil:
    """One allocation in n pieces."""
    cdef char* memory = <char*> malloc(carved_bytes(n, sizes))
    if memory != NULL:
        carve_from(memory, n, sizes, pieces)
    return memory
