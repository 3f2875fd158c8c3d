# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Factorization machines: coordinate sweeps over the columns (ALS and Gibbs).

``setup.py`` compiles one copy of this file for each instruction-set level, so
it holds functions only. Factors go in panels of at most `LANES` - 1 numbers a
feature (see ``_sweeps.h``).
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc

include "_common.pxi"
include "_barrier.pxi"
include "_rows.pxi"

cdef extern from "_sweeps.h" nogil:
    const int SW_LANES
    const int SW_AHEAD
    const int SW_PART
    const int SW_SHARED
    ctypedef struct sw_panel:
        const int64_t* indptr
        const int32_t* rows
        const void* values
        const void* roots
        void* lines
        double* parameters
        const int32_t* groups
        const double* precision
        const double* mean
        const double* noise
        double alpha
        int n_numbers
        int linear_lane
    ctypedef struct sw_stages:
        ptrdiff_t n_stages
        const int32_t* counts
        const int64_t* bounds
    ctypedef struct sw_turn:
        int64_t* barrier
        ptrdiff_t member
        ptrdiff_t members
    void sw_runs(ptrdiff_t, const int64_t*, const int32_t*, int32_t*, int8_t*)
    ctypedef struct sw_share:
        sw_stages stages
        sw_turn turn
        double* shared
        int64_t* drawn
    void sw_alone(sw_share*, ptrdiff_t)
    void sw_panel_f32(const sw_panel*, sw_share*)
    void sw_panel_f64(const sw_panel*, sw_share*)
    void sw_sums_f32(const sw_panel*, sw_share*, ptrdiff_t, double*)
    void sw_sums_f64(const sw_panel*, sw_share*, ptrdiff_t, double*)
    void sw_products(ptrdiff_t, ptrdiff_t, const int32_t*, const int32_t*,
                     const double*, const double*, double*)

LANES = SW_LANES
AHEAD = SW_AHEAD
PART = SW_PART
SHARED = SW_SHARED
MOST_ITEMS = BARRIER_ITEMS


cdef inline double entry(double value, ptrdiff_t j, const double* shift,
                         const double* scale) noexcept nogil:
    if shift != NULL:
        value -= shift[j]
    if scale != NULL:
        value /= scale[j]
    return value


cdef int walk(const Rows* X, const int64_t[::1] rows, const double* shift,
              const double* scale, int64_t* ends, int32_t* last, int32_t* row_numbers,
              real* values, double* tile, int32_t* column_buffer) noexcept nogil:
    """Count the entries of each column or, given where they end, store them.

    Zeros are left out; entries of a row that lie in the same column are added
    up. Returns whether some value is not one.
    """
    cdef ptrdiff_t i, j, k, stored, d = X.n_features, n = rows.shape[0]
    cdef int others = 0
    cdef double value
    cdef const int32_t* columns = NULL
    cdef const double* found
    for i in range(n):
        if X.sparse:
            stored = read_row(X, rows[i], tile, column_buffer, &found, &columns)
        else:
            fill_tile(X, &rows[i], 1, n - i, <double*> NULL, tile)
            found, stored = tile, d
        for k in range(stored):
            j = columns[k] if X.sparse else k
            if found[k] == 0 and shift == NULL:
                continue
            value = entry(found[k], j, shift, scale)
            if last[j] == i:
                others = 1
                if row_numbers != NULL and values != NULL:
                    values[ends[j] - 1] += <real> value
                continue
            last[j] = <int32_t> i
            if value != 1:
                others = 1
            if row_numbers != NULL:
                row_numbers[ends[j]] = <int32_t> i
                if values != NULL:
                    values[ends[j]] = <real> value
            ends[j] += 1
    return others


