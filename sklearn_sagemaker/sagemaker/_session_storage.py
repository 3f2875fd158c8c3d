"""The part of a session that is about S3."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from sklearn_sagemaker.exceptions import AWSError, S3AccessError, S3NotFoundError
from sklearn_sagemaker.sagemaker._calls import translated
from sklearn_sagemaker.sagemaker._session_clients import Clients

_log = logging.getLogger(__name__)


class Storage(Clients):
    """Buckets and objects."""

    default_bucket_prefix: str | None
    _default_bucket: str | None
    _default_bucket_name_override: str | None
    _account: str | None

    def account_id(self) -> str:
        """The number of the account of the credentials.

        Returns
        -------
        account : str
        """
        if self._account is None:
            answer = self._call("sts", "get_caller_identity", "the caller's account")
            self._account = answer["Account"]
        return self._account

    def default_bucket(self) -> str:
        """The session's bucket, which is created if it does not exist.

        Returns
        -------
        bucket : str
            The one that the session was given, else
            ``sagemaker-{region}-{account}``, which must be the account's own.

        Raises
        ------
        S3AccessError
            If the bucket is someone else's, or closed.
        """
        if self._default_bucket is None:
            bucket = self._default_bucket_name_override
            if bucket is None:
                bucket = f"sagemaker-{self.boto_region_name}-{self.account_id()}"
            self._ensure(bucket)
            self._default_bucket = bucket
        return self._default_bucket

    def _ensure(self, bucket: str) -> None:
        uri = f"s3://{bucket}"
        request: dict[str, Any] = {"Bucket": bucket}
        if self._default_bucket_name_override is None:
            request["ExpectedBucketOwner"] = self.account_id()
        try:
            if self.default_bucket_prefix:
                prefix = self.default_bucket_prefix
                self._call("s3", "list_objects_v2", uri, Prefix=prefix, **request)
            else:
                self._call("s3", "head_bucket", uri, **request)
            return
        except S3NotFoundError:
            pass
        except S3AccessError as error:
            raise type(error)(
                f"{error} The bucket may be another account's; give the session one "
                "of yours: Session(default_bucket=...).",
                error.operation,
                error.code,
            ) from None
        place = {}
        if self.boto_region_name != "us-east-1":  # S3 refuses its own name there
            constraint = {"LocationConstraint": self.boto_region_name}
            place = {"CreateBucketConfiguration": constraint}
        try:
            self._call("s3", "create_bucket", uri, Bucket=bucket, **place)
        except AWSError as error:
            # Another process creates it just now.
            if error.code not in ("OperationAborted", "BucketAlreadyOwnedByYou"):
                raise
        _log.info("Created the bucket %s", bucket)

    def _owner(self, bucket: str) -> dict[str, str]:
        """Who must own a bucket: this account, if its name is the one made here."""
        mine = self._default_bucket_name_override is None
        if mine and bucket == self._default_bucket:
            return {"ExpectedBucketOwner": self.account_id()}
        return {}

    def upload_data(
        self,
        path: str | os.PathLike[str],
        bucket: str | None = None,
        key_prefix: str = "data",
        callback: Any = None,
        extra_args: dict[str, Any] | None = None,
    ) -> str:
        """Upload a file, or all files of a folder.

        Parameters
        ----------
        path : str or path
        bucket : str or None, default=None
            None takes the default bucket, and puts its prefix before the keys.
        key_prefix : str, default="data"
        callback : callable or None, default=None
            Called with the number of bytes that have been sent since the last call.
        extra_args : dict or None, default=None
            As ``ExtraArgs`` of boto3's ``upload_file``.

        Returns
        -------
        uri : str
            Of the object, or of the folder.

        Raises
        ------
        FileNotFoundError
            If there is no such file; nothing is uploaded.
        S3Error
        """
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(f"{path} does not exist; nothing is uploaded.")
        if bucket is None:
            bucket = self.default_bucket()
            if self.default_bucket_prefix:
                key_prefix = "/".join(
                    part.strip("/")
                    for part in (self.default_bucket_prefix, key_prefix)
                    if part
                )
        start = f"{key_prefix}/" if key_prefix else ""
        if source.is_dir():
            files = [
                (file, start + file.relative_to(source).as_posix())
                for file in sorted(source.rglob("*"))
                if file.is_file()
            ]
            uri = f"s3://{bucket}/{key_prefix}"
        else:
            files = [(source, start + source.name)]
            uri = f"s3://{bucket}/{start}{source.name}"
        extra = {**(extra_args or {}), **self._owner(bucket)}
        for file, key in files:
            with translated(f"s3://{bucket}/{key}", self.s3_client, "put_object"):
                self.s3_client.upload_file(
                    str(file), bucket, key, ExtraArgs=extra or None, Callback=callback
                )
        return uri

    def upload_string_as_file_body(
        self, body: str | bytes, bucket: str, key: str, kms_key: str | None = None
    ) -> str:
        """Upload a text as an object.

        Parameters
        ----------
        body : str or bytes
        bucket, key : str
        kms_key : str or None, default=None
            Key that it is encrypted with.

        Returns
        -------
        uri : str

        Raises
        ------
        S3Error
        """
        uri = f"s3://{bucket}/{key}"
        request: dict[str, Any] = {"Bucket": bucket, "Key": key, "Body": body}
        if kms_key is not None:
            request.update(SSEKMSKeyId=kms_key, ServerSideEncryption="aws:kms")
        self._call("s3", "put_object", uri, **request, **self._owner(bucket))
        return uri

    def download_data(
        self,
        path: str | os.PathLike[str],
        bucket: str,
        key_prefix: str = "",
        extra_args: dict[str, Any] | None = None,
    ) -> list[str]:
        """Download an object, or all that begin with a prefix.

        Parameters
        ----------
        path : str or path
            Folder, which is made if it is not there.
        bucket : str
        key_prefix : str, default=""
        extra_args : dict or None, default=None
            As ``ExtraArgs`` of boto3's ``download_file``.

        Returns
        -------
        paths : list of str
            Of the files that were written.

        Raises
        ------
        S3Error
        ValueError
            If a key leads out of the folder.
        """
        folder = Path(path).resolve()
        extra = {**(extra_args or {}), **self._owner(bucket)}
        written = []
        for key in self._keys(bucket, key_prefix):
            if key.endswith("/"):
                continue
            name = os.path.basename(key)
            # As in SDK v2, a prefix with an extension is one object.
            if not os.path.splitext(key_prefix)[1]:
                name = os.path.relpath(key, key_prefix) if key_prefix else key
            # The key is the prefix itself.
            target = (
                folder / (os.path.basename(key) if name == "." else name)
            ).resolve()
            if not target.is_relative_to(folder):
                raise ValueError(f"The key {key!r} leads out of the folder {folder}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            with translated(f"s3://{bucket}/{key}", self.s3_client, "get_object"):
                self.s3_client.download_file(
                    bucket, key, str(target), ExtraArgs=extra or None
                )
            written.append(os.path.join(path, os.path.relpath(target, folder)))
        return written

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        """Keys that begin with a prefix, page by page."""
        request = {"Bucket": bucket, "Prefix": prefix, **self._owner(bucket)}
        keys: list[str] = []
        while True:
            page = self._call(
                "s3", "list_objects_v2", f"s3://{bucket}/{prefix}", **request
            )
            keys += [item["Key"] for item in page.get("Contents", [])]
            if not page.get("NextContinuationToken"):
                return keys
            request["ContinuationToken"] = page["NextContinuationToken"]

    def read_s3_file(self, bucket: str, key_prefix: str) -> str:
        """Read an object as text.

        Parameters
        ----------
        bucket : str
        key_prefix : str
            The key.

        Returns
        -------
        text : str

        Raises
        ------
        S3Error
        """
        uri = f"s3://{bucket}/{key_prefix}"
        with translated(uri, self.s3_client, "get_object"):
            answer = self.s3_client.get_object(
                Bucket=bucket, Key=key_prefix, **self._owner(bucket)
            )
            return answer["Body"].read().decode("utf-8")

    def list_s3_files(self, bucket: str, key_prefix: str) -> list[str]:
        """Keys of objects.

        Parameters
        ----------
        bucket : str
        key_prefix : str
            With which they begin.

        Returns
        -------
        keys : list of str

        Raises
        ------
        S3Error
        """
        return self._keys(bucket, key_prefix)
