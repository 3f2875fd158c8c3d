"""What a spec of Linear Learner means, with every shared ``"auto"`` resolved."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._hyperparameters import AUTO_OPTIMIZER, warn_user
from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER, steps_given
from sklearn_sagemaker._kernels import DEFAULT_LOSS
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.exceptions import HyperparameterScaleWarning
from sklearn_sagemaker.training.columns import Columns
from sklearn_sagemaker.training.linear.objective import Objective
from sklearn_sagemaker.training.sagemaker_rules import balanced_weights
from sklearn_sagemaker.training.scaling import FeatureStatistics, label_statistics
from sklearn_sagemaker.training.selection.settings import (
    CALIBRATION_ROWS,
    Settings,
    uniform,
)
from sklearn_sagemaker.training.weights import near_one

AUTO = {
    "beta_1": 0.9,
    "beta_2": 0.999,
    "momentum": 0.0,
    "bias_wd_mult": 0.0,
    "early_stopping_patience": 3,
    "num_calibration_samples": CALIBRATION_ROWS,
    "optimizer": AUTO_OPTIMIZER["linear-learner"],
}
"""What ``"auto"`` becomes where it is the same for all candidates."""

RARE = 0.5
"""Below this share of rows that store a feature, on average, features are rare."""
TINY_PARAMETER = 1e-4
"""Of the deviation of y: a parameter of a loss below it is in other units, it seems."""
UNWEIGHTED_CRITERIA = ("accuracy", "cross_entropy_loss", "loss_function")
"""With these, ``positive_example_weight_mult="auto"`` is 1."""


class LinearSettings(Settings):
    """The settings of a run of Linear Learner.

    Parameters
    ----------
    spec : TrainingSpec

    Attributes
    ----------
    sagemaker_rules : bool
        Whether SageMaker's own rules hold where ours differ.
    patient : bool
        Whether candidates with a cosine schedule are not stopped.
    steps : list of str
        What the user has set that only steps heed.
    solver_alone : bool
        Whether the user asks for the solver, or for what it alone can do, and for
        nothing else.
    signed : bool
        Whether signs of coefficients are given, which it alone can do.
    """

    def __init__(self, spec: TrainingSpec):
        loss = spec.hyperparameters["loss"]
        if loss == "auto":
            loss = DEFAULT_LOSS[spec.predictor_type]
        super().__init__(spec, AUTO, loss)
        self.values["loss"] = loss
        self.sagemaker_rules: bool = self.values["sagemaker_rules"]
        patience = spec.hyperparameters["early_stopping_patience"]
        self.patient = patience == "auto" and not self.sagemaker_rules
        given = spec.hyperparameters
        self.steps = steps_given(given, self._table)
        optimizer = given.get("optimizer", "auto")
        self.signed = spec.positive is not False
        self.solver_alone = optimizer == SOLVER or self.signed
        if self.solver_alone:
            # Plans and budgets are those of the steps that it spares.
            self.values["optimizer"] = AUTO["optimizer"]
        self.stepwise = not self.solver_alone and (
            optimizer != "auto" or bool(self.steps)
        )

    def shifts_features(self, statistics: FeatureStatistics) -> bool:
        """Whether features are centred.

        As in SageMaker, sparse ones only if the user asks for it. Neither are dense
        ones that are much like them, unless the user asks for standard features.
        """
        if statistics.centred is not None:
            return statistics.centred
        values = self.values
        if values["unbias_data"] == "auto" and statistics.sparse_like:
            standard = self.flag("normalize_data", False)
            if statistics.present is not None or not standard:
                return False
        return self.flag("unbias_data", values["use_bias"])

    def solved_scaling(self, statistics: FeatureStatistics) -> str:
        """How the features of candidates that are solved are scaled: one of `SCALINGS`.

        By a rule, so that a candidate is known by its penalties: the mean deviation is
        the least that divides where features are rare.
        """
        if self.values["normalize_data"] != "auto":
            return "standard" if self.values["normalize_data"] else "none"
        present = statistics.present
        if present is not None:
            return "floored" if present.mean() < RARE else "standard"
        return "floored" if statistics.sparse_like else "standard"

    def warn_of_scale(self, y: np.ndarray, weights: np.ndarray) -> None:
        """Warn if the loss's own parameter is tiny against the spread of targets.

        Parameters
        ----------
        y, weights : float64 arrays of shape (n,)
            Of training rows.

        Warns
        -----
        HyperparameterScaleWarning
        """
        name = self.loss.parameter
        if name is None or not self.loss.parameter_scales:
            return
        _, deviation = label_statistics(y, weights, True, True)
        if self.loss_parameter >= TINY_PARAMETER * deviation or np.ptp(y) == 0:
            return
        warn_user(
            f"{name}={self.loss_parameter:g} is in the units of y, whose deviation is "
            f"{deviation:.4g}: against such errors it hardly matters, and "
            f"{self.loss.name} is as good as absolute_loss or squared_loss. Set {name} "
            f"to errors that you put up with, such as {deviation / 10:.2g}, or scale "
            "y, for example with sklearn.compose.TransformedTargetRegressor.",
            HyperparameterScaleWarning,
        )

    def bias_lr_mult(self, statistics: FeatureStatistics) -> float:
        """Learning rate of the intercept, by that of the weights.

        An intercept apart from the weights, as centring and rare features make it,
        can take long steps; else it is the weight of one more feature.
        """
        wanted = self.values["bias_lr_mult"]
        if wanted != "auto":
            return wanted
        apart = statistics.present is not None or self.shifts_features(statistics)
        return 10.0 if apart else 1.0

    @property
    def scales_labels(self) -> bool:
        """Whether labels are divided by their deviation (regression)."""
        return self.flag("normalize_label", True)

    @property
    def centres_labels(self) -> bool:
        """Whether labels are centred (regression)."""
        return self.flag("unbias_label", self.values["use_bias"])

    @property
    def positive_weight(self) -> float | str:
        """Factor of the loss of positive rows, or "balanced" (two classes)."""
        wanted = self.values["positive_example_weight_mult"]
        if wanted != "auto":
            return wanted
        return 1.0 if self.criterion.name in UNWEIGHTED_CRITERIA else "balanced"

    @property
    def kernel_optimizer(self) -> str:
        """Name of the optimizer in the kernels."""
        if self.values["optimizer"] == "sgd" and self.values["momentum"] > 0:
            return "momentum"
        return self.values["optimizer"]

    def objective(self, statistics: FeatureStatistics) -> Objective:
        """What the columns minimise, and by which steps."""
        values = self.values
        return Objective(
            loss=self.loss.name,
            n_classes=self.spec.n_classes,
            optimizer=self.kernel_optimizer,
            constants={
                "beta_1": values["beta_1"],
                "beta_2": values["beta_2"],
                "eps": 1e-8,
                "momentum": values["momentum"],
            },
            use_bias=values["use_bias"],
            bias_lr_mult=self.bias_lr_mult(statistics),
            bias_wd_mult=values["bias_wd_mult"],
        )

    def label_scaler(self, shift: np.ndarray, scale: np.ndarray, unit: float):
        """Label scalers of the fits, with the loss's parameter in their units.

        Parameters
        ----------
        shift, scale : float64 arrays of shape (n_fits,)
        unit : float
            Of the labels that the kernels are given, in the user's.

        Returns
        -------
        scaler : float64 array of shape (3, n_fits)
        """
        parameter = np.full(len(scale), self.loss_parameter)
        if self.loss.parameter_scales:
            parameter /= unit * scale
        return np.stack([shift, scale, parameter])

    def class_multipliers(
        self, y: np.ndarray, weights: np.ndarray, sample: int | None = None
    ) -> np.ndarray:
        """Factor of the loss of each class, as SageMaker's hyperparameters ask.

        Parameters
        ----------
        y, weights : float64 arrays of shape (n,)
            Class indices and weights of the training rows.
        sample : int or None
            How many of them, the first ones, count by SageMaker's rules; None is all.

        Returns
        -------
        multipliers : float64 array of shape (n_classes,)
            Ones for regression.
        """
        multipliers = np.ones(max(2, self.spec.n_classes))
        balanced = not self.binary and self.values["balance_multiclass_weights"]
        if self.regression or not (self.binary or balanced):
            return multipliers
        if self.binary and self.positive_weight != "balanced":
            multipliers[1] = self.positive_weight
            return near_one(multipliers)
        shares = np.bincount(y.astype(int), weights, minlength=len(multipliers))
        if balanced and self.sagemaker_rules:
            y, weights = y[:sample], weights[:sample]
            first = np.bincount(y.astype(int), weights, minlength=len(multipliers))
            return balanced_weights(first, shares)
        if balanced:
            return shares.sum() / np.maximum(shares, 1e-300)
        multipliers[1] = shares[0] / max(shares[1], 1e-300)
        return near_one(multipliers)

    def initial_weights(self, columns: Columns, models: np.ndarray):
        """Random starting weights of some models if the user asks for them.

        Those of a column depend on its number in the user's rows, and not on the
        others that are trained.

        Returns
        -------
        initial : callable or None
            ``initial(n) -> (n_features, n)``; None starts from zeros. Each model
            has a random stream of its own.
        """
        method, values = self.values["init_method"], self.values
        if method == "auto":
            return None

        def initial(n: int) -> np.ndarray:
            width = columns.width, n // len(models)
            drawn = np.empty((len(columns), width[1], len(models)))
            for place, model in enumerate(models):
                rng = np.random.default_rng([self.spec.seed, 0x1217, model])
                if method == "uniform":
                    found = uniform(values["init_scale"], width, rng)
                else:
                    found = rng.normal(0.0, values["init_sigma"], width)
                drawn[:, :, place] = columns.take(found)
            return drawn.reshape(len(columns), n)

        return initial

    @property
    def initial_bias(self) -> float:
        """Starting value of the intercepts."""
        return self.values["init_bias"] if self.values["use_bias"] else 0.0
