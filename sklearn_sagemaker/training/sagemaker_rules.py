"""SageMaker's own rules, as stored models and logs of its jobs settle them.

With ``sagemaker_rules=True`` Linear Learner goes by them where ours differ; early
stopping by them is in `Progress.record`.
"""

from __future__ import annotations

import numpy as np

SMOOTHING = 1e-6
"""Added to the share of a class in the sample."""


def scaler_rows(n_rows: int, wanted: int, batch: int) -> int:
    """How many of the first rows SageMaker learns scalers and class weights from.

    Whole mini-batches, until they hold more than the wanted rows: 11 of 1000 for
    10,000. A last one that is not full is left out, unless it is all there is.

    Parameters
    ----------
    n_rows : int
        Rows there are.
    wanted : int
        ``num_point_for_scaler``.
    batch : int
        Rows of a mini-batch.

    Returns
    -------
    count : int

    Examples
    --------
    >>> from sklearn_sagemaker.training.sagemaker_rules import scaler_rows
    >>> scaler_rows(50_000, 10_000, 1000), scaler_rows(6548, 10_000, 100)
    (11000, 6500)
    """
    return min(wanted // batch + 1, n_rows // batch) * batch or n_rows


def balanced_weights(sample: np.ndarray, everything: np.ndarray) -> np.ndarray:
    """Weights of the classes that ``balance_multiclass_weights`` asks for.

    ``(p_max + 1e-6) / (p + 1e-6)`` of the share p of a class in a sample of the rows.
    SageMaker gives a class that the sample lacks half a million, which ruins the model
    as soon as one row has it. Here such a class has its share of all rows; one without
    any counts as the rarest.

    Parameters
    ----------
    sample, everything : float64 arrays of shape (n_classes,)
        Weight of the rows of each class, in the sample and in all.

    Returns
    -------
    weights : float64 array of shape (n_classes,)
    """
    tiny = np.finfo(np.float64).tiny
    shares = np.where(
        sample > 0,
        sample / max(sample.sum(), tiny),
        everything / max(everything.sum(), tiny),
    )
    if (shares > 0).any():
        shares = np.where(shares > 0, shares, shares[shares > 0].min())
    return (shares.max() + SMOOTHING) / (shares + SMOOTHING)
