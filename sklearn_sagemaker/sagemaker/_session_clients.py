"""What a session is made of: whose credentials, which region, and the clients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sklearn_sagemaker.exceptions import (
    AWSConnectionError,
    AWSCredentialsError,
    NameInUseError,
    ResourceNotFoundError,
)
from sklearn_sagemaker.sagemaker._calls import (
    call,
    make_client,
    make_session,
    translated,
)

FRESH_SECONDS = 5.0
"""How long the service may not know yet what was created by the same session."""


class Clients:
    """Clients that are made when they are needed, of one boto3 session.

    A copy that is pickled has the names of the profile and the region, no client and no
    credentials; those are found again where it is loaded.
    """

    def __init__(
        self,
        boto_session: Any,
        sagemaker_client: Any,
        sagemaker_runtime_client: Any,
    ):
        self._boto_session = boto_session
        self._profile: str | None = None
        self._region: str | None = None
        self._given = False
        self._clients: dict[str, Any] = {}
        self._created: dict[str, float] = {}
        for name, client in (
            ("sagemaker", sagemaker_client),
            ("sagemaker-runtime", sagemaker_runtime_client),
        ):
            if client is not None:
                self._clients[name] = client
        self._region = self._region_of(self.boto_session)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        session = state.pop("_boto_session")
        if session is not None:
            name = session.profile_name
            state["_profile"] = None if name == "default" else name
            state["_given"] = _were_given(session)
        return {**state, "_boto_session": None, "_clients": {}, "_created": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Clients:
        """A session is shared by the copies of what holds it."""
        return self

    @property
    def boto_session(self) -> Any:
        """The session of boto3 whose credentials every call has."""
        if self._boto_session is None:
            if self._given:
                raise AWSCredentialsError(
                    "This session was made with credentials, which are not stored "
                    "with it; make a new Session(boto_session=...)."
                )
            self._boto_session = make_session(self._profile, self._region)
        return self._boto_session

    @property
    def boto_region_name(self) -> str:
        """The region."""
        return self._region or ""

    @staticmethod
    def _region_of(session: Any) -> str:
        if not session.region_name:
            raise ValueError(
                "There is no region; set AWS_DEFAULT_REGION, or give a session that "
                "has one: Session(boto_session=boto3.Session(region_name='us-east-1'))."
            )
        return session.region_name

    @property
    def sagemaker_client(self) -> Any:
        """Client of SageMaker."""
        return self._client("sagemaker")

    @property
    def sagemaker_runtime_client(self) -> Any:
        """Client that invokes endpoints."""
        return self._client("sagemaker-runtime")

    @property
    def s3_client(self) -> Any:
        """Client of S3."""
        return self._client("s3")

    @property
    def s3_resource(self) -> Any:
        """boto3's resource of S3."""
        if "s3 resource" not in self._clients:
            with translated("a resource of S3", service="s3"):
                self._clients["s3 resource"] = self.boto_session.resource(
                    "s3", region_name=self.boto_region_name
                )
        return self._clients["s3 resource"]

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = make_client(
                self.boto_session, service, self.boto_region_name
            )
        return self._clients[service]

    def _call(self, service: str, operation: str, what: str, /, **request: Any) -> Any:
        return call(self._client(service), operation, what=what, **request)

    def _pages(self, operation: str, what: str, /, **request: Any) -> Iterator[Any]:
        """All pages of a list of SageMaker's."""
        while True:
            page = self._call("sagemaker", operation, what, **request)
            yield page
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def _create(
        self,
        operation: str,
        what: str,
        request: dict[str, Any],
        describe: Any = None,
    ) -> Any:
        """Create what ``describe`` will find.

        If the answer was lost and the call was repeated, the name is taken by what the
        first call made; that is found by comparing it with the request.
        """
        try:
            answer = self._call("sagemaker", operation, what, **request)
        except NameInUseError as error:
            if error.attempts == 1 or describe is None:
                raise
            answer = describe()
            if not covers(answer, request):
                raise
        except AWSConnectionError as error:
            error.args = (
                f"{error} It may have been created nevertheless: look for it before "
                "you create it under another name.",
            )
            raise
        self._created[what] = time.monotonic()
        return answer

    def _describe(self, operation: str, what: str, **request: Any) -> Any:
        """Describe; what was just created may not be found at once."""
        until = self._created.get(what, -FRESH_SECONDS) + FRESH_SECONDS
        pause = 0.2
        while True:
            try:
                answer = self._call("sagemaker", operation, what, **request)
            except ResourceNotFoundError:
                if time.monotonic() + pause > until:
                    raise
            else:
                self._created.pop(what, None)
                return answer
            time.sleep(pause)
            pause *= 2

    def _delete(self, operation: str, what: str, **request: Any) -> None:
        self._created.pop(what, None)
        self._call("sagemaker", operation, what, **request)


def covers(found: Any, sent: Any) -> bool:
    """Whether a description is of what a request asked for.

    Parameters
    ----------
    found, sent : object
        The service may add members and leave out what is empty, and does not give
        tags back.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker._session_clients import covers
    >>> covers({"Image": "a", "Mode": "b"}, {"Image": "a", "Tags": []})
    True
    """
    if found is None and not sent:
        return True
    if isinstance(sent, dict):
        return isinstance(found, dict) and all(
            covers(found.get(name), sent[name]) for name in sent if name != "Tags"
        )
    if isinstance(sent, list):
        return (
            isinstance(found, list)
            and len(found) == len(sent)
            and all(map(covers, found, sent))
        )
    return found == sent


def _were_given(session: Any) -> bool:
    """Whether a boto3 session has credentials that its profile does not lead to."""
    core = session._session
    method = getattr(getattr(core, "_credentials", None), "method", None)
    # The same method stands for a role that the profile names.
    assumed = method == "assume-role" and "role_arn" not in core.get_scoped_config()
    return method == "explicit" or assumed
