"""Benchmarks; each runs as ``python -m benchmarks.linear.mnist_speed`` or the like.

Importing this fixes the number of BLAS and OpenMP threads, which libraries read when
they are loaded.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
