"""Ask of images of digits: is this a zero?

Trains many candidate models in one pass on scikit-learn's digits, or on a file of
yours, shows the best ones and their errors on rows kept aside, and saves the model.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker.cli.candidates import candidates_table
from sklearn_sagemaker.cli.examples import TRUST
from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.cli.model_file import (
    LOADED,
    SavedModel,
    check_can_save,
    model_kind,
    save_model,
)
from sklearn_sagemaker.cli.options import refuse_same_file, seed
from sklearn_sagemaker.cli.text import confusion_table, count, facts, number, seconds

if TYPE_CHECKING:
    from sklearn_sagemaker.cli.demo_data import DemoData

HELP = "see it work on images of digits"

EXAMPLES = f"""\
examples:
  sklearn-sagemaker demo
  sklearn-sagemaker demo --compare --no-save
  python -c "from numpy import savez; from sklearn.datasets import load_digits; \\
      X, y = load_digits(return_X_y=True); savez('digits.npz', X=X, y=y)"
  sklearn-sagemaker demo --data digits.npz --no-save

{TRUST}"""

DEFAULT_MODEL = "demo-model.joblib"
SHOWN_CANDIDATES = 8
SEARCH_EPOCHS = 15
"""Of the grid search, where ours needs none: those of SageMaker."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "--data",
        metavar="FILE.npz",
        help="images X and digits y, and perhaps train_idx, val_idx and test_idx, the "
        "rows of each part (default: scikit-learn's 1,797 digits, split 60/20/20)",
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="do the same with scikit-learn's grid search, and compare time and errors",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="seed (default: 0)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--model",
        metavar="OUT.joblib",
        default=DEFAULT_MODEL,
        help=f"model file to write (default: {DEFAULT_MODEL}, in this folder)",
    )
    where.add_argument("--no-save", action="store_true", help="write no model file")


def run(arguments: argparse.Namespace) -> int:
    """Train, show, save, and compare."""
    from sklearn_sagemaker.cli.demo_data import bundled_digits, digits_from
    from sklearn_sagemaker.estimators import LinearLearnerClassifier

    if not arguments.no_save:
        check_can_save(arguments.model)
        refuse_same_file(arguments.model, arguments.data)
    data = digits_from(arguments.data) if arguments.data else bundled_digits()
    print("Is this digit a zero?\n")
    print(_describe(data), flush=True)

    model = LinearLearnerClassifier(random_state=arguments.seed)
    start = time.perf_counter()
    model.fit(data.X_train, data.y_train, X_val=data.X_val, y_val=data.y_val)
    elapsed = time.perf_counter() - start
    predicted = _report(model, data, elapsed)
    if not arguments.no_save:
        _save(model, arguments.model)
    if arguments.compare:
        _compare(model, data, elapsed, predicted, arguments.seed)
    return 0


def _describe(data: DemoData) -> str:
    parts = (data.y_train, data.y_val, data.y_test)
    total = sum(map(len, parts))
    zeros = sum(int(part.sum()) for part in parts)
    sizes = [f"{len(part):,}" for part in parts]
    return facts(
        [
            (
                "data",
                f"{data.name}: {total:,} images of {data.X_train.shape[1]:,} pixels, "
                f"{zeros:,} of them zeros",
            ),
            (
                "rows",
                f"{sizes[0]} to train, {sizes[1]} to choose the model, {sizes[2]} to "
                "test it",
            ),
        ]
    )


def _report(model: Any, data: DemoData, elapsed: float) -> Any:
    """Print what came out, and give the answers for the test rows."""
    from sklearn.metrics import confusion_matrix

    from sklearn_sagemaker.estimators._summary import effort

    total = len(model.candidates_["validation_loss"])
    print(
        f"\nTrained {count(total, 'model')} at once, {effort(model)}, in "
        f"{seconds(elapsed)}. "
        f"The best {min(total, SHOWN_CANDIDATES)}:\n"
    )
    print(candidates_table(model, SHOWN_CANDIDATES))
    chosen = ", ".join(
        f"{name.replace('_', ' ')} {number(value)}"
        for name, value in model.best_params_.items()
    )
    predicted = model.predict(data.X_test)
    errors = int((predicted != data.y_test).sum())
    threshold = number(model.threshold_)
    # Zeros first: they are what is asked for.
    matrix = confusion_matrix(data.y_test, predicted, labels=[1, 0])
    print()
    print(
        facts(
            [
                ("selected", chosen),
                ("threshold", f"zero if the probability is {threshold} or above"),
            ]
        )
    )
    rows = count(len(data.y_test), "test row")
    print(f"\nOn {rows}, which played no part so far:\n")
    print(confusion_table(["zero", "other"], matrix.tolist()))
    print(f"\n  {count(errors, 'error')} ({100 * errors / len(data.y_test):.2f} %)")
    return predicted


def _save(model: Any, path: str) -> None:
    expected = Expected(None, model.n_features_in_, "y", label_kind="int")
    save_model(path, SavedModel(model, expected))
    print(f"\nThe model is in {path}. To use it in Python:\n")
    name = json.dumps(path, ensure_ascii=False)
    loaded = LOADED[model_kind(path)].format(name)
    print(f"  {loaded}.predict(images)   # 1 is a zero")


def _compare(
    model: Any, data: DemoData, elapsed: float, predicted: Any, seed_value: int
) -> None:
    from sklearn_sagemaker.cli.comparison import deciding_rows, grid_search
    from sklearn_sagemaker.cli.text import table

    print("\nThe same with scikit-learn: GridSearchCV(SGDClassifier) ...", flush=True)
    epochs = model.resolved_params_.get("epochs", SEARCH_EPOCHS)
    found = grid_search(data, epochs, seed_value)
    answers = predicted, found.predicted
    ours, theirs = (int((labels != data.y_test).sum()) for labels in answers)
    total = len(model.candidates_["validation_loss"])
    print()
    print(
        table(
            ["", "models", "wall time", "errors"],
            [
                ["LinearLearnerClassifier", str(total), seconds(elapsed), str(ours)],
                ["GridSearchCV(SGDClassifier)", str(found.n_settings),
                 seconds(found.elapsed), str(theirs)],
            ],
        )
    )  # fmt: skip
    sentence = deciding_rows(data.y_test, *answers)
    print("\n" + textwrap.indent(textwrap.fill(sentence, 86), "  "))
    ratio = found.elapsed / elapsed
    print(f"\n  The grid search took {ratio:.1f} times as long. Its best setting:")
    print("  " + ", ".join(f"{k} {v}" for k, v in sorted(found.best.items())))
