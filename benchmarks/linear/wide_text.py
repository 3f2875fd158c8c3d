"""Hashed and sparse text: memory, CPU seconds and quality of default fits.

Hashed: 2,000 texts of 80 made words in the 2**20 columns of HashingVectorizer, two and
twenty classes, each fit in a process of its own; memory is the growth of the peak over
what is resident before the fit. Text: 11 packages whose docstrings are to be told
apart, by TF-IDF, means over redrawn splits. The peer of both is
LogisticRegressionCV(Cs=8, cv=5). The same texts by steps, as streams and L1 penalties
take them, with all scalings of the grid, and without the last one, which keeps features
as they are.
"""

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss

from benchmarks.common import (
    Bars,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import peak_mb, resident_mb
from benchmarks.data.text import load_texts
from sklearn_sagemaker.training.linear.candidates import SCALINGS

MAX_MB = {2: 300.0, 20: 1500.0}
MAX_SHARE_OF_TIME, MAX_TIMES_TEXT = 1 / 20, 1.0
ACCURACY_BEHIND, MAX_TIMES_LOSS = 0.005, 1.0
STEPS_BEHIND = 0.015
BY_STEPS = "ours, by steps"
SCALED = "by steps, scaled only"
N_TEXTS, WORDS, VOCABULARY = 2000, 80, 30_000
TOLD = 0.15
"""Share of the words that are of the class."""
TEXTS, TRAINS = 300, 0.7
CASES = {
    "ours-2": "defaults, 2 classes",
    "peer-2": "LogisticRegressionCV, 2 classes",
    "ours-20": "defaults, 20 classes",
}


def made_texts(classes: int) -> tuple[list[str], np.ndarray]:
    """Texts of words by Zipf's law, some of which have another order in each class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, N_TEXTS)
    shares = 1 / np.arange(1, VOCABULARY + 1)
    words = rng.choice(VOCABULARY, (N_TEXTS, WORDS), p=shares / shares.sum())
    orders = np.array([rng.permutation(VOCABULARY) for _ in range(classes)])
    own = rng.random(words.shape) < TOLD
    words = np.where(own, orders[y[:, None], words], words)
    return [" ".join(f"w{word}" for word in text) for text in words], y


def estimator(name: str):
    """Ours, or the peer."""
    if name == "peer":
        return LogisticRegressionCV(Cs=8, cv=5)
    from sklearn_sagemaker import LinearLearnerClassifier

    optimizer = "auto" if name == "ours" else "adam"
    return LinearLearnerClassifier(optimizer=optimizer, random_state=0)


@contextmanager
def scalings_of(name: str) -> Iterator[None]:
    """Leave the last scaling of sparse rows out of the grid, if the name says so."""
    kept = SCALINGS["sparse"]
    if name == SCALED:
        SCALINGS["sparse"] = kept[:-1]
    try:
        yield
    finally:
        SCALINGS["sparse"] = kept


def hashed(case: str) -> None:
    """Fit once, predict, and print the figures as JSON."""
    name, _, classes = case.partition("-")
    texts, y = made_texts(int(classes))
    X, model = HashingVectorizer().transform(texts), estimator(name)
    before, start = resident_mb(), time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - start
    found = {"MB": peak_mb() - before, "seconds": seconds}
    start = time.process_time()
    model.predict(X)
    found["all"] = time.process_time() - start
    start = time.process_time()
    for row in range(20):
        model.predict(X[row])
    found["one"] = (time.process_time() - start) / 20
    found["columns"] = len(np.unique(X.indices))
    print(json.dumps(found))


def text(splits: int) -> dict[str, np.ndarray]:
    """Accuracy, log-loss and CPU seconds of both on each split."""
    texts, y = load_texts(TEXTS)
    found: dict[str, list] = {name: [] for name in ("ours", BY_STEPS, SCALED, "peer")}
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(y))
        n = int(TRAINS * len(y))
        train, test = order[:n], order[n:]
        vectors = TfidfVectorizer(sublinear_tf=True)
        X = vectors.fit_transform([texts[i] for i in train])
        X_test = vectors.transform([texts[i] for i in test])
        for name, rows in found.items():
            model = estimator(name)
            start = time.process_time()
            with scalings_of(name):
                model.fit(X, y[train])
            seconds = time.process_time() - start
            proba = model.predict_proba(X_test)
            rows.append(
                [model.score(X_test, y[test]), log_loss(y[test], proba), seconds]
            )
    return {name: np.array(rows) for name, rows in found.items()}


def main() -> None:
    """Print the tables and check the bars."""
    parser = make_parser(__doc__ or "", data=False)
    parser.add_argument("--splits", type=int, default=3, help="of the texts")
    parser.add_argument("--in-process", choices=CASES, help="used by the script itself")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.in_process:
        hashed(options.in_process)
        return
    print_environment()
    bars, rows = Bars(), []
    cases: dict[str, Any] = {
        case: run_module(__spec__.name, "--in-process", case) for case in CASES
    }
    for case, found in cases.items():
        rows.append(
            [
                CASES[case],
                found["columns"],
                f"{found['MB']:.0f}",
                f"{found['seconds']:.2f}",
                f"{1e3 * found['all']:.1f}",
                f"{1e3 * found['one']:.2f}",
            ]
        )
    print_table(
        [
            "hashed, 2,000 x 2**20",
            "columns met",
            "growth MB",
            "fit CPU s",
            "predict 2,000 rows, CPU ms",
            "one row, CPU ms",
        ],
        rows,
    )
    for classes, most in MAX_MB.items():
        growth = cases[f"ours-{classes}"]["MB"]
        bars.at_most(f"growth in MB, {classes} classes", growth, most)
    share = cases["ours-2"]["seconds"] / cases["peer-2"]["seconds"]
    bars.at_most("CPU time / the peer's, 2 classes", share, MAX_SHARE_OF_TIME)
    found = text(options.splits)
    print_table(
        ["text, 11 classes", "test accuracy", "test log-loss", "fit CPU s"],
        [
            [
                name,
                " ".join(f"{value:.3f}" for value in values[:, 0]),
                " ".join(f"{value:.3f}" for value in values[:, 1]),
                " ".join(f"{value:.1f}" for value in values[:, 2]),
            ]
            for name, values in found.items()
        ],
    )
    ours, peer = (found[name].mean(axis=0) for name in ("ours", "peer"))
    bars.at_least(
        "mean accuracy less the peer's, text", ours[0] - peer[0], -ACCURACY_BEHIND
    )
    steps, scaled = (found[name].mean(axis=0) for name in (BY_STEPS, SCALED))
    bars.at_least(
        "mean accuracy by steps less the peer's", steps[0] - peer[0], -STEPS_BEHIND
    )
    bars.at_most("mean log-loss by steps / scaled only", steps[1] / scaled[1], 0.95)
    bars.at_most("mean log-loss / the peer's, text", ours[1] / peer[1], MAX_TIMES_LOSS)
    bars.at_most("CPU time / the peer's, text", ours[2] / peer[2], MAX_TIMES_TEXT)
    bars.exit()


if __name__ == "__main__":
    main()
