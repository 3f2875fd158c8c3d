"""Uploads of rows: the SDK's objects, streamed, whole or not there."""

import io
import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import S3AccessError, S3Error
from sklearn_sagemaker.io import read_recordio
from sklearn_sagemaker.sagemaker.amazon import _record_sets, common
from sklearn_sagemaker.sagemaker.amazon._record_sets import upload_rows
from sklearn_sagemaker.sagemaker.s3 import parse_s3_url
from sklearn_sagemaker.sagemaker.session import Session

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 3)).astype(np.float32)
y = np.arange(7, dtype=np.float32)
CSR = sparse.random(7, 40, 0.3, "csr", np.float32, random_state=0)


@pytest.fixture
def place(session):
    """An address that no other test has."""
    return f"s3://{session.default_bucket()}/{secrets.token_hex(8)}/"


def objects(session, place):
    """Keys below an address, and what they hold."""
    bucket, prefix = parse_s3_url(place)
    found = {}
    for key in session.list_s3_files(bucket, prefix):
        item = session.s3_client.get_object(Bucket=bucket, Key=key)
        found[key.removeprefix(prefix)] = {**item, "Body": item["Body"].read()}
    return found


def bodies(session, place):
    return {
        key.partition("/")[2]: found["Body"]
        for key, found in objects(session, place).items()
    }


@pytest.mark.parametrize("table", [X, CSR], ids=["dense", "sparse"])
def test_an_object_an_instance_as_the_sdk_writes_them(session, place, table):
    manifest, n_rows, n_features = upload_rows(
        session, place, "LinearLearner", table, y, shards=3
    )
    assert (n_rows, n_features) == table.shape
    folder, _, name = manifest.rpartition("/")
    assert name == ".amazon.manifest"
    assert folder.startswith(f"{place}LinearLearner-20")
    found = bodies(session, place)
    shards = ["matrix_0.pbr", "matrix_1.pbr", "matrix_2.pbr"]
    assert json.loads(found.pop(name)) == [{"prefix": f"{folder}/"}, *shards]
    write = common.write_numpy_to_dense_tensor
    if sparse.issparse(table):
        write = common.write_spmatrix_to_sparse_tensor
    for shard, part in zip(
        shards, (slice(0, 2), slice(2, 4), slice(4, 7)), strict=True
    ):
        buffer = io.BytesIO()
        write(buffer, table[part], y[part])
        assert found.pop(shard) == buffer.getvalue()
    assert not found


def test_names_have_as_many_digits_as_the_number_of_shards(session, place):
    upload_rows(session, place, "A", np.ones((10, 1), np.float32), shards=10)
    assert [*bodies(session, place)][1:3] == ["matrix_00.pbr", "matrix_01.pbr"]


@pytest.mark.parametrize(
    ("dtype", "tensor", "label"),
    [("float32", "float32", "float32"), (None, "int32", "float64")],
)
def test_types_on_the_wire(session, place, dtype, tensor, label):
    upload_rows(session, place, "A", np.array([[1, 2]]), np.ones(1), dtype=dtype)
    rows, labels = read_recordio(bodies(session, place)["matrix_0.pbr"])
    assert (rows.dtype, labels.dtype) == (tensor, label)


@pytest.mark.parametrize(
    ("table", "labels", "more", "match"),
    [
        (np.array([[1, 2**24 + 1]]), None, {}, r"X has the whole number 16777217"),
        (np.array([[1, -(2**25)]]), None, {}, r"X has the whole number -33554432"),
        (sparse.csr_matrix([[0, 2**25]]), None, {}, "dtype='int32'"),
        (X[:1], [2**24 + 1], {}, "y has the whole number 16777217; float32"),
        (X, [*y[:6], np.nan], {}, "y has nan at row 6; it must be finite"),
        (X, y[:6], {}, r"y has shape \(6,\); X has 7 rows"),
        (X, y, {"shards": 8}, "shards=8 is more than the number of rows, 7"),
        (X[0], None, {}, "need a table of rows"),
        (np.ones((2, 2), np.uint8), None, {"dtype": None}, "X has dtype uint8"),
        (X, None, {"dtype": "float16"}, "dtype='float16' is not one of"),
    ],
)  # fmt: skip
def test_what_is_refused_before_anything_is_sent(
    emulator, session, place, table, labels, more, match
):
    before = emulator.calls.get("PutObject", 0)
    with pytest.raises(ValueError, match=match):
        upload_rows(session, place, "A", table, labels, **more)
    assert emulator.calls.get("PutObject", 0) == before


def test_whole_numbers_that_float32_holds(session, place):
    upload_rows(session, place, "A", np.array([[2**24, -(2**24)]]), [2**24])
    rows, labels = read_recordio(bodies(session, place)["matrix_0.pbr"])
    assert rows.tolist() == [[2**24, -(2**24)]]
    assert labels == [2**24]


def test_encryption(session, place):
    upload_rows(session, f"{place}a", "A", X, encrypt=True)
    upload_rows(session, f"{place}b", "A", X, encrypt=True, kms_key="alias/mine")
    found = objects(session, place)
    kinds = [found[key]["ServerSideEncryption"] for key in sorted(found)]
    assert kinds == ["AES256"] * 2 + ["aws:kms"] * 2
    assert {found[key].get("SSEKMSKeyId") for key in sorted(found)[2:]} == {
        "alias/mine"
    }


