"""``python -m sklearn_sagemaker`` is the command line."""

from __future__ import annotations

import sys

from sklearn_sagemaker.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
