# cython: language_level=3, boundscheck=False, wraparound=False
# cython: cdivision=True, initializedcheck=False, freethreading_compatible=True
"""RecordIO-protobuf in bulk: rows to framed records and back.

The layouts are those of SageMaker's SDK. `Decoder` reads records whose fields come once
each, in any order; what else protobuf allows it hands back, whole.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

import numpy as np

cdef extern from "_varints.h" nogil:
    void fetch_ahead(const unsigned char* p, Py_ssize_t size)
    uint32_t load_u32(const unsigned char* p)
    void store_u32(unsigned char* p, uint32_t word)
    int varint_size(uint64_t value)
    unsigned char* varint_write(unsigned char* p, uint64_t value)
    const unsigned char* varint_read(
        const unsigned char* p, const unsigned char* end, uint64_t* value)
    Py_ssize_t varint_count(const unsigned char* p, Py_ssize_t size)

cdef extern from "_keys.h" nogil:
    Py_ssize_t keys_size_32(const int32_t* keys, Py_ssize_t n, int32_t most)
    uint32_t keys_largest_32(const int32_t* keys, Py_ssize_t n)
    bint keys_ascend_32(const int32_t* keys, Py_ssize_t n)
    unsigned char* keys_write_32(
        unsigned char* p, const unsigned char* stop, const int32_t* keys, Py_ssize_t n)
    bint keys_read_32(
        const unsigned char* p, const unsigned char* end, const unsigned char* stop,
        int32_t* out, Py_ssize_t n)
    bint keys_read_64(
        const unsigned char* p, const unsigned char* end, const unsigned char* stop,
        int64_t* out, Py_ssize_t n)

cdef extern from "_pages.h" nogil:
    void ask_for_large_pages(void* memory, size_t size)

ctypedef const unsigned char* Bytes

cdef const char* LABEL = "values"
cdef const char* WEIGHT = "weights"

cdef enum:
    MAGIC = 0xCED7230A
    HEADER = 8
    LARGEST_PAYLOAD = (1 << 29) - 1
    # Tensors of `Value`, by their tags.
    NOTHING = 0
    FLOAT32 = 0x12
    FLOAT64 = 0x1A
    INT32 = 0x3A
    # What the rows are.
    DENSE = 1
    SPARSE = 2

DTYPES = {FLOAT32: np.float32, FLOAT64: np.float64, INT32: np.int32}
"""NumPy type by the tag of a tensor."""
TAGS = {np.dtype(dtype): tag for tag, dtype in DTYPES.items()}
"""Tag of a tensor by NumPy type."""

include "_encoder.pxi"
include "_decoder.pxi"
