"""A tuning job in place of a training job: what it searches, and what it brings."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sklearn_sagemaker._hyperparameters import BINARY, REGRESSOR
from sklearn_sagemaker._hyperparameters.container import (
    FACTORS,
    checked,
    container_table,
    our_table,
)
from sklearn_sagemaker._state import (
    ModelState,
    PendingTraining,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.distributions import Interval, searched
from sklearn_sagemaker.backends.sagemaker_body import KEY, METRICS, TEST, VALIDATION
from sklearn_sagemaker.backends.sagemaker_training import SageMakerTraining
from sklearn_sagemaker.exceptions import JobFailedError
from sklearn_sagemaker.sagemaker.training_access import Access, job_role

LONGEST_NAME = 32
STRATEGIES = ("Bayesian", "Random", "Grid")
TYPES = ("Minimize", "Maximize")
_START = r"#quality_metric: host=\S+, "
_LOGGED = {
    "binary_f_beta": r"binary_f_\S+",
    "macro_f_beta": r"macro_f_\S+",
    "multiclass_top_k_accuracy": r"multiclass_top_k_accuracy_\S+",
    "objective_loss:final": r"\S+_objective",
}
"""What the log calls metrics that SageMaker gives other names."""


@dataclass(frozen=True)
class Search:
    """What is searched, and how.

    Attributes
    ----------
    distributions : mapping of str to object
        By hyperparameter; as of `searched`.
    objective : str or None
        None is the loss of the rows held out.
    objective_type : {"Minimize", "Maximize"} or None
        None is as the objective asks for.
    max_jobs, max_parallel_jobs : int
    strategy : {"Bayesian", "Random", "Grid"}
    early_stopping : bool
    random_state : int or None
    """

    distributions: Mapping[str, Any]
    objective: str | None = None
    objective_type: str | None = None
    max_jobs: int = 10
    max_parallel_jobs: int = 1
    strategy: str = "Bayesian"
    early_stopping: bool = False
    random_state: int | None = None

    def check(self) -> None:
        """Refuse what no tuning job is.

        Raises
        ------
        ValueError
        """
        for name, value, known in (
            ("strategy", self.strategy, STRATEGIES),
            ("objective_type", self.objective_type, (None, *TYPES)),
        ):
            if value not in known:
                said = ", ".join(map(repr, known))
                raise ValueError(f"{name}={value!r} must be one of {said}.")
        for name, number in (
            ("max_jobs", self.max_jobs),
            ("max_parallel_jobs", self.max_parallel_jobs),
        ):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}={number!r} must be a whole number from 1 on.")


def start(
    backend: Any, spec: TrainingSpec, data: TrainingData | WindowedData, search: Search
) -> SageMakerTuning:
    """Create a tuning job.

    Parameters
    ----------
    backend : SageMakerBackend
    spec : TrainingSpec
    data : TrainingData or WindowedData
    search : Search
    """
    backend.check(spec)
    search.check()
    built_in = backend._kind.built_in
    aim = _aim(spec, data, search, built_in)
    ranges = _ranges(spec, search, built_in)
    session = backend.access.session()
    # Names of tuning jobs are short.
    stamp = time.strftime("%y%m%d-%H%M%S", time.gmtime())
    end = f"{stamp}-{secrets.token_hex(2)}"
    root = f"s3://{backend.bucket or session.default_bucket()}/{backend._prefix}"
    request, content = backend._request(
        spec,
        data,
        root,
        end,
        region=session.boto_region_name,
        image=backend._kind.uri(spec.algorithm, session.boto_region_name, session),
        role=job_role(session, backend.role),
        longest=LONGEST_NAME,
    )
    body = _body(request, aim, ranges, search, built_in)
    backend._upload(session, content)
    try:
        session.create_tuning_job(body)
    except BaseException:
        backend._remove(session, content.uploads)
        raise
    training = backend.training(request["TrainingJobName"])
    return SageMakerTuning(
        training.job,
        training.access,
        training.poll,
        training.prices,
        training.on_interrupt,
        training.quiet,
        spec.algorithm,
        spec.predictor_type,
    )


def _body(
    request: dict[str, Any],
    aim: dict[str, str],
    ranges: dict[str, Any],
    search: Search,
    built_in: bool,
) -> dict[str, Any]:
    """The request for the tuning job, from that for a training job."""
    from sklearn_sagemaker.sagemaker._tuning_requests import definition_of

    names = {one["Name"] for kind in ranges.values() for one in kind}
    strings = request["HyperParameters"]
    limits: dict[str, Any] = {"MaxParallelTrainingJobs": search.max_parallel_jobs}
    if search.strategy != "Grid":
        limits["MaxNumberOfTrainingJobs"] = search.max_jobs
    config: dict[str, Any] = {
        "Strategy": search.strategy,
        "ResourceLimits": limits,
        "HyperParameterTuningJobObjective": aim,
        "ParameterRanges": ranges,
        "TrainingJobEarlyStoppingType": "Auto" if search.early_stopping else "Off",
    }
    if search.random_state is not None:
        config["RandomSeed"] = search.random_state
    body = {
        "HyperParameterTuningJobName": request["TrainingJobName"],
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": definition_of(
            request,
            static={key: text for key, text in strings.items() if key not in names},
            metric_definitions=None if built_in else _metrics(aim["MetricName"]),
        ),
    }
    if "Tags" in request:
        body["Tags"] = request["Tags"]
    return body


def _aim(
    spec: TrainingSpec,
    data: TrainingData | WindowedData,
    search: Search,
    built_in: bool,
) -> dict[str, str]:
    """The objective; one needs rows that are held out."""
    if spec.cv is False and data.X_val is None:
        raise ValueError(
            "cv=False and no X_val: no rows are held out, so there is nothing to tune "
            "by; pass X_val and y_val, or set another cv."
        )
    factors = spec.algorithm == FACTORS
    # The built-in Factorization Machines measure a channel "test" only.
    part = TEST if built_in and factors and data.X_val is None else VALIDATION
    metric = search.objective
    if metric is None:
        metric = "objective_loss" if built_in else "objective_loss:final"
        if factors:
            loss = "binary_classification_cross_entropy"
            metric = "rmse" if spec.predictor_type == REGRESSOR else loss
            if spec.predictor_type not in (REGRESSOR, BINARY):
                metric = "objective_loss"
    if metric.partition(":")[0] not in (TEST, VALIDATION, "train"):
        metric = f"{part}:{metric}"
    losses = ("loss", "mse", "rmse", "cross_entropy")
    found = metric.partition(":")[2].removesuffix(":final")
    kind = "Minimize" if found.endswith(losses) else "Maximize"
    return {"Type": search.objective_type or kind, "MetricName": metric}


def _metrics(metric: str) -> list[dict[str, str]]:
    """Definitions for our image, whose log has what SageMaker's own has."""
    if metric in [one["Name"] for one in METRICS]:
        return METRICS
    part, _, name = metric.partition(":")
    logged = _LOGGED.get(name, name)
    regex = rf"{_START}{part} {logged} <(?:loss|score)>=(\S+)"
    return [*METRICS, {"Name": metric, "Regex": regex}]


