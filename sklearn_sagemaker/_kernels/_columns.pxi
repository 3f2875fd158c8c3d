# Mini-batches of CSR rows by columns: see _columns_template.h. Rows are shared among
# threads for the margins, and features for the steps.

# What the members of a pass share, all of it in one array.
cdef enum:
    SLOPES = 0  # of each row of the batch
    ENTRIES = 1  # of each sorted batch: its stored values by columns, ...
    STARTS = 2  # ... where each column begins, ...
    TOUCHED = 3  # ... which one that is, ...
    N_TOUCHED = 4  # ... and how many there are
    BASES = 5  # sums of shift times weights of a share of the features
    LAST = 6  # update up to which a feature's strip is current
    N_PIECES = 7


cdef struct Sorted:
    int all_features  # every feature is a column, touched or not
    ptrdiff_t n_batches  # sorted at once
    ptrdiff_t most_columns
    ptrdiff_t most_stored  # with as many behind as are fetched ahead


cdef void shared_sizes(real* tag, size_t* sizes, const Sorted* form, ptrdiff_t d,
                       ptrdiff_t ld, ptrdiff_t most_rows, int lazy) noexcept nogil:
    sizes[SLOPES] = most_rows * ld * sizeof(real)
    sizes[ENTRIES] = form.n_batches * form.most_stored * entry_size(tag)
    sizes[STARTS] = form.n_batches * (form.most_columns + 1) * sizeof(int32_t)
    sizes[TOUCHED] = sizes[STARTS]
    sizes[N_TOUCHED] = form.n_batches * sizeof(int64_t)
    sizes[BASES] = BARRIER_ITEMS * ld * sizeof(double)
    sizes[LAST] = d * sizeof(int32_t) if lazy else 0


cdef Sorted sorted_form(ptrdiff_t d, ptrdiff_t most_stored, int all_features,
                        ptrdiff_t n_members) noexcept nogil:
    cdef Sorted form
    form.all_features = all_features
    # A batch is sorted by one thread: as many at a time as there are.
    form.n_batches = n_members
    form.most_stored = most_stored + AHEAD
    form.most_columns = d if all_features else min(most_stored, d)
    return form


cdef inline int goes_by_rows(ptrdiff_t d, ptrdiff_t ld, ptrdiff_t most_stored,
                             int shifted, int lazy) noexcept nogil:
    """Whether CSR rows are scattered into the gradient of a batch.

    That is faster for one model, whose gradient is a number for each feature, if
    features are few enough to look for those that were touched.
    """
    return not shifted and not lazy and ld == 1 and d <= 8 * most_stored


def extents(reader, const int64_t[::1] order, const int64_t[::1] bounds):
    """Sizes of the mini-batches of a pass.

    Returns
    -------
    most_rows, longest, most_stored : int
        Rows of the largest batch and, for CSR, stored values of the longest row and
        of the batch that stores most.
    """
    cdef Rows X = rows_of(reader)
    cdef ptrdiff_t t, i, first, last, stored, longest = 1, most_stored = 1
    cdef ptrdiff_t most_rows = 1
    for t in range(bounds.shape[0] - 1):
        most_rows = max(most_rows, bounds[t + 1] - bounds[t])
        if not X.sparse:
            continue
        stored = 0
        for i in range(bounds[t], bounds[t + 1]):
            row_span(&X, order[i], &first, &last)
            longest = max(longest, last - first)
            stored += last - first
        most_stored = max(most_stored, stored)
    if most_stored > 2147483647:
        raise ValueError(
            f"a mini-batch of {most_rows} rows stores {most_stored} values, more than "
            "2**31 - 1; take a smaller mini_batch_size"
        )
    return most_rows, longest, most_stored


def space_bytes(columns, reader, extents, bint lazy, ptrdiff_t n_members) -> int:
    """Bytes of the work space that members of a pass over CSR rows share."""
    cdef ptrdiff_t d = reader.n_features, ld = columns.bias.shape[1]
    cdef ptrdiff_t most_rows = extents[0], most_stored = extents[2]
    cdef int shifted = columns.shift.shape[0] > 0, i
    if not reader.sparse or goes_by_rows(d, ld, most_stored, shifted, lazy):
        return 0
    cdef Sorted form = sorted_form(d, most_stored, shifted, n_members)
    cdef size_t sizes[N_PIECES]
    if columns.weights.itemsize == sizeof(float):
        shared_sizes(<float*> NULL, sizes, &form, d, ld, most_rows, lazy)
    else:
        shared_sizes(<double*> NULL, sizes, &form, d, ld, most_rows, lazy)
    return carved_bytes(N_PIECES, sizes)


