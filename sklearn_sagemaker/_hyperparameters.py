"""The one table of hyperparameters: our side and SageMaker's.

Parameter constraints, docstrings, the tables in the docs and the command line
are read from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

BINARY = "binary_classifier"
MULTICLASS = "multiclass_classifier"
REGRESSOR = "regressor"
CLASSIFIERS = (BINARY, MULTICLASS)
ALL = (BINARY, MULTICLASS, REGRESSOR)


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter.

    Attributes
    ----------
    name : str
        Name here and in SageMaker's container.
    kind : {"int", "float", "bool", "choice"}
    default : object
        Default here.
    sagemaker_default : object
        Default of SageMaker's container.
    doc : str
        What it does, for docstrings and tables.
    predictor_types : tuple of str
        Predictor types that it applies to.
    low, high, closed : float, float, str
        Range of a number; ``closed`` as in scikit-learn's ``Interval``.
    choices : tuple of str
        Texts that are allowed, beside a number if the kind is one.
    implemented : tuple or None
        None if every value works; else the values that work today.
    """

    name: str
    kind: str
    default: Any
    sagemaker_default: Any
    doc: str
    predictor_types: tuple[str, ...] = ALL
    low: float | None = None
    high: float | None = None
    closed: str = "neither"
    choices: tuple[str, ...] = ()
    implemented: tuple[Any, ...] | None = None

    @property
    def type_text(self) -> str:
        """Type and range as a docstring states them."""
        texts = ", ".join(f'"{choice}"' for choice in self.choices)
        if self.kind == "choice":
            return "{" + texts + "}"
        base = {"int": "int", "float": "float", "bool": "bool"}[self.kind]
        if self.low is not None and self.kind != "bool":
            left = "[" if self.closed in ("left", "both") else "("
            right = "]" if self.closed in ("right", "both") else ")"
            high = "inf" if self.high is None else f"{self.high:g}"
            base += f" in {left}{self.low:g}, {high}{right}"
        return f"{base} or {texts}" if texts else base

    def parse(self, text: str) -> Any:
        """A value from text, as typed on a command line or sent to SageMaker.

        Raises
        ------
        ValueError
            If the text is no value of this hyperparameter; the message names the
            value, the rule and an example.
        """
        value: Any
        text = text.strip()
        if text in self.choices:
            return text
        try:
            if self.kind == "bool":
                value = {"true": True, "false": False}[text.lower()]
            elif self.kind == "int":
                value = int(text)
            elif self.kind == "float":
                value = float(text)
            else:
                raise ValueError(text)
        except (ValueError, KeyError):
            raise ValueError(self._refusal(text)) from None
        if not self._in_range(value):
            raise ValueError(self._refusal(text))
        return value

    def to_string(self, value: Any) -> str:
        """The text that SageMaker's container accepts for a value."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def _in_range(self, value: Any) -> bool:
        if self.kind == "bool" or self.low is None:
            return True
        high = math.inf if self.high is None else self.high
        above = value >= self.low if self.closed in ("left", "both") else True
        above = above and (value > self.low or self.closed in ("left", "both"))
        below = value <= high if self.closed in ("right", "both") else value < high
        return bool(above and below)

    def _refusal(self, text: str) -> str:
        example = self.default if self.default is not None else self.sagemaker_default
        return (
            f"{self.name}={text!r} is not valid: it must be {self.type_text}, "
            f"for example {self.to_string(example)}."
        )


def _number(name, kind, default, sagemaker_default, doc, low, high=None, closed=None,
            auto=False, **more):  # fmt: skip
    if closed is None:
        closed = "neither" if high is not None or kind == "float" else "left"
    return Hyperparameter(
        name,
        kind,
        default,
        sagemaker_default,
        doc,
        low=low,
        high=high,
        closed=closed,
        choices=("auto",) if auto else (),
        **more,
    )


def _flag(name, default, sagemaker_default, doc, auto=False, **more):
    choices = ("auto",) if auto else ()
    return Hyperparameter(
        name, "bool", default, sagemaker_default, doc, choices=choices, **more
    )


def _choice(name, default, sagemaker_default, doc, choices, **more):
    return Hyperparameter(
        name, "choice", default, sagemaker_default, doc, choices=choices, **more
    )


_LINEAR = (
    _choice(
        "loss",
        "auto",
        "auto",
        'Loss to minimise. "auto" is "logistic" for two classes, "softmax_loss" for '
        "more.",
        ("auto", "logistic", "hinge_loss", "softmax_loss"),
        predictor_types=CLASSIFIERS,
        implemented=("auto", "logistic", "softmax_loss"),
    ),
    _choice(
        "loss",
        "auto",
        "auto",
        'Loss to minimise. "auto" is "squared_loss", the squared error itself, without '
        "a factor of one half.",
        (
            "auto",
            "squared_loss",
            "absolute_loss",
            "eps_insensitive_squared_loss",
            "eps_insensitive_absolute_loss",
            "quantile_loss",
            "huber_loss",
        ),
        predictor_types=(REGRESSOR,),
        implemented=("auto", "squared_loss"),
    ),
    _choice(
        "binary_classifier_model_selection_criteria",
        "accuracy",
        "accuracy",
        "What the selected model, and its threshold, do best on the validation rows. "
        '"loss_function" and "cross_entropy_loss" leave the threshold at 0.5.',
        (
            "accuracy",
            "f1",
            "f_beta",
            "precision_at_target_recall",
            "recall_at_target_precision",
            "cross_entropy_loss",
            "loss_function",
        ),
        predictor_types=(BINARY,),
        implemented=("accuracy", "f1", "cross_entropy_loss", "loss_function"),
    ),
    _number(
        "mini_batch_size", "int", "auto", 1000,
        'Rows of a mini-batch. "auto" is between 16 and 1000, so that small data get '
        "enough updates; a number is obeyed.",
        1, auto=True,
    ),
    _number(
        "epochs", "int", "auto", 15,
        'Passes over the data at most. "auto" is 15, and as many more as it takes to '
        "make 1500 updates.",
        1, auto=True,
    ),
    _number(
        "num_models", "int", "auto", "auto",
        'Candidate models to train in the one pass. "auto" is 32. Candidates are '
        "distinct, so there are fewer when most hyperparameters are fixed.",
        1, auto=True,
    ),
    _choice(
        "optimizer", "auto", "auto", 'How weights are updated. "auto" is "adam".',
        ("auto", "sgd", "adam", "rmsprop"), implemented=("auto", "sgd", "adam"),
    ),
    _number(
        "learning_rate", "float", "auto", "auto",
        'Size of a step. "auto" varies it over the candidates.',
        0.0, auto=True,
    ),
    _number(
        "wd", "float", "auto", "auto",
        'L2 penalty ``wd / 2 * ||w||**2``. "auto" varies it over the candidates.',
        0.0, closed="left", auto=True,
    ),
    _number(
        "l1", "float", "auto", "auto",
        'L1 penalty ``l1 * ||w||_1``. "auto" varies it over the candidates.',
        0.0, closed="left", auto=True,
    ),
    _number(
        "momentum", "float", "auto", "auto", 'Momentum of sgd. "auto" is 0.',
        0.0, 1.0, closed="left", auto=True,
    ),
    _number(
        "beta_1", "float", "auto", "auto",
        'Decay of adam\'s mean of gradients. "auto" is 0.9.',
        0.0, 1.0, closed="left", auto=True,
    ),
    _number(
        "beta_2", "float", "auto", "auto",
        'Decay of adam\'s mean of squared gradients. "auto" is 0.999.',
        0.0, 1.0, closed="left", auto=True,
    ),
    _flag("use_bias", True, True, "Whether to fit an intercept."),
    _number(
        "bias_lr_mult", "float", "auto", "auto",
        'Learning rate of the intercept, times ``learning_rate``. "auto" is 10.',
        0.0, auto=True,
    ),
    _number(
        "bias_wd_mult", "float", "auto", "auto",
        'L2 penalty of the intercept, times ``wd``. "auto" is 0.',
        0.0, closed="left", auto=True,
    ),
    _choice(
        "init_method", "auto", "uniform",
        'Starting weights: "uniform" in [-init_scale, init_scale], "normal" with '
        'deviation init_sigma. "auto" is zero, which the convex losses do not mind.',
        ("auto", "uniform", "normal"),
    ),
    _number(
        "init_scale", "float", 0.07, 0.07, 'For init_method="uniform".', 0.0,
    ),
    _number(
        "init_sigma", "float", 0.01, 0.01, 'For init_method="normal".', 0.0,
    ),
    Hyperparameter(
        "init_bias", "float", 0.0, 0.0, "Starting value of the intercept.",
    ),
    _flag(
        "use_lr_scheduler", True, True,
        "Whether the learning rate falls during training.",
    ),
    _number(
        "lr_scheduler_step", "int", "auto", "auto",
        'Updates between two falls of the learning rate. With all three of "auto" the '
        "rate follows half a cosine to zero over all epochs.",
        1, auto=True,
    ),
    _number(
        "lr_scheduler_factor", "float", "auto", "auto",
        "Factor of each fall.", 0.0, 1.0, auto=True,
    ),
    _number(
        "lr_scheduler_minimum_lr", "float", "auto", "auto",
        "The learning rate never falls below this.", 0.0, auto=True,
    ),
    _flag(
        "normalize_data", "auto", True,
        'Whether to divide features by their standard deviation. "auto" lets '
        "candidates differ. Dense data: some divide by it, some by no less than the "
        "root mean square of all deviations, so that rare features are not blown up. "
        "Sparse data: some do the latter, some divide all features by the root mean "
        "square length of a row.",
        auto=True,
    ),
    _flag(
        "normalize_label", "auto", "auto",
        'Whether to divide labels by their standard deviation. "auto" does.',
        auto=True, predictor_types=(REGRESSOR,),
    ),
    _flag(
        "unbias_data", "auto", "auto",
        'Whether to centre features. "auto" does for dense data if use_bias; sparse '
        "data stay sparse, and with True are centred exactly all the same.",
        auto=True,
    ),
    _flag(
        "unbias_label", "auto", "auto",
        'Whether to centre labels. "auto" does if use_bias.',
        auto=True, predictor_types=(REGRESSOR,),
    ),
    _number(
        "num_point_for_scaler", "int", 10000, 10000,
        "Rows, the first ones, that means and deviations are taken from.", 1,
    ),
    _number(
        "early_stopping_patience", "int", "auto", 3,
        'Epochs without an improvement before a candidate stops. "auto" is 3, '
        "counted from the second half of a cosine schedule on.",
        1, auto=True,
    ),
    _number(
        "early_stopping_tolerance", "float", 0.001, 0.001,
        "Relative improvement of the validation loss that counts as one.", 0.0,
    ),
    _number(
        "num_calibration_samples", "int", 10_000_000, 10_000_000,
        'Validation rows at most that the threshold is calibrated on. "auto" is '
        "10,000,000.", 1,
        auto=True, predictor_types=(BINARY,),
    ),
    Hyperparameter(
        "positive_example_weight_mult", "float", 1.0, 1.0,
        'Weight of positive rows. "balanced" weighs both classes alike.',
        predictor_types=(BINARY,), low=0.0, choices=("auto", "balanced"),
        implemented=(1.0,),
    ),
    _number(
        "target_recall", "float", 0.8, 0.8,
        'For the criterion "precision_at_target_recall".', 0.0, 1.0,
        predictor_types=(BINARY,), implemented=(0.8,),
    ),
    _number(
        "target_precision", "float", 0.8, 0.8,
        'For the criterion "recall_at_target_precision".', 0.0, 1.0,
        predictor_types=(BINARY,), implemented=(0.8,),
    ),
    _number(
        "f_beta", "float", 1.0, 1.0, 'For the criterion "f_beta".', 0.0,
        predictor_types=CLASSIFIERS, implemented=(1.0,),
    ),
    _number(
        "margin", "float", 1.0, 1.0, 'Margin of "hinge_loss".', 0.0,
        predictor_types=(BINARY,), implemented=(1.0,),
    ),
    _number(
        "accuracy_top_k", "int", 3, 3, "k of the top-k accuracy.", 1,
        predictor_types=(MULTICLASS,), implemented=(3,),
    ),
    _flag(
        "balance_multiclass_weights", False, False,
        "Whether to weigh each class by one over its frequency.",
        predictor_types=(MULTICLASS,), implemented=(False,),
    ),
    _number(
        "quantile", "float", 0.5, 0.5, 'Quantile of "quantile_loss".', 0.0, 1.0,
        predictor_types=(REGRESSOR,), implemented=(0.5,),
    ),
    _number(
        "loss_insensitivity", "float", 0.01, 0.01,
        "Half width of the band in which the eps_insensitive losses are zero.", 0.0,
        predictor_types=(REGRESSOR,), implemented=(0.01,),
    ),
    _number(
        "huber_delta", "float", 1.0, 1.0,
        'Error from which on "huber_loss" is linear.', 0.0,
        predictor_types=(REGRESSOR,), implemented=(1.0,),
    ),
)  # fmt: skip

HYPERPARAMETERS: dict[str, tuple[Hyperparameter, ...]] = {"linear-learner": _LINEAR}
"""All hyperparameters by SageMaker's name of the algorithm."""


def hyperparameters_for(
    algorithm: str, predictor_types: tuple[str, ...]
) -> dict[str, Hyperparameter]:
    """Hyperparameters of an estimator that is one of these predictor types."""
    return {
        entry.name: entry
        for entry in HYPERPARAMETERS[algorithm]
        if set(entry.predictor_types) & set(predictor_types)
    }


def check_implemented(table: dict[str, Hyperparameter], values: dict[str, Any]) -> None:
    """Refuse what a later version will train, by name.

    Raises
    ------
    NotImplementedError
        Naming the first hyperparameter whose value is not implemented yet.
    """
    for name, value in values.items():
        entry = table[name]
        if entry.implemented is not None and value not in entry.implemented:
            allowed = ", ".join(repr(choice) for choice in entry.implemented)
            raise NotImplementedError(
                f"{name}={value!r} is not implemented yet; this version trains with "
                f"{name} in ({allowed})."
            )
