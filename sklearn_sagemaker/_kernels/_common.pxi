# What all kernels share: the two precisions and what _common.h holds.

cdef extern from "_common.h" nogil:
    uint64_t flush_subnormals()
    void restore_subnormals(uint64_t)
    void SS_PREFETCH(const void*)
    void SS_PREFETCH_FAR(const void*)

ctypedef fused real:
    float
    double
