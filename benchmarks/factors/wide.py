"""Hashed text in 2**20 columns: memory and CPU seconds of machines by each solver.

2,000 texts of 80 words, two classes, untouched defaults, each fit in a process of its
own. "text" has the words of benchmarks.linear.wide_text, by Zipf's law; "many" has
words that are equally likely, of which far more columns are met. Memory is the growth
of the peak over what is resident before the fit.
"""

import json
import time
import warnings

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from benchmarks.common import (
    Bars,
    add_several,
    make_parser,
    print_environment,
    print_table,
    run_module,
)
from benchmarks.common.memory import peak_mb, resident_mb
from benchmarks.factors.fits import SOLVERS, estimator
from benchmarks.linear.wide_text import N_TEXTS, WORDS, made_texts

MAX_MB = 800.0
MANY_WORDS = 50_000
SETS = ("text", "many")


def texts_of(name: str) -> tuple[list[str], np.ndarray]:
    """Texts and their classes."""
    if name == "text":
        return made_texts(2)
    rng = np.random.default_rng(0)
    words = rng.integers(0, MANY_WORDS, (N_TEXTS, WORDS))
    # Words of the lower half are more frequent in one of the classes.
    y = (np.mean(words < MANY_WORDS / 2, axis=1) > 0.5).astype(int)
    return [" ".join(f"w{word}" for word in text) for text in words], y


def fit_once(case: str) -> None:
    """Fit once and print the figures as JSON."""
    name, solver = case.split("-")
    texts, y = texts_of(name)
    X = HashingVectorizer().transform(texts)
    model = estimator("classification", solver=solver)
    before, start = resident_mb(), time.process_time()
    model.fit(X, y)
    found = {"seconds": time.process_time() - start, "MB": peak_mb() - before}
    start = time.process_time()
    model.predict(X)
    found["all"] = time.process_time() - start
    found["columns"] = len(np.unique(X.indices))
    found["validation_loss"] = -model.best_score_
    print(json.dumps(found))


def main() -> None:
    """Print the table and check the bars."""
    parser = make_parser(__doc__ or "", data=False)
    add_several(parser, "--sets", SETS)
    add_several(parser, "--solvers", SOLVERS)
    parser.add_argument("--in-process", help="used by the script itself")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.in_process:
        fit_once(options.in_process)
        return
    print_environment()
    bars, rows = Bars(), []
    for name in options.sets:
        for solver in options.solvers:
            case = f"{name}-{solver}"
            found = run_module("benchmarks.factors.wide", "--in-process", case)
            rows.append(
                [
                    name,
                    solver,
                    f"{found['columns']:,}",
                    f"{found['MB']:.0f}",
                    f"{found['seconds']:.1f}",
                    f"{found['all']:.2f}",
                    f"{found['validation_loss']:.3f}",
                ]
            )
            print("  ".join(rows[-1]), flush=True)
            bars.at_most(f"{name}, {solver}: growth, MB", found["MB"], MAX_MB)
    print()
    heads = [
        "set",
        "solver",
        "columns met",
        "growth, MB",
        "CPU s",
        "predict all, CPU s",
    ]
    print_table([*heads, "validation log-loss"], rows)
    bars.exit()


if __name__ == "__main__":
    main()
