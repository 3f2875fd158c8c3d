"""Settings of a `SageMakerBackend`: from variables, and which go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn_sagemaker.backends.sagemaker_body import LONGEST

PREFIX = "sklearn-sagemaker"
"""Of keys and of names of jobs, where nobody says one."""
VARIABLES = "SKLEARN_SAGEMAKER_"
"""What names of environment variables with settings begin with."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_VARIABLES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(
        (
            "role", "instance_type", "image", "bucket", "prefix", "region", "profile",
            "role_to_assume", "expected_bucket_owner", "kms_key", "checkpoint_s3_uri",
            "on_interrupt", "on_quota",
        ),
        str,
    ),
    **dict.fromkeys(
        ("instance_count", "n_shards", "max_run", "max_wait", "volume_size",
         "keep_alive", "max_jobs"),
        int,
    ),
    **dict.fromkeys(
        ("spot", "wait", "logs", "enable_network_isolation"),
        lambda text: _FLAGS[text.lower()],
    ),
    "poll": float,
}  # fmt: skip
_BASE = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


def merged(
    settings: Mapping[str, Any], environment: Mapping[str, str], names: Sequence[str]
) -> dict[str, Any]:
    """Settings, and those of environment variables for the others.

    Parameters
    ----------
    settings : mapping
        Parameters by name.
    environment : mapping of str
    names : sequence of str
        Of all parameters.

    Raises
    ------
    ValueError
        If a parameter is unknown, or a variable's value is none of its kind.
    """
    unknown = sorted(set(settings) - set(names))
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no parameter of SageMakerBackend; its parameters "
            f"are {', '.join(names)}."
        )
    found = {}
    for name, parse in _VARIABLES.items():
        variable = VARIABLES + name.upper()
        text = environment.get(variable, "")
        if not text:
            continue
        try:
            found[name] = parse(text)
        except (ValueError, KeyError):
            raise ValueError(
                f"{variable}={text!r} is no value of {name}; unset it, or see "
                "sklearn_sagemaker.backends.SageMakerBackend."
            ) from None
    return {**found, **settings}


def check_settings(settings: Mapping[str, Any], base: str, built_in: bool) -> None:
    """Refuse settings that do not go together.

    Parameters
    ----------
    settings : mapping
        All parameters by name.
    base : str
        What names of jobs begin with.
    built_in : bool
        Whether the image is the service's.

    Raises
    ------
    ValueError
        Naming the value, the rule and the remedy.
    """
    for name, known in (
        ("on_interrupt", ("leave", "stop")),
        ("on_quota", ("wait", "raise")),
    ):
        if settings[name] not in known:
            raise ValueError(
                f"{name}={settings[name]!r} must be one of "
                f"{' and '.join(map(repr, known))}."
            )
    if not _BASE.fullmatch(base):
        raise ValueError(
            f"prefix={settings['prefix']!r} must be letters, digits, '-' and '/', as "
            f"names of jobs begin with it; take {PREFIX!r}."
        )
    for name in ("instance_count", "n_shards", "volume_size", "max_run", "max_wait"):
        value = settings[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 1):
            raise ValueError(f"{name}={value!r} must be a whole number, from 1 on.")
    count, spot, wait = (
        settings["instance_count"],
        settings["spot"],
        settings["max_wait"],
    )
    shards = settings["n_shards"]
    if count > shards and not built_in:
        raise ValueError(
            f"instance_count={count} is more than n_shards={shards}: some instances "
            "would have no rows; raise n_shards, of which the model depends, or lower "
            "instance_count."
        )
    if spot and settings["keep_alive"]:
        raise ValueError(
            f"keep_alive={settings['keep_alive']} with spot=True: the service keeps no "
            "spot instances; set one of them only."
        )
    if wait is not None and not spot:
        raise ValueError(f"max_wait={wait} is for spot=True only; set max_run.")
    longest = settings["max_run"] or LONGEST
    if wait is not None and wait < longest:
        raise ValueError(
            f"max_wait={wait} is less than max_run={longest}, which it includes; raise "
            "it, or lower max_run."
        )
    if bool(settings["subnets"]) != bool(settings["security_group_ids"]):
        raise ValueError("subnets and security_group_ids are a VPC together; set both.")
