"""Rows to framed records."""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef extern from "Python.h":
    # Cython's own counts references, and bytes of two are not resized.
    PyObject* PyBytes_FromStringAndSize(const char* v, Py_ssize_t size) except NULL
    int _PyBytes_Resize(PyObject** data, Py_ssize_t size) except -1


cdef inline uint64_t _signed(int32_t value) noexcept nogil:
    # Negative numbers are ten bytes: protobuf extends int32 to 64 bits.
    return <uint64_t>(<int64_t>value)


cdef inline Py_ssize_t _field_size(Py_ssize_t size) noexcept nogil:
    """A field of one-byte tag, length and content."""
    return 1 + varint_size(size) + size


cdef inline Py_ssize_t _number_size(int tag, double value) noexcept nogil:
    if tag == FLOAT32:
        return 4
    if tag == FLOAT64:
        return 8
    return varint_size(_signed(<int32_t>value))


cdef inline Py_ssize_t _entry_size(
    Py_ssize_t name, int tag, double value
) noexcept nogil:
    """Content of a label entry of one number."""
    return 2 + name + _field_size(_field_size(_field_size(_number_size(tag, value))))


cdef inline unsigned char* _write_length(
    unsigned char* p, int tag, Py_ssize_t size
) noexcept nogil:
    p[0] = tag
    return varint_write(p + 1, size)


cdef inline unsigned char* _write_entry(
    unsigned char* p, Bytes name, Py_ssize_t length, int tag, double value
) noexcept nogil:
    cdef Py_ssize_t number = _number_size(tag, value)
    cdef float single
    p = _write_length(p, 0x12, _entry_size(length, tag, value))
    p = _write_length(p, 0x0A, length)
    memcpy(p, name, length)
    p = _write_length(p + length, 0x12, _field_size(_field_size(number)))
    p = _write_length(p, tag, _field_size(number))
    p = _write_length(p, 0x0A, number)
    if tag == FLOAT32:
        single = <float>value
        memcpy(p, &single, 4)
        return p + 4
    if tag == FLOAT64:
        memcpy(p, &value, 8)
        return p + 8
    return varint_write(p, _signed(<int32_t>value))


cdef struct Layout:
    # What all rows of a table share.
    int tag
    Py_ssize_t itemsize
    Py_ssize_t width
    int32_t most  # the largest column, as far as it goes
    Py_ssize_t shape_size  # 0 if dense
    int label_tag
    int weight_tag


cdef struct Row:
    Bytes values
    Py_ssize_t n_values
    const int32_t* keys_32  # one of them, or none if dense
    const int64_t* keys_64
    double label
    double weight


cdef struct Sizes:
    Py_ssize_t values
    Py_ssize_t keys
    Py_ssize_t tensor
    Py_ssize_t value
    Py_ssize_t entry
    Py_ssize_t payload


cdef inline bint _measure(Layout* layout, Row* row, Sizes* sizes) noexcept nogil:
    """Find out all lengths of a record; false if a key is no column."""
    cdef Py_ssize_t j, total
    cdef const int32_t* whole
    if layout.tag == INT32:
        whole = <const int32_t*>row.values
        total = 0
        for j in range(row.n_values):
            total += varint_size(_signed(whole[j]))
        sizes.values = total
    else:
        sizes.values = row.n_values * layout.itemsize
    sizes.keys = 0
    if row.keys_32 != NULL:
        sizes.keys = keys_size_32(row.keys_32, row.n_values, layout.most)
        if sizes.keys < 0:
            return False
    elif row.keys_64 != NULL:
        for j in range(row.n_values):
            if not 0 <= row.keys_64[j] < layout.width:
                return False
            sizes.keys += varint_size(row.keys_64[j])
    sizes.tensor = 0
    if sizes.values:
        sizes.tensor += _field_size(sizes.values)
    if sizes.keys:
        sizes.tensor += _field_size(sizes.keys)
    if layout.shape_size:
        sizes.tensor += _field_size(layout.shape_size)
    sizes.value = _field_size(sizes.tensor)
    sizes.entry = 8 + _field_size(sizes.value)
    sizes.payload = _field_size(sizes.entry)
    if layout.label_tag:
        sizes.payload += _field_size(_entry_size(6, layout.label_tag, row.label))
    if layout.weight_tag:
        sizes.payload += _field_size(_entry_size(7, layout.weight_tag, row.weight))
    return True


cdef inline Py_ssize_t _framed(Py_ssize_t payload) noexcept nogil:
    return HEADER + ((payload + 3) & ~3)


