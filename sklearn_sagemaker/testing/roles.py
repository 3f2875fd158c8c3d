"""Who may do what: everything is allowed; and whose role a Studio's user has."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from sklearn_sagemaker.testing.account import NUMBER, Account, now
from sklearn_sagemaker.testing.control import Operation

ROLE = "SageMakerRole"
_XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"


def caller(body: bytes) -> bytes | None:
    """The answer to a GetCallerIdentity: the role, as in a notebook of SageMaker.

    None if the request of STS is another one. moto would answer with a user, of whom
    the SDKs' ``get_execution_role`` makes nothing.
    """
    if parse_qs(body.decode("utf-8", "replace")).get("Action") != ["GetCallerIdentity"]:
        return None
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        "<GetCallerIdentityResult>"
        f"<Arn>arn:aws:sts::{NUMBER}:assumed-role/{ROLE}/SageMaker</Arn>"
        f"<UserId>AROAEMULATOR:SageMaker</UserId><Account>{NUMBER}</Account>"
        "</GetCallerIdentityResult><ResponseMetadata>"
        "<RequestId>emulator</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    ).encode()


def simulated(body: bytes) -> bytes | None:
    """The answer to a SimulatePrincipalPolicy, which moto does not have.

    None if the request of IAM is another one. SageMaker's SDK v3 asks it about every
    role.
    """
    asked = parse_qs(body.decode("utf-8", "replace"))
    if asked.get("Action") != ["SimulatePrincipalPolicy"]:
        return None
    names = [
        values[0]
        for key, values in asked.items()
        if key.startswith("ActionNames.member.")
    ]
    members = "".join(
        f"<member><EvalActionName>{escape(name)}</EvalActionName>"
        "<EvalResourceName>*</EvalResourceName>"
        "<EvalDecision>allowed</EvalDecision></member>"
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
