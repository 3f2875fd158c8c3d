"""Tuning jobs: training jobs whose hyperparameters the service searches for."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker.exceptions import NameInUseError
from sklearn_sagemaker.sagemaker._names import base_from_name, name_from_base
from sklearn_sagemaker.sagemaker._requests import tag_list
from sklearn_sagemaker.sagemaker._tuning_configs import (
    HyperbandStrategyConfig,
    InstanceConfig,
    StrategyConfig,
    TuningJobCompletionCriteriaConfig,
    WarmStartConfig,
    WarmStartTypes,
)
from sklearn_sagemaker.sagemaker._tuning_described import parts_of, settings_of
from sklearn_sagemaker.sagemaker._tuning_parts import (
    CLASS_KEY,
    MODULE_KEY,
    Part,
    Parts,
    check_names,
)
from sklearn_sagemaker.sagemaker.analytics import HyperparameterTuningJobAnalytics
from sklearn_sagemaker.sagemaker.estimator import EstimatorBase
from sklearn_sagemaker.sagemaker.job import TuningJob
from sklearn_sagemaker.sagemaker.parameter import (
    CategoricalParameter,
    ContinuousParameter,
    IntegerParameter,
    ParameterRange,
)
from sklearn_sagemaker.sagemaker.session import Session

__all__ = [
    "CategoricalParameter",
    "ContinuousParameter",
    "HyperbandStrategyConfig",
    "HyperparameterTuner",
    "InstanceConfig",
    "IntegerParameter",
    "ParameterRange",
    "StrategyConfig",
    "TuningJobCompletionCriteriaConfig",
    "WarmStartConfig",
    "WarmStartTypes",
    "create_identical_dataset_and_algorithm_tuner",
    "create_transfer_learning_tuner",
]


class HyperparameterTuner(Parts):
    """Searches for the hyperparameters of an estimator by a tuning job.

    Parameters
    ----------
    estimator : EstimatorBase
        What is trained, with the hyperparameters that are not searched.
    objective_metric_name : str
        Such as ``"validation:objective_loss"``.
    hyperparameter_ranges : dict of str to ParameterRange
    metric_definitions : list of dict, default=None
        With the keys "Name" and "Regex"; None is the estimator's. SageMaker's own
        images need none.
    strategy : {"Bayesian", "Random", "Hyperband", "Grid"}, default="Bayesian"
    objective_type : {"Maximize", "Minimize"}, default="Maximize"
    max_jobs : int, default=None
        Training jobs in all. None is 1, and with "Grid" all combinations.
    max_parallel_jobs : int, default=1
        Training jobs at once.
    max_runtime_in_seconds : int, default=None
        After which the tuning job is stopped.
    tags : list of dict or dict, default=None
        Those of the estimator are added.
    base_tuning_job_name : str, default=None
        Beginning of the names of tuning jobs; None is the image's repository.
    warm_start_config : WarmStartConfig, default=None
    strategy_config : StrategyConfig, default=None
        For "Hyperband".
    completion_criteria_config : TuningJobCompletionCriteriaConfig, default=None
    early_stopping_type : {"Off", "Auto"}, default="Off"
        Whether training jobs are ended early that fall behind.
    estimator_name : str, default=None
        Of several estimators, which `create` takes.
    random_seed : int, default=None
    autotune : bool, default=False
        Whether the service chooses the ranges of other hyperparameters, by the values
        that the estimator has.
    hyperparameters_to_keep_static : list of str, default=None
        Those that it is not to choose.

    Attributes
    ----------
    estimator : EstimatorBase or None
        None of a tuner of several.
    estimator_dict : dict of str to EstimatorBase or None
    latest_tuning_job : TuningJob or None
        To wait for, to describe, to stop.
    static_hyperparameters : dict of str to str or None
        What the last tuning job does not search.

    Raises
    ------
    ValueError
        If there is nothing to search, or a range has a value that the algorithm would
        refuse.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker import LinearLearner
    >>> from sklearn_sagemaker.sagemaker.tuner import (
    ...     ContinuousParameter, HyperparameterTuner
    ... )
    >>> role = "arn:aws:iam::111122223333:role/R"
    >>> learner = LinearLearner(role, 1, "ml.m5.large", "regressor")
    >>> tuner = HyperparameterTuner(
    ...     learner, "validation:objective_loss", {"wd": ContinuousParameter(1e-7, 1)},
    ...     objective_type="Minimize", max_jobs=9, max_parallel_jobs=3)
    >>> tuner.fit([train, validation])  # doctest: +SKIP
    >>> predictor = tuner.deploy(1, "ml.m5.large")  # doctest: +SKIP
    """

    TUNING_JOB_NAME_MAX_LENGTH = 32
    SAGEMAKER_ESTIMATOR_MODULE = MODULE_KEY
    SAGEMAKER_ESTIMATOR_CLASS_NAME = CLASS_KEY
    DEFAULT_ESTIMATOR_MODULE = "sagemaker.estimator"
    DEFAULT_ESTIMATOR_CLS_NAME = "Estimator"

    def __init__(
        self,
        estimator: EstimatorBase,
        objective_metric_name: str,
        hyperparameter_ranges: dict[str, ParameterRange],
        metric_definitions: list[dict[str, str]] | None = None,
        strategy: str = "Bayesian",
        objective_type: str = "Maximize",
        max_jobs: int | None = None,
        max_parallel_jobs: int = 1,
        max_runtime_in_seconds: int | None = None,
        tags: Any = None,
        base_tuning_job_name: str | None = None,
        warm_start_config: WarmStartConfig | None = None,
        strategy_config: StrategyConfig | None = None,
        completion_criteria_config: TuningJobCompletionCriteriaConfig | None = None,
        early_stopping_type: str = "Off",
        estimator_name: str | None = None,
        random_seed: int | None = None,
        autotune: bool = False,
        hyperparameters_to_keep_static: list[str] | None = None,
    ):
        keep = hyperparameters_to_keep_static
        if keep is not None and not autotune:
            raise ValueError(
                f"hyperparameters_to_keep_static={keep!r} is for autotune=True; "
                "without it, all that have no range are static."
            )
        self.autotune = autotune
        self.strategy, self.strategy_config = strategy, strategy_config
        self.completion_criteria_config = completion_criteria_config
        self.objective_type = objective_type
        grid = strategy == "Grid"
        self.max_jobs = 1 if max_jobs is None and not grid else max_jobs
        self.max_parallel_jobs = max_parallel_jobs
        self.max_runtime_in_seconds = max_runtime_in_seconds
        self.tags = tag_list(tags)
        self.base_tuning_job_name = base_tuning_job_name
        self.warm_start_config = warm_start_config
        self.early_stopping_type = early_stopping_type
        self.random_seed = random_seed
        self.latest_tuning_job: TuningJob | None = None
        self._current_job_name: str | None = None
        self.static_hyperparameters: dict[str, str] | None = None
        self.static_hyperparameters_dict: dict[str, dict[str, str]] | None = None
        self._parts: dict[str | None, Part] = {}
        self._add(
            estimator_name,
            Part(
                estimator,
                objective_metric_name,
                hyperparameter_ranges,
                metric_definitions,
                keep,
            ),
        )

    def __repr__(self) -> str:
        job = self.latest_tuning_job
        return f"<HyperparameterTuner {'unfitted' if job is None else job.name!r}>"

    @classmethod
    def create(
        cls,
        estimator_dict: dict[str, EstimatorBase],
        objective_metric_name_dict: dict[str, str],
        hyperparameter_ranges_dict: dict[str, dict[str, ParameterRange]],
        metric_definitions_dict: dict[str, list[dict[str, str]]] | None = None,
        base_tuning_job_name: str | None = None,
        strategy: str = "Bayesian",
        strategy_config: StrategyConfig | None = None,
        completion_criteria_config: TuningJobCompletionCriteriaConfig | None = None,
        objective_type: str = "Maximize",
        max_jobs: int | None = None,
        max_parallel_jobs: int = 1,
        max_runtime_in_seconds: int | None = None,
        tags: Any = None,
        warm_start_config: WarmStartConfig | None = None,
        early_stopping_type: str = "Off",
        random_seed: int | None = None,
        autotune: bool = False,
        hyperparameters_to_keep_static_dict: dict[str, list[str]] | None = None,
    ) -> HyperparameterTuner:
        """A tuner of several estimators, whose training jobs are compared.

        Parameters
        ----------
        estimator_dict : dict of str to EstimatorBase
            By names that are free.
        objective_metric_name_dict : dict of str to str
        hyperparameter_ranges_dict : dict of str to dict
        metric_definitions_dict, hyperparameters_to_keep_static_dict : dict, \
