"""Beside version 3 of SageMaker's SDK, which takes our serializers.

Its ``Endpoint`` checks the class of what it is given, and its own ``RecordSerializer``
does nothing. Ours are told to it when one is made and v3's are imported, or by
`register_serializers`. v3 sends no media types by itself: say ``content_type=`` and
``accept=`` to ``Endpoint.invoke``.
"""

from __future__ import annotations

import importlib
import sys

SERIALIZERS = ("sagemaker.core.serializers.base", "BaseSerializer")
DESERIALIZERS = ("sagemaker.core.deserializers.base", "BaseDeserializer")


def is_imported() -> bool:
    """Whether this process has imported SDK v3, beside which there is no v2."""
    return SERIALIZERS[0] in sys.modules


def join(ours: type, theirs: tuple[str, str]) -> None:
    """Let one of v3's abstract classes take ours, if it has been imported.

    Parameters
    ----------
    ours : type
    theirs : (str, str)
        Module and name.
    """
    module, name = theirs
    base = getattr(sys.modules.get(module), name, None)
    if base is not None:
        base.register(ours)


def register_serializers() -> bool:
    """Let SDK v3 take the serializers and deserializers of this package.

    Returns
    -------
    registered : bool
        False if SDK v3 is not installed.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.sdk_v3 import register_serializers
    >>> register_serializers()  # doctest: +SKIP
    True
    >>> endpoint.serializer = RecordSerializer()  # doctest: +SKIP
    """
    from sklearn_sagemaker.sagemaker.deserializers import BaseDeserializer
    from sklearn_sagemaker.sagemaker.serializers import BaseSerializer

    pairs = ((BaseSerializer, SERIALIZERS), (BaseDeserializer, DESERIALIZERS))
    try:
        for _, (module, _name) in pairs:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Version 2 has "sagemaker" alone; a package that v3 itself lacks is a fault.
        if not (error.name or "").startswith("sagemaker"):
            raise
        return False
    for ours, theirs in pairs:
        join(ours, theirs)
    return True
