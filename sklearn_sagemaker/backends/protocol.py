"""What a backend is: a value that trains a spec on data."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)


@runtime_checkable
class Backend(Protocol):
    """Where a fit runs.

    A backend holds settings only and makes clients late, so it can be pickled,
    and it has ``get_params`` and ``set_params``, so scikit-learn can clone it
    and search its settings.
    """

    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState:
        """Train and return the selected model."""
        ...
