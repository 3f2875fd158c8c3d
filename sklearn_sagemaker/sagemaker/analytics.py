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
        rows = [row for name in names for row in self._points(name, job)]
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
            logger.warning(
                "CloudWatch has no metric %s of the training job %s.",
                metric,
                self._name,
            )
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
