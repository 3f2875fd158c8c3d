"""Data of S3 as files and pipes of a job."""

import gzip
import itertools
import json
import struct

import pytest

from sklearn_sagemaker.testing.delivery import Object, share
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.recordio import records
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


def test_objects_become_records(emulator, sagemaker, s3):
    for key, body in (("r/a", b"abcde"), ("r/b", b"")):
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=body)
    read = """
found = open(path("input/data/train_0"), "rb").read()
put(found.hex(), "output/failure"); sys.exit(1)
"""
    wrapped = {"InputMode": "Pipe", "RecordWrapperType": "RecordIO"}
    part = channel(emulator, "train", "r/", **wrapped)
    found = run(emulator, sagemaker, "wrapped", read, channels=[part])
    words = "0a23d7ce 05000000 6162636465 000000 0a23d7ce 00000000"
    assert found["FailureReason"] == f"{words.replace(' ', '')}, exit code: 1"
    cut = list(records(bytes.fromhex(words), padded=False))
    assert [record[8:] for record in cut] == [b"abcde", b""]


def test_the_parts_of_a_record_stay_together():
    data = b"".join(
        struct.pack("<II", 0xCED7230A, part << 29 | 3) + b"abc\0"
        for part in (1, 2, 3, 0)
    )
    assert list(map(len, records(data))) == [36, 12]
    for wrong in (data[:-5], data[:-10], b"x" + data):
        with pytest.raises(JobError):
            list(records(wrong))


def test_data_that_cannot_be_decompressed_fail_the_job(emulator, sagemaker, data):
    packed = {"InputMode": "Pipe", "CompressionType": "Gzip"}
    part = channel(emulator, "train", "d/tr/", **packed)
    # Which waits for the next pass.
    found = run(emulator, sagemaker, "no-gzip", f"{READ}", channels=[part])
    assert "cannot be decompressed" in found["FailureReason"]


def test_objects_are_shuffled_for_each_pass(emulator, sagemaker, s3):
    for number in range(8):
        body = str(number).encode()
        s3.put_object(Bucket=emulator.bucket, Key=f"s/{number}", Body=body)
    shuffled = {"InputMode": "Pipe", "ShuffleConfig": {"Seed": 3}}
    part = channel(emulator, "train", "s/", **shuffled)
    first = shown(emulator, sagemaker, "shuffled", READ, part)
    assert len(set(first)) == 3
    assert ["".join(sorted(text)) for text in first] == ["01234567"] * 3
    assert shown(emulator, sagemaker, "shuffled-again", READ, part) == first
    part["ShuffleConfig"]["Seed"] = 4
    assert shown(emulator, sagemaker, "shuffled-else", READ, part) != first


def test_shares_of_hosts():
    found = [Object("b", str(number), str(number)) for number in range(5)]
    source = {"S3DataSource": {"S3DataDistributionType": "ShardedByS3Key"}}
    part = {"DataSource": source}

    def keys(epoch=0):
        return [[item.key for item in share(found, part, epoch, i, 2)] for i in (0, 1)]

    assert keys() == [["0", "2", "4"], ["1", "3"]]
    part["ShuffleConfig"] = {"Seed": 1}
    assert sorted(itertools.chain(*keys())) == list("01234")
    # A host has others in the next pass.
    assert set(keys(0)[1]) != set(keys(1)[1])


def test_a_key_that_is_a_file_and_a_folder(emulator, sagemaker, s3):
    for key in ("f/a", "f/a/b"):
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=b"x")
    part = channel(emulator, "train", "f/")
    found = run(emulator, sagemaker, "both", channels=[part])
    assert "rename the objects" in found["FailureReason"]


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
