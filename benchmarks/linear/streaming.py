"""Growth of the peak memory when rows are streamed through `partial_fit`.

The rows lie in a .npy file on disk and are read in batches; the first part of the
file, of 1 to 50 times the same size, is streamed once in a fresh process each. The
file is mapped anew for each batch, since pages that were read count as resident
while their mapping lives. Growth is the peak afterwards minus the resident memory
before the first batch. The bar: 50 times the data grow it by at most a tenth more
than the data once, plus 20 MB. The loss on rows that come after the streamed ones
shows that the model learns.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import (
    Bars,
    add_quick,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import LOOSE_MB, MB, peak_mb, resident_mb

BASE_ROWS, COLUMNS, BATCH = 20_000, 200, 5_000
MULTIPLES = (1, 5, 20, 50)
TEST_ROWS, QUICK_PART = 10_000, 4
MAX_TIMES, ALLOWANCE_MB = 1.1, 20.0


def write_rows(folder: Path, base: int) -> None:
    """Write the rows of all multiples and the test rows, batch by batch."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(COLUMNS).astype(np.float32) / np.sqrt(COLUMNS)
    total = MULTIPLES[-1] * base + TEST_ROWS
    X = np.lib.format.open_memmap(
        folder / "X.npy", mode="w+", dtype=np.float32, shape=(total, COLUMNS)
    )
    y = np.empty(total, dtype=np.int64)
    for start in range(0, total, BATCH):
        rows = rng.standard_normal((min(BATCH, total - start), COLUMNS), np.float32)
        X[start : start + BATCH] = rows
        chance = 1 / (1 + np.exp(-4 * (rows @ weights)))
        y[start : start + BATCH] = rng.random(len(rows)) < chance
    X.flush()
    np.save(folder / "y.npy", y)


def read(folder: Path, start: int, stop: int):
    """Some rows and their labels, copied out of the files."""
    X = np.load(folder / "X.npy", mmap_mode="r")
    y = np.load(folder / "y.npy", mmap_mode="r")
    return np.array(X[start:stop]), np.array(y[start:stop])


def run_stream(folder: Path, n_rows: int, base: int) -> None:
    """Stream so many rows and print the figures as JSON."""
    from sklearn.metrics import log_loss

    from sklearn_sagemaker import LinearLearnerClassifier

    model = LinearLearnerClassifier(random_state=0)
    # What is loaded on first use is not growth.
    read(folder, 0, 10)
    figures = {"resident": resident_mb(), "peak_before": peak_mb()}
    start = time.perf_counter()
    for first in range(0, n_rows, BATCH):
        X, y = read(folder, first, min(first + BATCH, n_rows))
        model.partial_fit(X, y, classes=[0, 1])
        del X, y
    figures["seconds"] = time.perf_counter() - start
    figures["peak_after"] = peak_mb()
    X, y = read(folder, MULTIPLES[-1] * base, MULTIPLES[-1] * base + TEST_ROWS)
    figures["loss"] = log_loss(y, model.predict_proba(X)[:, 1])
    print(json.dumps(figures))


def main() -> None:
    """Print the table and check the bar."""
    parser = make_parser(__doc__, data=False)
    add_quick(parser, "a quarter of the rows")
    parser.add_argument("--in-process", type=Path, help="used by the script itself")
    parser.add_argument("--rows", type=int, help="used by the script itself")
    parser.add_argument("--write", type=Path, help="used by the script itself")
    options = parser.parse_args()
    base = BASE_ROWS // (QUICK_PART if options.quick else 1)
    if options.write is not None:
        write_rows(options.write, base)
        return
    if options.in_process is not None:
        run_stream(options.in_process, options.rows, base)
        return
    print_environment()
    rows, growth = [], {}
    with tempfile.TemporaryDirectory() as folder:
        quick = ["--quick"] * options.quick
        # Not here: a process inherits the peak of the one that starts it.
        run_module(__spec__.name, "--write", folder, *quick)
        for times in MULTIPLES:
            arguments = ["--in-process", folder, "--rows", times * base, *quick]
            found = run_module(__spec__.name, *arguments)
            growth[times] = found["peak_after"] - found["resident"]
            gap = found["peak_before"] - found["resident"]
            rows.append(
                [
                    f"{times} x",
                    f"{times * base:,}",
                    f"{times * base * COLUMNS * 4 / MB:.1f}",
                    f"{found['resident']:.1f}",
                    f"{found['peak_before']:.1f}",
                    f"{found['peak_after']:.1f}",
                    f"{growth[times]:.1f}",
                    "yes" if gap > LOOSE_MB else "no",
                    f"{found['seconds']:.2f}",
                    f"{found['loss']:.4f}",
                ]
            )
    print_table(
        [
            "data",
            "rows",
            "MB on disk",
            "resident before MB",
            "peak before MB",
            "peak after MB",
            "growth MB",
            "upper bound only",
            "s",
            "test log-loss",
        ],
        rows,
    )
    last = MULTIPLES[-1]
    print(f"growth with {last} x / 1 x the data: {growth[last] / growth[1]:.2f}")
    bars = Bars()
    bars.at_most(
        f"growth in MB with {last} times the data",
        growth[last],
        MAX_TIMES * growth[1] + ALLOWANCE_MB,
    )
    bars.exit()


if __name__ == "__main__":
    main()
