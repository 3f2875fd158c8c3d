"""Framed records to rows."""

# What `Decoder.feed` reports.
cpdef enum Status:
    FULL = 0       # as many rows as were asked for
    STARVED = 1    # the bytes end within a record, or after the last one
    SPLIT = 2      # a record in parts stands at `position`
    UNKNOWN = 3    # a record that only protobuf reads stands at `position`
    FAULT = 4      # `fault` says what is wrong with the record at `position`
    NO_ROOM = 5    # internal

cpdef enum Fault:
    BAD_MAGIC = 1
    BAD_PADDING = 2
    NO_VALUES = 3
    NO_SHAPE = 4
    SHAPE_OVERFLOW = 5
    COUNTS_DIFFER = 6
    KEY_OVER_SHAPE = 7
    SHAPE_NOT_VALUES = 8
    KIND_DIFFERS = 9
    WIDTH_DIFFERS = 10
    DTYPE_DIFFERS = 11
    LABEL_NOT_ONE = 12
    LABEL_DIFFERS = 13
    WEIGHT_NOT_ONE = 14
    WEIGHT_DIFFERS = 15
    TOO_WIDE = 16


cdef enum:
    # Bytes: some records of usual size.
    AHEAD = 2048


cdef struct Field:
    Bytes start
    Py_ssize_t size


cdef struct Tensor:
    int tag
    Field values
    Field keys
    Field shape


cdef struct Found:
    # A record, located but not yet checked, and where the bytes end that there are.
    Bytes stop
    bint has_label
    bint has_weight
    Tensor features
    Tensor label
    Tensor weight


cdef inline Bytes _length(Bytes p, Bytes end, Py_ssize_t* size) noexcept nogil:
    """Read a length that fits into what remains; NULL if it does not."""
    cdef uint64_t value = 0
    if p < end and p[0] < 128:
        size[0] = p[0]
        p += 1
    elif end - p > 1 and p[1] < 128:
        size[0] = (p[0] & 127) | <Py_ssize_t>p[1] << 7
        p += 2
    else:
        p = varint_read(p, end, &value)
        if p == NULL or value > LARGEST_PAYLOAD:
            return NULL
        size[0] = <Py_ssize_t>value
    if size[0] > end - p:
        return NULL
    return p


cdef inline bint _read_tensor(Bytes p, Bytes end, Tensor* found) noexcept nogil:
    """Fields of a tensor, each once at most; false if it takes protobuf."""
    cdef Py_ssize_t size = 0
    cdef Field* field
    cdef int tag, seen = 0
    found.values.start = found.keys.start = found.shape.start = p
    found.values.size = found.keys.size = found.shape.size = 0
    while p < end:
        tag = p[0]
        if tag == 0x0A:
            field = &found.values
        elif tag == 0x12:
            field = &found.keys
        elif tag == 0x1A:
            field = &found.shape
        else:
            return False
        if seen & 1 << (tag >> 3):
            return False
        seen |= 1 << (tag >> 3)
        p = _length(p + 1, end, &size)
        if p == NULL:
            return False
        field.start, field.size = p, size
        p += size
    if found.tag == FLOAT32:
        return found.values.size & 3 == 0
    if found.tag == FLOAT64:
        return found.values.size & 7 == 0
    return found.values.size == 0 or found.values.start[found.values.size - 1] < 128


cdef inline bint _read_value(Bytes p, Bytes end, Tensor* found) noexcept nogil:
    """A `Value` of one tensor that fills the bytes."""
    cdef Py_ssize_t size = 0
    if p == end or (p[0] != FLOAT32 and p[0] != FLOAT64 and p[0] != INT32):
        return False
    found.tag = p[0]
    p = _length(p + 1, end, &size)
    if p == NULL or size != end - p:
        return False
    return _read_tensor(p, end, found)


