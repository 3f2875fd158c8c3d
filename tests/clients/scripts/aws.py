"""The AWS CLI's own entry point, with short waits."""

import sys

import steps  # noqa: F401
from awscli.clidriver import main

sys.exit(main())