default=None
            For some of them.
        base_tuning_job_name, strategy, strategy_config, completion_criteria_config, \
objective_type, max_jobs, max_parallel_jobs, max_runtime_in_seconds, tags, \
warm_start_config, early_stopping_type, random_seed, autotune : object
            As of the class.

        Returns
        -------
        tuner : HyperparameterTuner

        Raises
        ------
        ValueError
            If the names are not the same.
        """
        if not estimator_dict:
            raise ValueError("estimator_dict is empty; give one estimator, or more.")
        names = sorted(estimator_dict)
        metrics = metric_definitions_dict or {}
        keep = hyperparameters_to_keep_static_dict or {}
        for argument, found in (
            ("objective_metric_name_dict", objective_metric_name_dict),
            ("hyperparameter_ranges_dict", hyperparameter_ranges_dict),
        ):
            if sorted(found) != names:
                raise ValueError(
                    f"{argument} has {sorted(found)}, and estimator_dict has {names}; "
                    "each estimator needs an entry."
                )
        check_names("metric_definitions_dict", metrics, names)
        check_names("hyperparameters_to_keep_static_dict", keep, names)
        parts = {
            name: Part(
                estimator_dict[name],
                objective_metric_name_dict[name],
                hyperparameter_ranges_dict[name],
                metrics.get(name),
                keep.get(name),
            )
            for name in names
        }
        first = parts[names[0]]
        tuner = cls(
            first.estimator,
            first.metric or "",
            first.ranges,
            first.definitions,
            estimator_name=names[0],
            hyperparameters_to_keep_static=first.keep,
            base_tuning_job_name=base_tuning_job_name,
            strategy=strategy,
            strategy_config=strategy_config,
            completion_criteria_config=completion_criteria_config,
            objective_type=objective_type,
            max_jobs=max_jobs,
            max_parallel_jobs=max_parallel_jobs,
            max_runtime_in_seconds=max_runtime_in_seconds,
            tags=tags,
            warm_start_config=warm_start_config,
            early_stopping_type=early_stopping_type,
            random_seed=random_seed,
            autotune=autotune,
        )
        for name in names[1:]:
            tuner._add(name, parts[name])
        return tuner

    # The job

    def fit(
        self,
        inputs: Any = None,
        job_name: str | None = None,
        include_cls_metadata: bool | dict[str, bool] = False,
        estimator_kwargs: dict[str, dict] | None = None,
        wait: bool = True,
        **kwargs: Any,
    ) -> None:
        """Start a tuning job.

        Parameters
        ----------
        inputs : str, dict, TrainingInput, record set or list of them
            As of the estimator's ``fit``; of several estimators a dict of such.
        job_name : str, default=None
            Up to 32 characters. None makes one of ``base_tuning_job_name`` and the
            time.
        include_cls_metadata : bool or dict of str to bool, default=False
            Whether jobs are told the estimator's class, for `attach`.
        estimator_kwargs : dict of str to dict, default=None
            ``kwargs`` of several estimators.
        wait : bool, default=True
            Whether to wait for the end.
        **kwargs
            ``mini_batch_size`` of Amazon's algorithms.

        Raises
        ------
        JobFailedError
            If the tuning job fails.
        ValueError
            As of the estimator's ``fit``.
        AWSError
            If a call of AWS fails.
        """
        name = job_name or name_from_base(
            self._base_name, self.TUNING_JOB_NAME_MAX_LENGTH, short=True
        )
        request = self._request(
            name, inputs, include_cls_metadata, estimator_kwargs, kwargs
        )
        session = self.sagemaker_session
        try:
            session.create_tuning_job(request)
        except NameInUseError:
            if job_name is not None:
                raise
            # The SDK's names have the minute, and this is the second job in it.
            end = f"-{secrets.token_hex(2)}"
            name = f"{self._base_name[: 20 - len(end)]}{name[-12:]}{end}"
            session.create_tuning_job({**request, "HyperParameterTuningJobName": name})
        self._current_job_name = name
        self.latest_tuning_job = TuningJob(session, name)
        if wait:
            self.latest_tuning_job.wait()

    def wait(self) -> None:
        """Wait for the end of the tuning job.

        Raises
        ------
        JobFailedError
            If it fails.
        ValueError
            If there is none.
        """
        self._job().wait()

    def stop_tuning_job(self) -> None:
        """Stop the tuning job and its training jobs.

        Raises
        ------
        ValueError
            If there is none.
        """
        self._job().stop()

    def describe(self) -> dict[str, Any]:
        """What the service says of the tuning job.

        Raises
        ------
        ValueError
            If there is none.
        """
        return self._job().describe()

    def analytics(self) -> HyperparameterTuningJobAnalytics:
        """The training jobs of the tuning job, as a table.

        Raises
        ------
        ValueError
            If there is none.
        """
        return HyperparameterTuningJobAnalytics(
            self._job().name, self.sagemaker_session
        )

    def _job(self) -> TuningJob:
        if self.latest_tuning_job is None:
            raise ValueError(
                "No tuning job available: call fit, or "
                "HyperparameterTuner.attach(tuning_job_name)."
            )
        return self.latest_tuning_job

    # What it has found

    def best_training_job(self) -> str:
        """The name of the best training job so far.

        Raises
        ------
        ValueError
            If none has a value of the objective yet.
        """
        return self._best()["TrainingJobName"]

    def _best(self) -> dict[str, Any]:
        found = self._job().describe().get("BestTrainingJob")
        if not found:
            raise ValueError(
                "Best training job not available for tuning job: "
                f"{self._job().name}. None of its training jobs has a value of the "
                "objective so far; wait for one."
            )
        return found

    def best_estimator(self, best_training_job: dict[str, Any] | None = None) -> Any:
        """The estimator of the best training job, to deploy its model.

        Parameters
        ----------
        best_training_job : dict, default=None
            ``BestTrainingJob`` of a description; None asks for it.

        Returns
        -------
        estimator : EstimatorBase

        Raises
        ------
        ValueError
            If there is no best training job.
        """
        best = best_training_job or self._best()
        part = self._parts.get(best.get("TrainingJobDefinitionName"), self._first)
        return type(part.estimator).attach(
            best["TrainingJobName"], sagemaker_session=self.sagemaker_session
        )

    def deploy(
        self,
        initial_instance_count: int,
        instance_type: str,
        serializer: Any = None,
        deserializer: Any = None,
        accelerator_type: str | None = None,
        endpoint_name: str | None = None,
        wait: bool = True,
        model_name: str | None = None,
        kms_key: str | None = None,
        data_capture_config: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Serve the model of the best training job by an endpoint.

        Parameters
        ----------
        initial_instance_count : int
        instance_type : str
        endpoint_name : str, default=None
            None is the name of the training job.
        serializer, deserializer, accelerator_type, wait, model_name, kms_key, \
data_capture_config, **kwargs : object
            As of the estimator's ``deploy``.

        Returns
        -------
        predictor : Predictor
            Of the class that the estimator deploys.
        """
        best = self._best()
        return self.best_estimator(best).deploy(
            initial_instance_count,
            instance_type,
            serializer=serializer,
            deserializer=deserializer,
            accelerator_type=accelerator_type,
            endpoint_name=endpoint_name or best["TrainingJobName"],
            wait=wait,
            model_name=model_name,
            kms_key=kms_key,
            data_capture_config=data_capture_config,
            **kwargs,
        )

    # Other tuners

    def transfer_learning_tuner(
        self,
        additional_parents: Iterable[str] | None = None,
        estimator: EstimatorBase | None = None,
    ) -> HyperparameterTuner:
        """A tuner that begins where this one has ended, for other data.

        Parameters
        ----------
        additional_parents : set of str, default=None
            Further tuning jobs to begin with.
        estimator : EstimatorBase, default=None
            None is this tuner's.

        Returns
        -------
        tuner : HyperparameterTuner

        Raises
        ------
        ValueError
            If there is no tuning job, or there are several estimators.
        """
        return self._next(
            WarmStartTypes.TRANSFER_LEARNING, additional_parents, estimator
        )

    def identical_dataset_and_algorithm_tuner(
        self, additional_parents: Iterable[str] | None = None
    ) -> HyperparameterTuner:
        """A tuner that goes on where this one has ended, with the same data.

        Parameters
        ----------
        additional_parents : set of str, default=None
            Further tuning jobs to begin with.

        Returns
        -------
        tuner : HyperparameterTuner

        Raises
        ------
        ValueError
            If there is no tuning job, or there are several estimators.
        """
        return self._next(
            WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM, additional_parents, None
        )

    def _next(
        self, kind: WarmStartTypes, parents: Iterable[str] | None, estimator: Any
    ) -> HyperparameterTuner:
        all_parents = {self._job().name, *(parents or ())}
        if len(self._parts) > 1:
            raise ValueError(
                "Warm start is not supported currently for tuners with multiple "
                "estimators: make a tuner of one of them."
            )
        [(name, part)] = self._parts.items()
        return type(self)(
            estimator or part.estimator,
            part.metric or "",
            part.ranges,
            part.definitions,
            estimator_name=name,
            strategy=self.strategy,
            strategy_config=self.strategy_config,
            completion_criteria_config=self.completion_criteria_config,
            objective_type=self.objective_type,
            max_jobs=self.max_jobs,
            max_parallel_jobs=self.max_parallel_jobs,
            max_runtime_in_seconds=self.max_runtime_in_seconds,
            warm_start_config=WarmStartConfig(kind, all_parents),
            early_stopping_type=self.early_stopping_type,
            random_seed=self.random_seed,
        )

    @classmethod
    def attach(
        cls,
        tuning_job_name: str,
        sagemaker_session: Session | None = None,
        job_details: dict[str, Any] | None = None,
        estimator_cls: str | dict[str, str] | None = None,
    ) -> HyperparameterTuner:
        """A tuner for a tuning job that exists, whoever made it.

        Parameters
        ----------
        tuning_job_name : str
        sagemaker_session : Session, default=None
        job_details : dict, default=None
            Its description; None asks for it.
        estimator_cls : str, or dict of str to str, default=None
            Class of the estimator with its module, of several by their names. None is
            what the job says, or what its image tells.

        Returns
        -------
        tuner : HyperparameterTuner

        Raises
        ------
        ResourceNotFoundError
            If there is no such job.
        """
        session = sagemaker_session or Session()
        found = job_details or session.describe_tuning_job(tuning_job_name)
        parts, objective_type = parts_of(found, estimator_cls, session)
        first, part = next(iter(parts.items()))
        tuner = cls(
            part.estimator,
            part.metric or "",
            part.ranges,
            part.definitions,
            estimator_name=first,
            objective_type=objective_type,
            base_tuning_job_name=base_from_name(tuning_job_name),
            **settings_of(found),
        )
        for name, part in parts.items():
            tuner._add(name, part)
        tuner._current_job_name = tuning_job_name
        tuner.latest_tuning_job = TuningJob(session, tuning_job_name)
        return tuner


