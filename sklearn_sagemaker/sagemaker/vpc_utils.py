"""Subnets and security groups, as requests hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

VPC_CONFIG_KEY = "VpcConfig"
SUBNETS_KEY = "Subnets"
SECURITY_GROUP_IDS_KEY = "SecurityGroupIds"
VPC_CONFIG_DEFAULT = "VPC_CONFIG_DEFAULT"
"""As an argument: what the estimator itself has."""


def to_dict(
    subnets: Sequence[str] | None, security_group_ids: Sequence[str] | None
) -> dict[str, Any] | None:
    """A ``VpcConfig``, or None unless both are there.

    Parameters
    ----------
    subnets : list of str or None
    security_group_ids : list of str or None

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.vpc_utils import to_dict
    >>> to_dict(["subnet-1"], ["sg-1"])
    {'Subnets': ['subnet-1'], 'SecurityGroupIds': ['sg-1']}
    """
    if subnets is None or security_group_ids is None:
        return None
    return {SUBNETS_KEY: subnets, SECURITY_GROUP_IDS_KEY: security_group_ids}


def from_dict(
    vpc_config: dict[str, Any] | None, do_sanitize: bool = False
) -> tuple[Any, Any]:
    """Subnets and security groups of a ``VpcConfig``; two times None of None.

    Parameters
    ----------
    vpc_config : dict or None
    do_sanitize : bool, default=False
        Whether to check it first.

    Raises
    ------
    ValueError
        If it is checked and not valid.
    """
    if do_sanitize:
        vpc_config = sanitize(vpc_config)
    if vpc_config is None:
        return None, None
    return vpc_config[SUBNETS_KEY], vpc_config[SECURITY_GROUP_IDS_KEY]


def sanitize(vpc_config: dict[str, Any] | None) -> dict[str, Any] | None:
    """A ``VpcConfig`` with its two keys only, if it is valid; None of None.

    Parameters
    ----------
    vpc_config : dict or None

    Raises
    ------
    ValueError
        If it is no dict, or lacks one of the two lists.
    """
    if vpc_config is None:
        return None
    example = {SUBNETS_KEY: ["subnet-1"], SECURITY_GROUP_IDS_KEY: ["sg-1"]}
    if not isinstance(vpc_config, dict):
        raise ValueError(
            f"vpc_config={vpc_config!r} is not a dict; it must be like {example}."
        )
    for key in (SUBNETS_KEY, SECURITY_GROUP_IDS_KEY):
        names = vpc_config.get(key)
        if not isinstance(names, list) or not names:
            raise ValueError(
                f"vpc_config has {key}={names!r}; it must be a list with at least one "
                f"name, like {example}."
            )
    return {key: vpc_config[key] for key in (SUBNETS_KEY, SECURITY_GROUP_IDS_KEY)}
