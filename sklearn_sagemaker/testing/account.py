"""What all parts of the emulated account share."""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.children import Children
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.images import Images

NUMBER = "123456789012"


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
    lock : RLock
        Of everything that is kept here.
    """

    cloud: Cloud
    children: Children
    folder: Path
    images: Images
    scale: float = 1.0
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)

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
