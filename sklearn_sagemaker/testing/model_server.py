"""A model, served by the program of its image."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import random
import shutil
import socket
import tarfile
import tempfile
import threading
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.children import Process, allowed
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.images import OUR_PROGRAM, cannot_run
from sklearn_sagemaker.testing.logs import LogStream

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.02
PING_SECONDS = 240.0
STOP_SECONDS = 30.0
"""From SIGTERM to SIGKILL."""
ANSWER_SECONDS = 60.0
PACKAGED = "_container"
"""Of a model's record: the container that its package has."""
WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
Answer = tuple[int, dict[str, str], bytes]


class ModelServer:
    """The process; made when the program answers pings.

    Parameters
    ----------
    account : Account
    region : str
    model : dict
        Record of the model.
    group, stream : str
        Of its log.
    environment : mapping
        What is set beside the model's own variables.
    asked : threading.Event
        Set when nobody waits for it any more.
    workers : int, default=1
        Processes of the program, where the model's variables do not say.

    Raises
    ------
    JobError
        If the model cannot be served; it says why.
    """

    def __init__(
        self,
        account: Account,
        region: str,
        model: dict[str, Any],
        group: str,
        stream: str,
        environment: Mapping[str, str],
        asked: threading.Event,
        workers: int = 1,
    ):
        container = container_of(model)
        command = account.images.command(container.get("Image"))
        if command is None:
            raise JobError(cannot_run(container.get("Image")))
        self._account, self._asked = account, asked
        environment = {
            WORKERS: str(workers),
            **container.get("Environment", {}),
            **environment,
        }
        self._root = Path(tempfile.mkdtemp(prefix="model-", dir=account.folder))
        self._process: Process | None = None
        self._log: LogStream | None = None
        self.port = free_port()
        try:
            self._unpack(region, container)
            self._start(region, command, group, stream, environment)
            self._wait(container)
        except BaseException:
            self.close()
            raise

    def _unpack(self, region: str, container: dict[str, Any]) -> None:
        folder = self._root / "model"
        folder.mkdir()
        uri = container.get("ModelDataUrl")
        if uri is None:
            return
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = self._account.cloud.client("s3", region)
        from botocore.exceptions import ClientError

        try:
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
                archive.extractall(folder, filter="data")
        except ClientError as error:
            raise JobError(
                f"Failed to download model data from {uri}: {error}"
            ) from error
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise JobError(
                f"Failed to extract model data archive from {uri}: {error}. Please "
                "ensure that the object is a valid tar.gz archive."
            ) from error

    def _start(
        self,
        region: str,
        command: tuple[str, ...],
        group: str,
        stream: str,
        environment: Mapping[str, str],
    ) -> None:
        arguments = ["serve"]
        if command == OUR_PROGRAM:
            arguments += ["--root", str(self._root)]
        # Before there is a pipe that somebody must close.
        client = self._account.cloud.client("logs", region)
        self._process = self._account.children.start(
            [*command, *arguments],
            {
                **allowed(environment),
                "AWS_REGION": region,
                "SAGEMAKER_BIND_TO_PORT": str(self.port),
            },
            self._root,
        )
        assert self._process.stdout is not None
        self._log = LogStream(client, group, stream, self._process.stdout)

    def _wait(self, container: dict[str, Any]) -> None:
        """Wait until pings are answered."""
        assert self._process is not None
        end = time.monotonic() + PING_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/ping", {}, b"", seconds=2)[0] == 200:
                    return
            if self._asked.wait(POLL_SECONDS):
                raise JobError("It was deleted.")
        raise JobError(
            "did not pass the ping health check. Please check CloudWatch logs for this "
            "endpoint."
        )

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """The program's answer to a request."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=seconds)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            found = connection.getresponse()
            return found.status, dict(found.headers), found.read()

    def close(self, *, at_once: bool = False) -> None:
        """End it, and remove its files."""
        if self._process is not None:
            waits = 0.0 if at_once else self._account.grace(STOP_SECONDS)
            self._account.children.stop([self._process], waits)
            self._account.children.ended(self._process)
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self._root, ignore_errors=True)


def container_of(model: dict[str, Any]) -> dict[str, Any]:
    """The one container of a model; the one of its package, if it has one."""
    found = model.get(PACKAGED) or model.get("PrimaryContainer")
    return found or model["Containers"][0]


def free_port() -> int:
    """A port at which nobody listens, another one each time.

    Those that systems take for the connections of clients are left out: one could be
    taken before the program listens.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise AssertionError


_PORTS = range(20_000, 32_768)
_ports = itertools.cycle(random.SystemRandom().sample(_PORTS, len(_PORTS)))
