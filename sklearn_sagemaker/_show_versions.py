"""What is installed, for bug reports."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

DEPENDENCIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "joblib",
    "protobuf",
    "threadpoolctl",
    "pandas",
    "rich",
    "matplotlib",
    "boto3",
)


def show_versions() -> None:
    """Print versions, the processor and the kernels in use.

    Examples
    --------
    >>> from sklearn_sagemaker import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    sklearn_sagemaker: ...
    """
    from sklearn_sagemaker import __version__
    from sklearn_sagemaker._kernels.levels import (
        ENVIRONMENT_VARIABLE,
        LEVEL,
        available_levels,
    )

    lines = {
        "sklearn_sagemaker": __version__,
        "kernels": f"{LEVEL} (this build and processor have "
        f"{', '.join(available_levels())}; {ENVIRONMENT_VARIABLE} forces one)",
        "python": sys.version.replace("\n", " "),
        "platform": platform.platform(),
        "processor": platform.machine(),
    }
    for name in DEPENDENCIES:
        try:
            lines[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lines[name] = "not installed"
    for name, value in lines.items():
        print(f"{name}: {value}")