cdef inline bint _read_record(Bytes p, Bytes end, Found* found) noexcept nogil:
    """Locate the parts of a record; false if it takes protobuf to do so."""
    cdef Py_ssize_t size = 0
    cdef Bytes stop
    cdef Tensor* tensor
    cdef bint labels
    cdef bint has_features = False
    found.has_label = found.has_weight = False
    while p < end:
        labels = p[0] == 0x12
        if not labels and p[0] != 0x0A:
            return False
        p = _length(p + 1, end, &size)
        if p == NULL:
            return False
        stop = p + size
        if size >= 9 and memcmp(p, b"\x0a\x06values\x12", 9) == 0:
            p += 9
            if labels:
                if found.has_label:
                    return False
                found.has_label = True
                tensor = &found.label
            else:
                if has_features:
                    return False
                has_features = True
                tensor = &found.features
        elif labels and size >= 10 and memcmp(p, b"\x0a\x07weights\x12", 10) == 0:
            p += 10
            if found.has_weight:
                return False
            found.has_weight = True
            tensor = &found.weight
        else:
            return False
        p = _length(p, stop, &size)
        if p == NULL or size != stop - p or not _read_value(p, stop, tensor):
            return False
        p = stop
    return has_features


cdef inline bint _read_number(Tensor* tensor, double* number) noexcept nogil:
    """The one value of a dense tensor; false if there is not just one."""
    cdef float single = 0
    cdef uint64_t whole = 0
    cdef Bytes p = tensor.values.start
    cdef Py_ssize_t size = tensor.values.size
    if tensor.keys.size or size == 0:
        return False
    if tensor.tag == FLOAT32:
        if size != 4:
            return False
        memcpy(&single, p, 4)
        number[0] = single
    elif tensor.tag == FLOAT64:
        if size != 8:
            return False
        memcpy(number, p, 8)
    else:
        if varint_read(p, p + size, &whole) != p + size:
            return False
        number[0] = <double>(<int32_t>whole)
    return True


