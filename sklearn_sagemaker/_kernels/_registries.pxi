# What the kernels were generated from, entry by entry: `levels.py` compares it with
# the registries at import.

cdef extern from "_strips.h" nogil:
    const char* SS_LOSSES
    const char* SS_OPTIMIZERS

LOSSES = SS_LOSSES.decode("ascii").splitlines()
OPTIMIZERS = SS_OPTIMIZERS.decode("ascii").splitlines()
