# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Orders and counts that are found by counting, without a comparison.

The branches of a sort by comparison are guessed wrong half of the time, which is most
of what it takes. Nothing here gains by wider vectors, so it is compiled once.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

cdef struct Place:
    uint64_t key
    int64_t row

cdef enum:
    SHORT_DIGIT = 8  # bits, for few numbers: the counters take longer than they do
    LONG_DIGIT = 12
    FEW = 4096


cdef inline uint64_t descending_key(double value) noexcept nogil:
    """A whole number that is the larger, the lower the value; the largest for NaN."""
    cdef uint64_t bits, top = <uint64_t> 1 << 63
    if value != value:
        return ~(<uint64_t> 0)
    # Of both zeros one.
    value += 0.0
    memcpy(&bits, &value, sizeof(bits))
    # A difference, not a complement: lowest bits that are zero stay so.
    return bits if bits & top else top - bits


cdef int sort_places(Place* places, Place* other, ptrdiff_t n, uint64_t differing,
                     int most_bits) noexcept nogil:
    """Sort by key, digit by digit; false if what is sorted lies in `other`."""
    cdef ptrdiff_t counts[1 << LONG_DIGIT]
    cdef ptrdiff_t i, total, count
    cdef int low = 0, high = 64, bits, n_digits, swapped = 0
    cdef uint64_t mask
    cdef Place* from_ = places
    cdef Place* to = other
    # Numbers that come from float32 share their lowest bits, and most the highest.
    while low < 64 and not (differing >> low) & 1:
        low += 1
    while high > low and not (differing >> (high - 1)) & 1:
        high -= 1
    if high == low:
        return 1
    n_digits = (high - low + most_bits - 1) // most_bits
    bits = (high - low + n_digits - 1) // n_digits
    mask = (<uint64_t> 1 << bits) - 1
    while low < high:
        memset(counts, 0, (<size_t> 1 << bits) * sizeof(ptrdiff_t))
        for i in range(n):
            counts[(from_[i].key >> low) & mask] += 1
        total = 0
        for i in range(<ptrdiff_t> 1 << bits):
            count = counts[i]
            counts[i] = total
            total += count
        for i in range(n):
            count = counts[(from_[i].key >> low) & mask]
            counts[(from_[i].key >> low) & mask] = count + 1
            to[count] = from_[i]
        from_, to = to, from_
        swapped = not swapped
        low += bits
    return not swapped


def descending(values):
    """Places of the values from the highest to the lowest.

    Equal ones stay in their order, and NaN comes last.

    Parameters
    ----------
    values : array of shape (n,)
        Taken as float64.

    Returns
    -------
    order : int64 array of shape (n,)
    """
    cdef const double[::1] numbers = np.ascontiguousarray(values, dtype=np.float64)
    cdef ptrdiff_t n = numbers.shape[0], i
    cdef uint64_t differing = 0, first
    found = np.empty(n, dtype=np.int64)
    cdef int64_t[::1] order = found
    if n == 0:
        return found
    cdef Place* places = <Place*> malloc(2 * n * sizeof(Place))
    cdef Place* sorted_
    if places == NULL:
        raise MemoryError("no memory for the work space of an order")
    with nogil:
        first = descending_key(numbers[0])
        for i in range(n):
            places[i].key = descending_key(numbers[i])
            places[i].row = i
            differing |= places[i].key ^ first
        sorted_ = places
        if not sort_places(places, places + n, n, differing,
                           SHORT_DIGIT if n < FEW else LONG_DIGIT):
            sorted_ = places + n
        for i in range(n):
            order[i] = sorted_[i].row
    free(places)
    return found


def running_sums(const double[::1] values, const int64_t[::1] order):
    """Sums of the first values in an order: of none of them, of one, and so on.

    Parameters
    ----------
    values : float64 array of shape (n_values,)
    order : int64 array of shape (n,)
        Places of values.

    Returns
    -------
    sums : float64 array of shape (n + 1,)

    Raises
    ------
    IndexError
        If there is no value at a place.
    """
    cdef ptrdiff_t i, n = order.shape[0]
    cdef uint64_t place, n_values = values.shape[0]
    cdef double total = 0
    cdef int outside = 0
    found = np.zeros(n + 1)
    cdef double[::1] sums = found
    with nogil:
        for i in range(n):
            place = <uint64_t> order[i]
            if place >= n_values:
                outside = 1
                break
            total += values[place]
            sums[i + 1] = total
    if outside:
        raise IndexError("no value is at a place of the order")
    return found


ctypedef fused index_t:
    int32_t
    int64_t


def count_columns(const index_t[::1] indices, int64_t[::1] counts):
    """Add to ``counts[j]`` how often each column ``j`` is among the indices.

    Parameters
    ----------
    indices : int32 or int64 array of shape (n,)
    counts : int64 array of shape (n_columns,)
        Changed in place.

    Raises
    ------
    ValueError
        If an index is no column; counts are of no use then.
    """
    cdef ptrdiff_t i, n = indices.shape[0]
    cdef uint64_t column, n_columns = counts.shape[0]
    cdef int outside = 0
    with nogil:
        for i in range(n):
            column = <uint64_t> <int64_t> indices[i]
            if column >= n_columns:
                outside = 1
                break
            counts[column] += 1
    if outside:
        raise ValueError("an index of the matrix is no column of it")