cdef class Decoder:
    """Framed records as rows.

    The first record says what the rows are: dense or sparse, their type and width,
    whether they have labels and weights; the others must agree.

    Parameters
    ----------
    width : int
        Number of columns; -1 to take it from the first record.
    """

    cdef readonly Py_ssize_t position
    cdef readonly Py_ssize_t needed
    cdef readonly Py_ssize_t n_rows
    cdef readonly int fault
    cdef readonly uint64_t found
    cdef readonly uint64_t expected
    cdef readonly int kind
    cdef readonly int tag
    cdef readonly int64_t width
    cdef bint fixed_width
    cdef int has_label
    cdef int has_weight
    cdef int label_tags
    cdef int weight_tags
    cdef bint disorder
    cdef bint wide
    cdef Py_ssize_t itemsize
    cdef Py_ssize_t n_stored
    cdef Py_ssize_t wanted
    cdef Py_ssize_t seen_rows
    cdef Py_ssize_t seen_bytes
    cdef Py_ssize_t seen_stored
    cdef unsigned char[::1] values
    cdef int32_t[::1] keys_32
    cdef int64_t[::1] keys_64
    cdef int64_t[::1] indptr
    cdef double[::1] labels
    cdef double[::1] weights

    def __init__(self, int64_t width=-1):
        self.width = width
        self.fixed_width = width >= 0
        self.has_label = self.has_weight = -1
        self._clear()

    cdef _clear(self):
        self.n_rows = self.n_stored = 0
        self.label_tags = self.weight_tags = 0
        self.disorder = False
        self.values = np.empty(0, np.uint8)
        self.keys_32 = np.empty(0, np.int32)
        self.keys_64 = np.empty(0, np.int64)
        self.indptr = np.zeros(1, np.int64)
        self.labels = np.empty(0)
        self.weights = np.empty(0)

    def feed(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop,
        Py_ssize_t max_rows, Py_ssize_t expected_bytes,
    ):
        """Read records from ``data[start:stop]`` until there are max_rows rows.

        Parameters
        ----------
        data : buffer of bytes
        start, stop : int
        max_rows : int
        expected_bytes : int
            What is left of the source, from start on, as far as is known: arrays
            are made for it at once.

        Returns
        -------
        status : Status
            ``position`` is where it stopped: before the record that it is about.
        """
        cdef int status = NO_ROOM
        cdef Bytes first = NULL
        if not 0 <= start <= stop <= data.shape[0]:
            raise IndexError("no such bytes")
        if stop > start:
            first = &data[0]
        self.position = start
        while status == NO_ROOM:
            with nogil:
                status = self._run(first, stop, max_rows)
            if status == NO_ROOM:
                self._make_room(
                    max_rows, max(expected_bytes, stop - start) - (
                        self.position - start))
        return Status(status)

    cdef int _run(
        self, Bytes data, Py_ssize_t stop, Py_ssize_t max_rows
    ) noexcept nogil:
        cdef Bytes p
        cdef Py_ssize_t rest, size, framed, j
        cdef uint32_t header
        cdef Found found
        cdef int status
        found.stop = data + stop
        while self.n_rows < max_rows:
            rest = stop - self.position
            if rest < HEADER:
                self.needed = HEADER
                return STARVED
            p = data + self.position
            if load_u32(p) != <uint32_t>MAGIC:
                return self._fail(BAD_MAGIC, load_u32(p), <uint32_t>MAGIC)
            header = load_u32(p + 4)
            if header >> 29:
                return SPLIT
            size = header
            framed = HEADER + ((size + 3) & ~3)
            if framed > rest:
                self.needed = framed
                return STARVED
            # Lengths lead from part to part, faster than a processor foresees: what
            # comes next is asked for while this record is copied. Of a long one most
            # is copied at once, and foreseen.
            fetch_ahead(p + AHEAD, min(framed, AHEAD // 2))
            for j in range(HEADER + size, framed):
                if p[j]:
                    return self._fail(BAD_PADDING, p[j], 0)
            if not _read_record(p + HEADER, p + HEADER + size, &found):
                return UNKNOWN
            status = self._append(&found)
            if status != FULL:
                return status
            self.n_rows += 1
            self.seen_rows += 1
            self.seen_bytes += framed
            self.position += framed
        return FULL

    cdef int _fail(self, int fault, uint64_t found, uint64_t expected) noexcept nogil:
        self.fault, self.found, self.expected = fault, found, expected
        return FAULT

    cdef int _append(self, Found* record) noexcept nogil:
        """Check a record and copy it; FULL if it was."""
        cdef Tensor* tensor = &record.features
        cdef int64_t width = -1
        cdef uint64_t dimension = 0, product = 1
        cdef Bytes p, end
        cdef Py_ssize_t n_values, n_keys
        cdef int status
        # The shape: its product is the width.
        if tensor.shape.size:
            p = tensor.shape.start
            end = p + tensor.shape.size
            while p < end:
                p = varint_read(p, end, &dimension)
                if p == NULL:
                    return UNKNOWN
                if dimension and product > <uint64_t>0x7FFFFFFFFFFFFFFF / dimension:
                    return self._fail(SHAPE_OVERFLOW, 0, 0)
                product *= dimension
            width = <int64_t>product
        if tensor.tag == INT32:
            n_values = varint_count(tensor.values.start, tensor.values.size)
        elif tensor.tag == FLOAT32:
            n_values = tensor.values.size >> 2
        else:
            n_values = tensor.values.size >> 3
        if not tensor.keys.size and (n_values or width < 0):
            return self._take_in(record, DENSE, n_values, width)
        status = self._take_in(record, SPARSE, n_values, width)
        if status == FAULT or status == UNKNOWN:
            # Keys are counted only now: none are read if they are not as many.
            n_keys = varint_count(tensor.keys.start, tensor.keys.size)
            if n_keys != n_values:
                return self._fail(COUNTS_DIFFER, n_keys, n_values)
        return status

    cdef int _take_in(
        self, Found* record, int kind, Py_ssize_t n_values, int64_t width
    ) noexcept nogil:
        cdef Tensor* tensor = &record.features
        cdef double label = 0, weight = 0
        if kind == SPARSE:
            if width < 0:
                if not self.fixed_width:
                    return self._fail(NO_SHAPE, 0, 0)
                width = self.width
        else:
            if n_values == 0:
                return self._fail(NO_VALUES, 0, 0)
            if width >= 0 and width != n_values:
                return self._fail(SHAPE_NOT_VALUES, width, n_values)
            width = n_values
        if width == 0:
            return self._fail(NO_VALUES, 0, 0)
        # What the first record settles.
        if self.kind and kind != self.kind:
            return self._fail(KIND_DIFFERS, kind, self.kind)
        if self.tag and tensor.tag != self.tag:
            return self._fail(DTYPE_DIFFERS, tensor.tag, self.tag)
        if self.fixed_width and kind == SPARSE:
            if width > self.width:
                return self._fail(TOO_WIDE, width, self.width)
        elif self.width >= 0 and width != self.width:
            return self._fail(WIDTH_DIFFERS, width, self.width)
        if self.has_label >= 0 and record.has_label != self.has_label:
            return self._fail(LABEL_DIFFERS, record.has_label, 0)
        if self.has_weight >= 0 and record.has_weight != self.has_weight:
            return self._fail(WEIGHT_DIFFERS, record.has_weight, 0)
        if record.has_label and not _read_number(&record.label, &label):
            return self._fail(LABEL_NOT_ONE, 0, 0)
        if record.has_weight and not _read_number(&record.weight, &weight):
            return self._fail(WEIGHT_NOT_ONE, 0, 0)
        if not self.kind:
            self._settle(kind, tensor.tag, width, record)
        if self._lacks_room(n_values):
            self.wanted = n_values
            return NO_ROOM
        return self._copy(record, n_values, width, label, weight)

    cdef void _settle(
        self, int kind, int tag, int64_t width, Found* record
    ) noexcept nogil:
        self.kind, self.tag = kind, tag
        self.itemsize = 8 if tag == FLOAT64 else 4
        if not self.fixed_width:
            self.width = width
        self.wide = self.width > 0x7FFFFFFF
        self.has_label = record.has_label
        self.has_weight = record.has_weight

    cdef bint _lacks_room(self, Py_ssize_t n_values) noexcept nogil:
        if self.has_label and self.n_rows >= self.labels.shape[0]:
            return True
        if self.has_weight and self.n_rows >= self.weights.shape[0]:
            return True
        if self.kind == SPARSE and self.n_rows + 1 >= self.indptr.shape[0]:
            return True
        return (self.n_stored + n_values) * self.itemsize > self.values.shape[0]

    cdef int _copy(
        self, Found* record, Py_ssize_t n_values, int64_t width, double label,
        double weight,
    ) noexcept nogil:
        cdef Tensor* tensor = &record.features
        cdef Py_ssize_t j
        cdef Bytes p = tensor.values.start
        cdef Bytes end = p + tensor.values.size
        cdef uint64_t number = 0
        cdef int32_t* whole
        cdef int status
        if n_values:
            if self.tag == INT32:
                whole = <int32_t*>&self.values[self.n_stored * 4]
                for j in range(n_values):
                    p = varint_read(p, end, &number)
                    if p == NULL:
                        return UNKNOWN
                    whole[j] = <int32_t>number
            else:
                memcpy(
                    &self.values[self.n_stored * self.itemsize], p, tensor.values.size)
        if self.kind == SPARSE:
            status = self._copy_keys(record, n_values, width)
            if status != FULL:
                return status
        self.n_stored += n_values
        self.seen_stored += n_values
        if self.kind == SPARSE:
            self.indptr[self.n_rows + 1] = self.n_stored
        if self.has_label:
            self.labels[self.n_rows] = label
            self.label_tags |= 1 << (record.label.tag >> 3)
        if self.has_weight:
            self.weights[self.n_rows] = weight
            self.weight_tags |= 1 << (record.weight.tag >> 3)
        return FULL

    cdef int _copy_keys(
        self, Found* record, Py_ssize_t n_keys, int64_t width
    ) noexcept nogil:
        cdef Bytes p = record.features.keys.start
        cdef Bytes end = p + record.features.keys.size
        cdef Py_ssize_t j
        cdef int64_t* wide
        cdef int32_t* narrow
        cdef uint64_t largest
        if n_keys == 0:
            return FULL if p == end else UNKNOWN
        if self.wide:
            wide = &self.keys_64[self.n_stored]
            if not keys_read_64(p, end, record.stop, wide, n_keys):
                return self._bad_key(p, end, width)
            largest = wide[0]
            for j in range(1, n_keys):
                self.disorder |= wide[j] <= wide[j - 1]
                largest = max(largest, <uint64_t>wide[j])
        else:
            narrow = &self.keys_32[self.n_stored]
            if not keys_read_32(p, end, record.stop, narrow, n_keys):
                return self._bad_key(p, end, width)
            if keys_ascend_32(narrow, n_keys):
                largest = narrow[n_keys - 1]
            else:
                self.disorder = True
                largest = keys_largest_32(narrow, n_keys)
        if largest >= <uint64_t>width:
            return self._bad_key(p, end, width)
        return FULL

    cdef int _bad_key(self, Bytes p, Bytes end, int64_t width) noexcept nogil:
        """Say what is wrong with some keys: the first that is too large, if any is."""
        cdef uint64_t key = 0
        while p < end:
            p = varint_read(p, end, &key)
            if p == NULL:
                break
            if key >= <uint64_t>width:
                return self._fail(KEY_OVER_SHAPE, key, width)
        return UNKNOWN

    cdef _make_room(self, Py_ssize_t max_rows, Py_ssize_t left):
        """Larger arrays: for what is left if the mean so far goes on, or twice."""
        cdef Py_ssize_t rows, stored, most
        if self.seen_rows:
            rows = left // (self.seen_bytes // self.seen_rows) + 1
        else:
            rows = left // (HEADER + self.wanted * (
                1 if self.tag == INT32 else self.itemsize)) + 1
        rows = max(self.n_rows + rows + rows // 64, 2 * self.n_rows, 8)
        rows = min(rows, max_rows)
        if self.has_label and self.n_rows >= self.labels.shape[0]:
            self.labels = _larger(self.labels, rows)
        if self.has_weight and self.n_rows >= self.weights.shape[0]:
            self.weights = _larger(self.weights, rows)
        if self.kind == SPARSE and self.n_rows + 1 >= self.indptr.shape[0]:
            self.indptr = _larger(self.indptr, rows + 1)
        most = self.n_stored + self.wanted
        if most * self.itemsize <= self.values.shape[0]:
            return
        if self.kind == DENSE:
            stored = rows * self.width
        elif self.seen_rows < 64:
            # Few rows tell little of the others.
            stored = 2 * most + 256
        else:
            stored = most + <Py_ssize_t>(
                1.05 * (rows - self.n_rows) * (
                    <double>self.seen_stored / self.seen_rows))
            stored = max(stored, most + most // 2)
        self.values = _larger(self.values, stored * self.itemsize)
        if self.kind == SPARSE:
            if self.wide:
                self.keys_64 = _larger(self.keys_64, stored)
            else:
                self.keys_32 = _larger(self.keys_32, stored)

    def take(self):
        """Hand over the rows so far, and start anew.

        Returns
        -------
        values : ndarray
            Of shape (n_rows, width) if dense.
        indices, indptr : ndarray or None
            None of both if dense.
        ordered : bool
            Whether the keys of every row ascend.
        labels, weights : ndarray or None
        """
        # Not a view of bytes: SciPy copies what is a small part of a larger array, and
        # counts elements.
        values = _trimmed(
            np.frombuffer(self.values, DTYPES[self.tag]), self.n_stored)
        indices = indptr = labels = weights = None
        if self.kind == SPARSE:
            indptr = _trimmed(self.indptr, self.n_rows + 1)
            if self.wide:
                indices = _trimmed(self.keys_64, self.n_stored)
            else:
                indices = _trimmed(self.keys_32, self.n_stored)
        else:
            values = values.reshape(self.n_rows, self.width)
        if self.has_label:
            labels = _trimmed(self.labels, self.n_rows).astype(
                _common_dtype(self.label_tags))
        if self.has_weight:
            weights = _trimmed(self.weights, self.n_rows).astype(
                _common_dtype(self.weight_tags))
        ordered = not self.disorder
        self._clear()
        return values, indices, indptr, ordered, labels, weights


def _common_dtype(tags):
    """The type that holds all tensors of these kinds."""
    dtypes = [dtype for tag, dtype in DTYPES.items() if tags & 1 << (tag >> 3)]
    return dtypes[0] if len(dtypes) == 1 else np.float64


def _larger(array, size):
    old = np.asarray(array)
    new = np.empty(size, old.dtype)
    new[: len(old)] = old
    return new


def _trimmed(array, size):
    """The used part; a copy if much of the array would be kept for nothing."""
    array = np.asarray(array)
    part = array[:size]
    return part if len(array) - size <= len(array) // 4 else part.copy()
