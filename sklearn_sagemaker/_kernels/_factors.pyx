# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Factorization machines: passes over the rows by gradient, and prediction.

``setup.py`` compiles one copy of this file for each instruction-set level, so
it holds functions only. The weights of one feature and their optimizer states
lie together: ``linear`` is ``(n_features, 1 + n_states, n_classes)``, ``factors``
``(n_features, 1 + n_states, n_classes * k)``, class by class.
"""

from libc.math cimport sqrt
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

include "_common.pxi"
include "_factors.pxi"
include "_registries.pxi"
include "_rows.pxi"

cdef extern from "_strips.h" nogil:
    int barrier_claim(int64_t*, ptrdiff_t, int64_t)
    void barrier_arrive(int64_t*, int64_t)
    int barrier_wait(int64_t*, int64_t, ptrdiff_t)

# Rows whose stored values, and whose strips, are fetched ahead.
cdef enum:
    ROWS_AHEAD = 16
    STRIPS_AHEAD = 2
    DRAWS_AHEAD = 2


# What a step does to one group of parameters.
cdef enum Rule:
    LR = 0
    WD = 1
    RESCALE = 2
    CLIP = 3
    CORRECTION_1 = 4
    CORRECTION_2 = 5
    BETA_1 = 6
    BETA_2 = 7
    EPS = 8
    MOMENTUM = 9
    N_RULE = 10


# ------------------------------------------------------------------ reading rows
# Room for one row as a list of columns and values.
cdef struct Room:
    char* values
    int32_t* columns
    char* tile


cdef ptrdiff_t longest_list(const Rows* X, const int64_t* order, ptrdiff_t n,
                            bint shifted) noexcept nogil:
    """Entries of a row at most; a shift leaves no zeros."""
    if not X.sparse or shifted:
        return X.n_features
    return longest_row(X, order, n)


cdef inline ptrdiff_t list_tile(ptrdiff_t d, const real* tile, const real* scale,
                                const Room* room, const real** values,
                                const int32_t** columns) noexcept nogil:
    """What of a row of numbers is not zero."""
    cdef ptrdiff_t j, n = 0
    cdef real* to = <real*> room.values
    for j in range(d):
        if tile[j] != 0:
            room.columns[n] = <int32_t> j
            to[n] = tile[j]
            if scale != NULL:
                to[n] *= scale[j]
            n += 1
    values[0] = to
    columns[0] = room.columns
    return n


cdef inline ptrdiff_t list_row(const Rows* X, const int64_t* row, ptrdiff_t listed,
                               const real* shift, const real* scale,
                               const Room* room, const real** values,
                               const int32_t** columns) noexcept nogil:
    """One row as columns and values, (x - shift) * scale; returns how many."""
    cdef ptrdiff_t n, j
    cdef real* to = <real*> room.values
    cdef real* tile = <real*> room.tile
    cdef const real* found
    if X.sparse:
        n = read_row(X, row[0], to, room.columns, values, columns)
        if shift != NULL:
            # Rows to validate a model of dense ones on.
            for j in range(X.n_features):
                tile[j] = -shift[j]
            for j in range(n):
                tile[columns[0][j]] += values[0][j]
            return list_tile(X.n_features, tile, scale, room, values, columns)
        if scale != NULL:
            found = values[0]
            for j in range(n):
                to[j] = found[j] * scale[columns[0][j]]
            values[0] = to
        return n
    fill_tile(X, row, 1, listed, shift, tile)
    return list_tile(X.n_features, tile, scale, room, values, columns)


# ------------------------------------------------------------------------ losses
cdef inline double slopes_of(int loss, bint coupled, ptrdiff_t n_classes, real* z,
                             real label, real weight, const real* zeros,
                             const real* parameter, real* scratch) noexcept nogil:
    """Margins of a row into weighted slopes; returns its weighted loss."""
    cdef real total = 0
    # zeros[1] is one: labels come in the units of the margins.
    if real is float:
        if coupled:
            loss_softmax_f32(n_classes, 1, z, <ptrdiff_t> label, weight, weight,
                             scratch, &total)
        else:
            loss_f32(loss, 1, z, label, weight, weight, zeros, zeros + 1, parameter,
                     &total)
    else:
        if coupled:
            loss_softmax_f64(n_classes, 1, z, <ptrdiff_t> label, weight, weight,
                             scratch, &total)
        else:
            loss_f64(loss, 1, z, label, weight, weight, zeros, zeros + 1, parameter,
                     &total)
    return total


cdef inline void all_pairs(ptrdiff_t n, const real* values, const int32_t* columns,
                           const real* v, ptrdiff_t stride, ptrdiff_t n_machines,
                           ptrdiff_t k, real* terms, double* out) noexcept nogil:
    if real is float:
        all_pairs_f32(n, values, columns, v, stride, n_machines, k, terms, out)
    else:
        all_pairs_f64(n, values, columns, v, stride, n_machines, k, terms, out)


cdef inline double pairs(ptrdiff_t n, const real* values, const int32_t* columns,
                         const real* v, ptrdiff_t stride, ptrdiff_t k,
                         real* sums) noexcept nogil:
    if real is float:
        return pairs_f32(n, values, columns, v, stride, k, sums)
    else:
        return pairs_f64(n, values, columns, v, stride, k, sums)


# ---------------------------------------------------------------------- training
cdef struct Model:
    ptrdiff_t shape[4]  # see _factors_template.h
    int n_states


cdef void margins_of(const Model* model, ptrdiff_t n, const real* values,
                     const int32_t* columns, const real* bias, const real* linear,
                     const real* factors, real* sums, real* z) noexcept nogil:
    """Margins of a row in all classes, and the sums of its factors."""
    cdef ptrdiff_t c, j, k = model.shape[1]
    cdef double total
    for c in range(model.shape[0]):
        total = bias[c]
        for j in range(n):
            total += <double> values[j] * linear[columns[j] * model.shape[2] + c]
        total += pairs(n, values, columns, factors + c * k, model.shape[3], k,
                       sums + c * k)
        z[c] = <real> total


cdef void prefetch_strips(const Rows* X, int64_t row, const Model* model,
                          const real* factors) noexcept nogil:
    """Ask for the strips of a CSR row that is to come."""
    cdef ptrdiff_t start, stop
    cdef ptrdiff_t length = model.shape[0] * model.shape[1] * (1 + model.n_states)
    row_span(X, row, &start, &stop)
    if X.wide_index:
        return
    stop = min(stop, start + 64)
    cdef const int32_t* columns = <const int32_t*> X.indices + start
    if real is float:
        prefetch_strips_f32(stop - start, columns, factors, model.shape[3], length)
    else:
        prefetch_strips_f64(stop - start, columns, factors, model.shape[3], length)


cdef void step_row(int optimizer, const Model* model, ptrdiff_t n, const real* values,
                   const int32_t* columns, real* linear, real* factors,
                   const real* slopes, const real* sums, const real* linear_rule,
                   const real* factor_rule) noexcept nogil:
    if real is float:
        factor_row_f32(optimizer, n, values, columns, linear, factors, model.shape,
                       slopes, sums, linear_rule, factor_rule)
    else:
        factor_row_f64(optimizer, n, values, columns, linear, factors, model.shape,
                       slopes, sums, linear_rule, factor_rule)


cdef void apply(int optimizer, ptrdiff_t n, real* weights, const real* gradient,
                const real* rule) noexcept nogil:
    """Step n weights, whose states lie right behind them."""
    if real is float:
        factor_apply_f32(optimizer, n, weights, gradient, n, rule)
    else:
        factor_apply_f64(optimizer, n, weights, gradient, n, rule)


# Compact gradient of a mini-batch: one slot for each feature that it touches.
cdef struct Touch:
    int32_t* slot   # of each feature: below `mark` if not touched
    int32_t* touched
    int32_t* slots  # of the features of a row
    int32_t mark
    ptrdiff_t n


cdef void find_slots(const Model* model, Touch* touch, ptrdiff_t n,
                     const int32_t* columns, real* linear_gradient,
                     real* factor_gradient) noexcept nogil:
    """Slots of a row's features; a feature met for the first time gets a new one."""
    cdef ptrdiff_t i, at, n_classes = model.shape[0]
    cdef ptrdiff_t width = n_classes * model.shape[1]
    for i in range(n):
        at = touch.slot[columns[i]] - touch.mark
        if at < 0:
            at = touch.n
            touch.slot[columns[i]] = <int32_t> (touch.mark + at)
            touch.touched[at] = columns[i]
            touch.n += 1
            memset(linear_gradient + at * n_classes, 0, n_classes * sizeof(real))
            memset(factor_gradient + at * width, 0, width * sizeof(real))
        touch.slots[i] = <int32_t> at


