"""Exceptions cross processes: joblib's workers and trainings elsewhere raise them."""

import pickle
import subprocess
import sys

import pytest

from sklearn_sagemaker import exceptions

ARGUMENTS = {
    "RecordIOError": ("is cut short", 3, 128, "a.pbr"),
    "TrainingJobFailedError": ("job-1", "AlgorithmError: no rows", "last\nlines"),
    "TrainingJobStoppedError": ("job-1", "MaxRuntimeExceeded", ""),
    "TrainingJobCapacityError": ("job-1", "CapacityError: none left", ""),
    "JobFailedError": ("job-1", "ClientError: no rows", "", "compilation job"),
    "JobStoppedError": ("job-1", "by its owner"),
    "UnexpectedStatusException": ("it failed", ["Completed"], "Failed"),
    "CapacityError": ("none left", ["InService"], "Failed"),
    "EndpointFailedError": ("it failed", ["InService"], "Failed"),
}


@pytest.mark.parametrize("name", exceptions.__all__)
def test_exceptions_are_pickled_whole(name):
    error = getattr(exceptions, name)(*ARGUMENTS.get(name, ("what, why, and then",)))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_those_of_two_kinds_are_pickled_beside_dask():
    pytest.importorskip("tblib")
    code = (
        "import pickle, tblib.pickling_support; tblib.pickling_support.install(); "
        "from sklearn_sagemaker.exceptions import S3NotFoundError; "
        "error = S3NotFoundError('what', 'GetObject', 'NoSuchKey'); "
        "again = pickle.loads(pickle.dumps(error)); "
        "print(again, again.operation, again.code)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["what", "GetObject", "NoSuchKey"]


@pytest.mark.parametrize("name", ["TrainingJobFailedError", "TrainingJobStoppedError"])
def test_jobs_are_named_with_reason_and_the_end_of_their_log(name):
    error = getattr(exceptions, name)("job-1", "AlgorithmError: no rows", "last\nlines")
    for part in ("'job-1'", "AlgorithmError: no rows", "last\nlines"):
        assert part in str(error)
    assert "log" not in str(getattr(exceptions, name)("job-1", "no reason"))
    assert isinstance(error, exceptions.TrainingFailedError)
