"""Whose credentials a client has, and what to do when they do not hold."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Sequence
from typing import Any

EXPIRED = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired",
    "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError",
    "RefreshWithMFAUnsupportedError",
}  # fmt: skip
WRONG = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
    "InvalidSignatureException", "InvalidToken", "MissingAuthenticationToken",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
SKEWED = {"RequestTimeTooSkewed", "RequestInTheFuture"}
# What botocore raises when it finds none; the names, as it is imported late.
ABSENT = {
    "ConfigNotFound", "ConfigParseError", "CredentialRetrievalError",
    "InfiniteLoopConfigError", "InvalidConfigError", "MetadataRetrievalError",
    "NoAuthTokenError", "NoCredentialsError", "PartialCredentialsError",
    "ProfileNotFound", "SSOError", "UnknownCredentialError",
}  # fmt: skip

_profiles: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def remember_profile(client: Any, profile: str | None) -> None:
    """Keep the profile that a client was made with, for what its errors say."""
    if profile and profile != "default":
        _profiles[client] = profile


def profile_of(client: Any) -> str | None:
    """The profile of a client, or of what has none yet; None is boto3's default."""
    with contextlib.suppress(TypeError):  # a stand-in that is not hashable
        if client in _profiles:
            return _profiles[client]
    return os.environ.get("AWS_PROFILE")


def remedy(names: Sequence[str], profile: str | None) -> str | None:
    """What is wrong with credentials, and what to do.

    Parameters
    ----------
    names : sequence of str
        The service's code; or the names of botocore's exception and of its bases.
    profile : str or None

    Returns
    -------
    text : str or None
        None if it is about something else.
    """
    code = names[0]
    of = f" of profile {profile!r}" if profile else ""
    login = f"aws sso login --profile {profile}" if profile else "aws sso login"
    if not EXPIRED.isdisjoint(names):
        return (
            f"the credentials{of} have expired, so they are not valid ({code}); renew "
            f"them, for example by '{login}'."
        )
    if not SKEWED.isdisjoint(names):
        return f"this machine's clock is wrong ({code}); set it."
    if not WRONG.isdisjoint(names):
        return (
            f"the credentials{of} are not valid ({code}); renew them, for example by "
            f"'{login}', and check the clock."
        )
    if not ABSENT.isdisjoint(names):
        return (
            f"there are no credentials{of} ({code}); run 'aws configure' or '{login}', "
            "or set AWS_PROFILE to a profile that has some."
        )
    return None
