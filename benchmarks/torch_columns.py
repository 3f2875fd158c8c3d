"""Time of 32 candidates against thirty lines of PyTorch that train 32 columns.

Both train the same number of epochs in mini-batches of the same size with Adam and
a cosine schedule, none stops early, and both compute the loss of all 32 models on
the validation rows after each epoch and keep each model's best weights. PyTorch's
columns differ in their learning rate only: it is spared the penalties, the scaling
and the calibration that are in our time. A column's margins are multiplied by its
rate and Adam's rate is 1, which is the same since Adam's steps do not depend on
the scale of gradients, so one fused Adam trains them all.

PyTorch runs in two forms, and the faster one counts: with autograd, and with the
gradient written by hand, which saves it a pass or two over the logits. For dense
rows that is X.T @ G. For CSR it reads rows by embedding_bag with the values as
weights, which beats torch.sparse's products here, and as all rows store as many
values a mini-batch is cut out by indexing; autograd gathers the gradient itself, by
hand it is an embedding_bag over the mini-batch sorted by column. SparseAdam and an
Adam on the touched rows only are slower than the fused Adam on all of them.

Dense: MNIST's "is it a zero", uint8 for us, float32 pixels / 255 for PyTorch. CSR:
see datasets.py. Conversions are in no time.
"""

from common import (
    TIMING_HEADERS,
    Bars,
    add_repeats,
    load_mnist_zero,
    make_parser,
    measure,
    print_busy,
    print_environment,
    print_table,
)

# isort: split
import math
import sys
from functools import partial
from typing import Any

from datasets import make_sparse

from sklearn_sagemaker import LinearLearnerClassifier

try:
    import torch
    from torch.nn import functional
except ImportError:
    sys.exit("PyTorch is not installed: nothing to compare with.")

EPOCHS, COLUMNS = 15, 32
BATCH = {"dense": 500, "CSR": 1000}
MAX_RATIO = {"dense": 0.6, "CSR": 0.3}
LOWEST_RATE, HIGHEST_RATE = 1e-3, 0.3
NEVER = 10**6


# ------------------------------------------------------------------- the peer
class DenseRows:
    """Rows as a tensor; the products of a mini-batch with 32 columns."""

    def __init__(self, X, y):
        self.X = torch.from_numpy(X)
        self.y = torch.from_numpy(y.astype("float32"))[:, None]
        self.buffer = torch.empty(0, X.shape[1])

    def take(self, rows):
        """Cut out a mini-batch, without a new allocation each time."""
        if len(rows) != len(self.buffer):
            self.buffer = torch.empty(len(rows), self.X.shape[1])
        return torch.index_select(self.X, 0, rows, out=self.buffer), self.y[rows]

    def all(self):
        """All rows as one batch."""
        return self.X, self.y

    @staticmethod
    def scores(X, W):
        """``X @ W``."""
        return X @ W

    @staticmethod
    def gradient(X, G, n_features):
        """``X.T @ G``."""
        return X.T @ G


class SparseRows:
    """CSR with as many values in each row, as two matrices: columns and values."""

    def __init__(self, X, y):
        self.columns = torch.from_numpy(X.indices.reshape(X.shape[0], -1))
        self.values = torch.from_numpy(X.data.reshape(X.shape[0], -1))
        self.y = torch.from_numpy(y.astype("float32"))[:, None]

    def take(self, rows):
        """Cut out a mini-batch."""
        return (self.columns[rows], self.values[rows]), self.y[rows]

    def all(self):
        """All rows as one batch."""
        return (self.columns, self.values), self.y

    @staticmethod
    def scores(X, W):
        """``X @ W``."""
        columns, values = X
        return functional.embedding_bag(
            columns, W, per_sample_weights=values, mode="sum"
        )

    @staticmethod
    def gradient(X, G, n_features):
        """``X.T @ G``, from the entries sorted by column."""
        columns, values = X
        flat = columns.reshape(-1)
        order = flat.argsort()
        start = torch.zeros(n_features, dtype=torch.int64)
        start[1:] = torch.bincount(flat, minlength=n_features).cumsum(0)[:-1]
        return functional.embedding_bag(
            order // columns.shape[1],
            G,
            start,
            per_sample_weights=values.reshape(-1)[order],
            mode="sum",
        )