cdef inline unsigned char* _write_row(
    unsigned char* p, Bytes stop, Layout* layout, Row* row, Sizes* sizes
) noexcept nogil:
    """Write a record; what is behind it, up to stop, may be written to for a while."""
    cdef Py_ssize_t j
    cdef const int32_t* whole
    store_u32(p, <uint32_t>MAGIC)
    store_u32(p + 4, <uint32_t>sizes.payload)
    p = _write_length(p + HEADER, 0x0A, sizes.entry)
    memcpy(p, b"\x0a\x06values", 8)
    p = _write_length(p + 8, 0x12, sizes.value)
    p = _write_length(p, layout.tag, sizes.tensor)
    if sizes.values:
        p = _write_length(p, 0x0A, sizes.values)
        if layout.tag == INT32:
            whole = <const int32_t*>row.values
            for j in range(row.n_values):
                p = varint_write(p, _signed(whole[j]))
        else:
            memcpy(p, row.values, sizes.values)
            p += sizes.values
    if sizes.keys:
        p = _write_length(p, 0x12, sizes.keys)
        if row.keys_32 != NULL:
            p = keys_write_32(p, stop, row.keys_32, row.n_values)
        else:
            for j in range(row.n_values):
                p = varint_write(p, row.keys_64[j])
    if layout.shape_size:
        p = _write_length(p, 0x1A, layout.shape_size)
        p = varint_write(p, layout.width)
    if layout.label_tag:
        p = _write_entry(p, <Bytes>LABEL, 6, layout.label_tag, row.label)
    if layout.weight_tag:
        p = _write_entry(p, <Bytes>WEIGHT, 7, layout.weight_tag, row.weight)
    for j in range(-sizes.payload & 3):
        p[j] = 0
    return p + (-sizes.payload & 3)