def _ranges(spec: TrainingSpec, search: Search, built_in: bool) -> dict[str, Any]:
    """``ParameterRanges``, by the names that jobs have."""
    if built_in:
        table: Any = container_table(spec.algorithm, spec.predictor_type)
    else:
        table = our_table(spec.algorithm, spec.predictor_type)
    found: dict[str, Any] = {
        f"{kind}ParameterRanges": []
        for kind in ("Continuous", "Integer", "Categorical")
    }
    for name, given in search.distributions.items():
        if name not in table:
            raise ValueError(
                f"{name!r} is no hyperparameter of a {spec.predictor_type} that the "
                f"image searches; there are {', '.join(sorted(table))}."
            )
        entry = table[name]
        one = searched(name, given)
        key = name if built_in else KEY + name
        if isinstance(one, Interval):
            if search.strategy == "Grid":
                raise ValueError(
                    f"strategy='Grid' tries all values of lists, and {name!r} has a "
                    "range; give a list, or another strategy."
                )
            ends = {"MinValue": str(one.low), "MaxValue": str(one.high)}
            texts = [*ends.values()]
            item = {"Name": key, **ends, "ScalingType": one.scaling}
            found[f"{'Integer' if one.whole else 'Continuous'}ParameterRanges"] += [
                item
            ]
        else:
            texts = [
                entry.to_string(value) if built_in else json.dumps(value)
                for value in one
            ]
            found["CategoricalParameterRanges"] += [{"Name": key, "Values": texts}]
        for text in texts if built_in else ():
            checked(entry, text)
    return found


