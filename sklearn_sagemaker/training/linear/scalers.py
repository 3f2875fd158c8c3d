"""What a run learns of its rows before it trains: scalers of features and labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    check_targets,
    feature_statistics,
    label_statistics,
    zeros_share,
)
from sklearn_sagemaker.training.selection.validation import ValidationPlan


def feature_scalers(
    settings: LinearSettings, reader: RowReader, data: TrainingData, rows: np.ndarray
) -> FeatureStatistics:
    """What features are scaled and centred by.

    Parameters
    ----------
    settings, reader, data : object
        Of the run.
    rows : int64 array
        To learn from.

    Returns
    -------
    statistics : FeatureStatistics
    """
    resume = settings.spec.resume
    if resume is not None:
        # The weights and the optimizer's state are in the units of these.
        return replace(
            FeatureStatistics(*resume["statistics"]),
            keep_constants=settings.sagemaker_rules,
            centred=bool(resume["shifted"]),
        )
    sparse = bool(reader.sparse)
    scaled = settings.flag("normalize_data", True)
    centred = settings.flag("unbias_data", settings.values["use_bias"] and not sparse)
    if not scaled and not centred:
        # Nothing to learn.
        d = reader.n_features
        return FeatureStatistics(
            np.zeros(d), np.ones(d), np.ones(d) if sparse else None
        )
    found = feature_statistics(reader, rows, data.sample_weight[rows])
    check_statistics(found, settings.spec.feature_names)
    return replace(
        found,
        zeros=zeros_share(data.X, rows),
        keep_constants=settings.sagemaker_rules,
    )


def label_scalers(
    settings: LinearSettings,
    plan: ValidationPlan,
    data: TrainingData,
    train_rows: np.ndarray,
    rows: np.ndarray,
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """What labels are scaled and centred by.

    Parameters
    ----------
    settings, plan, data : object
        Of the run.
    train_rows, rows : int64 arrays
        That train, and to learn from.

    Returns
    -------
    origin, unit : float
        Of all labels...
    shift, scale : float64 arrays of shape (n_fits,)
        ... and then of those of each fit.

    Raises
    ------
    ValueError
        If the training to be continued has another number of folds.
    """
    resume = settings.spec.resume
    origin, unit = 0.0, 1.0
    shift, scale = np.zeros(plan.n_fits), np.ones(plan.n_fits)
    if resume is not None:
        origin, unit, shift, scale = resume["labels"]
        if len(shift) != plan.n_fits:
            raise ValueError(
                f"This training has {plan.n_fits - 1} folds, the one that it is "
                f"to continue had {len(shift) - 1}; keep cv, or set "
                "warm_start=False to start anew."
            )
    elif settings.regression:
        y, weights = data.y, data.sample_weight
        check_targets(y[train_rows])
        settings.warn_of_scale(y[train_rows], weights[train_rows])
        how = settings.scales_labels, settings.centres_labels
        origin, unit = label_statistics(y[rows], weights[rows], *how)
        scaled = (y - origin) / unit
        for fit in range(1, plan.n_fits):
            mine = plan.trained_by(fit, rows)
            if len(mine):
                found = label_statistics(scaled[mine], weights[mine], *how)
                shift[fit], scale[fit] = found
    return origin, unit, shift, scale
