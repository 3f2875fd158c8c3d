"""What the machine can do, to be measured in the same run: sgemm and a triad."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

_TRIAD = """
#include <stddef.h>
void triad(float *restrict a, const float *restrict b, const float *restrict c,
           float s, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] = b[i] + s * c[i];
}
"""


class Sgemm:
    """``A @ B`` in float32 by NumPy's BLAS.

    Parameters
    ----------
    n_rows, n_features, n_models : int
        A is of shape (n_rows, n_features), B of (n_features, n_models).
    times : int
        Products of a call.
    """

    def __init__(self, n_rows: int, n_features: int, n_models: int, times: int = 1):
        rng = np.random.default_rng(0)
        self.A = rng.random((n_rows, n_features), dtype=np.float32)
        self.B = rng.random((n_features, n_models), dtype=np.float32)
        self.out = np.empty((n_rows, n_models), dtype=np.float32)
        self.times = times

    def __call__(self) -> None:
        """Do the products."""
        for _ in range(self.times):
            np.matmul(self.A, self.B, out=self.out)

    def gigaflops(self, seconds: float) -> float:
        """Rate of a call that took so many seconds."""
        return 2e-9 * self.times * self.A.size * self.B.shape[1] / seconds


class Triad:
    """``a = b + s * c`` over arrays of float32, compiled if there is a C compiler.

    Without one NumPy does it in two steps, of which all reads and writes count.

    Parameters
    ----------
    n_bytes : int
        Size of each of the three arrays: far above the caches.
    """

    def __init__(self, n_bytes: int = 1 << 30):
        self.a, self.b, self.c = (
            np.full(n_bytes // 4, value, dtype=np.float32) for value in (0, 1, 2)
        )
        self._compiled = _compile_triad()
        self.how = "C" if self._compiled else "NumPy, in two steps"

    def __call__(self) -> None:
        """Do one triad."""
        if self._compiled is None:
            np.multiply(self.c, np.float32(3), out=self.a)
            np.add(self.a, self.b, out=self.a)
            return
        pointers = (
            array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            for array in (self.a, self.b, self.c)
        )
        self._compiled(*pointers, ctypes.c_float(3), ctypes.c_size_t(self.a.size))

    def gigabytes(self, seconds: float) -> float:
        """GB/s of a call that took so many seconds."""
        moved = 3 if self._compiled else 5
        return 1e-9 * moved * self.a.nbytes / seconds


def _compile_triad():
    """The triad as a C function, or None."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "triad.c"), Path(folder, "triad.so")
        source.write_text(_TRIAD)
        compiler = os.environ.get("CC", "cc").split()
        options = ["-O3", "-march=native", "-shared", "-fPIC"]
        command = [*compiler, *options, "-o", str(library), str(source)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        function = ctypes.CDLL(str(library)).triad
    function.restype = None
    return function