cdef inline ptrdiff_t share_of(int32_t column, ptrdiff_t n_shares) noexcept nogil:
    """Share of all features that one belongs to: neighbours, and those some constant
    number of columns apart, are scattered."""
    cdef uint32_t scattered = <uint32_t> column * <uint32_t> 2654435761
    return <ptrdiff_t> ((scattered >> 16) * <uint32_t> n_shares >> 16)


cdef inline ptrdiff_t entries_of(ptrdiff_t share, ptrdiff_t n_shares, ptrdiff_t n,
                                 const real* values, const int32_t* columns,
                                 real* own_values, int32_t* own_columns) noexcept nogil:
    """Those of a row whose features are of a share."""
    cdef ptrdiff_t i, count = 0
    for i in range(n):
        # Written in any case, and kept by the count: a branch would be guessed.
        own_values[count] = values[i]
        own_columns[count] = columns[i]
        count += share_of(columns[i], n_shares) == share
    return count


cdef void prefetch_share(const Rows* X, int64_t row, ptrdiff_t share,
                         ptrdiff_t n_shares, const Model* model,
                         const real* factors) noexcept nogil:
    """Ask for the strips of a share that a CSR row to come steps."""
    cdef ptrdiff_t start, stop, i
    cdef ptrdiff_t length = model.shape[0] * model.shape[1]
    row_span(X, row, &start, &stop)
    if X.wide_index:
        return
    cdef const int32_t* columns = <const int32_t*> X.indices + start
    for i in range(min(stop - start, 64)):
        if share_of(columns[i], n_shares) != share:
            continue
        if real is float:
            prefetch_strips_f32(1, columns + i, factors, model.shape[3], length)
        else:
            prefetch_strips_f64(1, columns + i, factors, model.shape[3], length)


