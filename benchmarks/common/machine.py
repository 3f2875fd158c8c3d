"""What the machine can do, measured in the same run: sgemm, a triad, two cores."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# Below this gain by a second process something else uses the cores.
LEAST_GAIN = 1.5
# The share of one of two processes: about a second of mini-batches times columns.
SHAPE, PRODUCTS = (50_000, 784, 32), 20

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


def serve_products() -> None:
    """Do the products whenever a line arrives, and answer with the seconds."""
    gemm = Sgemm(*SHAPE, PRODUCTS)
    gemm()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        gemm()
        print(time.perf_counter() - start, flush=True)


class Processes:
    """Two processes that wait for orders to multiply matrices; ends with ``with``."""

    def __init__(self) -> None:
        self.found: dict[int, list[float]] = {1: [], 2: []}
        self.children = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.common.machine"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in self.found
        ]
        for child in self.children:
            assert child.stdout is not None
            if child.stdout.readline().strip() != "ready":
                raise RuntimeError("a process of sgemm did not start")

    def run(self, count: int) -> None:
        """Have so many at work together; the slowest one's seconds are noted."""
        for child in self.children[:count]:
            print("go", file=child.stdin, flush=True)
        self.found[count].append(
            max(float(child.stdout.readline()) for child in self.children[:count])
        )

    def cases(self, repeats: int) -> dict[str, tuple[Callable[[], None], int]]:
        """Cases for `measure`, from which `gain` comes."""
        return {
            "one process": (lambda: self.run(1), repeats),
            "two processes": (lambda: self.run(2), repeats),
        }

    def seconds(self, count: int) -> float:
        """Median seconds of so many processes at work together."""
        return statistics.median(self.found[count])

    @property
    def gain(self) -> float:
        """What the machine gains by a second process; 2 would be perfect."""
        return 2 * self.seconds(1) / self.seconds(2)

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            assert child.stdin is not None
            child.stdin.close()
            child.wait()


if __name__ == "__main__":
    serve_products()