def create_identical_dataset_and_algorithm_tuner(
    parent: str,
    additional_parents: Iterable[str] | None = None,
    sagemaker_session: Session | None = None,
) -> HyperparameterTuner:
    """A tuner that goes on where a tuning job has ended, with the same data.

    Parameters
    ----------
    parent : str
        Name of the tuning job.
    additional_parents : set of str, default=None
    sagemaker_session : Session, default=None

    Returns
    -------
    tuner : HyperparameterTuner
    """
    tuner = HyperparameterTuner.attach(parent, sagemaker_session)
    return tuner.identical_dataset_and_algorithm_tuner(additional_parents)


def create_transfer_learning_tuner(
    parent: str,
    additional_parents: Iterable[str] | None = None,
    estimator: EstimatorBase | None = None,
    sagemaker_session: Session | None = None,
) -> HyperparameterTuner:
    """A tuner that begins where a tuning job has ended, for other data.

    Parameters
    ----------
    parent : str
        Name of the tuning job.
    additional_parents : set of str, default=None
    estimator : EstimatorBase, default=None
        None is as of the tuning job.
    sagemaker_session : Session, default=None

    Returns
    -------
    tuner : HyperparameterTuner
    """
    tuner = HyperparameterTuner.attach(parent, sagemaker_session)
    return tuner.transfer_learning_tuner(additional_parents, estimator)
