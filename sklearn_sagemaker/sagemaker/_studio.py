"""Notebooks and Studio: the role that is there, and the project's tags."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn_sagemaker.exceptions import AWSError
from sklearn_sagemaker.sagemaker._requests import tag_list

METADATA = Path("/opt/ml/metadata/resource-metadata.json")
PROJECT = ".sagemaker-code-config"
_ASSUMED = re.compile(r"^(.+)sts::(\d+):assumed-role/(.+?)/.*$")
_log = logging.getLogger(__name__)

Tags = Sequence[Mapping[str, str]] | Mapping[str, str]


def caller_arn(session: Any) -> str:
    """Who calls: the notebook's role, else the role or user of the credentials.

    Parameters
    ----------
    session : Session

    Returns
    -------
    arn : str
    """
    try:
        if METADATA.exists() and (role := _of_notebook(session)):
            return role
    except (AWSError, OSError, ValueError, KeyError) as error:
        _log.debug("The notebook does not say its role: %s", error)
    assumed = session._call("sts", "get_caller_identity", "the caller")["Arn"]
    role = _ASSUMED.sub(r"\1iam::\2:role/\3", assumed)
    name = role.rpartition("/")[2]
    try:  # IAM knows the role's path
        return session._call("iam", "get_role", f"role {name!r}", RoleName=name)[
            "Role"
        ]["Arn"]
    except AWSError as error:
        _log.warning("IAM does not say the path of the role: %s", error)
    if "AmazonSageMaker-ExecutionRole" in assumed:
        # SageMaker's console makes its roles there.
        return _ASSUMED.sub(r"\1iam::\2:role/service-role/\3", assumed)
    return role


def _of_notebook(session: Any) -> str | None:
    """The role of the notebook instance or of the user of Studio."""
    found = json.loads(METADATA.read_text(encoding="utf-8"))
    if role := found.get("ExecutionRoleArn"):
        return role
    domain, user = found.get("DomainId"), found.get("UserProfileName")
    if domain is None:
        name = found["ResourceName"]
        return session._call(
            "sagemaker",
            "describe_notebook_instance",
            f"notebook instance {name!r}",
            NotebookInstanceName=name,
        )["RoleArn"]
    profile = session._call(
        "sagemaker",
        "describe_user_profile",
        f"user profile {user!r}",
        DomainId=domain,
        UserProfileName=user,
    )
    if role := profile.get("UserSettings", {}).get("ExecutionRole"):
        return role
    return session._call(
        "sagemaker", "describe_domain", f"domain {domain!r}", DomainId=domain
    )["DefaultUserSettings"]["ExecutionRole"]


def tags_of(tags: Tags | None) -> list[dict[str, str]] | None:
    """Tags as requests have them, with those of Studio's project.

    Parameters
    ----------
    tags : list of dict, dict, or None
        Pairs ``Key`` and ``Value``, or a dict of them.

    Returns
    -------
    tags : list of dict or None
        None if none were given and there is no project.
    """
    found, project = tag_list(tags), _project_tags()
    if project is None:
        return found
    found = list(found or [])
    return found + [tag for tag in project if tag not in found]


def _project_tags() -> list[dict[str, str]] | None:
    """What the nearest file of a project of Studio says, from here upwards."""
    try:
        here = Path.cwd()
        for folder in (here, *here.parents):
            if folder != folder.parent and (folder / PROJECT).exists():
                said = json.loads((folder / PROJECT).read_text(encoding="utf-8"))
                return [
                    {
                        "Key": "sagemaker:project-id",
                        "Value": said["sagemakerProjectId"],
                    },
                    {
                        "Key": "sagemaker:project-name",
                        "Value": said["sagemakerProjectName"],
                    },
                ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.debug("The project of Studio cannot be read: %s", error)
    return None
