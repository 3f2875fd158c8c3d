"""Which program an image runs."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from typing import Any

from sklearn_sagemaker.sagemaker.image_uris import ACCOUNTS, ALGORITHMS
from sklearn_sagemaker.testing.errors import ServiceError

OURS = re.compile(r"(.*/)?sklearn[-_]sagemaker(:[^:/@]+)?(@sha256:\w+)?")
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.]+/(?P<name>[^:@]+)"
    r"(:[^:/@]+)?(@sha256:\w+)?"
)
OUR_PROGRAM = (sys.executable, "-m", "sklearn_sagemaker.serving")


class Images:
    """Images that can run, and their commands."""

    def __init__(self) -> None:
        self._registered: dict[str, tuple[str, ...]] = {}

    def register(self, image: str, command: Sequence[str]) -> None:
        """Say what an image runs.

        Parameters
        ----------
        image : str
        command : sequence of str
            ``train`` or ``serve`` is added to it, as to an entry point.

        Raises
        ------
        ValueError
            If the command is empty or one text.
        """
        if isinstance(command, str) or not command:
            raise ValueError(
                f"command={command!r} must be a list of a program and its arguments."
            )
        self._registered[image] = tuple(command)

    def command(self, image: str | None) -> tuple[str, ...] | None:
        """The command of an image; None if it cannot run here."""
        if image is None:
            return None
        if image in self._registered:
            return self._registered[image]
        return OUR_PROGRAM if is_ours(image) else None


def is_ours(image: str) -> bool:
    """Whether an image has the built-in algorithms, or is this package's own."""
    if OURS.fullmatch(image):
        return True
    found = _IMAGE.fullmatch(image)
    return (
        found is not None
        and found["name"] in ALGORITHMS
        and found["account"] == ACCOUNTS.get(found["region"])
    )


def cannot_run(image: str | None) -> str:
    """Why a job or a model with an image fails."""
    found = _IMAGE.fullmatch(image or "")
    if found and found["name"] in ALGORITHMS:
        return (
            f"ClientError: Cannot find the requested image {image}: the built-in "
            f"algorithms of {found['region']} are in the registry "
            f"{ACCOUNTS.get(found['region'], 'of no account')}."
        )
    return (
        f"ClientError: The emulator cannot run the image {image}; say what it runs: "
        'emulator.image("...", ["program", "argument"]).'
    )


def described(request: dict[str, Any]) -> dict[str, Any] | None:
    """ECR's description of an image that runs here; None for others."""
    registry, name = request.get("registryId"), request.get("repositoryName")
    tags = [image.get("imageTag", "1") for image in request.get("imageIds", ())]
    if registry is None and OURS.fullmatch(name or ""):
        # Of this account: there is no need to push it.
        digest = hashlib.sha256(str(name).encode()).hexdigest()
        detail = {"repositoryName": name, "imageDigest": f"sha256:{digest}"}
        return {"imageDetails": [{**detail, "imageTags": tags or ["1"]}]}
    if registry not in ACCOUNTS.values() or name not in ALGORITHMS:
        return None
    for image in request.get("imageIds", ()):
        if image.get("imageTag", "1") not in ("1", "latest"):
            raise ServiceError(
                "ImageNotFoundException",
                f"The image with imageId {image} does not exist within the repository "
                f"with name '{name}' in the registry with id '{registry}'",
            )
    digest = hashlib.sha256(f"{registry}/{name}".encode()).hexdigest()
    detail = {
        "registryId": registry,
        "repositoryName": name,
        "imageDigest": f"sha256:{digest}",
        "imageTags": ["1", "latest"],
    }
    return {"imageDetails": [detail]}
