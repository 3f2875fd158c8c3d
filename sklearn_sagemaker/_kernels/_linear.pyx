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

include "_common.pxi"
include "_strips.pxi"
include "_registries.pxi"
include "_rows.pxi"


cdef ptrdiff_t tile_height(ptrdiff_t row_bytes, ptrdiff_t most) noexcept nogil:
    """Rows of a dense tile: about half a megabyte, so that it stays in L2."""
    return min(most, max(<ptrdiff_t> 16, min(<ptrdiff_t> 512,
                                             524288 // max(row_bytes, 1))))


# ------------------------------------------------------------------- the losses
# A block's columns are fits (the one that is kept, then one a fold) of classes of
# models: column = (fit * n_classes + class) * n_models + model.
cdef struct Loss:
    int kind             # place in LOSSES
    int coupled
    ptrdiff_t n_classes  # columns of a model: 1 unless coupled
    ptrdiff_t n_models


cdef void loss_row(const Loss* loss, ptrdiff_t start, ptrdiff_t stop, real* z,
                   real label, real weight, real loss_weight,
                   const real* label_scaler, ptrdiff_t ld, real* scratch,
                   real* total) noexcept nogil:
    """Turn the margins z[start:stop] of one row into weighted gradients."""
    cdef ptrdiff_t width = loss.n_classes * loss.n_models
    cdef const real* shift = label_scaler + start
    cdef const real* scale = shift + ld
    cdef const real* parameter = scale + ld
    if not loss.coupled:
        if real is float:
            loss_f32(loss.kind, stop - start, z + start, label, weight, loss_weight,
                     shift, scale, parameter, total + start)
        else:
            loss_f64(loss.kind, stop - start, z + start, label, weight, loss_weight,
                     shift, scale, parameter, total + start)
        return
    while start + width <= stop:
        if real is float:
            loss_softmax_f32(loss.n_classes, loss.n_models, z + start,
                             <ptrdiff_t> label, weight, loss_weight, scratch,
                             total + start)
        else:
            loss_softmax_f64(loss.n_classes, loss.n_models, z + start,
                             <ptrdiff_t> label, weight, loss_weight, scratch,
                             total + start)
        start += width


# ------------------------------------------------------------------ training pass
cdef struct Task:
    ptrdiff_t d          # features
    ptrdiff_t ld         # columns, with padding
    ptrdiff_t used       # columns without
    ptrdiff_t tile_rows  # rows of a dense tile
    int narrow
    ptrdiff_t n_kinds    # of scales of the features
    const int32_t* kinds  # that of each column
    int optimizer
    int use_bias


cdef struct Batch:
    ptrdiff_t start, stop  # in the order of the pass
    ptrdiff_t m0, m1       # columns that skip it
    # For folds of any shape: whether each fit trains on each row, and one over the
    # rows of the batch that each fit trains on. Else NULL.
    const uint8_t* trains
    double* shares
    ptrdiff_t n_fits


# Work space of one number for each column, all of it in one array.
cdef enum Lane:
    BIAS_RATE = 0
    CORRECTION_1 = 1
    CORRECTION_2 = 2
    SCRATCH = 3  # two of them
    ZEROS = 5
    STRIP = 6  # scales of a strip, and one over them
    TOTALS = 8  # sums of slopes and of losses over the batch
    N_LANES = 10


cdef void share_batch(Batch* batch, const int64_t* order) noexcept nogil:
    """One over the number of rows of the batch that each fit trains on."""
    cdef ptrdiff_t i, k
    memset(batch.shares, 0, batch.n_fits * sizeof(double))
    for i in range(batch.start, batch.stop):
        for k in range(batch.n_fits):
            batch.shares[k] += batch.trains[order[i] * batch.n_fits + k]
    for k in range(batch.n_fits):
        if batch.shares[k] > 0:
            batch.shares[k] = 1 / batch.shares[k]


cdef void slopes_of_row(const Loss* loss, const Task* task, const Batch* batch,
                        ptrdiff_t row, real* z, real label, real weight,
                        const real* label_scaler, real* lanes,
                        real* sums) noexcept nogil:
    """Margins of a row into slopes, their sum into the gradient of the biases."""
    cdef ptrdiff_t c, k, ld = task.ld, width = loss.n_classes * loss.n_models
    cdef real in_batch = weight / <real> (batch.stop - batch.start)
    cdef real* scratch = lanes + SCRATCH * ld
    if batch.trains != NULL:
        for k in range(batch.n_fits):
            if batch.trains[row * batch.n_fits + k]:
                loss_row(loss, k * width, (k + 1) * width, z, label,
                         <real> (weight * batch.shares[k]), weight, label_scaler, ld,
                         scratch, sums + ld)
            else:
                memset(z + k * width, 0, width * sizeof(real))
    else:
        loss_row(loss, 0, batch.m0, z, label, in_batch, weight, label_scaler, ld,
                 scratch, sums + ld)
        if batch.m1 < task.used:
            loss_row(loss, batch.m1, task.used, z, label, in_batch, weight,
                     label_scaler, ld, scratch, sums + ld)
        for c in range(batch.m0, batch.m1):
            z[c] = 0
    for c in range(task.used, ld):
        z[c] = 0
    axpy(ld, <real> 1, z, sums)


include "_columns.pxi"


cdef inline ptrdiff_t slice_start(ptrdiff_t start, ptrdiff_t stop, ptrdiff_t place,
                                  ptrdiff_t n_slices) noexcept nogil:
    """Where a slice of some rows begins: products take four at a time, or more."""
    if place >= n_slices:
        return stop
    return start + (stop - start) * place // n_slices // 4 * 4


cdef void dense_batch(const Rows* X, const Loss* loss, const Task* task,
                      const Batch* batch, ptrdiff_t start, ptrdiff_t stop,
                      const int64_t* order, const real* shift, const real* w,
                      const real* b, const real* labels, const real* weights,
                      const real* label_scaler, real* tile, real* z, real* lanes,
                      ptrdiff_t n_slices, real* sums, real* g) noexcept nogil:
    """Gradient of some dense rows of a mini-batch, tile by tile; sums by slices."""
    cdef ptrdiff_t d = task.d, ld = task.ld, i, c, k, n
    cdef ptrdiff_t begin = start, place = 0
    cdef ptrdiff_t edge = slice_start(start, stop, 1, n_slices)
    if task.narrow and batch.trains == NULL and not loss.coupled:
        narrow_batch(X, loss, task, batch, start, stop, order, shift, w, b, labels,
                     weights, label_scaler, tile, z, sums, g)
        return
    memset(g, 0, d * ld * sizeof(real))
    while start < stop:
        # A few columns are as fast row by row, while the row is in L1.
        n = 1 if task.narrow else min(task.tile_rows, stop - start)
        if task.narrow and start + 1 < stop:
            prefetch_dense(X, order[start + 1], d * X.column_stride)
        fill_tile(X, order + start, n, stop - start, shift, tile)
        for i in range(n):
            memcpy(z + i * ld, b, ld * sizeof(real))
        if task.narrow:
            for c in range(task.used):
                z[c] += dot(d, tile, w + c * d)
        else:
            tile_margins(n, d, ld, tile, w, ld, z, ld)
        for i in range(n):
            while start + i >= edge:
                place += 1
                edge = slice_start(begin, stop, place + 1, n_slices)
            k = order[start + i]
            slopes_of_row(loss, task, batch, k, z + i * ld, labels[k], weights[k],
                          label_scaler, lanes, sums + place * 2 * ld)
        if task.narrow:
            for c in range(task.used):
                if c < batch.m0 or c >= batch.m1:
                    axpy(d, z[c], tile, g + c * d)
        else:
            tile_gradient(n, d, ld, tile, d, z, ld, g, ld)
        start += n


cdef void slopes_of_slice(const Loss* loss, const Task* task, const Batch* batch,
                          ptrdiff_t start, ptrdiff_t stop, const int64_t* order,
                          const real* w, const real* b, const real* labels,
                          const real* weights, const real* label_scaler,
                          const real* rows, real* slopes, real* lanes,
                          real* sums) noexcept nogil:
    """Slopes of some gathered rows of a mini-batch, and their sums."""
    cdef ptrdiff_t ld = task.ld, i, k
    cdef real* z = slopes + (start - batch.start) * ld
    for i in range(stop - start):
        memcpy(z + i * ld, b, ld * sizeof(real))
    tile_margins(stop - start, task.d, ld, rows + (start - batch.start) * task.d, w, ld,
                 z, ld)
    for i in range(stop - start):
        k = order[start + i]
        slopes_of_row(loss, task, batch, k, z + i * ld, labels[k], weights[k],
                      label_scaler, lanes, sums)


cdef void gradient_range(const Task* task, ptrdiff_t start, ptrdiff_t stop,
                         ptrdiff_t j0, ptrdiff_t j1, const real* rows,
                         const real* slopes, real* g) noexcept nogil:
    """Gradient of features j0 to j1 by some gathered rows, a tile at a time."""
    cdef ptrdiff_t n, ld = task.ld
    memset(g + j0 * ld, 0, (j1 - j0) * ld * sizeof(real))
    while start < stop:
        n = min(task.tile_rows, stop - start)
        tile_gradient(n, j1 - j0, ld, rows + start * task.d + j0, task.d,
                      slopes + start * ld, ld, g + j0 * ld, ld)
        start += n


cdef void gather_share(const Rows* X, const int64_t* order, ptrdiff_t start,
                       ptrdiff_t stop, ptrdiff_t share, ptrdiff_t n_shares,
                       const real* shift, real* rows) noexcept nogil:
    """Gather a share of the dense rows of a mini-batch."""
    cdef ptrdiff_t first = (stop - start) * share // n_shares
    cdef ptrdiff_t last = (stop - start) * (share + 1) // n_shares
    if first < last:
        fill_tile(X, order + start + first, last - first, stop - start - first, shift,
                  rows + first * X.n_features)


cdef enum:
    NARROW_ROWS = 16
    FAR_BYTES = 65536  # of rows that are fetched ahead


cdef void narrow_batch(const Rows* X, const Loss* loss, const Task* task,
                       const Batch* batch, ptrdiff_t start, ptrdiff_t stop,
                       const int64_t* order, const real* shift, const real* w,
                       const real* b, const real* labels, const real* weights,
                       const real* label_scaler, real* tile, real* z, real* sums,
                       real* g) noexcept nogil:
    """Gradient of some dense rows for a few columns, while the rows are in L1.

    Rows are read in place where they can be; their losses are taken column by
    column, so that they vectorise.
    """
    cdef ptrdiff_t d = task.d, ld = task.ld, i, c, k, n, block
    cdef ptrdiff_t row_bytes = d * X.column_stride
    cdef int direct = shift == NULL and in_place(X, tile)
    cdef real inverse = <real> 1 / <real> (batch.stop - batch.start)
    cdef const real* rows[NARROW_ROWS]
    cdef const real* coming[NARROW_ROWS]
    cdef real label[NARROW_ROWS]
    cdef real weight[NARROW_ROWS]
    cdef real in_batch[NARROW_ROWS]
    cdef real total[NARROW_ROWS]
    cdef ptrdiff_t ahead = max(<ptrdiff_t> NARROW_ROWS,
                               FAR_BYTES // max(row_bytes, <ptrdiff_t> 1))
    block = min(<ptrdiff_t> NARROW_ROWS, task.tile_rows)
    memset(g, 0, d * task.used * sizeof(real))
    while start < stop:
        n = min(block, stop - start)
        if not direct:
            fill_tile(X, order + start, n, stop - start, shift, tile)
        for i in range(n):
            k = order[start + i]
            rows[i] = tile + i * d
            if direct:
                rows[i] = <const real*> (X.data + k * X.row_stride)
                k = order[min(start + ahead + i, stop - 1)]
                coming[i] = <const real*> (X.data + k * X.row_stride)
                k = order[start + i]
            label[i], weight[i] = labels[k], weights[k]
            in_batch[i] = weight[i] * inverse
        i = 0
        while i < n:
            if i + ABREAST <= n:
                for c in range(task.used):
                    dots(d, rows + i, coming + i if direct else NULL, w + c * d,
                         z + c * NARROW_ROWS + i)
                i += ABREAST
            else:
                for c in range(task.used):
                    z[c * NARROW_ROWS + i] = dot(d, rows[i], w + c * d)
                i += 1
        for c in range(task.used):
            if batch.m0 <= c < batch.m1:
                continue
            for i in range(n):
                z[c * NARROW_ROWS + i] += b[c]
            if real is float:
                lossrows_f32(loss.kind, n, z + c * NARROW_ROWS, label, in_batch, weight,
                             label_scaler[c], label_scaler[ld + c],
                             label_scaler[2 * ld + c], total)
            else:
                lossrows_f64(loss.kind, n, z + c * NARROW_ROWS, label, in_batch, weight,
                             label_scaler[c], label_scaler[ld + c],
                             label_scaler[2 * ld + c], total)
            for i in range(n):
                sums[c] += z[c * NARROW_ROWS + i]
                sums[ld + c] += total[i]
            i = 0
            while i + ABREAST <= n:
                axpys(d, z + c * NARROW_ROWS + i, rows + i,
                      coming + i if direct else NULL, g + c * d)
                i += ABREAST
            while i < n:
                axpy(d, z[c * NARROW_ROWS + i], rows[i], g + c * d)
                i += 1
        start += n


cdef ptrdiff_t one_by_rows(const Rows* X, const Loss* loss, const Task* task,
                           const Batch* batch, const int64_t* order, ptrdiff_t n_order,
                           const real* w, const real* b, const real* labels,
                           const real* weights, const real* label_scaler,
                           real* value_buffer, int32_t* column_buffer, real* lanes,
                           real* sums, uint8_t* marks, real* whole, real* g,
                           int32_t* touched) noexcept nogil:
    """Gradient of a batch of CSR rows for one model; returns how many are touched."""
    cdef ptrdiff_t i, k, stored
    cdef const int32_t* columns
    cdef const real* values
    cdef real z
    for i in range(batch.start, batch.stop):
        if i + 8 < n_order:
            prefetch_row(X, order[i + 8])
        k = order[i]
        stored = read_row(X, k, value_buffer, column_buffer, &values, &columns)
        z = b[0]
        row_forward(stored, values, columns, w, 1, 1, &z, 0, NULL)
        slopes_of_row(loss, task, batch, k, &z, labels[k], weights[k], label_scaler,
                      lanes, sums)
        row_marks(stored, columns, values, z, whole, marks)
    return collect_marks(X.n_features, marks, whole, g, touched)


cdef void add_weights(const Batch* batch, const int64_t* order, const real* weights,
                      ptrdiff_t used, ptrdiff_t width,
                      double* weight_sum) noexcept nogil:
    """Add to each column the weights of the rows of the batch that it trains on."""
    cdef ptrdiff_t i, c, k
    cdef double total
    for k in range(used // width):
        if k * width == batch.m0:
            continue
        total = 0
        for i in range(batch.start, batch.stop):
            if batch.trains == NULL or batch.trains[order[i] * batch.n_fits + k]:
                total += weights[order[i]]
        for c in range(k * width, (k + 1) * width):
            weight_sum[c] += total


cdef void update_range(const Task* task, ptrdiff_t start, ptrdiff_t stop,
                       ptrdiff_t j0, ptrdiff_t j1, real* w, real* s0, real* s1,
                       const real* g, real* lanes, const real* rate,
                       const real* penalties, const real* scale,
                       const real* constants) noexcept nogil:
    """Step columns start to stop of features j0 to j1."""
    cdef ptrdiff_t c, at, d = task.d, ld = task.ld, n = stop - start
    cdef const real* wd = penalties + start
    cdef const real* l1 = penalties + ld + start
    cdef const real* c1 = lanes + CORRECTION_1 * ld + start
    cdef const real* c2 = lanes + CORRECTION_2 * ld + start
    if n <= 0:
        return
    if task.narrow:
        for c in range(start, stop):
            at = c * d + j0
            update_column(task.optimizer, j1 - j0, w + at, g + at,
                          s0 + at if s0 != NULL else NULL,
                          s1 + at if s1 != NULL else NULL, rate + c, penalties + c,
                          penalties + ld + c, scale + task.kinds[c] * d + j0,
                          c1 + c - start, c2 + c - start, constants)
        return
    at = j0 * ld + start
    update_dense(task.optimizer, j1 - j0, n, ld, w + at, g + at,
                 s0 + at if s0 != NULL else NULL, s1 + at if s1 != NULL else NULL,
                 rate + start, wd, l1, scale + j0 * task.n_kinds, task.n_kinds,
                 task.kinds + start, lanes + STRIP * ld, c1, c2, constants)


cdef void update_bias(const Task* task, ptrdiff_t start, ptrdiff_t stop, real* b,
                      const real* g, real* lanes, const real* penalties,
                      const real* constants) noexcept nogil:
    """Step the biases of the columns start to stop."""
    cdef ptrdiff_t ld = task.ld
    cdef real one = 1
    if stop > start and task.use_bias:
        update_dense(task.optimizer, 1, stop - start, ld, b + start, g + start,
                     b + ld + start, b + 2 * ld + start, lanes + BIAS_RATE * ld + start,
                     penalties + 2 * ld + start, lanes + ZEROS * ld + start, &one, 1,
                     task.kinds, lanes + STRIP * ld,
                     lanes + CORRECTION_1 * ld + start,
                     lanes + CORRECTION_2 * ld + start, constants)


def can_spread() -> bool:
    """Whether threads can share a part of dense rows.

    Not with BLAS, which may sum a row or a feature otherwise next to others.
    """
    return bool(tile_products_built)


def can_team() -> bool:
    """Whether several threads can share a call of `train`."""
    return bool(barriers_built)


BARRIER_SLOTS, BARRIER_BROKEN = barrier_slots, barrier_broken_slot
"""Numbers of a barrier, and which of them says that a thread will not come."""


def train(columns, batches, int64_t[::1] barrier, ptrdiff_t member,
          ptrdiff_t n_members):
    """One pass over the data.

    Parameters
    ----------
    columns : Columns
        What is trained; weights, states and counts are changed in place.
    batches : Batches
        The rows; losses and work space are changed in place.
    barrier : int64 array of shape (BARRIER_SLOTS,)
        Zeros, shared by the threads that call this with the same arguments but
        ``member`` (0 to ``n_members - 1``); they share the work, each item of it done
        by whichever thread is there: the parts of rows of a mini-batch, or slices of
        these, and then ranges of features. One CSR model has one member at work.
    member, n_members : int

    Returns
    -------
    complete : bool
        False if another member could not come.
    """
    if columns.weights.itemsize == sizeof(float):
        return bool(train_columns[float](columns, batches, columns.weights,
                                         &barrier[0], member, n_members))
    return bool(train_columns[double](columns, batches, columns.weights,
                                      &barrier[0], member, n_members))


cdef int train_columns(columns, batches, real[:, ::1] W, int64_t* barrier,
                       ptrdiff_t member, ptrdiff_t n_members) except -1:
    """See `train`."""
    # All that the pass reads, taken once from its description.
    cdef const int64_t[::1] order = batches.order, bounds = batches.bounds
    cdef const int32_t[::1] masked = batches.masked
    cdef const uint8_t[:, ::1] trains = batches.trains
    cdef const real[::1] labels = batches.labels, weights = batches.weights
    cdef const real[:, ::1] rate = batches.rates
    cdef const double[:, ::1] lazy_p = batches.products, lazy_q = batches.sums
    cdef double[::1] loss_sum = batches.losses, weight_sum = batches.loss_weights
    cdef real[:, ::1] gradients = batches.gradients, sums = batches.part_sums
    states = columns.states
    cdef int n_states = len(states)
    # A state that the optimizer lacks is not read.
    cdef real[:, ::1] S0 = states[0] if n_states > 0 else W
    cdef real[:, ::1] S1 = states[1] if n_states > 1 else W
    cdef real[:, ::1] bias = columns.bias
    cdef int64_t[::1] steps = columns.steps
    cdef int32_t[::1] counts = columns.counts
    cdef const real[:, ::1] penalties = columns.penalties, scale = columns.scale
    cdef const int32_t[::1] kinds = columns.kinds
    cdef const real[::1] shift = columns.shift, boost = columns.boost
    cdef const real[:, ::1] label_scaler = columns.label_scaler
    cdef const real[::1] constants = columns.constants
    cdef const real[:, ::1] corrections = columns.corrections
    cdef ptrdiff_t used = columns.n_used
    cdef double bias_lr_mult = columns.bias_lr_mult
    cdef Rows X = rows_of(batches.reader)
    cdef Loss loss
    cdef Task task
    cdef Batch batch
    loss.kind, loss.coupled = columns.loss, columns.coupled
    loss.n_classes, loss.n_models = columns.n_classes, columns.n_models
    cdef ptrdiff_t d = X.n_features, ld = bias.shape[1]
    cdef ptrdiff_t width = loss.n_classes * loss.n_models
    cdef ptrdiff_t n_batches = bounds.shape[0] - 1, n_table = corrections.shape[1]
    cdef ptrdiff_t t, i, c, last = 0, in_batch
    cdef ptrdiff_t most_rows, longest, most_stored
    most_rows, longest, most_stored = batches.extents
    for t in range(n_batches):
        if masked[t] >= used // width:
            raise ValueError("masked names a fit that there is not")
    cdef ptrdiff_t n_sums = sums.shape[0], part, j0, j1, at, turn, share
    cdef ptrdiff_t n_parts = n_sums if X.sparse else gradients.shape[0]
    cdef ptrdiff_t n_slices = n_sums // max(n_parts, <ptrdiff_t> 1)
    if max(n_sums, n_members) > BARRIER_ITEMS:
        raise ValueError("more parts or members than a pass can have")
    if n_slices < 1 or n_slices * n_parts != n_sums:
        raise ValueError("there must be as many sums for each part")
    # Rows of two batches, this one's and the next one's, if members share parts.
    cdef real[:, ::1] gathered = batches.gathered, kept = batches.slopes
    cdef real* gathered_ = NULL
    cdef real* rows = NULL
    cdef real* slopes = NULL
    if gathered.shape[0] > 0:
        if X.sparse or columns.narrow or not tile_products_built:
            raise ValueError("a pass whose parts cannot be shared")
        if (gathered.shape[0] < 2 * most_rows or gathered.shape[1] != d
                or kept.shape[0] < most_rows or kept.shape[1] != ld):
            raise ValueError("room to gather the rows of other batches")
        gathered_, slopes = &gathered[0, 0], &kept[0, 0]
    task.d, task.ld, task.used = d, ld, used
    task.tile_rows = tile_height(d * sizeof(real), (most_rows + n_parts - 1) // n_parts)
    task.narrow = columns.narrow
    task.n_kinds = scale.shape[0] if task.narrow else scale.shape[1]
    task.kinds = &kinds[0]
    task.optimizer, task.use_bias = columns.optimizer, columns.use_bias
    batch.trains = &trains[0, 0] if trains.shape[0] else NULL
    batch.n_fits = used // width
    cdef const real* shift_ = &shift[0] if shift.shape[0] else NULL
    cdef int lazy = lazy_p.shape[0] > 0
    cdef int by_rows = X.sparse and goes_by_rows(d, ld, most_stored, shift_ != NULL,
                                                 lazy)
    cdef int by_columns = X.sparse and not by_rows
    if by_rows:
        if member > 0:
            return True
        n_members = 1
    cdef real* w = &W[0, 0]
    cdef real* s0 = &S0[0, 0] if n_states > 0 else NULL
    cdef real* s1 = &S1[0, 0] if n_states > 1 else NULL
    # One allocation, carved into pieces that start on cache lines: a strip that
    # straddles two lines costs twice.
    cdef size_t sizes[12]
    memset(sizes, 0, sizeof(sizes))
    sizes[0] = (min(most_stored, d) + 1 if by_rows else ld) * sizeof(real)
    sizes[1] = (longest if X.sparse else task.tile_rows * d) * sizeof(real)
    sizes[2] = (0 if X.sparse else max(task.tile_rows, <ptrdiff_t> NARROW_ROWS)
                ) * ld * sizeof(real)
    sizes[3] = N_LANES * ld * sizeof(real)
    sizes[4] = ld * sizeof(double)
    sizes[5] = longest * sizeof(int32_t)
    sizes[6] = (d if by_columns else min(most_stored, d) + 1) * sizeof(int32_t)
    sizes[7] = d * sizeof(real) if by_rows else 0
    sizes[8] = d if by_rows else 0
    sizes[9] = ld * sizeof(int64_t)
    sizes[10] = batch.n_fits * sizeof(double)
    sizes[11] = (d + 63) // 64 * sizeof(uint64_t) if by_columns else 0
    cdef char* pieces[12]
    cdef void* arena = carve(12, sizes, pieces)
    if arena == NULL:
        barrier_break(barrier)
        raise MemoryError("no memory for the work space of a pass over the data")
    memset(arena, 0, carved_bytes(12, sizes))
    cdef real* g = <real*> pieces[0] if X.sparse else &gradients[0, 0]
    cdef real* tile = <real*> pieces[1]
    cdef real* z = <real*> pieces[2]
    cdef real* lanes = <real*> pieces[3]
    cdef double* base = <double*> pieces[4]
    cdef int32_t* column_buffer = <int32_t*> pieces[5]
    cdef int32_t* counter = <int32_t*> pieces[6]
    cdef real* whole = <real*> pieces[7]
    cdef uint8_t* marks = <uint8_t*> pieces[8]
    cdef int64_t* taken = <int64_t*> pieces[9]
    batch.shares = <double*> pieces[10]
    # What members share.
    cdef Sorted form = sorted_form(d, most_stored, shift_ != NULL, n_members)
    cdef uint8_t[::1] space = batches.space
    cdef size_t shared[N_PIECES]
    cdef char* common[N_PIECES]
    cdef int32_t* last_update = NULL
    cdef int64_t* n_touched = NULL
    cdef double* bases = NULL
    cdef ptrdiff_t group = form.n_batches, place = 0, n_sorts, t0, t1
    # Ranges of features: those of sums are fixed, whatever the members.
    cdef ptrdiff_t n_ranges = BARRIER_ITEMS if n_members > 1 or shift_ != NULL else 1
    cdef Steps step
    memset(&step, 0, sizeof(step))
    if by_columns:
        shared_sizes(w, shared, &form, d, ld, most_rows, lazy)
        if space.shape[0] < <ptrdiff_t> carved_bytes(N_PIECES, shared):
            free(arena)
            barrier_break(barrier)
            raise ValueError("space is smaller than space_bytes says")
        carve_from(<char*> &space[0], N_PIECES, shared, common)
        last_update = <int32_t*> common[LAST]
        n_touched = <int64_t*> common[N_TOUCHED]
        bases = <double*> common[BASES]
        if member == 0:
            memset(last_update, 0, shared[LAST])
        step.ld, step.n_table, step.n_kinds = ld, n_table, task.n_kinds
        step.kinds, step.scale, step.constants = task.kinds, &scale[0, 0], &constants[0]
        step.slopes, step.gradient = common[SLOPES], g
        step.wd, step.l1 = &penalties[0, 0], &penalties[1, 0]
        step.strip = lanes + STRIP * ld
        step.w, step.s0, step.s1 = w, s0, s1
        step.shift, step.sums = shift_, lanes + TOTALS * ld
        if shift_ != NULL:
            step.c1, step.c2 = lanes + CORRECTION_1 * ld, lanes + CORRECTION_2 * ld
        else:
            step.c1, step.c2 = &corrections[0, 0], &corrections[1, 0]
            step.counts, step.boost = &counts[0], &boost[0]
            step.table1, step.table2 = step.c1, step.c2
    for c in range(used):
        taken[c] = steps[c]
    cdef double beta1 = constants[0], beta2 = constants[1], power1, power2
    cdef real* totals = lanes + TOTALS * ld
    cdef uint64_t processor
    cdef int complete, corrected
    # Items that the team has finished at the end of the stage: all have come.
    cdef int64_t due = n_members
    with nogil:
        processor = flush_subnormals()
        barrier_arrive(barrier, due)
        complete = barrier_wait(barrier, due, n_members)
        if gathered_ != NULL and complete and n_batches > 0:
            due += n_members
            for turn in range(n_members):
                share = (member + turn) % n_members
                if barrier_claim(barrier, share, 1):
                    gather_share(&X, &order[0], bounds[0], bounds[1], share, n_members,
                                 shift_, gathered_)
                    barrier_arrive(barrier, due)
            complete = barrier_wait(barrier, due, n_members)
        for t in range(n_batches):
            if not complete:
                break
            batch.start, batch.stop = bounds[t], bounds[t + 1]
            in_batch = batch.stop - batch.start
            batch.m0 = batch.m1 = used
            if masked[t] >= 0:
                batch.m0 = masked[t] * width
                batch.m1 = batch.m0 + width
            if batch.trains != NULL:
                share_batch(&batch, &order[0])
            if by_columns:
                place = t % group
                if place == 0:
                    n_sorts = min(group, n_batches - t)
                    due += n_sorts
                    for turn in range(n_sorts):
                        i = (member + turn) % n_sorts
                        if not barrier_claim(barrier, i, 4 * t + 1):
                            continue
                        at = i * (form.most_columns + 1)
                        n_touched[i] = sort_batch(
                            &X, &order[0], bounds[t + i], bounds[t + i + 1],
                            form.all_features, counter,
                            <uint64_t*> pieces[11], tile, column_buffer,
                            <int32_t*> common[TOUCHED] + at,
                            <int32_t*> common[STARTS] + at,
                            common[ENTRIES] + i * form.most_stored * entry_size(w))
                        barrier_arrive(barrier, due)
                    complete = barrier_wait(barrier, due, n_members)
                    if not complete:
                        break
                at = place * (form.most_columns + 1)
                step.starts = <int32_t*> common[STARTS] + at
                step.touched = NULL
                if not form.all_features:
                    step.touched = <int32_t*> common[TOUCHED] + at
                step.entries = common[ENTRIES] + (
                    place * form.most_stored * entry_size(w))
                step.rate = &rate[t, 0]
                step.bounds[0], step.bounds[1] = 0, batch.m0
                step.bounds[2], step.bounds[3] = batch.m1, used
                if lazy or shift_ != NULL:
                    due += n_ranges
                    for turn in range(n_ranges):
                        share = (member + turn) % n_ranges
                        if not barrier_claim(barrier, share, 4 * t + 2):
                            continue
                        if lazy:
                            t0 = n_touched[place] * share // n_ranges
                            t1 = n_touched[place] * (share + 1) // n_ranges
                            bring_up_to_date(&task, step.touched, t0, t1, t,
                                             last_update, &scale[0, 0], w,
                                             &lazy_p[0, 0], &lazy_q[0, 0])
                        else:
                            sum_shifts(&task, d * share // n_ranges,
                                       d * (share + 1) // n_ranges, shift_, w,
                                       bases + share * ld)
                        barrier_arrive(barrier, due)
                    complete = barrier_wait(barrier, due, n_members)
                    if not complete:
                        break
                for c in range(ld):
                    base[c] = bias[0, c]
                    if shift_ != NULL:
                        for share in range(n_ranges):
                            base[c] -= bases[share * ld + c]
                due += n_parts
                for turn in range(n_parts):
                    part = (member + turn) % n_parts
                    if not barrier_claim(barrier, part, 4 * t + 3):
                        continue
                    score_rows(&X, &loss, &task, &batch,
                               batch.start + in_batch * part // n_parts,
                               batch.start + in_batch * (part + 1) // n_parts,
                               &order[0], w, base, &labels[0], &weights[0],
                               &label_scaler[0, 0], tile, column_buffer,
                               <real*> common[SLOPES], lanes, &sums[part, 0])
                    barrier_arrive(barrier, due)
                complete = barrier_wait(barrier, due, n_members)
                if not complete:
                    break
            elif by_rows:
                memset(&sums[0, 0], 0, n_parts * 2 * ld * sizeof(real))
                last = one_by_rows(&X, &loss, &task, &batch, &order[0], order.shape[0],
                                   w, &bias[0, 0], &labels[0], &weights[0],
                                   &label_scaler[0, 0], tile, column_buffer, lanes,
                                   &sums[0, 0], marks, whole, g, counter)
            elif gathered_ != NULL:
                rows = gathered_ + t % 2 * most_rows * d
                due += n_sums
                for turn in range(n_sums):
                    i = (member + turn) % n_sums
                    if not barrier_claim(barrier, i, 4 * t + 3):
                        continue
                    memset(&sums[i, 0], 0, 2 * ld * sizeof(real))
                    part = i // n_slices
                    j0 = batch.start + in_batch * part // n_parts
                    j1 = batch.start + in_batch * (part + 1) // n_parts
                    slopes_of_slice(&loss, &task, &batch,
                                    slice_start(j0, j1, i % n_slices, n_slices),
                                    slice_start(j0, j1, i % n_slices + 1, n_slices),
                                    &order[0], w, &bias[0, 0], &labels[0], &weights[0],
                                    &label_scaler[0, 0], rows, slopes, lanes,
                                    &sums[i, 0])
                    barrier_arrive(barrier, due)
                complete = barrier_wait(barrier, due, n_members)
                if not complete:
                    break
            else:
                due += n_parts
                for turn in range(n_parts):
                    part = (member + turn) % n_parts
                    if not barrier_claim(barrier, part, 4 * t + 3):
                        continue
                    memset(&sums[part * n_slices, 0], 0,
                           n_slices * 2 * ld * sizeof(real))
                    dense_batch(&X, &loss, &task, &batch,
                                batch.start + in_batch * part // n_parts,
                                batch.start + in_batch * (part + 1) // n_parts,
                                &order[0], shift_, w, &bias[0, 0], &labels[0],
                                &weights[0], &label_scaler[0, 0], tile, z, lanes,
                                n_slices, &sums[part * n_slices, 0],
                                &gradients[part, 0])
                    barrier_arrive(barrier, due)
                complete = barrier_wait(barrier, due, n_members)
                if not complete:
                    break
            for c in range(used):
                if c < batch.m0 or c >= batch.m1:
                    taken[c] += 1
            memcpy(totals, &sums[0, 0], 2 * ld * sizeof(real))
            for part in range(1, n_sums):
                axpy(2 * ld, <real> 1, &sums[part, 0], totals)
            corrected = 0
            j1 = n_ranges if by_columns else n_members
            due += j1
            for turn in range(j1):
                share = (member + turn) % j1
                if not barrier_claim(barrier, share, 4 * t + 4):
                    continue
                if not corrected and (share == 0 or not X.sparse or shift_ != NULL):
                    corrected = 1
                    for c in range(used):
                        if batch.m0 <= c < batch.m1:
                            continue
                        power1 = beta1 ** (<double> taken[c])
                        power2 = beta2 ** (<double> taken[c])
                        lanes[CORRECTION_1 * ld + c] = <real> (1 / (1 - power1))
                        lanes[CORRECTION_2 * ld + c] = <real> (1 / (1 - power2))
                        lanes[BIAS_RATE * ld + c] = <real> (rate[t, c] * bias_lr_mult)
                if by_columns:
                    t0 = range_start(step.starts, n_touched[place], share, n_ranges)
                    t1 = range_start(step.starts, n_touched[place], share + 1, n_ranges)
                    update_by_columns(w, task.optimizer, &step, t0, t1)
                elif by_rows:
                    for i in range(last):
                        counts[counter[i]] += 1
                    if batch.m0 != 0:
                        update_single(task.optimizer, last, counter, w, g, s0, s1,
                                      &rate[t, 0], &penalties[0, 0], &penalties[1, 0],
                                      &scale[0, 0], &boost[0], &counts[0],
                                      &corrections[0, 0], &corrections[1, 0], n_table,
                                      &constants[0])
                else:
                    j0, last = d * share // n_members, d * (share + 1) // n_members
                    if gathered_ != NULL:
                        for part in range(n_parts):
                            gradient_range(&task, in_batch * part // n_parts,
                                           in_batch * (part + 1) // n_parts, j0, last,
                                           rows, slopes, &gradients[part, 0])
                        if t + 1 < n_batches:
                            gather_share(&X, &order[0], bounds[t + 1], bounds[t + 2],
                                         share, n_members, shift_,
                                         gathered_ + (t + 1) % 2 * most_rows * d)
                    for part in range(1, n_parts):
                        if not task.narrow:
                            axpy((last - j0) * ld, <real> 1, &gradients[part, j0 * ld],
                                 g + j0 * ld)
                            continue
                        for c in range(used):
                            at = c * d + j0
                            axpy(last - j0, <real> 1, &gradients[part, at], g + at)
                    # The columns before the masked ones, and those behind.
                    update_range(&task, 0, batch.m0, j0, last, w, s0, s1, g, lanes,
                                 &rate[t, 0], &penalties[0, 0], &scale[0, 0],
                                 &constants[0])
                    update_range(&task, batch.m1, used, j0, last, w, s0, s1, g, lanes,
                                 &rate[t, 0], &penalties[0, 0], &scale[0, 0],
                                 &constants[0])
                if share == 0:
                    for i in range(2):
                        update_bias(&task, 0 if i == 0 else batch.m1,
                                    batch.m0 if i == 0 else used, &bias[0, 0], totals,
                                    lanes, &penalties[0, 0], &constants[0])
                    for c in range(used):
                        if c < batch.m0 or c >= batch.m1:
                            loss_sum[c] += totals[ld + c]
                    add_weights(&batch, &order[0], &weights[0], used, width,
                                &weight_sum[0])
                barrier_arrive(barrier, due)
            complete = barrier_wait(barrier, due, n_members)
        if complete and lazy:
            due += n_ranges
            for turn in range(n_ranges):
                share = (member + turn) % n_ranges
                if not barrier_claim(barrier, share, 4 * n_batches + 1):
                    continue
                bring_up_to_date(&task, NULL, d * share // n_ranges,
                                 d * (share + 1) // n_ranges, n_batches, last_update,
                                 &scale[0, 0], w, &lazy_p[0, 0], &lazy_q[0, 0])
                barrier_arrive(barrier, due)
            complete = barrier_wait(barrier, due, n_members)
        if member == 0:
            for c in range(used):
                steps[c] = taken[c]
        restore_subnormals(processor)
    free(arena)
    return complete


# ------------------------------------------------------------------------ scores
cdef int score_in_place(const Rows* X, const int64_t* rows, ptrdiff_t n,
                        const real* w, ptrdiff_t ld, ptrdiff_t first, ptrdiff_t m,
                        int narrow, const double* base, real* out) noexcept nogil:
    """Margins for a few columns of rows that need no copy; false if they do."""
    cdef ptrdiff_t i, c, d = X.n_features, start, stop
    cdef const char* row
    cdef int mixed = 0
    if real is double:
        mixed = X.code == F32
    if X.sparse:
        if not mixed or ld != 1 or X.wide_index:
            return 0
        for i in range(n):
            row_span(X, rows[i], &start, &stop)
            out[i] = <real> (base[0] + sparse_dot_mixed(
                stop - start, <const float*> X.data + start,
                <const int32_t*> X.indices + start, <const double*> w))
        return 1
    if not narrow:
        return 0
    if mixed:
        if X.column_stride != sizeof(float):
            return 0
    elif not in_place(X, w):
        return 0
    for i in range(n):
        row = X.data + rows[i] * X.row_stride
        for c in range(m):
            if mixed:
                out[i * m + c] = <real> (base[c] + dot_mixed(
                    d, <const float*> row, <const double*> w + (first + c) * d))
            else:
                out[i * m + c] = <real> base[c] + dot(
                    d, <const real*> row, w + (first + c) * d)
    return 1


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
    if n == 0 or m == 0:
        return
    tile_rows = tile_height(d * sizeof(real), n)
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
        if shift_ == NULL and score_in_place(&X, &rows[0], n, w, ld, first, m, narrow,
                                             base, &out[0, 0]):
            pass
        elif X.sparse:
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
                row_forward(stored, values, columns, w + first, ld, m, &out[i, 0],
                            0, NULL)
        else:
            start = 0
            while start < n:
                n_tile = min(tile_rows, n - start)
                fill_tile(&X, &rows[start], n_tile, n - start, shift_, tile)
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
           bint coupled, ptrdiff_t n_classes, ptrdiff_t n_models,
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
                     weights[rows[i]], &label_scaler[0, 0], m, scratch,
                     scratch + 2 * m)
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
                fill_tile(&X, &rows[i], 1, n - i, <double*> NULL, tile)
                for j in range(d):
                    value = tile[j] - centre[j]
                    first[j] += weight * value
                    second[j] += weight * value * value
    free(tile)
    free(column_buffer)
