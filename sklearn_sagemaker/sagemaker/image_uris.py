"""Addresses of the images of the built-in algorithms."""

from __future__ import annotations

from typing import Any

ALGORITHMS = ("linear-learner", "factorization-machines")
ACCOUNTS = {
    "af-south-1": "455444449433", "ap-east-1": "286214385809",
    "ap-northeast-1": "351501993468", "ap-northeast-2": "835164637446",
    "ap-northeast-3": "867004704886", "ap-south-1": "991648021394",
    "ap-south-2": "628508329040", "ap-southeast-1": "475088953585",
    "ap-southeast-2": "712309505854", "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589", "ca-central-1": "469771592824",
    "ca-west-1": "190319476487", "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083", "eu-central-1": "664544806723",
    "eu-central-2": "680994064768", "eu-north-1": "669576153137",
    "eu-south-1": "257386234256", "eu-south-2": "104374241257",
    "eu-west-1": "438346466558", "eu-west-2": "644912444149",
    "eu-west-3": "749696950732", "il-central-1": "898809789911",
    "me-central-1": "272398656194", "me-south-1": "249704162688",
    "sa-east-1": "855470959533", "us-east-1": "382416733822",
    "us-east-2": "404615174143", "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700", "us-iso-east-1": "490574956308",
    "us-isob-east-1": "765400339828", "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026", "us-west-1": "632365934929",
    "us-west-2": "174872318107",
}  # fmt: skip
"""Whose registry has the built-in algorithms, by region."""
_SUFFIXES = {
    "cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}  # fmt: skip
# Arguments that SDK v2 takes, for images of other kinds.
_UNUSED = {
    "base_framework_version", "config_name", "container_version", "distribution",
    "hub_arn", "inference_tool", "model_id", "model_type", "model_version",
    "sagemaker_session", "sdk_version", "serverless_inference_config",
    "tolerate_deprecated_model", "tolerate_vulnerable_model",
    "training_compiler_config",
}  # fmt: skip


def retrieve(
    framework: str,
    region: str,
    version: str | None = None,
    py_version: str | None = None,
    instance_type: str | None = None,
    accelerator_type: str | None = None,
    image_scope: str | None = None,
    **others: Any,
) -> str:
    """The address of the image of a built-in algorithm.

    Parameters
    ----------
    framework : {"linear-learner", "factorization-machines"}
    region : str
    version : str or None, default=None
        There is one version, ``1``, which is what any other stands for.
    py_version, instance_type, accelerator_type : object, default=None
        Not used, as the image is the same for all.
    image_scope : {"training", "inference"} or None, default=None
        The image is the same for both.
    **others
        What else the function of SDK v2 takes, which is not used.

    Returns
    -------
    image : str

    Raises
    ------
    ValueError
        If there is no such image, or not in this region.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker import image_uris
    >>> image_uris.retrieve("linear-learner", "eu-west-1")
    '438346466558.dkr.ecr.eu-west-1.amazonaws.com/linear-learner:1'
    """
    if unknown := set(others) - _UNUSED:
        raise TypeError(f"retrieve() has no argument {min(unknown)!r}.")
    if framework not in ALGORITHMS:
        raise ValueError(
            f"framework={framework!r}: addresses are known of "
            f"{' and '.join(ALGORITHMS)}; write the address of another image yourself."
        )
    if region not in ACCOUNTS:
        raise ValueError(
            f"Unsupported region: {region!r}. The built-in algorithms are in "
            f"{', '.join(sorted(ACCOUNTS))}; for another one write the image's address "
            "yourself."
        )
    if image_scope not in (None, "training", "inference"):
        raise ValueError(
            f"Unsupported image scope: {image_scope!r}; it must be 'training' or "
            "'inference'."
        )
    return f"{ACCOUNTS[region]}.dkr.ecr.{region}.{_suffix(region)}/{framework}:1"


def _suffix(region: str) -> str:
    for start, suffix in _SUFFIXES.items():
        if region.startswith(start):
            return suffix
    return "amazonaws.com"
