# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""Factorization machines: passes over the rows by gradient, and prediction.

``setup.py`` compiles one copy of this file for each instruction-set level, so
it holds functions only.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport malloc

include "_common.pxi"
include "_rows.pxi"