cdef ptrdiff_t most_touched(const Rows* X, const int64_t* order,
                            const int64_t* bounds, ptrdiff_t n_batches) noexcept nogil:
    """Features that a mini-batch touches at most."""
    cdef ptrdiff_t b, i, start, stop, stored, most = 1
    if not X.sparse:
        return X.n_features
    for b in range(n_batches):
        stored = 0
        for i in range(bounds[b], bounds[b + 1]):
            row_span(X, order[i], &start, &stop)
            stored += stop - start
        most = max(most, stored)
    return min(most, X.n_features)


cdef inline void fetch_ahead(const Rows* X, const int64_t* order, const real* labels,
                             const real* weights, ptrdiff_t i, ptrdiff_t n,
                             const Model* model, const real* factors) noexcept nogil:
    """Ask for what CSR rows that are to come need."""
    if not X.sparse:
        return
    if i + 2 * ROWS_AHEAD < n:
        prefetch_span(X, order[i + 2 * ROWS_AHEAD])
        SS_PREFETCH(&labels[order[i + 2 * ROWS_AHEAD]])
        SS_PREFETCH(&weights[order[i + 2 * ROWS_AHEAD]])
    if i + ROWS_AHEAD < n:
        prefetch_row(X, order[i + ROWS_AHEAD])
    if i + STRIPS_AHEAD < n:
        prefetch_strips(X, order[i + STRIPS_AHEAD], model, factors)


cdef void step_touched(int optimizer, const Model* model, Touch* touch, real* linear,
                       real* factors, const real* linear_gradient,
                       const real* factor_gradient, const real* rule, ptrdiff_t most,
                       size_t slot_bytes) noexcept nogil:
    """Step the features that were touched, and leave their slots for others."""
    cdef ptrdiff_t i, n_classes = model.shape[0]
    cdef ptrdiff_t width = n_classes * model.shape[1]
    cdef int64_t row
    for i in range(touch.n):
        row = touch.touched[i]
        apply(optimizer, n_classes, linear + row * model.shape[2],
              linear_gradient + i * n_classes, rule + N_RULE)
        apply(optimizer, width, factors + row * model.shape[3],
              factor_gradient + i * width, rule + 2 * N_RULE)
    # Slots of this batch lie below the next one's mark.
    if touch.mark > 2147483647 - 2 * (touch.n + most):
        memset(touch.slot, 0, slot_bytes)
        touch.mark = 1
    else:
        touch.mark += <int32_t> touch.n


