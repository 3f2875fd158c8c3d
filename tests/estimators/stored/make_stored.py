"""Write small models in every way that they are stored in, and what they predict.

The files of a format stay as they were written: later versions must read them. So
this is run once for each format, and refuses a folder that is there:

    python tests/estimators/stored/make_stored.py
"""

import json
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import skops.io

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    save_artifact,
)
from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.backends import Backend, LocalBackend, SubprocessBackend
from sklearn_sagemaker.exceptions import TrainingStoppedError
from sklearn_sagemaker.io.problem_files import write_problem, write_state

FOLDER = Path(__file__).parent / f"format_{FORMAT_VERSION}"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
NUMBERS = (X[:, 0] + X[:, 1] * X[:, 2]).round(3)
LABELS = np.where(NUMBERS > 0, "yes", "no")
SEVERAL = np.digitize(NUMBERS, [-0.5, 0.5]) + 7
LINEAR = {"epochs": 3, "num_models": 2, "cv": False, "random_state": 0}
MACHINE = {"epochs": 3, "num_factors": 2, "cv": False, "random_state": 0}
MCMC = {**MACHINE, "epochs": 8, "solver": "mcmc"}

MODELS = {
    "linear-binary": (LinearLearnerClassifier(**LINEAR), LABELS),
    "linear-multiclass": (LinearLearnerClassifier(**LINEAR), SEVERAL),
    "linear-regressor": (LinearLearnerRegressor(**LINEAR, warm_start=True), NUMBERS),
    "gradient-binary": (FactorizationMachinesClassifier(**MACHINE), LABELS),
    "gradient-warm": (
        FactorizationMachinesRegressor(**MACHINE, warm_start=True),
        NUMBERS,
    ),
    "mcmc-regressor": (FactorizationMachinesRegressor(**MCMC), NUMBERS),
}
"""Estimators, each with its targets."""
NAMED = {"linear-binary", "gradient-binary"}
"""Those fitted to a table with names of columns."""
BACKENDS = {
    "linear-multiclass": LocalBackend(checkpoint="checkpoints"),
    "gradient-binary": SubprocessBackend(checkpoint="checkpoints", every=5.0),
}
"""Set as parameters after the fit."""
CHECKPOINTS = ("linear-multiclass", "gradient-warm", "mcmc-regressor")


class Witness(Backend):
    """Trains here, and keeps what it was given and what came of it."""

    continues = True
    seen: tuple = ()

    def train(self, spec, data, monitor=None):
        """Train."""
        state = LocalBackend().train(spec, data)
        Witness.seen = spec, data, state
        return state


def plain(value):
    """A value as JSON has it; floats keep all their digits."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def attributes(model) -> dict:
    """Fitted attributes that every file must bring back."""
    names = ("coef_", "intercept_", "factors_", "threshold_", "classes_")
    return {name: plain(getattr(model, name)) for name in names if hasattr(model, name)}


def predictions(model) -> dict:
    """What the model says of the rows of `X`."""
    names = ("predict", "predict_proba", "decision_function")
    found = {name: getattr(model, name) for name in names if hasattr(model, name)}
    with warnings.catch_warnings():
        # The rows have no names, some models do.
        warnings.simplefilter("ignore", UserWarning)
        return {name: plain(method(X)) for name, method in found.items()}


def store(name: str, rows) -> dict:
    """Write one model in every way; returns what it says."""
    model, y = MODELS[name]
    model.set_params(backend=Witness()).fit(rows, y)
    spec, data, state = Witness.seen
    model.set_params(backend=BACKENDS.get(name, "local"))
    joblib.dump(model, FOLDER / f"{name}.joblib")
    skops.io.dump(model, FOLDER / f"{name}.skops", compression=zipfile.ZIP_DEFLATED)
    save_artifact(model, FOLDER / f"{name}.tar.gz")
    write_problem(FOLDER / f"{name}.problem.zip", spec, data)
    write_state(FOLDER / f"{name}.state.zip", state)
    if name in CHECKPOINTS:
        stops = iter([False, True])
        backend = LocalBackend(
            checkpoint=FOLDER / f"{name}.checkpoints",
            every=0,
            stop=lambda: next(stops),
        )
        try:
            backend.train(spec, data)
        except TrainingStoppedError:
            # One says it all.
            (FOLDER / f"{name}.checkpoints" / "epoch-000001.zip").unlink()
    return {"attributes": attributes(model), "predictions": predictions(model)}


def main() -> None:
    """Write all files of the present format."""
    import pandas as pd

    FOLDER.mkdir()
    table = pd.DataFrame(X, columns=["age", "height", "weight"])
    models = {name: store(name, table if name in NAMED else X) for name in MODELS}
    expected = {"rows": X.tolist(), "models": models}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    # A few epochs reach nothing; that the files can be read is what matters.
    warnings.simplefilter("ignore", RuntimeWarning)
    main()