def train_columns(train, val, n_features, batch, epochs, by_hand):
    """Train the columns; returns the best validation loss of each.

    Parameters
    ----------
    train, val : DenseRows or SparseRows
    n_features, batch, epochs : int
    by_hand : bool
        Whether the gradient is computed without autograd.
    """
    torch.manual_seed(0)
    rate = torch.logspace(math.log10(LOWEST_RATE), math.log10(HIGHEST_RATE), COLUMNS)
    W = torch.zeros(n_features, COLUMNS, requires_grad=True)
    b = torch.zeros(COLUMNS, requires_grad=True)
    adam = torch.optim.Adam([W, b], lr=1.0, fused=True)
    best, best_W, best_b = torch.full((COLUMNS,), torch.inf), W.clone(), b.clone()
    n_rows, step = len(train.y), 0
    n_steps = epochs * -(-n_rows // batch)
    for _ in range(epochs):
        for rows in torch.randperm(n_rows).split(batch):
            X, y = train.take(rows)
            adam.param_groups[0]["lr"] = 0.5 + 0.5 * math.cos(math.pi * step / n_steps)
            if by_hand:
                with torch.no_grad():
                    G = train.scores(X, W).add_(b).mul_(rate)
                    G.sigmoid_().sub_(y).div_(len(rows))
                    W.grad, b.grad = train.gradient(X, G, n_features), G.sum(0)
            else:
                z = (train.scores(X, W) + b) * rate
                loss = functional.binary_cross_entropy_with_logits(
                    z, y.expand(-1, COLUMNS), reduction="sum"
                )
                adam.zero_grad()
                (loss / len(rows)).backward()
            adam.step()
            step += 1
        with torch.no_grad():
            X, y = val.all()
            z = val.scores(X, W).add_(b).mul_(rate)
            loss = functional.softplus(z).sub_(z.mul_(y)).mean(0)
            better = loss < best
            best = torch.where(better, loss, best)
            best_W = torch.where(better, W, best_W)
            best_b = torch.where(better, b, best_b)
    return best


# ------------------------------------------------------------------- the cases
def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_repeats(parser, 5)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of both sides")
    parser.add_argument("--only", choices=MAX_RATIO, help="one of the sets only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print_environment()
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread\n")
    rows, lines, ratios, timings = [], [], {}, {}
    for kind in [options.only] if options.only else MAX_RATIO:
        if kind == "dense":
            data = load_mnist_zero(options.data_dir)
            X, y, X_val, y_val = data.X_train, data.y_train, data.X_val, data.y_val
            train: Any = DenseRows(X.astype("float32") / 255, y)
            val: Any = DenseRows(X_val.astype("float32") / 255, y_val)
        else:
            parts = make_sparse()
            (X, y), (X_val, y_val) = parts["train"], parts["val"]
            train, val = SparseRows(X, y), SparseRows(X_val, y_val)

        model = LinearLearnerClassifier(
            num_models=COLUMNS,
            mini_batch_size=BATCH[kind],
            epochs=options.epochs,
            early_stopping_patience=NEVER,
            random_state=0,
        )
        ours = f"{kind}: ours, {COLUMNS} candidates"
        forms = {f"{kind}: PyTorch, autograd": False, f"{kind}: PyTorch, by hand": True}
        columns = partial(
            train_columns, train, val, X.shape[1], BATCH[kind], options.epochs
        )
        found = measure(
            {
                ours: (
                    partial(model.fit, X, y, X_val=X_val, y_val=y_val),
                    options.repeats,
                ),
                **{
                    name: (partial(columns, by_hand), options.repeats)
                    for name, by_hand in forms.items()
                },
            }
        )
        timings.update(found)
        table = found[ours].result.candidates_
        if not (table["n_iter"] == options.epochs).all():
            raise RuntimeError("a candidate stopped early")
        losses = {ours: table["validation_loss"].min()}
        losses.update({name: float(found[name].result.min()) for name in forms})
        peer = min(forms, key=lambda name: found[name].seconds)
        for name in (ours, *forms):
            rows.append(
                [
                    name,
                    *found[name].cells(),
                    f"{losses[name]:.4f}",
                    f"{found[ours].seconds / found[name].seconds:.2f}",
                ]
            )
        cpu_ratio = found[ours].cpu_seconds / found[peer].cpu_seconds
        lines.append(f"{kind}: ours / PyTorch's faster: {cpu_ratio:.2f} in CPU seconds")
        ratios[kind] = found[ours].seconds / found[peer].seconds
    print_table(
        ["case", *TIMING_HEADERS, "best validation log-loss", "ours / it"], rows
    )
    print("\n".join(lines))
    print_busy(timings)
    bars = Bars()
    for kind, ratio in ratios.items():
        bars.at_most(f"{kind}: ours / PyTorch's faster form", ratio, MAX_RATIO[kind])
    bars.exit()


if __name__ == "__main__":
    main()
