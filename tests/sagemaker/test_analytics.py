"""Metrics of training jobs as tables, from answers that a test gives."""

import datetime

import pytest

from sklearn_sagemaker.sagemaker.analytics import MAX_POINTS, TrainingJobAnalytics

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Session:
    """A session and its clients in one; it keeps what it is asked."""

    boto_region_name = "us-east-1"

    def __init__(self, hours=1, **job):
        self.asked = []
        self.job = {
            "CreationTime": START,
            "TrainingStartTime": START,
            "TrainingEndTime": START + datetime.timedelta(hours=hours),
            "AlgorithmSpecification": {
                "MetricDefinitions": [{"Name": "train:loss", "Regex": "x"}]
            },
            **job,
        }

    def describe_training_job(self, name):
        return self.job

    def _call(self, service, operation, what, **request):
        assert (service, operation) == ("cloudwatch", "get_metric_statistics")
        self.asked.append(request)
        minute = datetime.timedelta(minutes=1)
        if request["MetricName"] == "nothing":
            return {"Datapoints": []}
        return {
            "Datapoints": [
                {"Timestamp": START + 2 * minute, "Average": 0.25},
                {"Timestamp": START + minute, "Average": 0.5},
            ]
        }


def test_a_table_is_in_the_order_of_time_and_fetched_once(tmp_path):
    session = Session()
    found = TrainingJobAnalytics("job", sagemaker_session=session)
    table = found.dataframe()
    assert table.to_dict("list") == {
        "timestamp": [0.0, 60.0],
        "metric_name": ["train:loss", "train:loss"],
        "value": [0.5, 0.25],
    }
    found.export_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().splitlines()[
        1
    ] == "0,0.0,train:loss,0.5"
    assert len(session.asked) == 1
    (request,) = session.asked
    assert request["Dimensions"] == [{"Name": "TrainingJobName", "Value": "job"}]
    assert request["StartTime"] == START
    assert request["EndTime"] == START + datetime.timedelta(hours=1, minutes=1)
    found.dataframe(force_refresh=True)
    assert len(session.asked) == 2
    assert found.name == "job"


@pytest.mark.parametrize("hours", [1, 24, 25, 28 * 24])
def test_a_long_job_has_points_of_more_minutes(hours):
    session = Session(hours)
    TrainingJobAnalytics("job", sagemaker_session=session).dataframe()
    period = session.asked[0]["Period"]
    assert period % 60 == 0
    points = (hours * 3600 + 60) / period
    assert MAX_POINTS / 2 - 1 < points <= MAX_POINTS or period == 60


def test_the_user_says_names_and_times(caplog):
    session, later = Session(), START + datetime.timedelta(days=1)
    table = TrainingJobAnalytics(
        "job", ["nothing"], session, START, later, 300
    ).dataframe()
    assert list(table) == ["timestamp", "metric_name", "value"]
    assert len(table) == 0
    assert "no metric nothing of the training job job" in caplog.text
    assert (session.asked[0]["EndTime"], session.asked[0]["Period"]) == (later, 300)


def test_only_what_is_asked_for_is_missed(caplog):
    job = {"MetricDefinitions": [{"Name": "nothing"}, {"Name": "train:loss"}]}
    session = Session(AlgorithmSpecification=job)
    assert len(TrainingJobAnalytics("job", sagemaker_session=session).dataframe()) == 2
    assert caplog.text == ""
    del job["MetricDefinitions"][1]
    TrainingJobAnalytics("job", sagemaker_session=session).dataframe()
    assert caplog.text.count("CloudWatch has no metrics of the training job job") == 1


def test_a_job_that_runs_ends_now():
    session = Session()
    del session.job["TrainingEndTime"], session.job["TrainingStartTime"]
    TrainingJobAnalytics("job", sagemaker_session=session).dataframe()
    now = datetime.datetime.now(datetime.UTC)
    assert session.asked[0]["EndTime"] > now
