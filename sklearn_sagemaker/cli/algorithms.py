"""``--algorithm``: what can be trained, by SageMaker's names and by short ones."""

from __future__ import annotations

import argparse
from typing import Any

from sklearn_sagemaker._hyperparameters import ALL, REGRESSOR

LINEAR = "linear-learner"
FACTORS = "factorization-machines"
TITLES = {LINEAR: "Linear Learner", FACTORS: "Factorization Machines"}
SHORT = {"ll": LINEAR, "fm": FACTORS}


def algorithm(text: str) -> str:
    """SageMaker's name of an algorithm, from that or from its short name."""
    name = SHORT.get(text, text)
    if name not in TITLES:
        allowed = ", ".join([*TITLES, *SHORT])
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an algorithm; it must be one of {allowed}"
        )
    return name


def add_algorithm(parser: argparse.ArgumentParser) -> None:
    """``--algorithm``."""
    parser.add_argument(
        "--algorithm",
        type=algorithm,
        default=LINEAR,
        metavar="NAME",
        help=f"what to train: {LINEAR} (or ll, the default) or {FACTORS} (or fm)",
    )


def estimator_class(name: str, predictor_type: str) -> Any:
    """The estimator of an algorithm and a type of predictor."""
    from sklearn_sagemaker import estimators

    kind = "Regressor" if predictor_type == REGRESSOR else "Classifier"
    return getattr(estimators, TITLES[name].replace(" ", "") + kind)


def known_classes() -> tuple[type, ...]:
    """All estimators that a model file may hold."""
    return tuple({estimator_class(name, kind): None for name in TITLES for kind in ALL})
