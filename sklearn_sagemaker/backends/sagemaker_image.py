"""Which image trains: SageMaker's own, this package's, or one by its URI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker import __version__
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.backends.sagemaker_body import Content
from sklearn_sagemaker.exceptions import AWSAccessError, AWSError

BUILT_IN, OURS = "built-in", "sklearn-sagemaker"
_URI = re.compile(r"(?:.+/)?([^/:@]+)(?::[^/:@]+)?(?:@sha256:\w+)?")
_ALGORITHMS = ("linear-learner", "factorization-machines")


@dataclass(frozen=True)
class Image:
    """An image, and of which kind it is.

    Attributes
    ----------
    name : str
        As a backend has it.
    built_in : bool
        Whether it is SageMaker's own.
    """

    name: str
    built_in: bool

    def content(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        root: str,
        job: str,
        instances: int,
        n_shards: int,
    ) -> Content:
        """What a job of it is told and given.

        Raises
        ------
        ValueError
            If it cannot train the spec.
        """
        if self.built_in:
            from sklearn_sagemaker.backends.sagemaker_built_in import (
                content_of_built_in,
            )

            return content_of_built_in(spec, data, root, job, instances)
        from sklearn_sagemaker.backends.sagemaker_problem import content_of_problem

        return content_of_problem(spec, data, root, job, instances, n_shards)

    def uri(self, algorithm: str, region: str, session: Any) -> str:
        """Its address.

        Parameters
        ----------
        algorithm, region : str
        session : Session or None
            None makes no call.

        Raises
        ------
        ValueError
            If it is this package's, and is not in the registry of the account, or
            there is no session to ask in; or the URI is of another algorithm.
        """
        if self.name == BUILT_IN:
            from sklearn_sagemaker.sagemaker.image_uris import retrieve

            return retrieve(algorithm, region)
        if self.name != OURS:
            repository = _repository(self.name)
            if self.built_in and repository != algorithm:
                raise ValueError(
                    f"image={self.name!r} is of {repository}, and this estimator "
                    f"trains {algorithm}; set image='built-in'."
                )
            return self.name
        if session is None:
            raise ValueError(
                f"image={OURS!r} stands for the registry of the caller's account, "
                "which a call tells; set the image's URI."
            )
        return _in_registry(session)


def image_of(name: str) -> Image:
    """The image that a backend's setting stands for.

    Examples
    --------
    >>> from sklearn_sagemaker.backends.sagemaker_image import image_of
    >>> image_of("111122223333.dkr.ecr.eu-west-1.amazonaws.com/ours:1").built_in
    False
    """
    return Image(name, name == BUILT_IN or _repository(name) in _ALGORITHMS)


def _repository(uri: str) -> str:
    found = _URI.fullmatch(uri)
    return found[1] if found else uri


def _in_registry(session: Any) -> str:
    """The address of this package's image, which must have been pushed."""
    region, account = session.boto_region_name, session.account_id()
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    registry = f"{account}.dkr.ecr.{region}.{suffix}"
    image = f"{registry}/{OURS}:{__version__}"
    try:
        session._call(
            "ecr",
            "describe_images",
            f"image {image}",
            repositoryName=OURS,
            imageIds=[{"imageTag": __version__}],
        )
    except AWSAccessError as error:
        if error.code not in ("AccessDeniedException", "AccessDenied"):
            raise
        # Who may create jobs need not see registries.
    except AWSError as error:
        if error.code not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        raise ValueError(
            f"There is no image {image}; build and push it:\n"
            f"  docker build --platform linux/amd64 --file "
            f"sklearn_sagemaker/serving/Dockerfile --tag {image} .\n"
            f"  aws ecr create-repository --region {region} --repository-name {OURS}\n"
            f"  aws ecr get-login-password --region {region} | docker login --username "
            f"AWS --password-stdin {registry}\n"
            f"  docker push {image}\n"
            "or set image='built-in', or the URI of an image."
        ) from None
    return image
