"""Errors of the default classifier on MNIST's "is it a zero".

SageMaker published the test confusion matrix TP 931, FP 44, FN 49 (93 errors of
10,000) for its Linear Learner on this task. The default criterion, accuracy, has the
lowest bar.
"""

from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.common import (
    CONFUSION_HEADERS,
    Bars,
    Timing,
    add_seeds,
    confusion,
    confusion_rows,
    make_parser,
    print_environment,
    print_table,
    seeds_of,
)
from benchmarks.data.sets import load
from sklearn_sagemaker import LinearLearnerClassifier

PUBLISHED = {"TP": 931, "FP": 44, "FN": 49}
# Mean test errors; "accuracy" is the default criterion.
MAX_ERRORS = {"accuracy": 74, "f1": 80, "cross_entropy_loss": 80}


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_seeds(parser, "each criterion")
    options = parser.parse_args()
    print_environment()
    data = load(options.data_dir, "mnist-zero")

    def fit(criterion: str, seed: int) -> LinearLearnerClassifier:
        return data.fit(
            LinearLearnerClassifier(
                random_state=seed, binary_classifier_model_selection_criteria=criterion
            )
        )

    rows, means = [], {}
    for criterion in MAX_ERRORS:
        found, means[criterion] = confusion_rows(
            criterion, seeds_of(options), data, partial(fit, criterion)
        )
        rows += found
    peer = Timing()
    pixels = data.map(lambda X: X.astype(np.float32) / 255)
    peer.run(
        lambda: LogisticRegression(max_iter=200).fit(pixels.X_train, pixels.y_train)
    )
    peer_counts = confusion(data.y_test, peer.result.predict(pixels.X_test))
    rows.append(
        [
            "LogisticRegression (pixels / 255)",
            "",
            *peer_counts,
            "0.5",
            f"{peer.seconds:.2f}",
            f"{peer.cpu_seconds:.2f}",
        ]
    )
    published = sum(PUBLISHED[name] for name in ("FP", "FN"))
    rows.append(
        ["SageMaker, published", "", published, *PUBLISHED.values(), "", "", ""]
    )
    print_table(["criterion", *CONFUSION_HEADERS], rows)
    for criterion, mean in means.items():
        print(
            f"{criterion}: errors / SageMaker's {mean[0] / published:.2f}, "
            f"errors / LogisticRegression's {mean[0] / peer_counts[0]:.2f}"
        )

    bars = Bars()
    for criterion, mean in means.items():
        bars.at_most(f"mean errors, {criterion}", mean[0], MAX_ERRORS[criterion])
    better = [
        criterion
        for criterion, (_, tp, fp, fn, *_) in means.items()
        if tp > PUBLISHED["TP"] and fp < PUBLISHED["FP"] and fn < PUBLISHED["FN"]
    ]
    what = f"criteria with TP, FP and FN all better than published {better}"
    bars.at_least(what, len(better), 1)
    bars.exit()


if __name__ == "__main__":
    main()