def test_uploads_at_the_same_moment_have_folders_of_their_own(
    session, place, monkeypatch
):
    put = session.s3_client.meta.service_model.operation_model("PutObject")
    if "IfNoneMatch" not in put.input_shape.members:
        pytest.skip("boto3 before 1.35 cannot ask S3 to keep what is there")
    # Processes of one millisecond: each knows its own times only.
    times = ["2026-01-01-00-00-00-00" + c for c in "1122233344"]
    monkeypatch.setattr(_record_sets, "sagemaker_timestamp", lambda: times.pop())
    found = [upload_rows(session, place, "A", X[i : i + 1]).manifest for i in range(4)]
    assert len(set(found)) == 4
    assert len(objects(session, place)) == 8


def test_threads_have_folders_of_their_own(session, place):
    def upload(i):
        return upload_rows(session, place, "A", X[i : i + 1]).manifest

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(upload, range(6)))) == 6


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("UploadPart", {"code": "InternalError", "status": 500}),
        ("UploadPart", {"reset": "before"}),
        ("UploadPart", {"reset": "after"}),
        ("CompleteMultipartUpload", {"reset": "before"}),
    ],
)
def test_large_objects_go_in_parts_and_are_the_same(
    faults, session, place, at_once, operation, fault
):
    table = np.tile(X, (1, 100_000))
    before = faults.calls
    rule = faults.fail(operation, times=1, **fault)
    upload_rows(session, place, "A", table, y)
    assert rule.done == 1
    assert faults.calls["UploadPart"] >= before.get("UploadPart", 0) + 2
    buffer = io.BytesIO()
    common.write_numpy_to_dense_tensor(buffer, table, y)
    assert bodies(session, place)["matrix_0.pbr"] == buffer.getvalue()


@pytest.mark.parametrize(
    "fault",
    [
        {"code": "SlowDown", "status": 503, "times": 2},
        {"reset": "before", "times": 1},
        {"reset": "after", "times": 1},
        {"reset": "after", "times": 1, "skip": 1},
    ],
)
def test_what_breaks_on_the_way_is_sent_again(faults, session, place, at_once, fault):
    faults.fail("PutObject", **fault)
    upload_rows(session, place, "A", X, y, shards=2)
    found = bodies(session, place)
    # None is left of an attempt whose answer was lost.
    assert len({key.partition("/")[0] for key in objects(session, place)}) == 1
    assert [*found] == [".amazon.manifest", "matrix_0.pbr", "matrix_1.pbr"]
    rows, labels = read_recordio(found["matrix_1.pbr"])
    np.testing.assert_array_equal(rows, X[3:])
    np.testing.assert_array_equal(labels, y[3:])


@pytest.mark.parametrize(
    ("operation", "fault", "kind", "match"),
    [
        ("PutObject", {"code": "AccessDenied", "status": 403, "skip": 2},
         S3AccessError, r"A-.*matrix_1.pbr: access is denied .*needs s3:PutObject"),
        ("PutObject", {"code": "SlowDown", "status": 503, "skip": 1},
         S3Error, r"matrix_0.pbr: .*SlowDown"),
        ("PutObject", {"code": "ExpiredToken", "status": 400},
         S3AccessError, r"manifest: the credentials have expired"),
    ],
)  # fmt: skip
def test_an_upload_that_fails_leaves_nothing(
    faults, session, place, at_once, operation, fault, kind, match
):
    faults.fail(operation, **fault)
    with pytest.raises(kind, match=match) as found:
        upload_rows(session, place, "A", X, y, shards=2)
    assert found.value.__cause__ is None
    assert not objects(session, place)


@pytest.mark.parametrize(
    ("operation", "fault", "kind"),
    [
        ("UploadPart", {"code": "AccessDenied", "status": 403, "skip": 1},
         S3AccessError),
        ("UploadPart", {"code": "SlowDown", "status": 503}, S3Error),
        ("CreateMultipartUpload", {"code": "AccessDenied", "status": 403},
         S3AccessError),
        # Nobody knows then whether the object is there; it is deleted.
        ("CompleteMultipartUpload", {"reset": "after"}, S3Error),
    ],
)  # fmt: skip
def test_parts_that_fail_leave_no_upload(
    faults, session, place, at_once, operation, fault, kind
):
    faults.fail(operation, **fault)
    with pytest.raises(kind, match=r"matrix_0.pbr: "):
        upload_rows(session, place, "A", np.tile(X, (1, 100_000)))
    assert not objects(session, place)
    bucket, _ = parse_s3_url(place)
    assert not session.s3_client.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_a_value_that_does_not_fit_ends_the_upload(session, place):
    table = np.ones((3, 2))
    table[2, 1] = 1e300
    with pytest.raises(ValueError, match="X has 1e.300, which is beyond the range"):
        upload_rows(session, place, "A", table, shards=3)
    assert not objects(session, place)


def test_the_error_that_counts_is_the_first(faults, session, place, caplog):
    faults.fail("PutObject", code="AccessDenied", status=403, skip=1)
    rule = faults.fail("DeleteObject", code="AccessDenied", status=403)
    with pytest.raises(S3AccessError, match=r"matrix_0.pbr: .*s3:PutObject"):
        upload_rows(session, place, "A", X, shards=4)
    assert "this is left of it: s3://" in caplog.text
    # Nor is it tried with each of the objects.
    assert rule.done == 1


def test_a_bucket_that_is_not_there(session):
    with pytest.raises(S3Error, match="there is no bucket 'nowhere-at-all'"):
        upload_rows(session, "s3://nowhere-at-all/x", "A", X)


def test_the_owner_of_the_default_bucket_is_checked(faults, place):
    session = Session()
    session.default_bucket()
    sent = []
    session.s3_client.meta.events.register(
        "provide-client-params.s3.PutObject",
        lambda params, **_: sent.append(params.get("ExpectedBucketOwner")),
    )
    upload_rows(session, place, "A", X)
    assert sent == [session.account_id()] * 2
