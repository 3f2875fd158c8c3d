"""Gain of ``n_jobs=2`` over ``n_jobs=1``, next to what the machine has to give.

The gain of two processes of sgemm over one, in the same run, is the machine's: two
cores that share caches, memory and clock do not give twice the work of one. The
normalised gain is ours times 2 over the machine's, so that 2 would be perfect. Early
stopping is off. The coefficients must be the same bit for bit for 1, 2 and 8 jobs.
"""

from functools import partial

import numpy as np

from benchmarks.common import (
    Bars,
    add_quick,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.common.gains import HEADERS, Gains, check_equal, need_two_cores
from benchmarks.data.sets import Split, load
from benchmarks.data.sparse import make_sparse
from benchmarks.linear.fits import every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

EPOCHS = {"MNIST zero": 15, "CSR": 5}
MODELS = (64, 32)
LEAST = {"MNIST zero": 1.7, "CSR": 1.55}
SAME_EPOCHS = 2


def fit(data: Split, n_models: int, *, n_jobs: int, epochs: int):
    """One fit without early stopping."""
    model = LinearLearnerClassifier(
        num_models=n_models, n_jobs=n_jobs, random_state=0, **every_epoch(epochs)
    )
    return data.fit(model)


def same(a, b) -> bool:
    """Whether two fits agree bit for bit."""
    pairs = [
        (a.coef_, b.coef_),
        (a.intercept_, b.intercept_),
        (a.candidates_["validation_loss"], b.candidates_["validation_loss"]),
    ]
    return all(np.array_equal(left, right) for left, right in pairs)


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    add_quick(parser, "3 epochs on MNIST, 1 on the CSR set")
    options = parser.parse_args()
    need_two_cores()
    print_environment()
    sets = {
        "MNIST zero": load(options.data_dir, "mnist-zero"),
        "CSR": make_sparse(),
    }
    epochs = {"MNIST zero": 3, "CSR": 1} if options.quick else EPOCHS
    fits, least = {}, {}
    for name, data in sets.items():
        for models in MODELS:
            case = f"{name}, {models} candidates"
            fits[case] = partial(fit, data, models, epochs=epochs[name])
            least[case] = LEAST[name]
    gains = Gains(fits, options.repeats)
    print_table(
        ["fit", "runs", *HEADERS],
        [[name, options.repeats, *gains.cells(name)] for name in fits],
    )
    gains.print_busy()
    bars = Bars()
    for name, bar in least.items():
        gains.check(bars, name, bar)
    check_equal(bars, fits.values(), same, epochs=SAME_EPOCHS)
    bars.exit()


if __name__ == "__main__":
    main()
