"""Serve a model over HTTP as an endpoint of SageMaker's does.

GET /ping answers 200, POST /invocations predicts rows of CSV, JSON, JSON Lines or
RecordIO-protobuf, byte for byte as the service answers. The model may be of a job at
SageMaker, or written by 'train' or 'save_artifact'; nothing in it is run, so you need
not trust its origin. Ends at Ctrl-C, with all requests answered.
"""

from __future__ import annotations

import argparse
import os

from sklearn_sagemaker.cli.options import port

HELP = "serve a model over HTTP, as SageMaker's endpoints do"

EXAMPLES = """\
examples:
  sklearn-sagemaker serve model.tar.gz
  sklearn-sagemaker serve model.tar.gz --port 9000
  curl -H 'Content-Type: text/csv' -d '1.5,16.0' http://127.0.0.1:8080/invocations"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the command's arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="model.tar.gz, the model_algo-1 in it, or a folder with one of both",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=8080,
        help="0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at; 0.0.0.0 lets other machines in, unencrypted "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--predictor-type",
        choices=("binary_classifier", "multiclass_classifier", "regressor"),
        help="what the model predicts, if it does not say itself",
    )


def run(arguments: argparse.Namespace) -> int:
    """Load, then serve until a signal says stop."""
    from sklearn_sagemaker.cli.model_file import is_archive
    from sklearn_sagemaker.serving.serve import loader, serve_alone
    from sklearn_sagemaker.serving.settings import Settings

    if os.path.isfile(arguments.model) and not is_archive(arguments.model):
        raise ValueError(
            f"{arguments.model}: is no artifact of SageMaker's; make one by "
            "'train --model model.tar.gz', or of an estimator by save_artifact."
        )
    settings = Settings.from_environment(os.environ)
    load = loader(arguments.model, arguments.predictor_type, settings)
    return serve_alone(load, arguments.host, arguments.port, arguments.model)
