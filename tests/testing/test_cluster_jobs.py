"""Jobs of several hosts of this package's image, which form a Dask cluster.

In place of a training they sum their rows.
"""

import io
import json
import math
import re
import sys
import tarfile
import time

import numpy as np
import pytest

from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing import hosts
from tests.serving.cluster import row_sums
from tests.testing.jobs import channel, ended, job, printed

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow
IMAGE = "example.com/row-sums:1"
X = np.arange(40.0).reshape(10, 4)


@pytest.fixture
def start(emulator, sagemaker, s3):
    if hosts._allowed() is None and not hosts._mount_namespace():
        pytest.skip("hosts have no names on this machine")
    emulator.image(IMAGE, [sys.executable, row_sums.__file__])
    for part in range(5):
        rows = X[2 * part : 2 * part + 2]
        body = write_recordio(None, rows, rows[:, 0])
        s3.put_object(Bucket=emulator.bucket, Key=f"rows/part-{part}", Body=body)

    def start(name, count, *, happens="", seconds=120, delays=None, image=IMAGE):
        if delays:
            emulator.fail("CreateTrainingJob", delays=delays, where=f'"{name}"')
        rows = channel(emulator, "train", "rows/")
        source = rows["DataSource"]["S3DataSource"]
        source["S3DataDistributionType"] = "ShardedByS3Key"
        request = job(
            emulator,
            name,
            image=image,
            channels=[rows],
            HyperParameters={
                "predictor_type": "regressor",
                "sklearn_sagemaker.hosts_timeout": str(seconds),
            },
            Environment={"ROW_SUMS": happens},
            StoppingCondition={"MaxRuntimeInSeconds": 300},
        )
        request["ResourceConfig"]["InstanceCount"] = count
        sagemaker.create_training_job(**request)

    yield start
    assert emulator._children._running == {}


def end_of(sagemaker, name):
    found = ended(sagemaker, name, 240)
    return found["TrainingJobStatus"], found.get("FailureReason")


def model_of(emulator, s3, name):
    """The one file that the job has left."""
    key = f"out/{name}/output/model.tar.gz"
    body = s3.get_object(Bucket=emulator.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        [member] = archive.getmembers()
        return json.load(archive.extractfile(member))


@pytest.mark.parametrize(("count", "delays"), [(2, {"algo-2": 10}), (4, {})])
def test_hosts_form_a_cluster(emulator, sagemaker, s3, start, count, delays):
    name = f"sums-{count}"
    start(name, count, delays=delays)
    assert end_of(sagemaker, name) == ("Completed", None), printed(name)
    found = model_of(emulator, s3, name)
    assert found["sums"] == X.sum(0).tolist()
    assert found["files"] == [[f"part-{n}", f"algo-{1 + n % count}"] for n in range(5)]
    assert len(found["processes"]) == count
    net = r"10\.0\.0" if hosts._allowed() is not None else r"127\.\d+\.\d+"
    assert re.search(rf"listens at tcp://{net}\.1:8786\.", "\n".join(printed(name)))


def test_a_host_that_never_comes_ends_the_job(sagemaker, start):
    start("dead", 2, delays={"algo-2": math.inf}, seconds=10)
    status, reason = end_of(sagemaker, "dead")
    assert status == "Failed"
    assert reason.startswith(
        "AlgorithmError: Within 10 s algo-2 did not come to algo-1"
    )


def test_a_network_that_breaks_ends_the_job(emulator, sagemaker, start, monkeypatch):
    if hosts._allowed() is None:
        pytest.skip("this machine lets nobody have wires")
    bridges = []
    made = hosts.Wires.__init__

    def making(self, bridge, user):
        made(self, bridge, user)
        bridges.append(self)

    monkeypatch.setattr(hosts.Wires, "__init__", making)
    start("cut", 2, happens="wait for the last host")
    end = time.monotonic() + 120
    while "The rows are summed." not in "\n".join(printed("cut")):
        assert time.monotonic() < end, printed("cut")
        time.sleep(0.1)
    hosts._runs([*bridges[-1]._enter, "ip", "link", "set", "v2", "down"])
    end = time.monotonic() + 120
    status, reason = end_of(sagemaker, "cut")
    assert status == "Failed"
    assert "has left the job while it ran" in reason
    assert time.monotonic() < end


def test_our_image_says_that_it_does_not_train_yet(emulator, sagemaker, start):
    start("ours", 2, image="sklearn-sagemaker:1")
    status, reason = end_of(sagemaker, "ours")
    assert status == "Failed"
    assert "training on several ones needs the Dask backend" in reason
