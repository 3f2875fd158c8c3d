"""SageMaker's recipe for MovieLens, run by our copy of its algorithm.

A notebook of AWS trains Factorization Machines on MovieLens 100k: one-hot users and
films, the label is a rating of at least 4, 64 factors, 100 epochs, all else by default.
Its log gives SageMaker's figures. Here `sagemaker_defaults()` trains the same on
`mlsmall`, a set of the same size and kind, so the figures must be alike, not equal.
"""

from functools import partial

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, f1_score, log_loss

from benchmarks.common import Bars, Timing, make_parser, print_environment, print_table
from benchmarks.data.factors import load_ratings
from sklearn_sagemaker import FactorizationMachinesClassifier

# ua.base and ua.test of MovieLens 100k, from the notebook's log.
PUBLISHED = {
    "training loss, epoch 0": 0.6839,
    "training loss, epoch 1": 0.6740,
    "training accuracy": 0.7515,
    "training loss": 0.5116,
    "test accuracy": 0.6931,
    "test loss": 0.5785,
    "test F1": 0.7336,
}


def main() -> None:
    """Print both columns and check the bars."""
    options = make_parser(__doc__).parse_args()
    print_environment()
    split, _ = load_ratings(options.data_dir, "mlsmall")
    X = sp.vstack([split.X_train, split.X_val], format="csr")
    y = np.concatenate([split.y_train, split.y_val]) >= 4
    test = split.y_test >= 4
    model = FactorizationMachinesClassifier.sagemaker_defaults(
        num_factors=64, epochs=100, random_state=0
    )
    timing = Timing()
    timing.run(partial(model.fit, X, y))
    chance = model.predict_proba(split.X_test)[:, 1]
    train = model.metrics_["train"]
    ours = {
        "training loss, epoch 0": model.loss_curve_[0],
        "training loss, epoch 1": model.loss_curve_[1],
        "training accuracy": train["binary_classification_accuracy"],
        "training loss": train["binary_classification_cross_entropy"],
        "test accuracy": accuracy_score(test, model.predict(split.X_test)),
        "test loss": log_loss(test, chance),
        "test F1": f1_score(test, model.predict(split.X_test)),
    }
    rows = [
        [name, f"{value:.4f}", f"{PUBLISHED[name]:.4f}"] for name, value in ours.items()
    ]
    rows.append(["seconds", f"{timing.seconds:.1f}", "86 (ml.m5.large)"])
    print_table(["figure", "ours, mlsmall", "SageMaker, MovieLens 100k"], rows)
    bars = Bars()
    for name in PUBLISHED:
        difference = abs(ours[name] - PUBLISHED[name])
        bars.at_most(f"difference of {name}", difference, 0.06)
    bars.exit()


if __name__ == "__main__":
    main()
