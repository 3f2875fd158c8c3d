"""What all estimators share.

What fits, what trains elsewhere and what notebooks show is imported by the methods that
need it: it is two thirds of the package.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sagemaker._compat import CallbackSupportMixin
from sklearn_sagemaker._hyperparameters import Hyperparameter, plain
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.estimators._stored import stamped, unstamped
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets


def streams(estimator: Any) -> bool:
    """Whether there is a `partial_fit`, for `available_if`."""
    solver = plain(getattr(estimator, "solver", "gradient"))
    if solver != "gradient":
        raise AttributeError(
            f"partial_fit is not available with solver={solver!r}, which needs all "
            "rows at once; set solver='gradient', or call fit."
        )
    return True


class SageMakerEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of all estimators."""

    _algorithm: ClassVar[str]
    _table: ClassVar[dict[str, Hyperparameter]]
    _targets: ClassVar[type[ClassTargets] | type[NumberTargets]]
    coef_: np.ndarray
    intercept_: Any
    resolved_params_: dict[str, Any]

    @classmethod
    def sagemaker_defaults(cls, **parameters: Any):
        """Build an estimator with SageMaker's defaults instead of ours.

        Parameters
        ----------
        **parameters
            Constructor arguments that override them.

        Returns
        -------
        estimator : instance of this class

        Examples
        --------
        >>> from sklearn_sagemaker import LinearLearnerClassifier
        >>> LinearLearnerClassifier.sagemaker_defaults(epochs=5).mini_batch_size
        1000
        """
        theirs = {name: entry.sagemaker_default for name, entry in cls._table.items()}
        return cls(**{**theirs, **parameters})

    def wait_for_training(self, timeout: float | None = None):
        """Wait for a training elsewhere that `fit` did not wait for.

        Parameters
        ----------
        timeout : float, default=None
            Seconds; None waits until it ends.

        Returns
        -------
        self : object
            Fitted. Without such a training it is as it was.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on.
        TrainingFailedError
            If it brings no model.
        """
        if hasattr(self, "pending_training_"):
            training = self.pending_training_
            state, more = training.result(timeout), training.attributes()
            set_attributes(self, state)
            self.__dict__.update(more)
        return self

    @classmethod
    def attach(cls, job: str, *, backend: Any = None):
        """The estimator of a training job of SageMaker, whoever created it.

        Parameters
        ----------
        job : str
            Name of the job; one that goes on is waited for if the backend waits.
        backend : str or SageMakerBackend, default=None
            Whose account it is in; None is "sagemaker".

        Returns
        -------
        estimator : instance of this class
            With the parameters of the job. What the job does not tell (``candidates_``
            of SageMaker's own images, say) it does not have.

        Raises
        ------
        ResourceNotFoundError
            If there is no such job.
        TrainingJobFailedError
            If it brings no model.
        ValueError
            If it trains another class of estimators, or another algorithm.

        Examples
        --------
        >>> from sklearn_sagemaker import LinearLearnerClassifier
        >>> LinearLearnerClassifier.attach("churn-261129-1015-5a7")  # doctest: +SKIP
        LinearLearnerClassifier(...)
        """
        from sklearn_sagemaker.estimators._remote import attach

        return attach(cls, job, backend)

    def tune(
        self,
        X,
        y=None,
        distributions: Any = None,
        *,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        objective: str | None = None,
        objective_type: str | None = None,
        max_jobs: int = 10,
        max_parallel_jobs: int = 1,
        strategy: str = "Bayesian",
        early_stopping: bool = False,
        random_state: int | None = None,
        wait: bool | None = None,
    ):
        """Search for hyperparameters by a tuning job of SageMaker.

        Parameters
        ----------
        X, y : object
            As of `fit`.
        distributions : dict of str to list, distribution or ParameterRange
            What to search, by hyperparameter: lists of values; ``uniform``,
            ``loguniform`` and ``randint`` of `scipy.stats`; or the ranges of
            `sklearn_sagemaker.sagemaker.tuner`.
        sample_weight, X_val, y_val, sample_weight_val : object, default=None
            As of `fit`.
        objective : str, default=None
            Metric of the training jobs, such as "validation:roc_auc_score". None is the
            loss of the rows held out.
        objective_type : {"Minimize", "Maximize"}, default=None
            None is as the objective asks for.
        max_jobs : int, default=10
            Training jobs in all; with "Grid", all combinations.
        max_parallel_jobs : int, default=1
            Training jobs at once.
        strategy : {"Bayesian", "Random", "Grid"}, default="Bayesian"
        early_stopping : bool, default=False
            Whether jobs are ended early that fall behind; for objectives that each
            epoch has.
        random_state : int, default=None
            Seed of the search.
        wait : bool, default=None
            Whether to wait for the model; None is as the backend does. Without,
            `wait_for_training` brings it.

        Returns
        -------
        self : object
            Fitted, with the best model. ``cv_results_`` has a row a training job, in
            the form of scikit-learn's searches, ``best_params_`` what the best one was
            trained with, and ``tuning_job_name_`` the name of the tuning job. Its
            parameters are as they were.

        Raises
        ------
        JobFailedError
            If no training job brings a model.
        TypeError
            If the backend is no `SageMakerBackend`.
        ValueError
            As of `fit`; or if something cannot be searched.

        Examples
        --------
        >>> from scipy.stats import loguniform
        >>> from sklearn_sagemaker import LinearLearnerClassifier
        >>> model = LinearLearnerClassifier(backend="sagemaker")
        >>> model.tune(X, y, {"wd": loguniform(1e-6, 1)})  # doctest: +SKIP
        LinearLearnerClassifier(...)
        >>> model.cv_results_["mean_test_score"]  # doctest: +SKIP
        array([-0.31, -0.29, ...])
        """
        from sklearn_sagemaker.estimators._remote import tune

        rows = X, y, sample_weight, X_val, y_val, sample_weight_val
        return tune(
            self,
            rows,
            distributions,
            wait,
            objective=objective,
            objective_type=objective_type,
            max_jobs=max_jobs,
            max_parallel_jobs=max_parallel_jobs,
            strategy=strategy,
            early_stopping=early_stopping,
            random_state=random_state,
        )

    def training_request(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ) -> dict[str, Any]:
        """What `fit` would ask SageMaker for, without a call of AWS.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val : object
            As of `fit`.

        Returns
        -------
        request : dict
            Body of ``CreateTrainingJob``. Its rows are where a fit uploads them.

        Raises
        ------
        TypeError
            If the backend is no `SageMakerBackend`.
        ValueError
            As of `fit`; or if the backend lacks role, bucket or region.
        """
        from sklearn_sagemaker.estimators._remote import request_of

        return request_of(self, X, y, sample_weight, X_val, y_val, sample_weight_val)

    def deploy(
        self,
        initial_instance_count: int = 1,
        instance_type: str = "ml.m5.large",
        *,
        backend: Any = None,
        **more: Any,
    ) -> Any:
        """Serve the fitted model by an endpoint of SageMaker.

        Parameters
        ----------
        initial_instance_count : int, default=1
        instance_type : str, default="ml.m5.large"
        backend : str or SageMakerBackend, default=None
            Whose account it is in. None is that of the estimator if it has one, else
            "sagemaker".
        **more
            As of ``deploy`` of `sklearn_sagemaker.sagemaker.model.Model`, such as
            ``endpoint_name``.

        Returns
        -------
        predictor : LinearLearnerPredictor or FactorizationMachinesPredictor
            Its ``delete_endpoint()`` ends what costs, and its ``delete_model()``
            deletes the model that the service keeps; the end of a ``with`` block of it
            does both.

        Raises
        ------
        EndpointFailedError
            If it does not come into service; what was created is deleted.
        ValueError
            If the backend's image cannot serve the model.

        Notes
        -----
        A model that was trained there is served from the artifact of its job, by the
        image of its job; another one is uploaded, for the image of the backend.
        """
        from sklearn_sagemaker.estimators._remote import model_of

        model = model_of(self, backend)
        return model.deploy(initial_instance_count, instance_type, **more)

    def transform_job(
        self,
        data: str,
        *,
        instance_count: int = 1,
        instance_type: str = "ml.m5.large",
        content_type: str = "text/csv",
        split_type: str | None = None,
        backend: Any = None,
        wait: bool = True,
        logs: bool = False,
        **more: Any,
    ) -> Any:
        """Predict what is on S3 by a batch transform of SageMaker.

        Parameters
        ----------
        data : str
            URI of a prefix.
        instance_count : int, default=1
        instance_type : str, default="ml.m5.large"
        content_type : str, default="text/csv"
        split_type : {"Line", "RecordIO", "None"}, default=None
            None is as ``content_type`` needs.
        backend : str or SageMakerBackend, default=None
            As of `deploy`.
        wait : bool, default=True
            Whether to wait for the end.
        logs : bool, default=False
            Whether its log is shown meanwhile.
        **more
            As of ``transformer`` of `sklearn_sagemaker.sagemaker.model.Model`, such as
            ``output_path`` and ``accept``.

        Returns
        -------
        transformer : sklearn_sagemaker.sagemaker.transformer.Transformer
            Its ``output_path`` has the predictions; its ``delete_model()`` deletes the
            model that the service keeps.

        Raises
        ------
        JobFailedError
            If the job fails.
        ValueError
            As of `deploy`.
        """
        from sklearn_sagemaker.estimators._remote import model_of

        record = content_type.startswith("application/x-recordio")
        split = split_type or ("RecordIO" if record else "Line")
        transformer = model_of(self, backend).transformer(
            instance_count, instance_type, **more
        )
        transformer.transform(
            data, content_type=content_type, split_type=split, wait=wait, logs=logs
        )
        return transformer

    def __sklearn_is_fitted__(self):
        # Not any attribute: validation sets n_features_in_ before the training.
        return hasattr(self, "coef_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # scikit-learn's diagram, and below it what was chosen and why.
    def _repr_html_inner(self):
        from sklearn_sagemaker.estimators._notebook import summary_table

        return super()._repr_html_inner() + summary_table(self)

    def _repr_mimebundle_(self, **kwargs):
        from sklearn_sagemaker.estimators._notebook import summary_table

        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += summary_table(self)
        return bundle

    # What pickle, joblib and skops store: a newer format is refused when loaded.
    def __getstate__(self):
        return stamped(super().__getstate__())

    def __setstate__(self, state):
        # Of parameters that came later: they are as if left alone.
        parameters = inspect.signature(type(self)).parameters
        later = {name: one.default for name, one in parameters.items()}
        super().__setstate__({**later, **unstamped(state, type(self).__name__)})

    def _margins(self, X) -> np.ndarray:
        """Margins of shape (n_rows, n_outputs), in float64."""
        raise NotImplementedError

    def _score_link(self) -> str:
        """What the scores of the fitted model mean: `ModelState.link`."""
        raise NotImplementedError
