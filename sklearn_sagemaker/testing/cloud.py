"""moto, called in this process: S3, logs, metrics, roles."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker._optional import import_optional

PURPOSE = "the emulator"
KEY = "EMULATORSOWN"
"""Of our own clients, which need no socket."""
_HOSTS = {
    "iam": "iam.amazonaws.com",
    "ecr": "api.ecr.{region}.amazonaws.com",
    "sagemaker": "api.sagemaker.{region}.amazonaws.com",
}
Answer = tuple[int, Mapping[str, Any], bytes]


class Cloud:
    """The services that moto has.

    moto keeps its state by process, so there is one of these at a time.

    Attributes
    ----------
    log_regions : set of str
        Where there may be logs.
    """

    def __init__(self) -> None:
        stubber = import_optional("moto.core.botocore_stubber", "testing", PURPOSE)
        self._moto = stubber.BotocoreStubber()
        self._moto.enabled = True
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.log_regions: set[str] = set()

    def reset(self) -> None:
        """Forget everything."""
        self.ask("POST", "http://motoapi.amazonaws.com/moto-api/reset", {}, b"")

    def client(self, service: str, region: str) -> Any:
        """A boto3 client that moto answers, whatever the environment says."""
        boto3 = import_optional("boto3", "testing", PURPOSE)
        from botocore.config import Config

        with self._lock:
            if service == "logs":
                self.log_regions.add(region)
            if (service, region) not in self._clients:
                client = boto3.session.Session().client(
                    service,
                    region_name=region,
                    aws_access_key_id=KEY,
                    aws_secret_access_key=KEY,
                    config=Config(ignore_configured_endpoint_urls=True),
                )
                client.meta.events.register_first("before-send.*", self._moto)
                self._clients[service, region] = client
            return self._clients[service, region]

    def pass_on(
        self,
        service: str,
        region: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        """Let moto answer a request.

        Parameters
        ----------
        service, region : str
            That it was signed for.
        method, target : str
            As the request line had them.
        headers : mapping
        body : bytes
        """
        if service == "logs":
            self.log_regions.add(region)
        default = f"{service}.{{region}}.amazonaws.com"
        host = _HOSTS.get(service, default).format(region=region)
        asked = {**headers, "Host": host}
        return self.ask(method, f"https://{host}{target}", asked, body)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Moto's answer.

        Raises
        ------
        NotImplementedError
            If it does not have the operation.
        """
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders

        given = HTTPHeaders()
        for name, value in headers.items():
            given[name] = value
        request = AWSPreparedRequest(method, url, given, body, stream_output=False)
        try:
            answer = self._moto.process_request(request)
        except ModuleNotFoundError as error:
            # Of services that need packages beside moto.
            raise NotImplementedError(str(error)) from error
        if answer is None or answer[2] == "Not yet implemented":
            raise NotImplementedError(url)
        status, found, content = answer
        if isinstance(content, str):
            content = content.encode()
        return int(status), found, content