def store_columns(reader, const int64_t[::1] rows, const double[::1] shift,
                  const double[::1] scale, int64_t[::1] ends, int32_t[::1] last,
                  int32_t[::1] row_numbers, real[::1] values):
    """Entries of some rows, column by column; call it twice.

    Parameters
    ----------
    reader : RowReader
    rows : int64 array of shape (n,)
    shift, scale : float64 arrays of shape (n_features,) or (0,)
        Values become (x - shift) / scale. A shift is for dense rows only.
    ends : int64 array of shape (n_features,)
        First zeros, which become the number of entries of each column; then where
        each column starts, which becomes where it ends.
    last : int32 array of shape (n_features,)
        Filled with -1.
    row_numbers : int32 array of shape (n_entries,), or (0,) to count
        Places in ``rows``.
    values : real array of shape (n_entries,), or (0,) if all of them are one

    Returns
    -------
    others : bool
        Whether some value is not one.
    """
    cdef Rows X = rows_of(reader)
    cdef ptrdiff_t d = X.n_features, longest = 1
    cdef int others = 0
    if rows.shape[0] == 0:
        return False
    if X.sparse:
        longest = longest_row(&X, &rows[0], rows.shape[0])
    cdef double* tile = <double*> malloc((longest if X.sparse else d) * sizeof(double))
    cdef int32_t* column_buffer = <int32_t*> malloc(longest * sizeof(int32_t))
    if tile == NULL or column_buffer == NULL:
        free(tile)
        free(column_buffer)
        raise MemoryError("no memory for the work space of the columns")
    with nogil:
        others = walk(&X, rows, &shift[0] if shift.shape[0] else NULL,
                      &scale[0] if scale.shape[0] else NULL, &ends[0], &last[0],
                      &row_numbers[0] if row_numbers.shape[0] else NULL,
                      &values[0] if values.shape[0] else <real*> NULL, tile,
                      column_buffer)
    free(tile)
    free(column_buffer)
    return bool(others)


def mark_runs(const int64_t[::1] indptr, const int32_t[::1] row_numbers,
              int32_t[::1] last, int8_t[::1] begins):
    """Mark where runs of features begin of which no two have a row in common.

    Each is as long as it can be, from the first feature on.

    Parameters
    ----------
    indptr : int64 array of shape (n_features + 1,)
    row_numbers : int32 array of shape (n_entries + AHEAD,)
    last : int32 array of shape (n,)
        Filled with -1; changes.
    begins : int8 array of shape (n_features,)
        Becomes 1 where a run begins, else 0.
    """
    if begins.shape[0] == 0:
        return
    with nogil:
        sw_runs(begins.shape[0], &indptr[0], &row_numbers[0],
                &last[0] if last.shape[0] else NULL, &begins[0])


def arrive(int64_t[::1] barrier, ptrdiff_t times):
    """Have so many more items arrive at a barrier."""
    cdef ptrdiff_t _i
    for _i in range(times):
        barrier_arrive(&barrier[0], 0)


cdef int take_share(share, ptrdiff_t d, sw_share* mine) except -1:
    """What the caller does of a call, from what `sweep_panel` is told."""
    cdef const int32_t[::1] counts
    cdef const int64_t[::1] bounds
    cdef int64_t[::1] barrier, drawn
    cdef double[::1] shared
    sw_alone(mine, d)
    if share is not None:
        counts, bounds, shared, drawn, barrier, mine.turn.member, mine.turn.members = \
            share
        if drawn is not None:
            mine.drawn = &drawn[0]
        mine.stages.n_stages = counts.shape[0]
        mine.stages.counts = &counts[0]
        mine.stages.bounds = &bounds[0]
        mine.turn.barrier = &barrier[0]
        mine.shared = &shared[0]
    return 0


