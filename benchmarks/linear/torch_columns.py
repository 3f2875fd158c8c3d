"""Time of 32 candidates against thirty lines of PyTorch that train 32 columns.

Both train the same number of epochs in mini-batches of the same size with Adam and
a cosine schedule, none stops early, and both compute the loss of all 32 models on
the validation rows after each epoch and keep each model's best weights. PyTorch
(peers/torch_columns.py) is spared the penalties, the scaling and the calibration that
are in our time. It runs in two forms, and the faster one counts: with autograd, and
with the gradient written by hand.

Dense: MNIST's "is it a zero", uint8 for us, float32 pixels / 255 for PyTorch. CSR:
see data/sparse.py. Conversions are in no time.
"""

import sys
from functools import partial

from benchmarks.common import (
    TIMING_HEADERS,
    Bars,
    add_repeats,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)
from benchmarks.data.sets import load
from benchmarks.data.sparse import make_sparse
from benchmarks.linear.fits import checked, every_epoch
from sklearn_sagemaker import LinearLearnerClassifier

EPOCHS = 15
BATCH = {"dense": 500, "CSR": 1000}
MAX_RATIO = {"dense": 0.6, "CSR": 0.5}


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of both sides")
    parser.add_argument("--only", choices=MAX_RATIO, help="one of the sets only")
    options = parser.parse_args()
    try:
        import torch

        from benchmarks.peers.torch_columns import COLUMNS, rows_of, train_columns
    except ImportError:
        sys.exit("PyTorch is not installed: nothing to compare with.")
    torch.set_num_threads(1)
    print_environment()
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread\n")
    rows, timings, bars = [], {}, Bars()
    for kind in [options.only] if options.only else MAX_RATIO:
        if kind == "dense":
            data = load(options.data_dir, "mnist-zero")
            seen = data.map(lambda X: X.astype("float32") / 255)
        else:
            seen = data = make_sparse()
        train = rows_of(seen.X_train, seen.y_train)
        val = rows_of(seen.X_val, seen.y_val)
        model = LinearLearnerClassifier(
            num_models=COLUMNS,
            mini_batch_size=BATCH[kind],
            random_state=0,
            **every_epoch(options.epochs),
        )
        ours = f"{kind}: ours, {COLUMNS} candidates"
        forms = {f"{kind}: PyTorch, autograd": False, f"{kind}: PyTorch, by hand": True}
        n_features = data.X_train.shape[1]
        columns = partial(
            train_columns, train, val, n_features, BATCH[kind], options.epochs
        )
        cases = {ours: partial(data.fit, model)}
        cases |= {name: partial(columns, by_hand) for name, by_hand in forms.items()}
        found = measure({name: (case, options.repeats) for name, case in cases.items()})
        timings.update(found)
        table = checked(found[ours].result, options.epochs)
        losses = {ours: table["validation_loss"].min()}
        losses.update({name: float(found[name].result.min()) for name in forms})
        peer = min(forms, key=lambda name: found[name].seconds)
        for name in (ours, *forms):
            rows.append(
                [
                    name,
                    *found[name].cells(),
                    f"{losses[name]:.4f}",
                    f"{found[ours].ratio(found[name]):.2f}",
                ]
            )
        what, faster = f"{kind}: ours / PyTorch's faster", found[peer]
        print(f"{what}: {found[ours].cpu_ratio(faster):.2f} in CPU seconds\n")
        bars.at_most(f"{what} form", found[ours].ratio(faster), MAX_RATIO[kind])
    print_table(
        ["case", *TIMING_HEADERS, "best validation log-loss", "ours / it"], rows
    )
    print_busy(timings)
    bars.exit()


if __name__ == "__main__":
    main()
