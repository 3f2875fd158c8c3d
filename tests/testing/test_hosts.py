"""Training jobs of several hosts, and checkpoints."""

import json
import math
import re
import time

import boto3
import numpy as np
import pytest

from sklearn_sagemaker.testing import hosts
from tests.testing.jobs import (
    GROUP,
    LINEAR,
    channel,
    ended,
    job,
    printed,
    run,
    until_printed,
)
from tests.testing.test_training_jobs import archive

SHOW = """
hosts = json.load(open(path("input/config/resourceconfig.json")))
me = hosts["current_host"]
data = {name: sorted(os.listdir(path("input/data", name)))
        for name in os.listdir(path("input/data"))}
print(json.dumps([hosts, data]), flush=True)
put(me, "model/model_" + me); put(me, "model/same"); put(me, "output/data/o_" + me)
"""


def of_hosts(emulator, name, do, count, **more):
    request = job(emulator, name, do, **more)
    request["ResourceConfig"]["InstanceCount"] = count
    return request


@pytest.mark.slow
def test_each_host_has_its_folder_its_log_and_its_share(emulator, sagemaker, s3):
    for number in range(3):
        s3.put_object(Bucket=emulator.bucket, Key=f"h/{number}", Body=b"x")
    parts = [channel(emulator, "all", "h/"), channel(emulator, "share", "h/")]
    source = parts[1]["DataSource"]["S3DataSource"]
    source["S3DataDistributionType"] = "ShardedByS3Key"
    request = of_hosts(emulator, "hosts", SHOW, 2, channels=parts)
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "n", "Regex": '"current_host": "algo-([0-9]+)"'}
    ]
    sagemaker.create_training_job(**request)
    found = ended(sagemaker, "hosts")
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    found_by = list(map(json.loads, printed("hosts")))
    seen = {
        config["current_host"]: (config["hosts"], data) for config, data in found_by
    }
    everything, names = ["0", "1", "2"], ["algo-1", "algo-2"]
    assert seen == {
        "algo-1": (names, {"all": everything, "share": ["0", "2"]}),
        "algo-2": (names, {"all": everything, "share": ["1"]}),
    }
    config = found_by[0][0]
    [group] = config["instance_groups"]
    assert group["instance_group_name"] == config["current_group_name"]
    assert group["instance_type"] == config["current_instance_type"] == "ml.m5.large"
    assert group["hosts"] == names
    streams = boto3.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="hosts/"
    )["logStreams"]
    names = [stream["logStreamName"].rpartition("-")[0] for stream in streams]
    assert names == ["hosts/algo-1", "hosts/algo-2"]
    assert archive(s3, emulator, "hosts", "model.tar.gz") == {
        "model_algo-1": "algo-1",
        "model_algo-2": "algo-2",
        "same": "algo-1",
    }
    outputs = archive(s3, emulator, "hosts", "output.tar.gz")
    assert sorted(outputs) == ["o_algo-1", "o_algo-2"]
    assert found["FinalMetricDataList"][0]["MetricName"] == "n"


def test_one_host_that_fails_fails_the_job(emulator, sagemaker):
    do = f"""{SHOW}
if me == "algo-2":
    put("ClientError: no", "output/failure"); sys.exit(3)
time.sleep(60)
"""
    sagemaker.create_training_job(**of_hosts(emulator, "one-fails", do, 2))
    found = ended(sagemaker, "one-fails")
    assert found["FailureReason"] == "ClientError: no, exit code: 3"
    assert emulator._children._running == {}


def test_the_program_of_a_host_may_start_late_or_never(emulator, sagemaker):
    do = f"""{SHOW}
beside = path("..", "algo-2", "model", "model_algo-2")
end = time.monotonic() + 30
while me == "algo-1" and not os.path.exists(beside) and time.monotonic() < end:
    time.sleep(0.02)
print(me, os.path.exists(beside), flush=True)
sys.exit(me == "algo-1" and "never" in os.environ["TRAINING_JOB_NAME"])
"""
    emulator.fail("CreateTrainingJob", delays={"algo-2": 1.0}, where="starts-late")
    emulator.fail("CreateTrainingJob", delays={"algo-2": math.inf}, where="never")
    sagemaker.create_training_job(**of_hosts(emulator, "starts-late", do, 2))
    assert ended(sagemaker, "starts-late")["TrainingJobStatus"] == "Completed"
    do = do.replace("+ 30", "+ 0.2")
    sagemaker.create_training_job(**of_hosts(emulator, "never", do, 2))
    found = ended(sagemaker, "never")
    assert found["FailureReason"].endswith("exit code: 1")
    assert [line for line in printed("never") if "algo-2" in line[:6]] == []
    with pytest.raises(ValueError, match="delays is for CreateTrainingJob"):
        emulator.fail("PutObject", delays={"algo-2": 1.0})


def test_all_hosts_are_stopped(emulator, sagemaker):
    do = f"""{SHOW}
signal.signal(15, lambda *_: (put("x", "model/stopped_" + me), sys.exit(0)))
print("up", flush=True)
time.sleep(60)
"""
    sagemaker.create_training_job(**of_hosts(emulator, "stops", do, 2))
    end = time.monotonic() + 60
    while printed("stops").count("up") < 2 and time.monotonic() < end:
        time.sleep(0.02)
    sagemaker.stop_training_job(TrainingJobName="stops")
    assert ended(sagemaker, "stops")["TrainingJobStatus"] == "Stopped"
    found = archive(boto3.client("s3"), emulator, "stops", "model.tar.gz")
    assert {"stopped_algo-1", "stopped_algo-2"} < set(found)


