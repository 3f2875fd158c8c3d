"""`SageMakerEmulator`: the server, and what is set up with it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.testing.account import NUMBER, Account
from sklearn_sagemaker.testing.children import Children
from sklearn_sagemaker.testing.cloud import PURPOSE, Cloud
from sklearn_sagemaker.testing.control import Control
from sklearn_sagemaker.testing.environment import python_path, replaced
from sklearn_sagemaker.testing.faults import Fault
from sklearn_sagemaker.testing.front import HANDLER, Front
from sklearn_sagemaker.testing.images import Images
from sklearn_sagemaker.testing.janitor import MARK
from sklearn_sagemaker.testing.quotas import Quotas
from sklearn_sagemaker.testing.resources import Resources
from sklearn_sagemaker.testing.roles import ROLE, studio
from sklearn_sagemaker.testing.state import State

LOOPBACK = "127.0.0.1"
SDK_DEFAULTS = """\
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
"""For SageMaker's SDKs, which tell AWS what is called, past boto3."""
_running = threading.Lock()


class SageMakerEmulator:
    """SageMaker on this machine, for tests.

    In the context, clients of boto3 and what is built on it go to a server at a port of
    this machine, and so do processes that are started; AWS is not asked. Training jobs,
    batch transforms and endpoints are executed by the programs of the container. S3,
    logs, metrics and roles are moto's (extra ``testing``).

    Parameters
    ----------
    region : str, default="us-east-1"
        For clients that do not name one.
    port : int, default=0
        0 takes a free one.
    host : str, default="127.0.0.1"
        Address to listen at.
    allow_remote : bool, default=False
        Whether it may be another than this machine's own, and any name may stand in the
        header Host. Who has the access key can run programs here.
    scale : float, default=0.0
        What the service's waits are multiplied with: those in the statuses of jobs and
        endpoints, and after how long (at least 5 s) a process that is asked to stop is
        killed. 1.0 is the service, where a job starts after 90 s.
    state : path, optional
        A folder. What is in it is there when the emulator starts, and it is written
        while the emulator runs: objects of S3, logs, models, jobs that have ended.

    Attributes
    ----------
    url : str
        Of the server.
    access_key : str
        Drawn at random; requests that are not signed with it are refused.
    role : str
        ARN of a role that SageMaker may assume.
    bucket : str
        The default bucket of SageMaker's SDKs, which exists.

    Examples
    --------
    >>> from sklearn_sagemaker.testing import SageMakerEmulator
    >>> with SageMakerEmulator() as emulator:  # doctest: +SKIP
    ...     boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    []
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        port: int = 0,
        host: str = LOOPBACK,
        allow_remote: bool = False,
        scale: float = 0.0,
        state: str | os.PathLike[str] | None = None,
    ):
        if not scale >= 0:
            raise ValueError(f"scale={scale!r} must be a number from 0 up.")
        if host != LOOPBACK and not allow_remote:
            raise ValueError(
                f"host={host!r} would let other machines in; say so by "
                f"allow_remote=True, or leave it at {LOOPBACK!r}."
            )
        self.region, self.scale = region, scale
        self._kept = None if state is None else Path(state)
        self._allow_remote = allow_remote
        self.access_key = "AKIA" + secrets.token_hex(8).upper()
        self._secret = secrets.token_hex(20)
        self._asked = host, port
        self.role = f"arn:aws:iam::{NUMBER}:role/{ROLE}"
        self.bucket = f"sagemaker-{region}-{NUMBER}"
        self._images, self._quotas = Images(), Quotas()

    def image(self, name: str, command: Sequence[str]) -> None:
        """Say what an image runs, beside the built-in ones and this package's.

        Parameters
        ----------
        name : str
            As jobs and models name it.
        command : sequence of str
            A program and its arguments, to which ``train`` or ``serve`` is added. The
            folder that is ``/opt/ml`` in a container is its working folder, and the
            variable ``SAGEMAKER_BASE_DIR``.
        """
        self._images.register(name, command)

    def fail(self, operation: str, **fault: Any) -> Fault:
        """Let calls of an operation fail.

        Parameters
        ----------
        operation : str
            As boto3's clients have it, such as ``CreateTrainingJob``, ``PutObject`` or
            ``InvokeEndpoint``; ``Describe*`` is all that begin so. Or an action of IAM,
            such as ``s3:PutObject``: calls that need it are denied, and
            SimulatePrincipalPolicy says so.
        **fault
            What happens. Instead of the call: ``code``, ``message`` and ``status`` of a
            refusal; ``reset="before"``, or ``"during"``, while the request comes;
            ``late=True``, logs have no events yet. To the
            call: ``seconds`` to wait before it; ``ends``, how the job or endpoint that
            it creates ends (``Failed``, ``Stopped``, ``MaxRuntimeExceeded``,
            ``MaxWaitTimeExceeded``, or ``InProgress`` for not at all), and ``reason``;
            ``interrupt``, a text or several: the instances of a spot job are taken
            back when a line of its log holds the first one, and so on; ``delays``,
            seconds by which the programs of hosts of a training job start late, such as
            ``{"algo-2": 10}``, or `math.inf` for never.
            To the answer: ``reset="after"``, it is lost; ``cut``, bytes after which
            the connection ends; ``stall``, seconds to wait in its middle; ``flip``,
            place of a byte in which a bit is changed; ``body``, bytes in its place;
            ``headers`` to set; ``change``, members to set in an answer that is JSON;
            ``hide``, entries of a list are left out that hold this text.
            When: if the request holds the text ``where``; after ``skip`` calls;
            ``times`` times (default: ever).

        Returns
        -------
        rule : Fault
            ``seen`` and ``done`` count the calls and the faults.

        Raises
        ------
        ValueError
            If there is no such operation, nothing would happen, or ``reset`` or
            ``ends`` is none of those.
        """
        rule = Fault(operation, **fault)
        with self._front.faults.lock:
            self._front.faults.rules.append(rule)
        return rule

    def quota(self, instance_type: str, count: int, use: str = "training job") -> None:
        """Set how many instances of a type may be in use at once; more are refused.

        Parameters
        ----------
        instance_type : str
        count : int
            0 refuses all.
        use : {"training job", "transform job", "endpoint"}, default="training job"

        Raises
        ------
        ValueError
            If there is no such use.
        """
        self._quotas.limit(instance_type, count, use)

    def heal(self) -> None:
        """End all faults, and the waits that they ask for."""
        self._front.faults.heal()

    @property
    def calls(self) -> dict[str, int]:
        """How often each operation has been called by clients."""
        with self._front.faults.lock:
            return dict(self._front.faults.calls)

    def environment(self) -> dict[str, str]:
        """Variables with which a process talks to the emulator, and to AWS never."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(self._folder / "sdk.yaml"),
            "SAGEMAKER_ROLE": self.role,
            "PYTHONPATH": python_path(),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def run(self, command: Sequence[str], **more: Any) -> int:
        """Run a program with the environment of `environment`; its exit code.

        It dies with the emulator, whatever ends that, and so does on Linux all that it
        has started.

        Parameters
        ----------
        command : sequence of str
        **more
            Arguments of `subprocess.Popen`.
        """
        variables = {**(more.pop("env", None) or os.environ), MARK: str(self._folder)}
        process = subprocess.Popen(command, env=variables, **more)
        with self._children.bound(process):
            try:
                return process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise

    def __enter__(self) -> SageMakerEmulator:
        """Start.

        Raises
        ------
        StoredStateError
            If the folder of the state cannot be read, or another emulator uses it.
        """
        serving = import_optional("werkzeug.serving", "testing", PURPOSE)
        if not _running.acquire(blocking=False):
            raise RuntimeError(
                "An emulator runs in this process already; use that one, or end it."
            )
        # What has been started is ended in reverse, whatever goes wrong.
        with contextlib.ExitStack() as ends:
            ends.callback(_running.release)
            self._start(serving, ends)
            self._ends = ends.pop_all()
        return self

    def _start(self, serving: Any, ends: contextlib.ExitStack) -> None:
        self._folder = folder = Path(tempfile.mkdtemp(prefix="sagemaker-emulator-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "sdk.yaml").write_text(SDK_DEFAULTS, encoding="utf-8")
        self._children = Children(folder)
        ends.callback(self._children.close)
        self._children.warm()
        cloud = Cloud()
        cloud.reset()
        account = Account(cloud, self._children, folder, self._images, self.scale)
        self._resources = Resources(account, self._quotas)
        self._front = Front(
            cloud,
            self.access_key,
            Control(
                account,
                {**self._resources.operations(), **studio(account, self.role)},
            ),
            self._resources.invoke,
            self.region,
            local=not self._allow_remote,
        )
        account.outcome = self._front.faults.outcome
        server = self._listen(serving)
        ends.callback(server.server_close)
        # Before any client is made, and until the last one has ended.
        ends.enter_context(replaced(self.environment()))
        ends.callback(self._resources.close)
        self._set_up(cloud)
        if self._kept is not None:
            self._load(cloud, self._kept, ends)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ends.callback(server.shutdown)
        ends.callback(self.heal)

    def _load(self, cloud: Cloud, folder: Path, ends: contextlib.ExitStack) -> None:
        """Bring back what is kept, and keep what comes."""

        def changes() -> tuple[Any, ...]:
            return self._front.changes, *self._resources.statuses()

        def dump() -> dict[str, Any]:
            return {**self._resources.dump(), "calls": list(self._front.kept)}

        state = State(folder, cloud, dump, changes)
        ends.callback(state.close)
        found = state.load()
        self._front.repeat(found.get("calls", ()))
        self._resources.load(found)
        state.start()

    def _listen(self, serving: Any) -> Any:
        """The server, whose port is taken."""
        host, port = self._asked
        # Our own socket: werkzeug ends the program if the port is taken.
        with socket.create_server((host, port)) as listener:
            self.port = listener.getsockname()[1]
            server = serving.make_server(
                host,
                self.port,
                self._front,
                threaded=True,
                request_handler=_handler(serving),
                fd=listener.fileno(),
            )
        server.daemon_threads = True
        self.url = f"http://{LOOPBACK if host == '0.0.0.0' else host}:{self.port}"
        return server

    def _set_up(self, cloud: Cloud) -> None:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        cloud.client("iam", self.region).create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust)
        )
        place = {}
        if self.region != "us-east-1":
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        cloud.client("s3", self.region).create_bucket(Bucket=self.bucket, **place)

    def __exit__(self, *_: object) -> None:
        """End every job and endpoint, and leave nothing."""
        self._ends.close()


def _handler(serving: Any) -> Any:
    class Handler(serving.WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """Keep quiet: every call of a client is a line."""

        def make_environ(self) -> Any:
            """Let faults have the connection."""
            return {**super().make_environ(), HANDLER: self}

    return Handler
