"""Who may do what, by IAM's actions; and whose role a Studio's user has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from sklearn_sagemaker.testing.account import NUMBER, Account, now
from sklearn_sagemaker.testing.control import Operation
from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.requests import Request

ROLE = "SageMakerRole"
CALLER = f"arn:aws:sts::{NUMBER}:assumed-role/{ROLE}/SageMaker"
_XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"
_ACTIONS_OF_S3 = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
"""Where the action has another name than the operation."""


def action_of(service: str, operation: str) -> str:
    """The action of IAM that a call of an operation needs."""
    if service == "s3":
        operation = _ACTIONS_OF_S3.get(operation, operation)
    return f"{'cloudwatch' if service == 'monitoring' else service}:{operation}"


def denied(request: Request, action: str) -> ServiceError:
    """The refusal of an action."""
    in_xml = request.service in ("iam", "s3", "sts")
    resource = "*"
    if request.service == "s3":
        resource = f"arn:aws:s3:::{request.path.lstrip('/')}"
    return ServiceError(
        "AccessDenied" if in_xml else "AccessDeniedException",
        f"User: {CALLER} is not authorized to perform: {action} on resource: "
        f"{resource} because no identity-based policy allows the {action} action",
        403 if in_xml else 400,
    )


def caller(request: Request) -> bytes | None:
    """The answer to a GetCallerIdentity: the role, as in a notebook of SageMaker.

    None if the request of STS is another one. moto would answer with a user, of whom
    the SDKs' ``get_execution_role`` makes nothing.
    """
    if request.form.get("Action") != "GetCallerIdentity":
        return None
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<GetCallerIdentityResult>"
        f"<Arn>{CALLER}</Arn>"
        f"<UserId>AROAEMULATOR:SageMaker</UserId><Account>{NUMBER}</Account>"
        "</GetCallerIdentityResult><ResponseMetadata>"
        "<RequestId>emulator</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    ).encode()


def simulated(request: Request, denies: Callable[[str], bool]) -> bytes | None:
    """The answer to a SimulatePrincipalPolicy, which moto does not have.

    None if the request of IAM is another one. SageMaker's SDK v3 asks it about every
    role.
    """
    asked = request.form
    if asked.get("Action") != "SimulatePrincipalPolicy":
        return None
    names = [
        name for key, name in asked.items() if key.startswith("ActionNames.member.")
    ]
    members = "".join(
        f"<member><EvalActionName>{escape(name)}</EvalActionName>"
        "<EvalResourceName>*</EvalResourceName><EvalDecision>"
        f"{'implicitDeny' if denies(name) else 'allowed'}</EvalDecision></member>"
        for name in names
    )
    return (
        f'<SimulatePrincipalPolicyResponse xmlns="{_XMLNS}">'
        "<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
        f"<EvaluationResults>{members}</EvaluationResults>"
        "</SimulatePrincipalPolicyResult><ResponseMetadata>"
        "<RequestId>emulator</RequestId></ResponseMetadata>"
        "</SimulatePrincipalPolicyResponse>"
    ).encode()


def studio(account: Account, role: str) -> dict[str, Operation]:
    """Operations by which the SDKs find the role of a user of Studio.

    Every user and space exists.
    """

    def described(region: str, request: dict[str, Any], kind: str) -> dict[str, Any]:
        name = request[f"{kind}Name"]
        path = "user-profile" if kind == "UserProfile" else "space"
        arn = account.arn(region, path, f"{request['DomainId']}/{name}")
        time = now()
        return {
            **request,
            f"{kind}Arn": arn,
            "Status": "InService",
            "CreationTime": time,
            "LastModifiedTime": time,
        }

    return {
        "DescribeUserProfile": lambda region, request: {
            **described(region, request, "UserProfile"),
            "UserSettings": {"ExecutionRole": role},
        },
        "DescribeSpace": lambda region, request: described(region, request, "Space"),
    }
