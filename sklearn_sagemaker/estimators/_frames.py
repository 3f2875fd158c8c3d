"""Fitted models as pandas frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.estimators._told import told


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
        TrainingUnknownError
            If the model was read from an artifact, which holds no candidates.
        """
        estimator: Any = self
        candidates = told(estimator, "candidates_", "candidates")
        pandas = import_optional("pandas", "pandas", "tables of candidates")
        frame = pandas.DataFrame(dict(candidates))
        frame.index.name = "candidate"
        return frame.sort_values("rank_validation_score", kind="stable")

    def coef_frame(self, feature_names: Any = None):
        """The coefficients by feature as a pandas DataFrame, the largest first.

        Parameters
        ----------
        feature_names : array-like of shape (n_features,), default=None
            Names of the features, for a model that was fitted without: sparse rows
            have none, so a Pipeline knows them by ``get_feature_names_out()`` of the
            steps before. None is ``feature_names_in_``, or x0, x1, ... without.

        Returns
        -------
        frame : pandas.DataFrame
            One row a feature, by its name, in the units of X; one column ``coef``, or
            one for each of more than two classes. Sorted by size, whatever the sign;
            by the largest of the classes.

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        ValueError
            If there are more or fewer names than features.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import OneHotEncoder
        >>> from sklearn_sagemaker import LinearLearnerRegressor
        >>> X = pd.DataFrame({"colour": ["red", "red", "blue"] * 20})
        >>> model = LinearLearnerRegressor(random_state=0)
        >>> pipe = make_pipeline(OneHotEncoder(), model).fit(X, [1, 1, 3] * 20)
        >>> names = pipe[:-1].get_feature_names_out()
        >>> sorted(pipe[-1].coef_frame(feature_names=names).index)
        ['colour_blue', 'colour_red']
        """
        estimator: Any = self
        check_is_fitted(estimator, "coef_")
        coef = np.atleast_2d(estimator.coef_).T
        names = feature_names
        if names is None:
            numbered = [f"x{number}" for number in range(len(coef))]
            names = getattr(estimator, "feature_names_in_", numbered)
        elif np.shape(names) != (len(coef),):
            raise ValueError(
                f"feature_names has the shape {np.shape(names)}, but the model has "
                f"{len(coef)} features; pass one name for each column that it was "
                "fitted on, as pipeline[:-1].get_feature_names_out() lists them."
            )
        pandas = import_optional("pandas", "pandas", "tables of coefficients")
        columns = ["coef"] if coef.shape[1] == 1 else list(estimator.classes_)
        frame = pandas.DataFrame(
            coef, index=pandas.Index(names, name="feature"), columns=columns
        )
        order = np.argsort(-np.abs(coef).max(axis=1), kind="stable")
        return frame.iloc[order]
