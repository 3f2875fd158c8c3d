"""Draw doc/images/default_fit.svg: the candidates of a default fit, and the one chosen.

Wants matplotlib: ``python doc/_tools/plot_default_fit.py``.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from sklearn_sagemaker import LinearLearnerRegressor

PAGE = Path(__file__).resolve().parents[1] / "images" / "default_fit.svg"
BLUE, ORANGE, DARK = "#0072b2", "#d55e00", "#222222"


def wide(seed: int = 0):
    """Ten of 200 features count, and there are 60 rows to learn from."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(560, 200))
    return X, X[:, :10].sum(axis=1) + rng.normal(0, 1, 560)


def test_error(table, row: int, X, y) -> float:
    """Of a candidate, trained by itself."""
    params = table["params"][row]
    model = LinearLearnerRegressor(
        num_models=1, wd=params["wd"], l1=params["l1"], random_state=0
    )
    return float(np.mean((model.fit(X[:60], y[:60]).predict(X[60:]) - y[60:]) ** 2))


def main() -> None:
    """Draw it."""
    X, y = wide()
    model = LinearLearnerRegressor(random_state=0).fit(X[:60], y[:60])
    table = model.candidates_
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    rows = range(len(table["params"]))
    test = np.array([test_error(table, row, X, y) for row in rows])
    kinds = (
        (axes[0], "param_wd", table["param_l1"] == 0, BLUE, "o", "L2 penalty wd"),
        (axes[1], "param_l1", table["param_l1"] > 0, ORANGE, "s", "L1 penalty l1"),
    )
    for ax, name, rows, colour, mark, label in kinds:
        x = table[name][rows]
        order = np.argsort(x)
        ax.plot(x[order], table["validation_loss"][rows][order], mark + "-",
                color=colour, ms=4.5, lw=1, label="8 folds")  # fmt: skip
        ax.plot(x[order], test[rows][order], ":", color=DARK, lw=1.4,
                label="500 new rows")  # fmt: skip
        if rows[model.best_index_]:
            ax.plot(table[name][model.best_index_],
                    table["validation_loss"][model.best_index_], "o", ms=13,
                    mfc="none", mec=DARK, mew=1.8, label="chosen")  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlabel(label)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes:
        ax.legend(frameon=False)
    axes[0].set_ylabel("mean squared error")
    figure.tight_layout()
    PAGE.parent.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "default fit"
    figure.savefig(PAGE, metadata={"Date": None})


if __name__ == "__main__":
    main()
