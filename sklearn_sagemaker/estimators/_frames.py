"""Fitted models as pandas frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._optional import import_optional


class FramesMixin:
    """Tables of a fitted model, for those who have pandas."""

    def candidates_to_frame(self):
        """The candidates as a pandas DataFrame, the best first.

        Returns
        -------
        frame : pandas.DataFrame
            One row a candidate, with the columns of ``candidates_``; the index is
            the candidate's number, of which ``best_index_`` is one.

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        AttributeError
            If the model was read from an artifact, which holds no candidates.
        """
        estimator: Any = self
        if hasattr(estimator, "artifact_source_"):
            raise AttributeError(
                "The model was read from an artifact, which holds no candidates; call "
                "fit to have some."
            )
        check_is_fitted(estimator, "candidates_")
        pandas = import_optional("pandas", "pandas", "tables of candidates")
        frame = pandas.DataFrame(dict(estimator.candidates_))
        frame.index.name = "candidate"
        return frame.sort_values("rank_validation_score", kind="stable")

    def coef_frame(self):
        """The coefficients by feature as a pandas DataFrame, the largest first.

        Returns
        -------
        frame : pandas.DataFrame
            One row a feature, by ``feature_names_in_`` (or x0, x1, ...), in the units
            of X; one column ``coef``, or one for each of more than two classes.
            Sorted by size, whatever the sign; by the largest of the classes.

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        """
        estimator: Any = self
        check_is_fitted(estimator, "coef_")
        pandas = import_optional("pandas", "pandas", "tables of coefficients")
        coef = np.atleast_2d(estimator.coef_).T
        names = getattr(estimator, "feature_names_in_", None)
        if names is None:
            names = [f"x{number}" for number in range(len(coef))]
        columns = ["coef"] if coef.shape[1] == 1 else list(estimator.classes_)
        frame = pandas.DataFrame(
            coef, index=pandas.Index(names, name="feature"), columns=columns
        )
        order = np.argsort(-np.abs(coef).max(axis=1), kind="stable")
        return frame.iloc[order]
