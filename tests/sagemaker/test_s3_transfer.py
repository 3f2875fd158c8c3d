"""Uploads and downloads under the SDK's names, and addresses of S3."""

import io

import pytest

from sklearn_sagemaker.exceptions import S3AccessError, S3NotFoundError
from sklearn_sagemaker.sagemaker.s3 import (
    S3Downloader,
    S3Uploader,
    is_s3_url,
    parse_s3_url,
    s3_path_join,
)


@pytest.fixture
def place(session, request):
    return f"s3://{session.default_bucket()}/{request.node.name}"


def test_files_and_folders(session, place, tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text("1,2")
    (folder / "sub" / "b.csv").write_text("3,4")
    uri = S3Uploader.upload(
        str(folder / "a.csv"), f"{place}/one", sagemaker_session=session
    )
    assert uri == f"{place}/one/a.csv"
    assert S3Downloader.read_file(uri, session) == "1,2"
    seen = []
    uri = S3Uploader.upload(
        str(folder), f"{place}/all", sagemaker_session=session, callback=seen.append
    )
    assert uri == f"{place}/all"
    assert sum(seen) == 6
    found = S3Downloader.list(uri, session)
    assert found == [f"{uri}/a.csv", f"{uri}/sub/b.csv"]
    back = S3Downloader.download(uri, str(tmp_path / "back"), sagemaker_session=session)
    assert len(back) == 2
    assert (tmp_path / "back" / "sub" / "b.csv").read_text() == "3,4"


def test_texts_and_bytes(session, place):
    uri = f"{place}/text.csv"
    assert S3Uploader.upload_string_as_file_body(
        "é", uri, sagemaker_session=session
    ) == uri  # fmt: skip
    assert S3Downloader.read_file(uri, session) == "é"
    for body in (b"\xff\x00", io.BytesIO(b"\xff\x00")):
        assert S3Uploader.upload_bytes(body, uri, sagemaker_session=session) == uri
        assert S3Downloader.read_bytes(uri, session) == b"\xff\x00"


def test_a_key_of_kms(session, place, tmp_path):
    (tmp_path / "x").write_text("1")
    common = {"kms_key": "alias/mine", "sagemaker_session": session}
    S3Uploader.upload(str(tmp_path / "x"), place, **common)
    S3Uploader.upload_string_as_file_body("1", f"{place}/y", **common)
    S3Uploader.upload_bytes(b"1", f"{place}/z", **common)
    bucket, prefix = parse_s3_url(place)
    for name in "xyz":
        head = session.s3_client.head_object(Bucket=bucket, Key=f"{prefix}/{name}")
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["SSEKMSKeyId"] == "alias/mine"


def test_faults(faults, session, place, tmp_path):
    with pytest.raises(S3NotFoundError, match=rf"^{place}/nothing: "):
        S3Downloader.read_bytes(f"{place}/nothing", session)
    with pytest.raises(FileNotFoundError, match="nothing is uploaded"):
        S3Uploader.upload(str(tmp_path / "no"), place, sagemaker_session=session)
    with pytest.raises(ValueError, match=r"'/x/y' is no address of S3; write s3://"):
        S3Uploader.upload_bytes(b"", "/x/y", sagemaker_session=session)
    faults.fail("PutObject", code="AccessDenied", status=403)
    with pytest.raises(S3AccessError, match="s3:PutObject"):
        S3Uploader.upload_bytes(b"1", f"{place}/z", sagemaker_session=session)


# Pairs recorded with SDK 2.257.7.
@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("s3://", "bucket", "a", "b"), "s3://bucket/a/b"),
        (("s3://", "//foo/", "/bar///baz"), "s3://foo/bar/baz"),
        (("s3://bucket/", "/a/"), "s3://bucket/a"),
        (("foo", "", None, "bar"), "foo/bar"),
        (("/foo", "bar/"), "foo/bar"),
        (("s3://",), "s3://"),
        (("s3://", None), "s3://"),
        ((), ""),
        (("", "/"), ""),
    ],
)
def test_joined_addresses(parts, joined):
    assert s3_path_join(*parts) == joined
    end = "/" if joined not in ("", "s3://") else ""
    assert s3_path_join(*parts, with_end_slash=True) == joined + end


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://b/k", ("b", "k")),
        ("s3://b", ("b", "")),
        ("s3://b/", ("b", "")),
        ("s3://b//a/c/", ("b", "a/c/")),
    ],
)
def test_parts_of_addresses(url, parts):
    assert is_s3_url(url)
    assert parse_s3_url(url) == parts
