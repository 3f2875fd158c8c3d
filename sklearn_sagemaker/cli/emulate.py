"""Run SageMaker's API on this machine: jobs and endpoints run, AWS is not asked.

With a command, the command runs with an environment in which boto3, the AWS CLI and
SageMaker's SDKs talk to the emulator, and everything is gone when it ends. Without one,
the emulator runs until Ctrl-C, and starts programs for whoever has the access key that
it prints: trust what you give that to. Needs the extra 'testing'.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from sklearn_sagemaker.cli.options import port

HELP = "run SageMaker's API on this machine, without AWS"

EXAMPLES = """\
examples:
  sklearn-sagemaker emulate -- python pipeline.py
  sklearn-sagemaker emulate -- pytest tests
  sklearn-sagemaker emulate --port 5000"""

TERMINATED = 128 + signal.SIGTERM


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "program",
        nargs="*",
        metavar="-- COMMAND",
        help="program to run, with its arguments",
    )
    parser.add_argument(
        "--port", type=port, default=0, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--region", default="us-east-1", help="default: %(default)s")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let other machines in; who has the access key can run programs here",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=0.0,
        help="what the service's waits are multiplied with; 1 is the service "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="keep objects, logs, models and jobs in a folder, and start with its own",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command, or wait."""
    from sklearn_sagemaker.testing import SageMakerEmulator

    def terminated(number: int, frame: object) -> None:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, terminated)
    with SageMakerEmulator(
        region=arguments.region,
        port=arguments.port,
        host=arguments.host,
        allow_remote=arguments.allow_remote,
        scale=arguments.scale,
        state=arguments.state,
    ) as emulator:
        if arguments.program:
            return emulator.run(arguments.program)
        page = f"{emulator.url}/?key={emulator.access_key}"
        print(f"SageMaker's emulator is at {page} for browsers. In other shells:")
        for name, text in emulator.environment().items():
            print(f"export {name}={text}")
        sys.stdout.flush()
        threading.Event().wait()
    return 0
