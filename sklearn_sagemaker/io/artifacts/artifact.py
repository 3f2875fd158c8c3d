"""What a model artifact says, in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker.exceptions import ArtifactError

LINEAR, FM = "linear-learner", "factorization-machines"

KINDS = (BINARY, MULTICLASS, REGRESSOR)
LINKS = {BINARY: "logit", MULTICLASS: "softmax", REGRESSOR: "identity"}
"""What scores mean, unless something says otherwise."""


@dataclass(frozen=True, eq=False)
class Machines:
    """Linear models or factorization machines, m of them.

    Attributes
    ----------
    intercept : float ndarray of shape (m,)
    coef : float ndarray of shape (m, n_features)
    factors : float ndarray of shape (m, n_features, k) or None
        None of linear models.
    """

    intercept: np.ndarray
    coef: np.ndarray
    factors: np.ndarray | None

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, those that there are."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def narrow(self) -> Machines:
        """The same in float32, as MXNet has it.

        Raises
        ------
        ArtifactError
            If a number is NaN, or too large for float32.
        """
        found = {}
        for name, array in self.arrays().items():
            with np.errstate(over="ignore"):
                found[name] = array.astype(np.float32)
            if not np.isfinite(found[name]).all():
                raise ArtifactError(
                    f"{name}_ has numbers that are NaN or beyond 3.4e38, which float32 "
                    "cannot hold; scale the features and train again."
                )
        return Machines(found["intercept"], found["coef"], found.get("factors"))


@dataclass(frozen=True, eq=False)
class ModelArtifact:
    """A model as an artifact has it.

    Attributes
    ----------
    algorithm : {"linear-learner", "factorization-machines"}
    predictor_type : str or None
        "binary_classifier", "multiclass_classifier" or "regressor"; None if the
        artifact does not say.
    link : str or None
        What a score means: "logit", "softmax", "score" (hinge), "identity" or
        "probit"; None if the artifact does not say.
    machines : Machines
        One for each output; or for each draw and output, the draws outermost.
    n_draws : int or None
        How many draws are averaged.
    classes : ndarray or None
    threshold : float or None
    feature_names : list of str or None
    means : dict of arrays
        With draws ``intercept`` and ``coef``, their means.
    training : dict
        Plain values that our own artifacts add: ``parameters`` of the estimator,
        ``resolved``, ``metrics``, ``n_iter``.
    """

    algorithm: str
    predictor_type: str | None
    link: str | None
    machines: Machines
    n_draws: int | None = None
    classes: np.ndarray | None = None
    threshold: float | None = None
    feature_names: list[str] | None = None
    means: dict[str, np.ndarray] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.machines.coef.shape[1])

    @property
    def n_outputs(self) -> int:
        """Scores of a row: classes, or one."""
        return len(self.machines.intercept) // (self.n_draws or 1)

    @property
    def is_sagemakers(self) -> bool:
        """Whether SageMaker's algorithm has such models."""
        if self.algorithm == LINEAR:
            return True
        single = self.n_draws is None and self.n_outputs == 1
        return single and self.link in ("logit", "identity")
