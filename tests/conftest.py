"""BLAS in one thread: workers share the cores, and idle threads of OpenBLAS spin."""

import os

# Read when NumPy is imported, here and in processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