@dataclass(frozen=True)
class SageMakerTuning(PendingTraining):
    """A tuning job of SageMaker, which brings its best model.

    Attributes
    ----------
    job : str
        Its name.
    access, poll, prices, on_interrupt, quiet : object
        As of `SageMakerTraining`.
    algorithm, predictor_type : str
        Of what is trained.
    """

    job: str
    access: Access = field(default_factory=Access)
    poll: float = 30.0
    prices: dict[str, float] = field(default_factory=dict)
    on_interrupt: str = "leave"
    quiet: bool = True
    algorithm: str = ""
    predictor_type: str = ""

    @property
    def name(self) -> str:
        """By which the job is found again."""
        return self.job

    def result(self, timeout: float | None = None) -> ModelState:
        """Wait for the best model; see `PendingTraining`.

        Raises
        ------
        JobFailedError
            If no training job has brought one.
        """
        from sklearn_sagemaker.sagemaker._waiting import TUNING, wait

        session = self.access.session()
        description = wait(
            session,
            TUNING,
            self.job,
            poll=self.poll,
            timeout=timeout,
            on_interrupt=self.on_interrupt,
            quiet=self.quiet,
        )
        best = description.get("BestTrainingJob")
        if best is None:
            status = description["HyperParameterTuningJobStatus"]
            raise JobFailedError(
                self.job,
                f"it is {status}, and none of its training jobs has a value of the "
                "objective",
                "",
                TUNING.noun,
            )
        training = SageMakerTraining(
            best["TrainingJobName"], self.access, self.poll, self.prices
        )
        return training.wait(session)

    def attributes(self) -> dict[str, Any]:
        """What it has tried, as scikit-learn's searches tell it."""
        session = self.access.session()
        jobs = session.training_jobs_of_tuning_job(self.job)
        description = session.describe_tuning_job(self.job)
        config = description["HyperParameterTuningJobConfig"]
        less = config["HyperParameterTuningJobObjective"]["Type"] == "Minimize"
        params = [self._parsed(one["TunedHyperParameters"]) for one in jobs]
        best = description["BestTrainingJob"]["TrainingJobName"]
        names = [one["TrainingJobName"] for one in jobs]
        return {
            "cv_results_": _table(jobs, params, -1.0 if less else 1.0),
            "best_params_": params[names.index(best)],
            "tuning_job_name_": self.job,
        }

    def _parsed(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Values of hyperparameters, as estimators take them."""
        table = container_table(self.algorithm, self.predictor_type)
        return {
            name.removeprefix(KEY): (
                json.loads(text) if name.startswith(KEY) else checked(table[name], text)
            )
            for name, text in texts.items()
        }


def _table(
    jobs: list[dict[str, Any]], params: list[dict[str, Any]], sign: float
) -> dict[str, Any]:
    """A row a training job; scores are greater where they are better."""
    final = "FinalHyperParameterTuningJobObjectiveMetric"
    values = np.array([one.get(final, {}).get("Value", np.nan) for one in jobs], float)
    scores = sign * values
    lowest = np.nanmin(scores, initial=0.0) - 1.0
    ranked = rankdata(-np.nan_to_num(scores, nan=lowest), method="min")
    seconds = [
        (one["TrainingEndTime"] - one["TrainingStartTime"]).total_seconds()
        if "TrainingEndTime" in one and "TrainingStartTime" in one
        else np.nan
        for one in jobs
    ]
    columns = {
        f"param_{name}": np.ma.array([one[name] for one in params])
        for name in params[0]
    }
    return {
        "mean_fit_time": np.array(seconds),
        **columns,
        "params": params,
        "mean_test_score": scores,
        "rank_test_score": ranked.astype(np.int32),
        "objective": values,
        "training_job_name": np.array([one["TrainingJobName"] for one in jobs]),
        "status": np.array([one["TrainingJobStatus"] for one in jobs]),
    }