cdef class Encoder:
    """Rows of one table as framed records.

    Parameters
    ----------
    values : C-contiguous ndarray of float32, float64 or int32
        All rows of a dense table one after the other, or the stored values.
    width : int
        Number of columns.
    indptr, indices : C-contiguous ndarrays of int64, and of int32 or int64, or None
        None of both for a dense table.
    labels, weights : C-contiguous ndarrays of float64, or None
    label_tag, weight_tag : int
        Types of their tensors; 0 if there are none.
    first : int
        What the user calls the first row.

    Attributes
    ----------
    total, largest : int
        Bytes of all records, and of the largest payload, once they are checked; total
        is -1 until then.
    """

    cdef Layout layout
    cdef Row row
    cdef readonly Py_ssize_t n_rows
    cdef Py_ssize_t n_stored
    cdef bint narrow
    cdef readonly Py_ssize_t total
    cdef readonly Py_ssize_t largest
    cdef Py_ssize_t first
    cdef const unsigned char[::1] values
    cdef const int64_t[::1] indptr
    cdef const int32_t[::1] indices_32
    cdef const int64_t[::1] indices_64
    cdef const double[::1] labels
    cdef const double[::1] weights

    def __init__(
        self, values, Py_ssize_t width, indptr=None, indices=None,
        labels=None, int label_tag=0, weights=None, int weight_tag=0,
        Py_ssize_t first=0,
    ):
        self.total = -1
        self.first = first
        self.layout.tag = TAGS[values.dtype]
        self.layout.itemsize = values.itemsize
        self.layout.width = width
        self.layout.most = <int32_t>min(width - 1, <Py_ssize_t>0x7FFFFFFF)
        self.layout.label_tag = label_tag
        self.layout.weight_tag = weight_tag
        self.values = values.reshape(-1).view(np.uint8)
        self.n_stored = values.size
        if indptr is None:
            self.n_rows = values.size // width
        else:
            self.layout.shape_size = varint_size(width)
            self.indptr = indptr
            self.n_rows = len(indptr) - 1
            self.narrow = indices.dtype == np.int32
            if self.narrow:
                self.indices_32 = indices
            else:
                self.indices_64 = indices
            if len(indices) != self.n_stored or self.n_rows < 0:
                raise ValueError("values, indices and indptr do not belong together")
        if (label_tag and len(labels) != self.n_rows) or (
            weight_tag and len(weights) != self.n_rows
        ):
            raise ValueError("labels and weights must be as many as the rows")
        if label_tag:
            self.labels = labels
        if weight_tag:
            self.weights = weights

    cdef bint _locate(self, Py_ssize_t i) noexcept nogil:
        """Point ``row`` at a row; false if its place or a key is out of bounds."""
        cdef Py_ssize_t first, last
        if self.layout.shape_size:
            first, last = self.indptr[i], self.indptr[i + 1]
            if not 0 <= first <= last <= self.n_stored:
                return False
            self.row.n_values = last - first
            if last == first:
                self.row.keys_32 = NULL
                self.row.keys_64 = NULL
            elif self.narrow:
                self.row.keys_32 = &self.indices_32[first]
            else:
                self.row.keys_64 = &self.indices_64[first]
        else:
            first, last = i * self.layout.width, (i + 1) * self.layout.width
            self.row.n_values = self.layout.width
        if last > first:
            self.row.values = &self.values[first * self.layout.itemsize]
        if self.layout.label_tag:
            self.row.label = self.labels[i]
        if self.layout.weight_tag:
            self.row.weight = self.weights[i]
        return True

    def check(self):
        """Find out the bytes of all records, before any is written.

        Raises
        ------
        ValueError
            If a row cannot be written.
        """
        cdef Py_ssize_t i, total = 0, bad_row = -1
        cdef Sizes sizes
        with nogil:
            for i in range(self.n_rows):
                if not self._locate(i) or not _measure(
                    &self.layout, &self.row, &sizes
                ):
                    bad_row = i
                    break
                total += _framed(sizes.payload)
                self.largest = max(self.largest, sizes.payload)
        if bad_row >= 0:
            raise ValueError(
                f"row {self.first + bad_row} of X has a column below 0 or above "
                f"{self.layout.width - 1}, or a wrong place in indptr; it is no CSR "
                "matrix."
            )
        if self.largest > LARGEST_PAYLOAD:
            raise ValueError(
                f"a row takes {self.largest} bytes, and a record has room for "
                f"{LARGEST_PAYLOAD}; write fewer features."
            )
        self.total = total

    def write(self, Py_ssize_t start, unsigned char[::1] out):
        """Write rows from ``start`` on, as many as there is room for.

        Returns
        -------
        written : int
            Bytes.
        n_rows : int
            How many rows they are.

        Raises
        ------
        ValueError
            As `check`, before any row is written.
        """
        cdef Py_ssize_t written = 0, n_rows = 0
        if not 0 <= start <= self.n_rows:
            raise IndexError("no such row")
        if self.total < 0:
            self.check()
        if out.shape[0]:
            with nogil:
                n_rows = self._write(start, &out[0], out.shape[0], &written)
        return written, n_rows

    cdef Py_ssize_t _write(
        self, Py_ssize_t start, unsigned char* out, Py_ssize_t room, Py_ssize_t* written
    ) noexcept nogil:
        """Write rows that fit and have nothing wrong: how many."""
        cdef Py_ssize_t i
        cdef Sizes sizes
        cdef unsigned char* p = out
        cdef Py_ssize_t n_rows = 0
        for i in range(start, self.n_rows):
            if not self._locate(i) or not _measure(&self.layout, &self.row, &sizes):
                break
            if sizes.payload > LARGEST_PAYLOAD or (
                _framed(sizes.payload) > room - (p - out)
            ):
                break
            p = _write_row(p, out + room, &self.layout, &self.row, &sizes)
            n_rows += 1
        written[0] = p - out
        return n_rows

    def to_bytes(self):
        """All rows.

        Raises
        ------
        ValueError
            As `check`.
        """
        data = None
        if self.total < 0 and self.layout.tag != INT32:
            # Rows are gone through once: pages that stay empty take no memory.
            data = self._bytes(self._most())
        if data is None:
            self.check()
            data = self._bytes(self.total)
        return data

    cdef Py_ssize_t _most(self) noexcept:
        """At least the bytes of all records; of float types."""
        # Lengths of up to five bytes, with their tags; name, shape and padding.
        cdef Py_ssize_t each = HEADER + 6 * 6 + 8 + 12 + 3
        cdef Py_ssize_t value = self.layout.itemsize
        if self.layout.label_tag:
            each += 2 + _entry_size(6, FLOAT64, 0) + 2
        if self.layout.weight_tag:
            each += 2 + _entry_size(7, FLOAT64, 0) + 2
        if self.layout.shape_size:
            value += varint_size(self.layout.width - 1)
        return self.n_rows * each + self.n_stored * value

    cdef _bytes(self, Py_ssize_t room):
        """All rows, cut from so many bytes; None if some are not written."""
        cdef PyObject* data = PyBytes_FromStringAndSize(NULL, room)
        cdef unsigned char* out = <unsigned char*>PyBytes_AS_STRING(<object>data)
        cdef Py_ssize_t written = 0, n_rows
        # Nobody else has these bytes yet.
        ask_for_large_pages(out, room)
        with nogil:
            n_rows = self._write(0, out, room, &written)
        if n_rows < self.n_rows:
            Py_DECREF(<object>data)
            return None
        _PyBytes_Resize(&data, written)
        whole = <object>data
        Py_DECREF(whole)
        return whole
