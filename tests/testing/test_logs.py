"""Lines of a program on their way to a log stream."""

import os

import boto3

from sklearn_sagemaker.testing.logs import LogStream


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
