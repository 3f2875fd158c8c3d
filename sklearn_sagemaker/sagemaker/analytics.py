"""Metrics of training jobs as tables."""

from __future__ import annotations

import datetime
import logging
import os
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.sagemaker.session import Session

logger = logging.getLogger(__name__)

PERIOD = 60
# CloudWatch answers no more points in a call.
MAX_POINTS = 1440


class AnalyticsMetricsBase:
    """A table that is fetched once, and again when asked."""

    def __init__(self) -> None:
        self._dataframe: Any = None

    def dataframe(self, force_refresh: bool = False) -> Any:
        """The table.

        Parameters
        ----------
        force_refresh : bool, default=False
            Whether to fetch it again.

        Returns
        -------
        table : pandas.DataFrame

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        """
        if force_refresh:
            self.clear_cache()
        if self._dataframe is None:
            self._dataframe = self._fetch()
        return self._dataframe

    def export_csv(self, filename: str | os.PathLike) -> None:
        """Write the table to a file.

        Parameters
        ----------
        filename : str or path-like
        """
        self.dataframe().to_csv(filename)

    def clear_cache(self) -> None:
        """Forget the table, so that it is fetched again."""
        self._dataframe = None

    def _fetch(self) -> Any:
        raise NotImplementedError


class TrainingJobAnalytics(AnalyticsMetricsBase):
    """The metrics of a training job, from CloudWatch.

    Parameters
    ----------
    training_job_name : str
    metric_names : list of str, default=None
        None is all that the job has.
    sagemaker_session : Session, default=None
    start_time, end_time : datetime, default=None
        None is that of the job; while it runs, it ends now.
    period : int, default=None
        Seconds of which CloudWatch makes a point, a multiple of 60. None is 60, or as
        many as a long job needs: CloudWatch answers 1440 points at most.
    """

    CLOUDWATCH_NAMESPACE = "/aws/sagemaker/TrainingJobs"

    def __init__(
        self,
        training_job_name: str,
        metric_names: list[str] | None = None,
        sagemaker_session: Session | None = None,
        start_time: datetime.datetime | None = None,
        end_time: datetime.datetime | None = None,
        period: int | None = None,
    ):
        super().__init__()
        self._session = sagemaker_session or Session()
        self._name, self._metric_names = training_job_name, metric_names
        self._start, self._end, self._period = start_time, end_time, period

    @property
    def name(self) -> str:
        """The training job's name."""
        return self._name

    def __repr__(self) -> str:
        return f"<TrainingJobAnalytics {self._name!r}>"

    def _fetch(self) -> Any:
        """Columns timestamp, in seconds from a metric's first point, name, value."""
        pandas = import_optional("pandas", "pandas", "tables of metrics")
        job = self._session.describe_training_job(self._name)
        names = self._metric_names
        if names is None:
            definitions = job["AlgorithmSpecification"].get("MetricDefinitions", [])
            names = [definition["Name"] for definition in definitions]
        rows: list[tuple] = []
        for name in names:
            found = self._points(name, job)
            rows += found
            # An algorithm defines metrics for all of its tasks.
            if not found and self._metric_names is not None:
                logger.warning(
                    "CloudWatch has no metric %s of the training job %s.",
                    name,
                    self._name,
                )
        if not rows and self._metric_names is None:
            logger.warning(
                "CloudWatch has no metrics of the training job %s.", self._name
            )
        return pandas.DataFrame(rows, columns=["timestamp", "metric_name", "value"])

    def _points(self, metric: str, job: dict[str, Any]) -> list[tuple]:
        now = datetime.datetime.now(datetime.UTC)
        start = self._start or job.get("TrainingStartTime") or job["CreationTime"]
        end = self._end or (
            job.get("TrainingEndTime", now) + datetime.timedelta(minutes=1)
        )
        span = (end - start).total_seconds()
        period = self._period or PERIOD * max(1, -int(-span // (MAX_POINTS * PERIOD)))
        points = self._session._call(
            "cloudwatch",
            "get_metric_statistics",
            f"metric {metric!r} of the training job {self._name!r}",
            Namespace=self.CLOUDWATCH_NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": "TrainingJobName", "Value": self._name}],
            StartTime=start,
            EndTime=end,
            Period=period,
            Statistics=["Average"],
        )["Datapoints"]
        if not points:
            return []
        points = sorted(points, key=lambda point: point["Timestamp"])
        first = points[0]["Timestamp"]
        return [
            (
                (point["Timestamp"] - first).total_seconds(),
                metric,
                point["Average"],
            )
            for point in points
        ]


class HyperparameterTuningJobAnalytics(AnalyticsMetricsBase):
    """The training jobs of a tuning job, a row each.

    Parameters
    ----------
    hyperparameter_tuning_job_name : str
    sagemaker_session : Session, default=None
    """

    def __init__(
        self,
        hyperparameter_tuning_job_name: str,
        sagemaker_session: Session | None = None,
    ):
        super().__init__()
        self._session = sagemaker_session or Session()
        self._name = hyperparameter_tuning_job_name
        self.clear_cache()

    @property
    def name(self) -> str:
        """The tuning job's name."""
        return self._name

    def __repr__(self) -> str:
        return f"<HyperparameterTuningJobAnalytics {self._name!r}>"

    def clear_cache(self) -> None:
        """Forget the table, so that it is fetched again."""
        super().clear_cache()
        self._description: dict[str, Any] | None = None
        self._summaries: list[dict[str, Any]] | None = None

    @property
    def tuning_ranges(self) -> dict[str, Any]:
        """The ranges as requests have them, by name; of several definitions a dict."""
        found = self.description()
        if "TrainingJobDefinition" in found:
            return _by_name(found["HyperParameterTuningJobConfig"]["ParameterRanges"])
        return {
            one["DefinitionName"]: _by_name(one["HyperParameterRanges"])
            for one in found["TrainingJobDefinitions"]
        }

    def description(self, force_refresh: bool = False) -> dict[str, Any]:
        """What the service says of the tuning job.

        Parameters
        ----------
        force_refresh : bool, default=False
            Whether to ask again.
        """
        if force_refresh:
            self.clear_cache()
        if self._description is None:
            self._description = self._session.describe_tuning_job(self._name)
        return self._description

    def training_job_summaries(
        self, force_refresh: bool = False
    ) -> list[dict[str, Any]]:
        """What the service says of the training jobs, by their names.

        Parameters
        ----------
        force_refresh : bool, default=False
            Whether to ask again.
        """
        if force_refresh:
            self.clear_cache()
        if self._summaries is None:
            self._summaries = self._session.training_jobs_of_tuning_job(self._name)
        return self._summaries

    def _fetch(self) -> Any:
        """Columns of the searched hyperparameters, and of each job."""
        pandas = import_optional("pandas", "pandas", "tables of training jobs")
        return pandas.DataFrame([_row(one) for one in self.training_job_summaries()])


def _row(summary: dict[str, Any]) -> dict[str, Any]:
    start, end = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    final = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    row = {
        **{
            name: number(text) for name, text in summary["TunedHyperParameters"].items()
        },
        "TrainingJobName": summary["TrainingJobName"],
        "TrainingJobStatus": summary["TrainingJobStatus"],
        "FinalObjectiveValue": final.get("Value"),
        "TrainingStartTime": start,
        "TrainingEndTime": end,
    }
    if start and end:
        row["TrainingElapsedTimeSeconds"] = (end - start).total_seconds()
    if "TrainingJobDefinitionName" in summary:
        row["TrainingJobDefinitionName"] = summary["TrainingJobDefinitionName"]
    return row


def number(text: str) -> float | str:
    """A number that is written as text; other text as it is."""
    try:
        return float(text)
    except ValueError:
        return text


def _by_name(ranges: dict[str, Any]) -> dict[str, Any]:
    return {one["Name"]: one for kind in ranges.values() for one in kind}
