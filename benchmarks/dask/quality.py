"""Test loss after training on shards, by that of one machine after as many epochs.

Steps of Adam on the real sets and on the made CSR set, and factorization machines on
ratings and made clicks, with 2, 8 and 32 shards; and untouched defaults, which are
solved where that is little work. Shards are of an in-process cluster: what comes of
them does not depend on where they are. Validation rows are those of the data set, the
same everywhere.
"""

from functools import partial

import numpy as np
from sklearn.metrics import log_loss

from benchmarks.common import (
    Bars,
    add_several,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.factors import load_ratings, make_ctr
from benchmarks.data.sets import load
from benchmarks.data.sparse import make_sparse
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
)
from sklearn_sagemaker.backends import DaskBackend

MAX_RATIO = 1.01
STEPS = {"optimizer": "adam", "num_models": 8}
# By what is compared: of equally accurate candidates any may be chosen.
BY_LOSS = {"binary_classifier_model_selection_criteria": "cross_entropy_loss"}
CASES = {
    "mnist": (5, STEPS),
    "a9a": (5, {**STEPS, **BY_LOSS}),
    "csr": (4, {**STEPS, **BY_LOSS}),
    "a9a, default": (None, BY_LOSS),
    "mlsmall": (10, {}),
    "clicks": (10, {"num_models": 1}),
}
MACHINES = {
    "mlsmall": FactorizationMachinesRegressor,
    "clicks": FactorizationMachinesClassifier,
}
SHARDS = (2, 8, 32)


def data_of(options, name: str):
    """The split of a case."""
    if name == "csr":
        return make_sparse()
    if name == "clicks":
        return make_ctr()
    if name == "mlsmall":
        return load_ratings(options.data_dir, name)[0]
    return load(options.data_dir, name.partition(",")[0])


def loss(split, name: str, backend) -> float:
    """Loss on the test rows of one fit."""
    epochs, settings = CASES[name]
    kind = MACHINES.get(name, LinearLearnerClassifier)
    settings = settings if epochs is None else {**settings, "epochs": epochs}
    if name in MACHINES:
        settings = {**settings, "solver": "gradient"}
    model = split.fit(kind(random_state=0, backend=backend, **settings))
    if kind is not FactorizationMachinesRegressor:
        return log_loss(split.y_test, model.predict_proba(split.X_test))
    return float(np.sqrt(np.mean((model.predict(split.X_test) - split.y_test) ** 2)))


def main() -> None:
    """Print the table and check the bars."""
    from distributed import Client, LocalCluster

    parser = make_parser(__doc__ or "")
    add_several(parser, "--cases", CASES)
    add_several(parser, "--shards", SHARDS)
    options = parser.parse_args()
    print_environment()
    bars, rows = Bars(), []
    cluster = partial(LocalCluster, processes=False, dashboard_address=None)
    with cluster(n_workers=1, threads_per_worker=1) as made, Client(made) as client:
        for name in options.cases:
            fitted = partial(loss, data_of(options, name), name)
            alone = fitted("local")
            ratios = []
            for n_shards in options.shards:
                shared = fitted(DaskBackend(client, n_shards=n_shards))
                ratios.append(shared / alone)
                bars.at_most(f"{name}, {n_shards} shards", ratios[-1], MAX_RATIO)
            epochs = CASES[name][0] or "own"
            cells = [name, epochs, f"{alone:.5f}", *(f"{one:.4f}" for one in ratios)]
            print(*cells, flush=True)
            rows.append(cells)
    print()
    heads = [f"{n_shards} shards" for n_shards in options.shards]
    print_table(["set", "epochs", "one machine", *heads], rows)
    bars.exit()


if __name__ == "__main__":
    main()
