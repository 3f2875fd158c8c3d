"""How many instances an account may use."""

from __future__ import annotations

import collections

from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.records import Record

USES = ("training job", "transform job", "endpoint")


class Quotas:
    """The limits that are set; others are none."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str], int] = {}

    def limit(self, instance_type: str, count: int, use: str) -> None:
        """Set one.

        Raises
        ------
        ValueError
            If there is no such use.
        """
        if use not in USES:
            raise ValueError(f"use={use!r} must be one of {', '.join(USES)}.")
        self._limits[use, instance_type] = count

    def check(
        self,
        use: str,
        asked: collections.Counter[str],
        used: collections.Counter[str],
    ) -> None:
        """Refuse what would be too many.

        Parameters
        ----------
        use : str
        asked, used : Counter
            Instances, by their type.

        Raises
        ------
        ServiceError
        """
        for kind, number in asked.items():
            limit = self._limits.get((use, kind))
            if limit is not None and used[kind] + number > limit:
                raise ServiceError(
                    "ResourceLimitExceeded",
                    f"The account-level service limit '{kind} for {use} usage' is "
                    f"{limit} Instances, with current utilization of {used[kind]} "
                    f"Instances and a request delta of {number} Instances. Please use "
                    "AWS Service Quotas to request an increase for this quota.",
                )


def instances(request: Record) -> collections.Counter[str]:
    """The instances that a job or a configuration of an endpoint asks for."""
    found: collections.Counter[str] = collections.Counter()
    for part in (request.get("ResourceConfig"), request.get("TransformResources")):
        if part and "InstanceType" in part:
            found[part["InstanceType"]] += part.get("InstanceCount", 1)
    for variant in request.get("ProductionVariants", ()):
        if "InstanceType" in variant:
            found[variant["InstanceType"]] += variant.get("InitialInstanceCount", 1)
    return found
