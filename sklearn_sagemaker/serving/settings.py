"""Settings of a server, by the environment variables that SageMaker sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sklearn_sagemaker.io.formats import negotiate
from sklearn_sagemaker.io.messages import quoted

MEGABYTE = 1 << 20
MOST_MEGABYTES = 100
"""MaxPayloadInMB of a batch transform at most."""

STRATEGIES = ("MULTI_RECORD", "SINGLE_RECORD")
BATCH_ACCEPT = "application/jsonlines"
"""In batch transforms the built-in algorithms answer a line for each row."""


@dataclass(frozen=True)
class Settings:
    """How requests are answered.

    Attributes
    ----------
    max_payload_in_mb : int
        Megabytes, of 2**20 bytes, that the body of a request may have.
    max_concurrent_transforms : int
        Requests at a time that a batch transform should send.
    batch_strategy : {"MULTI_RECORD", "SINGLE_RECORD"}
        Whether it should send many rows in a request.
    default_accept : str
        The answer where a request does not say what it accepts; of a batch transform
        lines of JSON.
    """

    max_payload_in_mb: int = 6
    max_concurrent_transforms: int = 1
    batch_strategy: str = "MULTI_RECORD"
    default_accept: str = "application/json"

    @property
    def max_payload(self) -> int:
        """Bytes that the body of a request may have."""
        return self.max_payload_in_mb * MEGABYTE

    @property
    def execution_parameters(self) -> bytes:
        """What ``GET /execution-parameters`` answers."""
        return json.dumps(
            {
                "MaxConcurrentTransforms": self.max_concurrent_transforms,
                "BatchStrategy": self.batch_strategy,
                "MaxPayloadInMB": self.max_payload_in_mb,
            }
        ).encode()

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], max_concurrent_transforms: int = 1
    ) -> Settings:
        """Read SageMaker's variables; those that are absent or empty have defaults.

        Parameters
        ----------
        environment : mapping of str
            ``SAGEMAKER_MAX_PAYLOAD_IN_MB`` (0, "no limit" of a batch transform, is
            taken as 100), ``SAGEMAKER_MAX_CONCURRENT_TRANSFORMS``,
            ``SAGEMAKER_BATCH_STRATEGY``, ``SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT``,
            ``SAGEMAKER_BATCH`` and ``SAGEMAKER_MULTI_MODEL``.
        max_concurrent_transforms : int, default=1
            Where the environment does not say.

        Returns
        -------
        settings : Settings

        Raises
        ------
        ValueError
            If a variable has a value that it must not have.

        Examples
        --------
        >>> from sklearn_sagemaker.serving.settings import Settings
        >>> environment = {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "20"}
        >>> Settings.from_environment(environment).max_payload
        20971520
        """
        if said(environment, "SAGEMAKER_MULTI_MODEL"):
            raise ValueError(
                "SAGEMAKER_MULTI_MODEL is set, but this server holds one model; create "
                "an endpoint, or an inference component, for each."
            )
        megabytes = whole(
            environment, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 6, 0, MOST_MEGABYTES
        )
        strategy = environment.get("SAGEMAKER_BATCH_STRATEGY") or STRATEGIES[0]
        if strategy not in STRATEGIES:
            raise ValueError(
                f"SAGEMAKER_BATCH_STRATEGY={quoted(strategy)} must be one of "
                f"{', '.join(STRATEGIES)}."
            )
        accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT")
        if not accept and said(environment, "SAGEMAKER_BATCH"):
            accept = BATCH_ACCEPT
        try:
            default = negotiate(accept).content_type
        except ValueError as error:
            raise ValueError(
                f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: {error}"
            ) from error
        return cls(
            megabytes or MOST_MEGABYTES,
            whole(
                environment,
                "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
                max_concurrent_transforms,
                1,
                1000,
            ),
            strategy,
            default,
        )


def said(environment: Mapping[str, str], name: str) -> bool:
    """Whether a variable says yes."""
    return environment.get(name, "").lower() in ("true", "1")


def whole(
    environment: Mapping[str, str], name: str, default: int, low: int, high: int
) -> int:
    """A variable that is a whole number.

    Parameters
    ----------
    environment : mapping of str
    name : str
    default : int
        Where it is absent or empty.
    low, high : int

    Raises
    ------
    ValueError
        If it is none from low to high.
    """
    text = environment.get(name, "").strip()
    if not text:
        return default
    known = text.isascii() and text.isdigit() and len(text) < 10
    if not known or not low <= int(text) <= high:
        raise ValueError(
            f"{name}={quoted(text)} must be a whole number from {low} to {high}."
        )
    return int(text)
