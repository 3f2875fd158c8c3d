"""What configurations of endpoints may say."""

from __future__ import annotations

from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.records import Record

MEGABYTES_STEP = 1024
"""Of the memory of serverless variants."""
NOT_HERE = ("ExplainerConfig", "ShadowProductionVariants")
NOT_SERVERLESS = (
    "AcceleratorType", "InitialInstanceCount", "InstanceType", "ManagedInstanceScaling",
    "RoutingConfig", "VolumeSizeInGB",
)  # fmt: skip
"""Of a variant: what is about instances."""
PROPERTIES = {
    "DesiredInstanceCount": "InitialInstanceCount",
    "DesiredWeight": "InitialVariantWeight",
}
"""What an update may keep, and what a configuration calls it."""


def check_config(request: Record) -> None:
    """Refuse a configuration that the service, or the emulator, does not take.

    Parameters
    ----------
    request : dict
        CreateEndpointConfig's, whose shape is right.

    Raises
    ------
    ServiceError
    """
    for name in NOT_HERE:
        if request.get(name):
            raise invalid(f"The emulator has no {name}.")
    variants = request["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise invalid(f"The names of variants must be unique: {', '.join(names)}.")
    for variant in variants:
        if "ModelName" not in variant:
            raise invalid("A production variant needs a ModelName here.")
        if "ServerlessConfig" in variant:
            _check_serverless(variant, request)
        elif not variant.get("InstanceType") or not variant.get("InitialInstanceCount"):
            raise invalid(
                f"Variant {variant['VariantName']} needs InstanceType and "
                "InitialInstanceCount, or a ServerlessConfig."
            )


def _check_serverless(variant: Record, request: Record) -> None:
    name = variant["VariantName"]
    if len(request["ProductionVariants"]) > 1:
        raise invalid("A serverless endpoint has one production variant.")
    for member in ("AsyncInferenceConfig", "DataCaptureConfig", "VpcConfig"):
        if request.get(member):
            raise invalid(f"A serverless endpoint cannot have {member}.")
    for member in NOT_SERVERLESS:
        if variant.get(member):
            raise invalid(
                f"Variant {name} has ServerlessConfig and {member}; it can have one "
                "of them."
            )
    check_serverless(variant["ServerlessConfig"])


def check_serverless(config: Record) -> None:
    """Refuse memory or concurrency that no serverless variant has.

    Raises
    ------
    ServiceError
    """
    if (size := config["MemorySizeInMB"]) % MEGABYTES_STEP:
        raise invalid(
            f"MemorySizeInMB {size} must be a multiple of {MEGABYTES_STEP}, from 1024 "
            "to 6144."
        )
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise invalid(
            f"ProvisionedConcurrency {config['ProvisionedConcurrency']} must be at "
            f"most MaxConcurrency {config['MaxConcurrency']}."
        )


def check_update(before: Record, config: Record) -> None:
    """Refuse to make an endpoint with instances a serverless one.

    Parameters
    ----------
    before, config : dict
        The configuration that it has, and the one that it is to have.

    Raises
    ------
    ServiceError
    """
    if is_serverless(config) and not is_serverless(before):
        raise invalid(
            "An endpoint with instances cannot be updated to a serverless one; create "
            "another endpoint."
        )


def is_serverless(config: Record) -> bool:
    """Whether a configuration is a serverless endpoint's."""
    return "ServerlessConfig" in config["ProductionVariants"][0]


def keep_properties(config: Record, current: list[Record], excluded: set[str]) -> None:
    """Let variants of a configuration have the weights and instances of an endpoint.

    Parameters
    ----------
    config : dict
        Changed.
    current : list of dict
        Variants as the description of the endpoint has them.
    excluded : set of str
        Of `PROPERTIES`; these are the configuration's.
    """
    known = {variant["VariantName"]: variant for variant in current}
    for variant in config["ProductionVariants"]:
        found = known.get(variant["VariantName"], {})
        for name, member in PROPERTIES.items():
            if name in found and name not in excluded and member in variant:
                variant[member] = found[name]


def adjusted(config: Record, desired: list[Record]) -> Record:
    """Apply UpdateEndpointWeightsAndCapacities to a copy of a configuration.

    Parameters
    ----------
    config : dict
        Changed, and returned.
    desired : list of dict

    Raises
    ------
    ServiceError
        If there is no such variant, or it has no instances.
    """
    variants = {item["VariantName"]: item for item in config["ProductionVariants"]}
    for item in desired:
        name = item["VariantName"]
        if name not in variants:
            raise invalid(
                f"The endpoint has no variant {name}; it has {', '.join(variants)}."
            )
        variant = variants[name]
        for asked, member in PROPERTIES.items():
            if asked not in item:
                continue
            if "ServerlessConfig" in variant and asked == "DesiredInstanceCount":
                raise invalid(f"Variant {name} is serverless and has no instances.")
            if asked == "DesiredInstanceCount" and not item[asked]:
                raise invalid(f"The emulator leaves variant {name} one instance.")
            variant[member] = item[asked]
        if update := item.get("ServerlessUpdateConfig"):
            if "ServerlessConfig" not in variant:
                raise invalid(f"Variant {name} is not serverless.")
            variant["ServerlessConfig"].update(update)
            check_serverless(variant["ServerlessConfig"])
    return config
