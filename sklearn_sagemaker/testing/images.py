"""Which program an image runs."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from typing import Any

from sklearn_sagemaker.testing.errors import ServiceError

BUILT_IN = ("linear-learner", "factorization-machines")
ACCOUNTS = {
    "af-south-1": "455444449433", "ap-east-1": "286214385809",
    "ap-northeast-1": "351501993468", "ap-northeast-2": "835164637446",
    "ap-northeast-3": "867004704886", "ap-south-1": "991648021394",
    "ap-south-2": "628508329040", "ap-southeast-1": "475088953585",
    "ap-southeast-2": "712309505854", "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589", "ca-central-1": "469771592824",
    "ca-west-1": "190319476487", "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083", "eu-central-1": "664544806723",
    "eu-central-2": "680994064768", "eu-north-1": "669576153137",
    "eu-south-1": "257386234256", "eu-south-2": "104374241257",
    "eu-west-1": "438346466558", "eu-west-2": "644912444149",
    "eu-west-3": "749696950732", "il-central-1": "898809789911",
    "me-central-1": "272398656194", "me-south-1": "249704162688",
    "sa-east-1": "855470959533", "us-east-1": "382416733822",
    "us-east-2": "404615174143", "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700", "us-iso-east-1": "490574956308",
    "us-isob-east-1": "765400339828", "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026", "us-west-1": "632365934929",
    "us-west-2": "174872318107",
}  # fmt: skip
"""Whose registry has the built-in algorithms, by region."""
OURS = re.compile(r"(.*/)?sklearn[-_]sagemaker(:[^:/@]+)?(@sha256:\w+)?")
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)"
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
        and found["name"] in BUILT_IN
        and found["account"] == ACCOUNTS.get(found["region"])
    )


def cannot_run(image: str | None) -> str:
    """Why a job or a model with an image fails."""
    found = _IMAGE.fullmatch(image or "")
    if found and found["name"] in BUILT_IN:
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
    """ECR's description of a built-in image; None for other registries."""
    registry, name = request.get("registryId"), request.get("repositoryName")
    if registry not in ACCOUNTS.values() or name not in BUILT_IN:
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