def sweep_panel(const int64_t[::1] indptr, const int32_t[::1] row_numbers,
                const real[::1] values, const real[::1] roots, real[:, ::1] lines,
                double[:, ::1] parameters, const int32_t[::1] groups,
                const double[:, ::1] precision, const double[:, ::1] mean,
                const double[:, ::1] noise, double alpha, int n_numbers,
                int linear_lane, tuple share=None):
    """Minimise over, or draw, the numbers of one feature after the other.

    Those of a feature come at once from the normal density whose precision is
    ``alpha * sum w h h' + diag(precision)``; without noise, its mean is taken.

    Parameters
    ----------
    indptr : int64 array of shape (n_features + 1,)
    row_numbers : int32 array of shape (n_entries + AHEAD,)
    values : real array of shape (n_entries,), or (0,) if all of them are one
    roots : real array of shape (n,) or (0,)
        Square roots of the weights of the rows, if not all one.
    lines : real array of shape (n, LANES), on cache lines
        State of the rows; changes.
    parameters : float64 array of shape (n_features, LANES)
        Changes. Features without entries stay.
    groups : int32 array of shape (n_features,)
    precision, mean : float64 arrays of shape (n_groups, LANES)
        Of the prior.
    noise : float64 array of shape (n_features, LANES), or (0, LANES) for none
    alpha : float
        Precision of the errors.
    n_numbers : int
        Lanes in use, less than LANES.
    linear_lane : int
        Lane of the linear weight, or -1.
    share : (counts, bounds, shared, drawn, barrier, member, members) or None
        Of a team that makes the call together, to the same bits as one thread does by
        None. ``counts``, int32 of shape (n_stages,), has for each stage how many
        ranges of features, at most MOST_ITEMS, are stepped at the same time, as no two
        of them have a row in common; or 0 for one feature whose entries are shared.
        ``bounds``, int64, says where each range, or such a feature, begins, and where
        the last one ends. ``shared`` are SHARED numbers of work space, and ``barrier``
        is one of the team. ``drawn`` is None, or a barrier of its own at which one
        member makes ranges arrive as their noise is there (`arrive`).
    """
    cdef sw_panel panel
    cdef sw_share mine
    cdef uint64_t before
    if groups.shape[0] == 0:
        return
    take_share(share, groups.shape[0], &mine)
    panel.indptr, panel.rows = &indptr[0], &row_numbers[0]
    panel.values = &values[0] if values.shape[0] else NULL
    panel.roots = &roots[0] if roots.shape[0] else NULL
    panel.lines, panel.parameters = &lines[0, 0], &parameters[0, 0]
    panel.groups = &groups[0]
    panel.precision, panel.mean = &precision[0, 0], &mean[0, 0]
    panel.noise = &noise[0, 0] if noise.shape[0] else NULL
    panel.alpha, panel.n_numbers, panel.linear_lane = alpha, n_numbers, linear_lane
    with nogil:
        before = flush_subnormals()
        if real is float:
            sw_panel_f32(&panel, &mine)
        else:
            sw_panel_f64(&panel, &mine)
        restore_subnormals(before)


def sum_panel(const int64_t[::1] indptr, const int32_t[::1] row_numbers,
              const real[::1] values, real[:, ::1] lines,
              double[:, ::1] parameters, int n_numbers, int linear_lane,
              double[::1] out, tuple share=None):
    """Sums of the factors of every row from scratch; errors stay.

    What the panel adds to f is added to ``out``, of shape (n,). The other
    arguments are those of `sweep_panel`.
    """
    cdef sw_panel panel
    cdef sw_share mine
    cdef ptrdiff_t n = lines.shape[0]
    if n == 0:
        return
    take_share(share, parameters.shape[0], &mine)
    panel.indptr, panel.rows = &indptr[0], &row_numbers[0]
    panel.values = &values[0] if values.shape[0] else NULL
    panel.lines, panel.parameters = &lines[0, 0], &parameters[0, 0]
    panel.n_numbers, panel.linear_lane = n_numbers, linear_lane
    with nogil:
        if real is float:
            sw_sums_f32(&panel, &mine, n, &out[0])
        else:
            sw_sums_f64(&panel, &mine, n, &out[0])


def pair_products(const int32_t[::1] queries, const int32_t[::1] items,
                  const double[:, ::1] left, const double[:, ::1] right,
                  double[::1] out):
    """Inner products of the vectors of pairs.

    Parameters
    ----------
    queries, items : int32 arrays of shape (n_pairs,)
        Rows of the vectors; they are trusted.
    left, right : float64 arrays of shape (n_queries, k) and (n_items, k)
    out : float64 array of shape (n_pairs,)
        Changes.
    """
    if out.shape[0] == 0 or left.shape[1] == 0:
        return
    with nogil:
        sw_products(out.shape[0], left.shape[1], &queries[0], &items[0], &left[0, 0],
                    &right[0, 0], &out[0])
