"""What serves a fitted model in SageMaker: its artifact, and an image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sklearn_sagemaker.sagemaker import model as models
from sklearn_sagemaker.sagemaker.amazon import factorization_machines, linear_learner
from sklearn_sagemaker.sagemaker.training_access import job_role
from sklearn_sagemaker.sagemaker.training_objects import put


def model_of(
    backend: Any,
    algorithm: str,
    job: Mapping[str, Any] | None,
    artifact: Callable[[], tuple[bytes, bool]],
) -> Any:
    """A model of the service; see `SageMakerBackend.model`."""
    session = backend.access.session()
    role = job_role(session, backend.role)
    if job is not None:
        uri, image = job["artifact"], job["image"]
    else:
        data, theirs = artifact()
        if backend._kind.built_in and not theirs:
            raise ValueError(
                "The built-in image cannot serve this model, which its artifacts "
                "have no form for; set image='sklearn-sagemaker' of the backend."
            )
        image = backend._kind.uri(algorithm, session.boto_region_name, session)
        root = f"s3://{backend.bucket or session.default_bucket()}/{backend._prefix}"
        digest = hashlib.sha256(data).hexdigest()
        uri = f"{root}/models/{digest}/model.tar.gz"
        put(
            session.s3_client,
            uri,
            lambda: [data],
            owner=backend.access.owner,
            kms_key=backend.kms_key,
        )
    predictors = {
        "linear-learner": linear_learner.LinearLearnerPredictor,
        "factorization-machines": (
            factorization_machines.FactorizationMachinesPredictor
        ),
    }
    vpc = None
    if backend.subnets:
        vpc = {
            "Subnets": list(backend.subnets),
            "SecurityGroupIds": list(backend.security_group_ids or ()),
        }
    return models.Model(
        image,
        uri,
        role,
        predictor_cls=predictors[algorithm],
        vpc_config=vpc,
        enable_network_isolation=backend.enable_network_isolation,
        sagemaker_session=session,
    )