def train(reader, const int64_t[::1] order, const int64_t[::1] bounds,
          const real[::1] labels, const real[::1] weights, real[:, ::1] bias,
          real[:, :, ::1] linear, real[:, :, ::1] factors, ptrdiff_t k, int loss,
          bint coupled, double parameter, int optimizer, bint exact_eps,
          const double[::1] constants, const double[:, ::1] rules, double rescale,
          double clip, int64_t step, const real[::1] shift, const real[::1] scale,
          tuple team=None):
    """One pass over rows, in mini-batches; returns the weighted sum of their losses.

    Several threads may make the same call together, if there are mini-batches. They
    share the rows of each, and then its features, whose gradients add up in the order
    of the rows: to the same bits as in one thread.

    Parameters
    ----------
    reader : RowReader
    order : int64 array of shape (n,)
        Rows, in the order of the pass.
    bounds : int64 array of shape (n_batches + 1,)
        Mini-batches as places in the order; empty steps after each row.
    labels, weights : arrays of shape (n_rows,)
    bias : array of shape (1 + n_states, n_classes)
    linear : array of shape (n_features, 1 + n_states, n_classes)
    factors : array of shape (n_features, 1 + n_states, n_classes * k)
    loss, optimizer : int
        Places in the registries.
    coupled : bool
        Whether the loss is softmax.
    parameter : float
        Of the loss.
    exact_eps : bool
        Whether eps is inside the bias correction, as in MXNet's Adam.
    constants : float64 array
        In the order of ``CONSTANTS``.
    rules : float64 array of shape (3, 2)
        Learning rate and decay of bias, linear weights and factors.
    rescale : float
        Factor of the gradient; 0 stands for one over the rows of the mini-batch.
    clip : float
        Bound of the rescaled gradient, which may be infinite.
    step : int
        Updates made before.
    shift, scale : arrays of shape (n_features,) or (0,)
        Values are seen as (x - shift) * scale.
    team : (barrier, member, shares, sums, slopes, losses) or None
        Of the threads: zeros of shape (BARRIER_SLOTS,) that they wait for each other
        at, int64; which of them this is; shares of the work, 8 at most, which whoever
        comes takes, its own first; and what the rows of a mini-batch leave there:
        ``sums`` of shape (n, n_classes * k or more, but not 0) and ``slopes`` of shape
        (n, n_classes), in the precision of the rows, and ``losses``, float64 of shape
        (n + 1,), zero at first, the last of them the total.

    Returns
    -------
    total : float
        0 of threads of a team, which end early if one of them fails.
    """
    cdef Rows X = rows_of(reader)
    cdef int64_t[::1] barrier
    cdef real[:, ::1] row_sums, row_slopes
    cdef double[::1] row_losses
    cdef ptrdiff_t n_shares = 1, member = 0, turn, share, low, high, owned
    cdef int64_t due = 0
    cdef int complete = 1
    if team is not None:
        barrier, member, n_shares, row_sums, row_slopes, row_losses = team
    cdef ptrdiff_t n = order.shape[0], n_classes = bias.shape[1], b, i, c, g
    cdef ptrdiff_t n_batches = bounds.shape[0] - 1, stored, width = n_classes * k
    cdef bint by_row = bounds.shape[0] == 0
    if n == 0:
        return 0.0
    if by_row:
        n_batches = n
    cdef Model model
    model.shape[0], model.shape[1] = n_classes, k
    model.n_states = <int> bias.shape[0] - 1
    model.shape[2] = (1 + model.n_states) * n_classes
    model.shape[3] = (1 + model.n_states) * width
    # Rows of a mini-batch need no states, which other threads may hold.
    cdef Model ahead = model
    if not by_row:
        ahead.n_states = 0
    cdef ptrdiff_t longest = longest_list(&X, &order[0], n, shift.shape[0] > 0)
    cdef ptrdiff_t most = 0
    if not by_row:
        most = X.n_features
        if shift.shape[0] == 0:
            most = most_touched(&X, &order[0], &bounds[0], n_batches)
    # One factor at least, so that no pointer is to nothing.
    cdef real nothing = 0
    cdef real* v = &factors[0, 0, 0] if width > 0 else &nothing
    cdef real* w = &linear[0, 0, 0]
    cdef size_t[14] sizes
    cdef char* pieces[14]
    sizes[0] = sizes[2] = sizes[12] = longest * 8
    sizes[13] = longest * sizeof(int32_t)
    sizes[1] = longest * sizeof(int32_t)
    sizes[3] = (width + 1) * sizeof(real)
    sizes[4] = sizes[5] = n_classes * sizeof(real)
    sizes[6] = (3 * N_RULE + 4) * sizeof(real)
    sizes[7] = (4 * n_classes + 128) * sizeof(real)
    sizes[8] = (0 if by_row else X.n_features) * sizeof(int32_t)
    sizes[9] = (most + longest) * sizeof(int32_t)
    sizes[10] = most * n_classes * sizeof(real)
    sizes[11] = most * width * sizeof(real)
    cdef void* arena = carve(14, sizes, pieces)
    if arena == NULL:
        raise MemoryError("no memory for the work space of a pass")
    cdef Room room
    room.values, room.tile = pieces[0], pieces[2]
    room.columns = <int32_t*> pieces[1]
    cdef real* sums = <real*> pieces[3]
    cdef real* z = <real*> pieces[4]
    cdef real* bias_gradient = <real*> pieces[5]
    cdef real* rule = <real*> pieces[6]
    cdef real* zeros = rule + 3 * N_RULE  # shift 0, scale 1, the loss's parameter
    cdef real* scratch = <real*> pieces[7]
    cdef Touch touch
    touch.slot = <int32_t*> pieces[8]
    touch.touched = <int32_t*> pieces[9]
    touch.slots = touch.touched + most
    touch.mark = 1
    cdef real* linear_gradient = <real*> pieces[10]
    cdef real* factor_gradient = <real*> pieces[11]
    cdef real* own_values = <real*> pieces[12]
    cdef int32_t* own_columns = <int32_t*> pieces[13]
    cdef const real* values
    cdef const int32_t* columns
    cdef const int64_t* rows_at = &order[0]
    cdef const real* labels_at = &labels[0]
    cdef const real* weights_at = &weights[0]
    cdef const real* shift_at = &shift[0] if shift.shape[0] else NULL
    cdef const real* scale_at = &scale[0] if scale.shape[0] else NULL
    cdef double total = 0, power_1, power_2, correction_2
    cdef int64_t row, start, stop
    cdef uint64_t processor
    with nogil:
        processor = flush_subnormals()
        memset(touch.slot, 0, sizes[8])
        zeros[0], zeros[1], zeros[2] = 0, 1, <real> parameter
        for g in range(3):
            rule[g * N_RULE + LR] = <real> rules[g, 0]
            rule[g * N_RULE + WD] = <real> rules[g, 1]
            rule[g * N_RULE + CLIP] = <real> clip
            rule[g * N_RULE + RESCALE] = <real> (rescale if rescale != 0 else 1)
            for c in range(4):
                rule[g * N_RULE + BETA_1 + c] = <real> constants[c]
            rule[g * N_RULE + CORRECTION_1] = rule[g * N_RULE + CORRECTION_2] = 1
        power_1, power_2 = constants[0] ** step, constants[1] ** step
        for b in range(n_batches):
            power_1 *= constants[0]
            power_2 *= constants[1]
            if power_2 > 1e-17:
                correction_2 = 1 / (1 - power_2) if power_2 < 1 else 1
                for g in range(3):
                    rule[g * N_RULE + CORRECTION_1] = <real> (
                        1 / (1 - power_1) if power_1 < 1 else 1)
                    rule[g * N_RULE + CORRECTION_2] = <real> correction_2
                    if exact_eps:
                        rule[g * N_RULE + EPS] = <real> (
                            constants[2] * sqrt(correction_2))
            if by_row:
                start, stop = b, b + 1
            else:
                start, stop = bounds[b], bounds[b + 1]
                if start == stop:
                    continue
                for g in range(3):
                    if rescale == 0:
                        rule[g * N_RULE + RESCALE] = <real> (
                            1.0 / <double> (stop - start))
                touch.n = 0
                memset(bias_gradient, 0, n_classes * sizeof(real))
            if team is not None:
                for turn in range(n_shares):
                    share = (member + turn) % n_shares
                    if not barrier_claim(&barrier[0], share, 2 * b + 1):
                        continue
                    low = start + (stop - start) * share // n_shares
                    high = start + (stop - start) * (share + 1) // n_shares
                    for i in range(low, high):
                        row = order[i]
                        fetch_ahead(&X, rows_at, labels_at, weights_at, i, n, &ahead, v)
                        stored = list_row(&X, &order[i], n - i, shift_at, scale_at,
                                          &room, &values, &columns)
                        margins_of(&model, stored, values, columns, &bias[0, 0], w, v,
                                   &row_sums[i - start, 0], &row_slopes[i - start, 0])
                        row_losses[i - start] = slopes_of(
                            loss, coupled, n_classes, &row_slopes[i - start, 0],
                            labels[row], weights[row], zeros, zeros + 2, scratch)
                    barrier_arrive(&barrier[0], due + n_shares)
                due += n_shares
                complete = barrier_wait(&barrier[0], due, n_shares)
                if not complete:
                    break
                for turn in range(n_shares):
                    share = (member + turn) % n_shares
                    if not barrier_claim(&barrier[0], share, 2 * b + 2):
                        continue
                    touch.n = 0
                    for i in range(start, stop):
                        if X.sparse and i + STRIPS_AHEAD < stop:
                            prefetch_share(&X, order[i + STRIPS_AHEAD], share,
                                           n_shares, &model, v)
                        stored = list_row(&X, &order[i], n - i, shift_at, scale_at,
                                          &room, &values, &columns)
                        owned = entries_of(share, n_shares, stored, values, columns,
                                           own_values, own_columns)
                        find_slots(&model, &touch, owned, own_columns, linear_gradient,
                                   factor_gradient)
                        add_gradient(&model, owned, own_values, own_columns,
                                     touch.slots, v, &row_slopes[i - start, 0],
                                     &row_sums[i - start, 0], linear_gradient,
                                     factor_gradient)
                    step_touched(optimizer, &model, &touch, w, v, linear_gradient,
                                 factor_gradient, rule, most, sizes[8])
                    if share == 0:
                        for i in range(start, stop):
                            row_losses[row_losses.shape[0] - 1] += row_losses[i - start]
                            for c in range(n_classes):
                                bias_gradient[c] += row_slopes[i - start, c]
                        apply(optimizer, n_classes, &bias[0, 0], bias_gradient, rule)
                    barrier_arrive(&barrier[0], due + n_shares)
                due += n_shares
                complete = barrier_wait(&barrier[0], due, n_shares)
                if not complete:
                    break
                continue
            for i in range(start, stop):
                row = order[i]
                fetch_ahead(&X, rows_at, labels_at, weights_at, i, n, &ahead, v)
                stored = list_row(&X, &order[i], n - i, shift_at, scale_at, &room,
                                  &values, &columns)
                margins_of(&model, stored, values, columns, &bias[0, 0], w, v, sums, z)
                total += slopes_of(loss, coupled, n_classes, z, labels[row],
                                   weights[row], zeros, zeros + 2, scratch)
                if by_row:
                    step_row(optimizer, &model, stored, values, columns, w, v, z, sums,
                             rule + N_RULE, rule + 2 * N_RULE)
                    apply(optimizer, n_classes, &bias[0, 0], z, rule)
                    continue
                for c in range(n_classes):
                    bias_gradient[c] += z[c]
                find_slots(&model, &touch, stored, columns, linear_gradient,
                           factor_gradient)
                add_gradient(&model, stored, values, columns, touch.slots, v, z, sums,
                             linear_gradient, factor_gradient)
            if by_row:
                continue
            step_touched(optimizer, &model, &touch, w, v, linear_gradient,
                         factor_gradient, rule, most, sizes[8])
            apply(optimizer, n_classes, &bias[0, 0], bias_gradient, rule)
        restore_subnormals(processor)
    free(arena)
    return total


