"""A session that is made when it is asked for."""

from __future__ import annotations

from typing import Any


class LateSession:
    """What has a session, given or of the default credentials and region."""

    _session: Any
    """None until one is asked for."""

    @property
    def sagemaker_session(self) -> Any:
        """The session, made when it is asked for."""
        if self._session is None:
            # Late: it has endpoints, which have sessions.
            from sklearn_sagemaker.sagemaker.session import Session

            self._session = Session()
        return self._session

    @sagemaker_session.setter
    def sagemaker_session(self, session: Any) -> None:
        self._session = session