def test_names_are_sorted_as_texts():
    assert hosts.names_of(11)[:3] == ["algo-1", "algo-10", "algo-11"]


@pytest.mark.parametrize("wires", [True, False])
def test_hosts_find_each_other_by_name(emulator, sagemaker, monkeypatch, wires):
    allowed = hosts._allowed() is not None if wires else hosts._mount_namespace()
    if not allowed:
        pytest.skip("this machine lets nobody have such a namespace")
    if not wires:
        monkeypatch.setattr(hosts, "_allowed", lambda: None)
    name = f"talk-{wires}"
    do = f"""{SHOW}
import socket
print(socket.gethostbyname("algo-1"), socket.gethostbyname("algo-2"),
      hosts["network_interface_name"], flush=True)
if me == "algo-1":
    server = socket.create_server((me, 0))
    put(str(server.getsockname()[1]), "port")
    server.settimeout(30)
    server.accept()
else:
    port = path("..", "algo-1", "port")
    while not os.path.exists(port) or not open(port).read():
        time.sleep(0.01)
    socket.create_connection(("algo-1", int(open(port).read()))).close()
"""
    sagemaker.create_training_job(**of_hosts(emulator, name, do, 2))
    found = ended(sagemaker, name)
    assert found["TrainingJobStatus"] == "Completed", printed(name)
    net, interface = (r"10\.0\.0", "eth0") if wires else (r"127\.\d+\.\d+", "lo")
    pattern = re.compile(rf"({net})\.1 \1\.2 {interface}")
    assert len([line for line in printed(name) if pattern.fullmatch(line)]) == 2


def test_checkpoints_come_and_go(emulator, sagemaker, s3):
    s3.put_object(Bucket=emulator.bucket, Key="ck/deep/before", Body=b"old")
    s3.put_object(Bucket=emulator.bucket, Key="ck-other", Body=b"no")
    do = """
folder = path("checkpoints")
print(sorted(os.listdir(folder)), open(folder + "/deep/before").read(), flush=True)
put("first", "checkpoints/new")
while not os.path.exists(path("go")): time.sleep(0.02)
put("last", "checkpoints/new"); put("2", "checkpoints/deep/more")
sys.exit(1)
"""
    kept = {"S3Uri": f"s3://{emulator.bucket}/ck"}
    request = job(emulator, "keeps", do, CheckpointConfig=kept)
    before = s3.head_object(Bucket=emulator.bucket, Key="ck/deep/before")
    sagemaker.create_training_job(**request)
    assert until_printed("keeps") == ["['deep'] old"]
    # While it runs.
    boto3.client("s3").get_waiter("object_exists").wait(
        Bucket=emulator.bucket,
        Key="ck/new",
        WaiterConfig={"Delay": 0.1, "MaxAttempts": 300},
    )
    [folder] = emulator._folder.glob("job-*/algo-1")
    (folder / "go").touch()
    assert ended(sagemaker, "keeps")["TrainingJobStatus"] == "Failed"
    keys = s3.list_objects_v2(Bucket=emulator.bucket, Prefix="ck/")["Contents"]
    assert [item["Key"] for item in keys] == [
        "ck/deep/before",
        "ck/deep/more",
        "ck/new",
    ]
    body = s3.get_object(Bucket=emulator.bucket, Key="ck/new")["Body"].read()
    assert body == b"last"
    # What has not changed is left alone.
    after = s3.head_object(Bucket=emulator.bucket, Key="ck/deep/before")
    assert after["LastModified"] == before["LastModified"]
    # Another job goes on, in another folder.
    kept["LocalPath"] = "/opt/ml/mine"
    do = 'print(open(path("mine/new")).read())'
    run(emulator, sagemaker, "goes-on", do, CheckpointConfig=kept)
    assert printed("goes-on") == ["last"]
    kept["S3Uri"] = "s3://bucket-that-is-not-there/x"
    found = run(emulator, sagemaker, "no-bucket", do, CheckpointConfig=kept)
    assert "NoSuchBucket" in found["FailureReason"]


@pytest.mark.slow
def test_a_stopped_training_goes_on_in_another_job(emulator, sagemaker, s3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10000, 5)).round(3)
    y = X[:, 0] + rng.normal(size=10000) > 0
    lines = [
        f"{int(label)},{','.join(map(str, row))}"
        for label, row in zip(y, X, strict=True)
    ]
    body = "\n".join(lines).encode()
    s3.put_object(Bucket=emulator.bucket, Key="long/x.csv", Body=body)
    settings = {
        "predictor_type": "binary_classifier",
        "epochs": "100000",
        "num_models": "8",
        "mini_batch_size": "10",
        "early_stopping_patience": "100000",
    }
    more = {
        "image": LINEAR,
        "channels": [channel(emulator, "train", "long/", ContentType="text/csv")],
        "HyperParameters": settings,
        "CheckpointConfig": {"S3Uri": f"s3://{emulator.bucket}/long-kept"},
    }

    def epochs(name):
        """Numbers of the epochs of a job that is stopped after the first."""
        sagemaker.create_training_job(**job(emulator, name, **more))
        found, end = [], time.monotonic() + 60
        while not found and time.monotonic() < end:
            text = "\n".join(printed(name))
            found = re.findall(r"metric: host=algo-1, epoch=(\d+), t", text)
        sagemaker.stop_training_job(TrainingJobName=name)
        assert ended(sagemaker, name)["TrainingJobStatus"] == "Stopped"
        return list(map(int, found))

    assert epochs("long-1")[0] == 0
    assert epochs("long-2")[0] > 0
