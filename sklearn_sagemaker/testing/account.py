"""What all parts of the emulated account share."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.children import Children
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.images import Images

NUMBER = "123456789012"
WAITS = {
    "Starting": 90.0,
    "Downloading": 80.0,
    "Uploading": 15.0,
    "Creating": 180.0,
    "Updating": 180.0,
}
"""Seconds that the service takes where a program has nothing to do: by the stored
outputs of public notebooks of 2019 to 2023. Of the image, too, in Downloading."""
LEAST_SECONDS = 5.0
"""A program that is asked to stop has so long, however small the scale is."""


@dataclass
class Account:
    """The account.

    Attributes
    ----------
    cloud : Cloud
    children : Children
    folder : Path
        Of the files of jobs and endpoints.
    images : Images
    scale : float
        What the waits of the service are multiplied with.
    tags : dict
        Tags of a resource, by its ARN.
    outcome : callable
        ``outcome(operation, text)``: how a job ends that the service itself creates,
        if a fault is about it.
    written : int
        How often endpoints have written to S3, after their calls.
    lock : RLock
        Of everything that is kept here.
    """

    cloud: Cloud
    children: Children
    folder: Path
    images: Images
    scale: float = 0.0
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    outcome: Callable[[str, str], Any] = lambda operation, text: None
    written: int = 0
    lock: Any = field(default_factory=threading.RLock)

    def wait(self, status: str, asked: threading.Event) -> None:
        """Wait as the service does in a status, unless a stop is asked for.

        Parameters
        ----------
        status : str
            One of `WAITS`.
        asked : threading.Event
        """
        seconds = WAITS[status] * self.scale
        if seconds:
            asked.wait(seconds)

    def grace(self, seconds: float) -> float:
        """How long a program has that is asked to stop; the service's seconds."""
        return max(seconds * self.scale, LEAST_SECONDS)

    def arn(self, region: str, kind: str, name: str) -> str:
        """The ARN of a resource."""
        partition = "aws"
        for start, other in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
            if region.startswith(start):
                partition = other
        return f"arn:{partition}:sagemaker:{region}:{NUMBER}:{kind}/{name}"


def now() -> datetime.datetime:
    """The time."""
    return datetime.datetime.now(datetime.UTC)