cdef void add_gradient(const Model* model, ptrdiff_t n, const real* values,
                       const int32_t* columns, const int32_t* slots,
                       const real* factors, const real* slopes, const real* sums,
                       real* linear_gradient, real* factor_gradient) noexcept nogil:
    if real is float:
        factor_gradient_f32(n, values, columns, slots, factors, model.shape, slopes,
                            sums, linear_gradient, factor_gradient)
    else:
        factor_gradient_f64(n, values, columns, slots, factors, model.shape, slopes,
                            sums, linear_gradient, factor_gradient)


# -------------------------------------------------------------------- prediction
ctypedef fused linear_t:
    float
    double


cdef inline void prefetch_class(ptrdiff_t n, const int32_t* columns,
                                const linear_t* linear, ptrdiff_t linear_stride,
                                ptrdiff_t offset, const real* factors,
                                ptrdiff_t factor_stride, ptrdiff_t k) noexcept nogil:
    """Ask for what a row needs of another class, or of another draw."""
    cdef ptrdiff_t j
    for j in range(n):
        SS_PREFETCH(linear + columns[j] * linear_stride + offset)
    if real is float:
        prefetch_strips_f32(n, columns, factors, factor_stride, k)
    else:
        prefetch_strips_f64(n, columns, factors, factor_stride, k)


