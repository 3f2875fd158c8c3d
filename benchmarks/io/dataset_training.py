"""Training from RecordIO files, read in windows, beside training in memory.

Each fit runs in a fresh process: from arrays, or from a `FileDataset` over the
same rows with its default memory of 64 MiB, in which none of the sets fits. The files
are in the page cache. Seconds are those of `fit`; from files they hold the pass that
finds the labels and the one that learns scalers. Both hold rows out, and select by
the loss, which is less a matter of luck than the accuracy. The bars: at least half
the speed of memory, a test loss within 2 %, and a peak of resident memory below
300 MB, which a file of ten times the rows must keep too (two epochs).
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import (
    Bars,
    add_repeats,
    add_several,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import peak_mb
from benchmarks.data.factors import make_speed
from benchmarks.data.sets import Split, load
from benchmarks.data.sparse import make_sparse

CASES = {
    "mnist": "MNIST 0, float32, Linear Learner",
    "csr": "CSR 75 a row, Linear Learner",
    "fm": "CSR 10 a row, 1,000,000 rows, Factorization Machines",
}
FM_ROWS, FM_TEST = 1_000_000, 100_000
TIMES = 10
SPEED_BAR, LOSS_BAR, PEAK_BAR = 0.5, 1.02, 300.0


def write(data_dir: Path, folder: Path, case: str) -> None:
    """Write a case's training rows as RecordIO and as arrays, and its test rows."""
    from sklearn_sagemaker.io import write_recordio

    if case == "mnist":
        split = load(data_dir, "mnist-zero").map(lambda X: X.astype(np.float32))
    elif case == "csr":
        split = make_sparse()
    else:
        X, y, _ = make_speed(FM_ROWS + FM_TEST)
        test = X[FM_ROWS:], y[FM_ROWS:]
        split = Split(X[:FM_ROWS], y[:FM_ROWS], *test, *test)
    write_recordio(folder / f"{case}.pbr", split.X_train, split.y_train)
    for name in ("train", "test"):
        rows, labels = getattr(split, f"X_{name}"), getattr(split, f"y_{name}")
        np.save(folder / f"{case}-{name}-y.npy", labels)
        if case == "mnist":
            np.save(folder / f"{case}-{name}-X.npy", rows)
            continue
        for part in ("data", "indices", "indptr"):
            np.save(folder / f"{case}-{name}-{part}.npy", getattr(rows, part))
        np.save(folder / f"{case}-{name}-shape.npy", rows.shape)


def read(folder: Path, case: str, name: str):
    """X and y of a part, without temporary copies."""
    import scipy.sparse as sp

    y = np.load(folder / f"{case}-{name}-y.npy")
    if case == "mnist":
        return np.load(folder / f"{case}-{name}-X.npy"), y
    data, indices, indptr, shape = (
        np.load(folder / f"{case}-{name}-{part}.npy")
        for part in ("data", "indices", "indptr", "shape")
    )
    return sp.csr_matrix((data, indices, indptr), shape=tuple(shape)), y


def run(folder: Path, case: str, how: str) -> None:
    """Fit once and print the figures as JSON."""
    from sklearn.metrics import log_loss, root_mean_squared_error

    from sklearn_sagemaker import (
        FactorizationMachinesRegressor,
        LinearLearnerClassifier,
    )
    from sklearn_sagemaker.io import FileDataset

    # A hold-out in memory too, where folds may be the default.
    shared = {"random_state": 0, "validation_fraction": 0.1}
    criterion = "loss_function"
    model = LinearLearnerClassifier(
        binary_classifier_model_selection_criteria=criterion, **shared
    )
    if case == "fm":
        model = FactorizationMachinesRegressor(**shared)
    path = folder / f"{case}.pbr"
    if how == "times":
        model.set_params(epochs=2)
        rows = (FileDataset([path] * TIMES),)
    elif how == "files":
        rows = (FileDataset(path),)
    else:
        rows = read(folder, case, "train")
    start = time.perf_counter()
    model.fit(*rows)
    figures = {"seconds": time.perf_counter() - start, "peak": peak_mb()}
    figures["epochs"] = int(model.n_iter_)
    X, y = read(folder, case, "test")
    if case == "fm":
        figures["loss"] = root_mean_squared_error(y, model.predict(X))
    else:
        figures["loss"] = log_loss(y, model.predict_proba(X)[:, 1])
    print(json.dumps(figures))


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_several(parser, "--cases", CASES)
    add_repeats(parser, 3, "fits of each case, of which the fastest counts")
    parser.add_argument("--write", type=Path, help="used by the script itself")
    parser.add_argument("--in-process", type=Path, help="used by the script itself")
    parser.add_argument("--how", help="used by the script itself")
    options = parser.parse_args()
    if options.write is not None:
        for case in options.cases:
            write(options.data_dir, options.write, case)
        return
    if options.in_process is not None:
        run(options.in_process, options.cases[0], options.how)
        return
    print_environment()
    rows, bars = [], Bars()
    with tempfile.TemporaryDirectory() as name:
        data = ["--data-dir", options.data_dir]
        # Not here: a process inherits the peak of the one that starts it.
        run_module(__spec__.name, *data, "--write", name, "--cases", *options.cases)
        for case in options.cases:
            size = (Path(name) / f"{case}.pbr").stat().st_size / 1e6
            found: dict[str, dict] = {}
            for how in ["memory", "files"] * options.repeats + ["times"]:
                arguments = [*data, "--in-process", name, "--cases", case]
                one = run_module(__spec__.name, *arguments, "--how", how)
                if how not in found or one["seconds"] < found[how]["seconds"]:
                    found[how] = one
            for how, one in found.items():
                megabytes = size * (TIMES if how == "times" else 1)
                rows.append(
                    [
                        CASES[case],
                        f"{TIMES} x the file" if how == "times" else how,
                        f"{megabytes:.0f}",
                        one["epochs"],
                        f"{one['seconds']:.2f}",
                        f"{one['peak']:.0f}",
                        f"{one['loss']:.4f}",
                    ]
                )
            speed = found["memory"]["seconds"] / found["files"]["seconds"]
            bars.at_least(f"{case}: speed, files / memory", speed, SPEED_BAR)
            loss = found["files"]["loss"] / found["memory"]["loss"]
            bars.at_most(f"{case}: test loss, files / memory", loss, LOSS_BAR)
            peak = max(found["files"]["peak"], found["times"]["peak"])
            bars.at_most(f"{case}: peak MB from files", peak, PEAK_BAR)
    headers = ["case", "rows from", "MB", "epochs", "s", "peak MB", "test loss"]
    print_table(headers, rows)
    bars.exit()


if __name__ == "__main__":
    main()
