"""Every exception and warning that sklearn_sagemaker raises itself."""

from __future__ import annotations

__all__ = [
    "AllCandidatesDivergedError",
    "CandidateDivergedWarning",
    "DataFileError",
    "InapplicableHyperparameterWarning",
    "OptionalDependencyError",
    "TargetNotReachedWarning",
]


class AllCandidatesDivergedError(FloatingPointError, ValueError):
    """Every candidate model overflowed during training.

    The message names the features whose scales are to blame and the remedy.
    """


class CandidateDivergedWarning(RuntimeWarning):
    """Some candidates overflowed at the user's learning rate and were dropped."""


class DataFileError(ValueError):
    """A data file cannot be read as asked; the message names file and row."""


class InapplicableHyperparameterWarning(UserWarning):
    """A hyperparameter is set that has no effect with the other ones.

    The message names the value, why it has none, and what it applies to.
    """


class OptionalDependencyError(ImportError):
    """An optional package is missing; the message names the extra to install."""


class TargetNotReachedWarning(UserWarning):
    """No threshold reaches the target precision or recall; the nearest is used."""