cdef ptrdiff_t sort_batch(const Rows* X, const int64_t* order, ptrdiff_t start,
                          ptrdiff_t stop, int all_features, int32_t* counter,
                          uint64_t* bits, real* value_buffer, int32_t* column_buffer,
                          int32_t* touched, int32_t* starts,
                          void* entries) noexcept nogil:
    """Turn a mini-batch into columns; returns how many. Counter and bits stay zero."""
    cdef ptrdiff_t i, j, t, stored, n
    cdef int32_t at = 0, count
    cdef const int32_t* columns
    cdef const real* values
    for i in range(start, stop):
        if i + 8 < stop:
            prefetch_row(X, order[i + 8])
        stored = read_columns(X, order[i], column_buffer, &columns)
        count_row(stored, columns, counter, bits)
    n = list_touched((X.n_features + 63) // 64, bits, touched)
    if all_features:
        n = X.n_features
    for t in range(n):
        j = t if all_features else touched[t]
        starts[t] = at
        count = counter[j]
        counter[j] = at
        at += count
    starts[n] = at
    for i in range(start, stop):
        stored = read_row(X, order[i], value_buffer, column_buffer, &values, &columns)
        place_row(stored, columns, values, <int32_t> (i - start), counter, entries)
    memset(<char*> entries + at * entry_size(value_buffer), 0,
           AHEAD * entry_size(value_buffer))
    if all_features:
        memset(counter, 0, n * sizeof(int32_t))
    else:
        for t in range(n):
            counter[touched[t]] = 0
    return n


cdef void score_rows(const Rows* X, const Loss* loss, const Task* task,
                     const Batch* batch, ptrdiff_t start, ptrdiff_t stop,
                     const int64_t* order, const real* w, const double* base,
                     const real* labels, const real* weights,
                     const real* label_scaler, real* value_buffer,
                     int32_t* column_buffer, real* slopes, real* lanes,
                     real* sums) noexcept nogil:
    """Slopes of some rows of a mini-batch, and their sums."""
    cdef ptrdiff_t ld = task.ld, i, c, k, stored, first, last, n_next
    cdef const int32_t* columns
    cdef const int32_t* coming = NULL
    cdef const real* values
    cdef real* z
    memset(sums, 0, 2 * ld * sizeof(real))
    for i in range(start, stop):
        if i + 8 < batch.stop:
            prefetch_row(X, order[i + 8])
        k = order[i]
        stored = read_row(X, k, value_buffer, column_buffer, &values, &columns)
        n_next = 0
        if i + 1 < stop and not X.wide_index:
            row_span(X, order[i + 1], &first, &last)
            coming = <const int32_t*> X.indices + first
            n_next = last - first
        z = slopes + (i - batch.start) * ld
        for c in range(ld):
            z[c] = <real> base[c]
        row_forward(stored, values, columns, w, ld, ld, z, n_next, coming)
        slopes_of_row(loss, task, batch, k, z, labels[k], weights[k], label_scaler,
                      lanes, sums)


cdef void bring_up_to_date(const Task* task, const int32_t* touched, ptrdiff_t t0,
                           ptrdiff_t t1, ptrdiff_t update, int32_t* last,
                           const real* scale, real* w, const double* lazy_p,
                           const double* lazy_q) noexcept nogil:
    """Catch the strips of some features up with the steps they missed."""
    cdef ptrdiff_t j, t, ld = task.ld
    for t in range(t0, t1):
        j = t if touched == NULL else touched[t]
        if last[j] < update:
            catch_up(task.used, w + j * ld, scale + j * task.n_kinds, task.kinds,
                     lazy_p + last[j] * ld, lazy_q + last[j] * ld,
                     lazy_p + update * ld, lazy_q + update * ld)
        last[j] = <int32_t> (update + 1)


cdef void sum_shifts(const Task* task, ptrdiff_t j0, ptrdiff_t j1, const real* shift,
                     const real* w, double* base) noexcept nogil:
    """Shift times weights, summed over some features."""
    cdef ptrdiff_t j, c, ld = task.ld
    memset(base, 0, ld * sizeof(double))
    for j in range(j0, j1):
        for c in range(ld):
            base[c] += <double> shift[j] * w[j * ld + c]
