"""Displays of fitted models, in scikit-learn's form.

Each has ``from_estimator``, takes its data in the constructor, and draws them by
``plot(ax=None)``, which leaves ``ax_`` and ``figure_``. They need the extra ``plot``
(``pip install 'sklearn_sagemaker[plot]'``). Colours are those of Okabe and Ito, which
people see apart who see few colours, and no colour stands without a shape.
"""

from sklearn_sagemaker.inspection._candidates import CandidatesDisplay
from sklearn_sagemaker.inspection._coefficients import CoefficientsDisplay
from sklearn_sagemaker.inspection._factors import FactorsDisplay
from sklearn_sagemaker.inspection._loss_curve import LossCurveDisplay
from sklearn_sagemaker.inspection._threshold import ThresholdDisplay

__all__ = [
    "CandidatesDisplay",
    "CoefficientsDisplay",
    "FactorsDisplay",
    "LossCurveDisplay",
    "ThresholdDisplay",
]
