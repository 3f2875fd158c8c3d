"""Data of S3 as files and pipes of a job."""

import gzip
import json

import pytest

from tests.testing.jobs import channel, run

SHOW = """
found = {}
for folder, _, names in os.walk(path("input/data")):
    for name in names:
        full = os.path.join(folder, name)
        found[os.path.relpath(full, path("input/data"))] = open(full).read()
put(json.dumps(found), "output/failure"); sys.exit(1)
"""
READ = """
found = [open(path("input/data/train_%d" % i)).read() for i in range(3)]
put(json.dumps(found), "output/failure"); sys.exit(1)
"""


@pytest.fixture
def data(emulator, s3):
    for key in ("d/tr/a", "d/tr/x/b", "d/train", "d/tr/"):
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=key.encode())


def shown(emulator, sagemaker, name, program, *channels):
    found = run(emulator, sagemaker, name, program, channels=channels)
    return json.loads(found["FailureReason"].removesuffix(", exit code: 1"))


@pytest.mark.parametrize("mode", ["File", "FastFile"])
@pytest.mark.parametrize(
    ("prefix", "files"),
    [
        ("d/tr/", ["a", "x/b"]),
        ("d/train", ["train"]),
        ("d/tr", ["a", "train", "x/b"]),
    ],
)
def test_files_of_a_prefix(emulator, sagemaker, data, prefix, files, mode):
    name = f"prefix-{len(files)}-{prefix.count('/')}-{mode}"
    part = channel(emulator, "train", prefix, InputMode=mode)
    found = shown(emulator, sagemaker, name, SHOW, part)
    assert sorted(found) == [f"train/{file}" for file in files]


def test_files_of_a_manifest(emulator, sagemaker, s3, data):
    manifest = [{"prefix": f"s3://{emulator.bucket}/d/"}, "train", "tr/x/b"]
    body = json.dumps(manifest).encode()
    s3.put_object(Bucket=emulator.bucket, Key="m/manifest", Body=body)
    part = channel(emulator, "train", "m/manifest", "ManifestFile")
    found = shown(emulator, sagemaker, "manifest", SHOW, part)
    assert found == {"train/train": "d/train", "train/tr/x/b": "d/tr/x/b"}


def test_a_pipe_for_each_pass(emulator, sagemaker, s3, data):
    part = channel(emulator, "train", "d/tr/", InputMode="Pipe")
    found = shown(emulator, sagemaker, "pipe", READ, part)
    assert found == ["d/tr/ad/tr/x/b"] * 3
    body = gzip.compress(b"packed")
    s3.put_object(Bucket=emulator.bucket, Key="z/packed.gz", Body=body)
    part = channel(emulator, "train", "z/", InputMode="Pipe", CompressionType="Gzip")
    assert shown(emulator, sagemaker, "unpacked", READ, part) == ["packed"] * 3


def test_a_pipe_that_nobody_reads_does_not_hold_the_job(emulator, sagemaker, data):
    part = channel(emulator, "train", "d/tr/", InputMode="Pipe")
    found = run(emulator, sagemaker, "unread", channels=[part])
    assert found["TrainingJobStatus"] == "Completed"


def test_missing_data_fails_the_job(emulator, sagemaker, s3):
    part = channel(emulator, "train", "nothing/here")
    found = run(emulator, sagemaker, "missing", channels=[part])
    assert "No S3 objects found" in found["FailureReason"]
    s3.put_object(Bucket=emulator.bucket, Key="bad/manifest", Body=b"{}")
    part = channel(emulator, "train", "bad/manifest", "ManifestFile")
    found = run(emulator, sagemaker, "no-manifest", channels=[part])
    assert "is no manifest" in found["FailureReason"]


def test_a_key_does_not_leave_its_folder(emulator, sagemaker, s3):
    manifest = [{"prefix": f"s3://{emulator.bucket}/"}, "../../../model/x"]
    body = json.dumps(manifest).encode()
    s3.put_object(Bucket=emulator.bucket, Key="out.manifest", Body=body)
    part = channel(emulator, "train", "out.manifest", "ManifestFile")
    found = run(emulator, sagemaker, "outside", channels=[part])
    assert "outside of its channel" in found["FailureReason"]