def score(reader, const int64_t[::1] rows, const double[::1] bias,
          const linear_t[::1] linear, ptrdiff_t linear_stride,
          ptrdiff_t linear_class_stride, const real[::1] factors,
          ptrdiff_t factor_stride, ptrdiff_t factor_class_stride, ptrdiff_t k,
          const real[::1] shift, const real[::1] scale, double[:, ::1] out):
    """Margins of some rows.

    Parameters
    ----------
    reader : RowReader
    rows : int64 array of shape (n,)
    bias : float64 array of shape (n_classes,)
    linear, factors : arrays
        Flat; the weight of feature j in class c is at ``j * stride + c *
        class_stride``, and so are its k factors.
    shift, scale : arrays of shape (n_features,) or (0,)
        Values are seen as (x - shift) * scale.
    out : float64 array of shape (n, n_classes)
        Overwritten.
    """
    cdef Rows X = rows_of(reader)
    cdef ptrdiff_t n = rows.shape[0], n_classes = bias.shape[0], i, c, j, stored
    cdef ptrdiff_t longest
    if n == 0:
        return
    longest = longest_list(&X, &rows[0], n, shift.shape[0] > 0)
    cdef real nothing = 0
    cdef const real* v = &factors[0] if k > 0 else &nothing
    cdef size_t[4] sizes
    cdef char* pieces[4]
    sizes[0] = sizes[2] = longest * 8
    sizes[1] = longest * sizeof(int32_t)
    # Machines whose numbers of a feature lie side by side.
    cdef bint together = n_classes > 1 and linear_class_stride == 1
    together = together and factor_class_stride == k
    sizes[3] = (k * (n_classes if together else 1) + 1) * sizeof(real)
    cdef void* arena = carve(4, sizes, pieces)
    if arena == NULL:
        raise MemoryError("no memory for the work space of a prediction")
    cdef Room room
    room.values, room.tile = pieces[0], pieces[2]
    room.columns = <int32_t*> pieces[1]
    cdef real* sums = <real*> pieces[3]
    cdef const real* values
    cdef const int32_t* columns
    cdef const real* shift_at = &shift[0] if shift.shape[0] else NULL
    cdef const real* scale_at = &scale[0] if scale.shape[0] else NULL
    cdef Model model
    # For the fetching ahead: one strip without states.
    model.shape[0], model.shape[1], model.shape[3] = 1, k, factor_stride
    model.n_states = 0
    cdef double total, value
    cdef ptrdiff_t at
    cdef uint64_t processor
    with nogil:
        processor = flush_subnormals()
        for i in range(n):
            if X.sparse and i + STRIPS_AHEAD < n:
                prefetch_strips(&X, rows[i + STRIPS_AHEAD], &model, v)
            stored = list_row(&X, &rows[i], n - i, shift_at, scale_at, &room, &values,
                              &columns)
            if together:
                for c in range(n_classes):
                    out[i, c] = bias[c]
                for j in range(stored):
                    value, at = values[j], columns[j] * linear_stride
                    for c in range(n_classes):
                        out[i, c] += value * linear[at + c]
                all_pairs(stored, values, columns, v, factor_stride, n_classes, k, sums,
                          &out[i, 0])
                continue
            for c in range(n_classes):
                if c + DRAWS_AHEAD < n_classes:
                    prefetch_class(stored, columns, &linear[0], linear_stride,
                                   linear_class_stride * (c + DRAWS_AHEAD),
                                   v + (c + DRAWS_AHEAD) * factor_class_stride,
                                   factor_stride, k)
                total = bias[c]
                for j in range(stored):
                    total += <double> values[j] * linear[
                        columns[j] * linear_stride + c * linear_class_stride]
                total += pairs(stored, values, columns, v + c * factor_class_stride,
                               factor_stride, k, sums)
                out[i, c] = total
        restore_subnormals(processor)
    free(arena)
