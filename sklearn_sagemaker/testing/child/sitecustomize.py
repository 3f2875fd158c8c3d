"""Keeps boto3's clients at the emulator, also those that are told another address.

SageMaker's SDK v2 does so for STS. Python imports this file when it starts; the
emulator imports it too, and it imports nothing of this package.
"""

import contextlib
import os
from urllib.parse import urlsplit

DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
EVENT = "before-send"


def stay_here(request, **_):
    """Send a request for AWS to the emulator; a hook of botocore."""
    here = os.environ.get("AWS_ENDPOINT_URL")
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    if here and host.endswith(DOMAINS):
        bucket, found, _ = host.partition(".s3")
        path = f"/{bucket}{parts.path}" if found else parts.path
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"{here}{path or '/'}{query}"


def install():
    """Hook it into all clients that are made from now on."""
    from botocore.handlers import BUILTIN_HANDLERS

    BUILTIN_HANDLERS.append((EVENT, stay_here))


def remove():
    """Take the hook back."""
    from botocore.handlers import BUILTIN_HANDLERS

    BUILTIN_HANDLERS.remove((EVENT, stay_here))


if __name__ == "sitecustomize":
    # There may be no boto3.
    with contextlib.suppress(ImportError):
        install()
