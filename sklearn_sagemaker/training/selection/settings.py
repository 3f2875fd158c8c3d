"""What the settings of both algorithms have: a loss and a criterion."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import has_effect
from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.selection.criteria import (
    CRITERIA,
    Calibration,
    Criterion,
    calibrate,
)

CALIBRATION_ROWS = 10_000_000
"""Validation rows that calibrate at most, with ``num_calibration_samples="auto"``."""


def uniform(scale: float, shape, rng: np.random.Generator) -> np.ndarray:
    """Numbers in ``[-scale, scale)``, whose length must not overflow."""
    scale = min(scale, np.finfo(np.float64).max / 4)
    return rng.uniform(-scale, scale, shape)


class Settings:
    """What the settings of all algorithms have: a loss and a criterion.

    Parameters
    ----------
    spec : TrainingSpec
    auto : dict
        What ``"auto"`` becomes where it is the same for all candidates.
    loss : str
        Name of the loss.

    Attributes
    ----------
    values : dict
        Hyperparameters; what candidates choose may still be ``"auto"``.
    loss : Loss
    loss_parameter : float
        Of the loss, in the user's units; 0 if it has none.
    binary, regression : bool
    stepwise : bool
        Whether the user asks for steps: SageMaker's path, and nothing else.
    n_outputs : int
        Margins of a model for a row: one for each class if the loss is coupled.
    criterion : Criterion
        How a binary classifier is selected (others go by their loss).
    """

    def __init__(self, spec: TrainingSpec, auto: dict[str, Any], loss: str):
        self.spec = spec
        self._table = hyperparameters_for(spec.algorithm, (spec.predictor_type,))
        # A spec that was stored may lack what came later.
        values = {name: entry.default for name, entry in self._table.items()}
        values |= spec.hyperparameters
        for name, value in auto.items():
            if values.get(name) == "auto":
                values[name] = value
        self.values = values
        self.loss = LOSSES[loss]
        self.loss_parameter = 0.0
        if self.loss.parameter is not None:
            self.loss_parameter = float(values[self.loss.parameter])
        self.binary = spec.predictor_type == "binary_classifier"
        self.regression = spec.predictor_type == "regressor"
        self.n_outputs = spec.n_classes if self.loss.coupled else 1
        self.stepwise = False
        self.criterion: Criterion = CRITERIA["loss_function"]
        if self.binary:
            name = values["binary_classifier_model_selection_criteria"]
            self.criterion = CRITERIA[name]

    @property
    def criterion_value(self) -> float:
        """Value of the criterion's own hyperparameter; 1 if it has none."""
        if self.criterion.parameter is None:
            return 1.0
        return float(self.values[self.criterion.parameter])

    @property
    def scores_rows(self) -> bool:
        """Whether candidates are selected by more than their validation loss."""
        if self.binary:
            return self.criterion.curve is not None
        return not self.regression and self.spec.multiclass_criterion == "accuracy"

    def flag(self, name: str, auto: bool) -> bool:
        """A hyperparameter that is true, false or "auto"."""
        value = self.values[name]
        return auto if value == "auto" else bool(value)

    def effective(self, found: dict[str, Any], **resolved: Any) -> dict[str, Any]:
        """The hyperparameters among some that have an effect here.

        Parameters
        ----------
        found : dict
            Values by name.
        **resolved
            What others have become, on which that depends.
        """
        table, kind = self._table, self.spec.predictor_type
        values = {**self.values, **resolved}
        return {
            name: value
            for name, value in found.items()
            if name in table and has_effect(table[name], values, kind)
        }

    def calibrate(self, margins, y, weights) -> Calibration:
        """Cut and score of a binary model on some rows, by the criterion.

        Parameters
        ----------
        margins, y, weights : float arrays of shape (n,)

        Returns
        -------
        calibration : Calibration
        """
        return calibrate(
            self.criterion,
            margins.astype(np.float64),
            y,
            weights,
            self.criterion_value,
            self.loss.midpoint,
            link=self.loss.link,
        )
