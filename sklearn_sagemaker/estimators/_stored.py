"""What a stored estimator says of its format, and which types it is made of.

Examples
--------
A file of skops runs no code when it is loaded, but the types in it must be trusted:

>>> import skops.io
>>> from sklearn.datasets import load_diabetes
>>> from sklearn_sagemaker import TRUSTED_SKOPS_TYPES, LinearLearnerRegressor
>>> X, y = load_diabetes(return_X_y=True)
>>> model = LinearLearnerRegressor(epochs=5, random_state=0).fit(X, y)
>>> stored = skops.io.dumps(model)
>>> loaded = skops.io.loads(stored, trusted=TRUSTED_SKOPS_TYPES)
>>> bool((loaded.predict(X) == model.predict(X)).all())
True
"""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker import __version__
from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.exceptions import ModelFormatError

STAMP = "_stored_as"
"""Key of a pickled state that an estimator in memory does not have."""

MOST_FORMATS = 1_000_000
"""No format will ever have this number."""

TRUSTED_SKOPS_TYPES = (
    "scipy.sparse._csr.csr_array",
    "sklearn_sagemaker.backends.dask.DaskBackend",
    "sklearn_sagemaker.backends.local.LocalBackend",
    "sklearn_sagemaker.backends.sagemaker.SageMakerBackend",
    "sklearn_sagemaker.backends.subprocess.SubprocessBackend",
    "sklearn_sagemaker.estimators._factorization_machines."
    "FactorizationMachinesClassifier",
    "sklearn_sagemaker.estimators._factorization_machines."
    "FactorizationMachinesRegressor",
    "sklearn_sagemaker.estimators._intervals.IntervalRegressor",
    "sklearn_sagemaker.estimators._linear_learner.LinearLearnerClassifier",
    "sklearn_sagemaker.estimators._linear_learner.LinearLearnerRegressor",
    "sklearn_sagemaker.recommendations._columns.Labels",
    "sklearn_sagemaker.recommendations._columns.Number",
    "sklearn_sagemaker.recommendations._columns.OneHot",
    "sklearn_sagemaker.recommendations._encoder.InteractionEncoder",
    "sklearn_sagemaker.recommendations._recommender.Recommender",
)
"""All types that a skops file of our estimators names, and skops does not know.

Their fitted state is arrays, numbers, strings and containers of them. Objects that a
user passed as parameters, such as a splitter of one's own, come on top.
"""


def stamped(state: dict[str, Any]) -> dict[str, Any]:
    """A state to store: the attributes, the version of their format, and whose."""
    stamp = {"format": FORMAT_VERSION, "version": __version__}
    return {**state, STAMP: stamp}


def unstamped(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The attributes in a stored state.

    A state without a stamp is of before there was one, and is taken as it is.

    Raises
    ------
    ModelFormatError
        If a newer version stored it, in a format that this one does not know, or the
        stamp is none that any version writes.
    """
    state = dict(state)
    stamp = state.pop(STAMP, None)
    if stamp is None:
        return state
    try:
        found, version = stamp["format"], str(stamp["version"])[:40]
        # A number of another type is one that nobody wrote: damage, or a forgery.
        if type(found) is not int or not 0 <= found < MOST_FORMATS:
            raise TypeError(type(found).__name__)
    except (TypeError, KeyError, ValueError) as error:
        raise ModelFormatError(
            f"This {name} does not say in which format it is stored; load the file "
            "that was written, or train again."
        ) from error
    if found > FORMAT_VERSION:
        raise ModelFormatError(
            f"This {name} was stored by sklearn_sagemaker {version} in format {found}, "
            f"and version {__version__} reads formats up to {FORMAT_VERSION}; install "
            f"version {version} or newer, or store the model with {__version__}."
        )
    return state
