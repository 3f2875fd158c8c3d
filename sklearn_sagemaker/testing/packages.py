"""The registry of models: groups, and packages, which are versions in them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.roles import CALLER

CALLED = {
    "IamIdentity": {"Arn": CALLER, "PrincipalId": CALLER.rpartition("/")[2]},
}


class Packages:
    """The registry of an account.

    Parameters
    ----------
    account : Account
    """

    def __init__(self, account: Account):
        self._account = account
        others = "ValidationException", "Ascending"

        def missing(kind: str, noun: str) -> Callable[[str, str], str]:
            return lambda region, name: (
                f"{noun} {account.arn(region, kind, name)} does not exist."
            )

        group, package = "ModelPackageGroup", "ModelPackage"
        self.groups = Records(group, missing("model-package-group", group), *others)
        self.packages = Records(package, missing("model-package", package), *others)

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self._group,
            "ListModelPackageGroups": lambda region, request: self.groups.page(
                region, request, "ModelPackageGroupSummaryList"
            ),
            "DeleteModelPackageGroup": self.delete_group,
            "CreateModelPackage": self.create,
            "DescribeModelPackage": lambda region, request: self.package(
                region, request["ModelPackageName"]
            ),
            "ListModelPackages": self.listed,
            "UpdateModelPackage": self.update,
            "DeleteModelPackage": self.delete,
        }

    def create_group(self, region: str, request: Record) -> Record:
        """Take a group."""
        name = request["ModelPackageGroupName"]
        arn = self._account.arn(region, "model-package-group", name)
        record = copy.deepcopy(request)
        record.update(
            ModelPackageGroupArn=arn,
            ModelPackageGroupStatus="Completed",
            CreationTime=now(),
            CreatedBy=CALLED,
        )
        self.groups.add(region, record)
        tag(self._account, arn, request)
        return {"ModelPackageGroupArn": arn}

    def _group(self, region: str, request: Record) -> Record:
        name = request["ModelPackageGroupName"]
        return self.groups.get(region, self._name(region, "-group", name))

    def _name(self, region: str, kind: str, text: str) -> str:
        """The name in an ARN, or the name itself."""
        beginning = self._account.arn(region, f"model-package{kind}", "")
        if text.startswith("arn:") and not text.startswith(beginning):
            raise invalid(f'"{text}" does not begin with "{beginning}".')
        return text.removeprefix(beginning)

    def delete_group(self, region: str, request: Record) -> Record:
        """Forget a group that has no packages."""
        record = self._group(region, request)
        name = record["ModelPackageGroupName"]
        if self._versions(region, name):
            raise invalid(
                f"Cannot delete {record['ModelPackageGroupArn']}: it has packages."
            )
        self.groups.remove(region, name)
        self._account.tags.pop(record["ModelPackageGroupArn"], None)
        return {}

    def create(self, region: str, request: Record) -> Record:
        """Take a package: the next version in its group, or one of its own name."""
        name, record = request.get("ModelPackageName"), copy.deepcopy(request)
        if (name is None) == ("ModelPackageGroupName" not in request):
            raise invalid(
                "A package needs either a ModelPackageName or a ModelPackageGroupName."
            )
        if name is None:
            group = self._group(region, request)["ModelPackageGroupName"]
            version = 1 + max(self._versions(region, group), default=0)
            # A name by which it can be described: SDK v3 does so.
            name = f"{group}/{version}"
            record.update(
                ModelPackageName=name,
                ModelPackageGroupName=group,
                ModelPackageVersion=version,
            )
            record.setdefault("ModelApprovalStatus", "PendingManualApproval")
        arn = self._account.arn(region, "model-package", name)
        record.update(
            ModelPackageArn=arn,
            ModelPackageStatus="Completed",
            ModelPackageStatusDetails={"ValidationStatuses": []},
            CreationTime=now(),
            CreatedBy=CALLED,
        )
        self.packages.add(region, record)
        tag(self._account, arn, request)
        return {"ModelPackageArn": arn}

    def _versions(self, region: str, group: str) -> list[int]:
        return [
            record["ModelPackageVersion"]
            for record in self.packages.all(region)
            if record.get("ModelPackageGroupName") == group
        ]

    def package(self, region: str, name: str) -> Record:
        """A package, by its name or its ARN."""
        return self.packages.get(region, self._name(region, "", name))

    def container(self, region: str, name: str) -> dict[str, Any]:
        """The container of a package that is approved."""
        record = self.package(region, name)
        status = record.get("ModelApprovalStatus", "Approved")
        if status != "Approved":
            raise invalid(
                f"ModelPackage {record['ModelPackageArn']} is in status {status}; "
                "only approved ones can be deployed."
            )
        containers = record.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1:
            raise invalid("The emulator serves models of one container.")
        return containers[0]

    def listed(self, region: str, request: Record) -> Record:
        """List packages: versions of a group, or those that are none."""
        group = request.get("ModelPackageGroupName")
        group = self._name(region, "-group", group) if group else None
        kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
        status = request.get("ModelApprovalStatus")

        def kept(record: Record) -> bool:
            versioned = "ModelPackageVersion" in record
            return (
                kind in ("Both", "Versioned" if versioned else "Unversioned")
                and group in (None, record.get("ModelPackageGroupName"))
                and status in (None, record.get("ModelApprovalStatus"))
            )

        return self.packages.page(region, request, "ModelPackageSummaryList", kept)

    def update(self, region: str, request: Record) -> Record:
        """Change what is said of a package."""
        record = self.package(region, request["ModelPackageArn"])
        metadata = dict(record.get("CustomerMetadataProperties", {}))
        metadata.update(request.get("CustomerMetadataProperties", {}))
        for key in request.get("CustomerMetadataPropertiesToRemove", ()):
            metadata.pop(key, None)
        record.update(copy.deepcopy(request))
        record["CustomerMetadataProperties"] = metadata
        record.update(LastModifiedTime=now(), LastModifiedBy=CALLED)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def delete(self, region: str, request: Record) -> Record:
        """Forget a package."""
        record = self.package(region, request["ModelPackageName"])
        arn = record["ModelPackageArn"]
        self.packages.remove(region, self._name(region, "", arn))
        self._account.tags.pop(arn, None)
        return {}
