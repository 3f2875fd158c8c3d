"""Growth of the peak memory during a fit, over what is in memory before it.

Each case runs in a fresh process that loads its rows without temporary copies,
and reports resident memory before the fit and the peak (ru_maxrss) before and
after. The bar: the growth is below the strips (weights, two Adam states, gradient
and snapshot of every candidate) plus 100 MB.
"""

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from benchmarks.common import (
    Bars,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import LOOSE_MB, MB, peak_mb, resident_mb
from benchmarks.data.sparse import load_sparse

CASES = {
    "mnist-uint8": "MNIST, uint8",
    "mnist-float32-C": "MNIST, float32, C order",
    "mnist-float32-F": "MNIST, float32, F order",
    "csr": "CSR, 200,000 x 47,000, 75 a row",
}
MODELS, STRIPS, ALLOWANCE_MB = 32, 5, 100.0


def mnist(data_dir: Path, case: str):
    """X, y, X_val, y_val, read row by row: nothing large is made and freed."""
    with np.load(data_dir / "mnist.npz") as file:
        y = (file["y"] == 0).astype(np.int64)
        train, val = (
            slice(int(index[0]), int(index[-1]) + 1)
            for index in (file["train_idx"], file["val_idx"])
        )
        for part, name in ((train, "train_idx"), (val, "val_idx")):
            if part.stop - part.start != len(file[name]):
                raise ValueError(f"{name} of mnist.npz is not consecutive")
    # Read in pieces, straight into the array that the fit sees.
    order = "F" if case.endswith("F") else "C"
    dtype = np.uint8 if case == "mnist-uint8" else np.float32
    with (
        zipfile.ZipFile(data_dir / "mnist.npz") as archive,
        archive.open("X.npy") as stream,
    ):
        version = np.lib.format.read_magic(stream)
        reader = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, fortran, stored = reader(stream)
        if fortran or stored != np.uint8:
            raise ValueError("X of mnist.npz is not uint8 in C order")
        width = int(np.prod(shape[1:]))
        parts = [
            np.empty((part.stop - part.start, width), dtype, order=order)
            for part in (train, val)
        ]
        for row in range(max(train.stop, val.stop)):
            pixels = np.frombuffer(stream.read(width), dtype=np.uint8)
            for part, rows in zip(parts, (train, val), strict=True):
                if rows.start <= row < rows.stop:
                    part[row - rows.start] = pixels
    return parts[0], y[train], parts[1], y[val]


def run_case(case: str, data_dir: Path, sparse_dir: Path) -> None:
    """Fit once and print the figures as JSON."""
    from sklearn_sagemaker import LinearLearnerClassifier

    if case == "csr":
        X, y = load_sparse(sparse_dir, "train")
        X_val, y_val = load_sparse(sparse_dir, "val")
        stored = [X.data, X.indices, X.indptr, X_val.data, X_val.indices, X_val.indptr]
    else:
        X, y, X_val, y_val = mnist(data_dir, case)
        stored = [X, X_val]
    model = LinearLearnerClassifier(num_models=MODELS, random_state=0)
    figures = {
        "data": sum(array.nbytes for array in stored) / MB,
        "resident": resident_mb(),
        "peak_before": peak_mb(),
    }
    model.fit(X, y, X_val=X_val, y_val=y_val)
    figures["peak_after"] = peak_mb()
    figures["columns"] = len(model.candidates_["n_iter"])
    figures["features"] = X.shape[1]
    print(json.dumps(figures))


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    parser.add_argument("--case", choices=CASES, help="one case only")
    parser.add_argument("--in-process", type=Path, help="used by the script itself")
    options = parser.parse_args()
    if options.in_process is not None:
        run_case(options.case, options.data_dir, options.in_process)
        return
    print_environment()
    rows, growths = [], {}
    with tempfile.TemporaryDirectory() as folder:
        cases = [options.case] if options.case else list(CASES)
        if "csr" in cases:
            run_module("benchmarks.data.sparse", folder)
        for case in cases:
            found = run_module(
                __spec__.name,
                "--data-dir",
                options.data_dir,
                "--case",
                case,
                "--in-process",
                folder,
            )
            strips = STRIPS * found["features"] * found["columns"] * 4 / MB
            growth = found["peak_after"] - found["resident"]
            growths[CASES[case]] = growth, strips + ALLOWANCE_MB
            gap = found["peak_before"] - found["resident"]
            names = ("data", "resident", "peak_before", "peak_after")
            rows.append(
                [
                    CASES[case],
                    *(f"{found[name]:.1f}" for name in names),
                    f"{growth:.1f}",
                    f"{strips:.1f}",
                    f"{growth / found['data']:.2f}",
                    "yes" if gap > LOOSE_MB else "no",
                ]
            )
    print_table(
        [
            "case",
            "data MB",
            "resident before MB",
            "peak before MB",
            "peak after MB",
            "growth MB",
            "strips MB",
            "growth / data",
            "upper bound only",
        ],
        rows,
    )
    bars = Bars()
    for name, (growth, limit) in growths.items():
        bars.at_most(f"growth in MB, {name}", growth, limit)
    bars.exit()


if __name__ == "__main__":
    main()
