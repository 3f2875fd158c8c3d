"""Lines of a program on their way to a log stream."""

import os
import threading

import boto3
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.testing.logs import LogStream
from sklearn_sagemaker.testing.model_server import ModelServer
from tests.testing.jobs import IMAGE, run


def test_a_group_that_is_deleted_meanwhile_is_made_again(emulator):
    logs = boto3.client("logs")
    read, write = os.pipe()
    stream = LogStream(logs, "group", "stream", os.fdopen(read, "rb"))
    logs.delete_log_group(logGroupName="group")
    with os.fdopen(write, "wb") as lines:
        lines.write(b"the last line\n")
    stream.close()
    found = logs.get_log_events(logGroupName="group", logStreamName="stream")
    assert [event["message"] for event in found["events"]] == ["the last line"]


def test_a_line_without_end_comes_in_pieces(emulator):
    logs = boto3.client("logs")
    read, write = os.pipe()
    stream = LogStream(logs, "group", "long", os.fdopen(read, "rb"))
    with os.fdopen(write, "wb") as lines:
        lines.write(b"x" * 500_000)
    stream.close()
    found = logs.get_log_events(logGroupName="group", logStreamName="long")
    sizes = [len(event["message"]) for event in found["events"]]
    assert sizes == [200_000, 200_000, 100_000]


def test_no_pipe_is_left_without_a_stream(emulator):
    read, write = os.pipe()
    lines = os.fdopen(read, "rb")
    with os.fdopen(write, "wb"), pytest.raises(ClientError):
        LogStream(boto3.client("logs"), 513 * "g", "stream", lines)
    assert lines.closed


def test_nothing_starts_without_logs(emulator, sagemaker, monkeypatch, capfd):
    account = emulator._resources._account
    client, started = account.cloud.client, []

    def without_logs(service, region):
        if service == "logs":
            raise OSError("no logs")
        return client(service, region)

    monkeypatch.setattr(account.cloud, "client", without_logs)
    monkeypatch.setattr(account.children, "start", started.append)
    found = run(emulator, sagemaker, "without-logs")
    assert found["FailureReason"] == "InternalServerError: OSError: no logs"
    model = {"PrimaryContainer": {"Image": IMAGE}}
    with pytest.raises(OSError, match="no logs"):
        ModelServer(account, "us-east-1", model, "g", "s", {}, threading.Event())
    assert started == []
    assert "no logs" in capfd.readouterr().err
