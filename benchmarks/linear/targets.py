"""Targets of recall and precision on a9a: met on validation, nearly so on test rows.

The criterion "precision_at_target_recall" promises the recall, and
"recall_at_target_precision" the precision, on the rows that calibrate the threshold.
How well they carry over to other rows is the question. LogisticRegression, its
threshold set by the same rule on the same validation rows, shows what is to be had.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from benchmarks.common import (
    Bars,
    add_quick,
    add_seeds,
    make_parser,
    print_environment,
    print_table,
    seeds_of,
)
from benchmarks.data.sets import Split, load
from sklearn_sagemaker import LinearLearnerClassifier

TARGET = 0.9
TOLERANCE = 0.02
# Criterion, its parameter, and which of (precision, recall) it bounds.
CRITERIA = {
    "precision_at_target_recall": ("target_recall", 1),
    "recall_at_target_precision": ("target_precision", 0),
}
FIGURES = ("precision", "recall")


def rates(y, predicted) -> list[float]:
    """Precision and recall of the class 1."""
    return [
        float(precision_score(y, predicted, zero_division=0.0)),
        float(recall_score(y, predicted)),
    ]


def best_threshold(y, probability, bounded: int) -> float:
    """Lowest probability to call positive: target met, the other figure best."""
    *curve, cuts = precision_recall_curve(y, probability)
    # The last point of the curve calls nothing positive and has no threshold.
    bound, free = curve[bounded][:-1], curve[1 - bounded][:-1]
    return float(cuts[np.argmax(np.where(bound >= TARGET, free, -1.0))])


def peer(data: Split, bounded: int) -> list[float]:
    """Validation and test figures of LogisticRegression with that rule."""
    model = LogisticRegression(max_iter=1000).fit(data.X_train, data.y_train)
    validation = model.predict_proba(data.X_val)[:, 1]
    cut = best_threshold(data.y_val, validation, bounded)
    tested = model.predict_proba(data.X_test)[:, 1]
    return [*rates(data.y_val, validation >= cut), *rates(data.y_test, tested >= cut)]


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__)
    add_seeds(parser, "each criterion")
    add_quick(parser, "one seed")
    options = parser.parse_args()
    print_environment()
    data = load(options.data_dir, "a9a")
    for part in ("y_train", "y_val", "y_test"):
        setattr(data, part, (getattr(data, part) > 0).astype(int))

    rows: list[list[object]] = []
    bars = Bars()
    for criterion, (parameter, bounded) in CRITERIA.items():
        found = []
        for seed in seeds_of(options):
            model = LinearLearnerClassifier(
                random_state=seed,
                binary_classifier_model_selection_criteria=criterion,
                **{parameter: TARGET},
            )
            data.fit(model)
            found.append(
                [
                    *rates(data.y_val, model.predict(data.X_val)),
                    *rates(data.y_test, model.predict(data.X_test)),
                ]
            )
            rows.append([criterion, seed, *cells(found[-1]), f"{model.threshold_:.4f}"])
        rows.append([f"**{criterion}**", "mean", *cells(np.mean(found, axis=0)), ""])
        theirs = peer(data, bounded)
        rows.append(["LogisticRegression", "", *cells(theirs), ""])
        name = f"{criterion}: {FIGURES[bounded]}"
        validation = min(row[bounded] for row in found)
        test = [row[2 + bounded] for row in found]
        bars.at_least(f"{name} on validation rows, worst seed", validation, TARGET)
        least = TARGET - TOLERANCE
        bars.at_least(f"{name} on test rows, mean", float(np.mean(test)), least)
        bars.at_least(f"{name} on test rows, worst seed", min(test), least)
    print_table(
        [
            "criterion",
            "seed",
            *(f"{name}, {part}" for part in ("val", "test") for name in FIGURES),
            "threshold",
        ],
        rows,
    )
    bars.exit()


def cells(values) -> list[str]:
    """Figures as the table shows them."""
    return [f"{value:.4f}" for value in values]


if __name__ == "__main__":
    main()
