"""``sklearn-sagemaker-serve``: the program that a container runs as ``serve``.

It answers on port 8080 with the model in /opt/ml/model.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sklearn_sagemaker.serving.settings import Settings, whole

ROOT = "/opt/ml"
PORT = 8080
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
BIND = "SAGEMAKER_BIND_TO_PORT"
WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments; None takes them from the command line.

    Returns
    -------
    code : int
        0, or 1 after one line on standard error.
    """
    arguments = _parser().parse_args(argv)
    try:
        return _serve(arguments)
    except (ValueError, ImportError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sklearn-sagemaker-serve",
        description="Serve a model as SageMaker's containers do: GET /ping, "
        "POST /invocations, GET /execution-parameters.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root",
        default=ROOT,
        metavar="FOLDER",
        help="folder with model/ in it (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        help="address to listen at (default: every one in a container, that is with "
        f"{ROOT}; otherwise this machine's own, {LOOPBACK})",
    )
    parser.add_argument(
        "--port",
        help=f"(default: {BIND}, or {PORT})",
    )
    parser.add_argument(
        "--workers",
        help=f"processes (default: {WORKERS}, or one a core); more "
        "than one, and SIGHUP for a new model, need gunicorn",
    )
    parser.add_argument(
        "--predictor-type",
        metavar="TYPE",
        help="binary_classifier, multiclass_classifier or regressor, if the model "
        "does not say",
    )
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from joblib import cpu_count

    given = {
        **os.environ,
        **{key: text for key, text in vars(arguments).items() if text is not None},
    }
    workers = whole(given, _first(given, "workers", WORKERS), cpu_count(), 1, 1000)
    port = whole(given, _first(given, "port", BIND), PORT, 1, 65535)
    host = arguments.host
    if host is None:
        host = EVERYWHERE if arguments.root == ROOT else LOOPBACK
    settings = Settings.from_environment(os.environ, workers)
    folder = os.path.join(arguments.root, "model")
    load = loader(folder, arguments.predictor_type, settings)
    if importlib.util.find_spec("gunicorn") is None:
        if arguments.workers is not None and workers > 1:
            raise ImportError(
                "--workers needs gunicorn, which is not installed; install it with "
                "pip install 'sklearn_sagemaker[serving]'."
            )
        return serve_alone(load, host, port, folder)

    from sklearn_sagemaker.serving.workers import run
    from sklearn_sagemaker.training.blas import single_threaded_blas

    with single_threaded_blas():
        run(load, _address(host, port), workers)
    return 0


def _first(given: dict[str, str], *names: str) -> str:
    """The first of some names that is given, or the last."""
    return next((name for name in names if name in given), names[-1])


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def loader(
    source: str, predictor_type: str | None, settings: Settings
) -> Callable[[], Any]:
    """What makes the application, each time that it is called."""
    # Before anyone limits the threads of the libraries that these load.
    from sklearn_sagemaker.serving.app import make_app
    from sklearn_sagemaker.serving.model import load_model

    def load() -> Any:
        return make_app(load_model(source, predictor_type), settings)

    return load


def serve_alone(load: Callable[[], Any], host: str, port: int, name: str) -> int:
    """Serve in this process until a signal says stop."""
    from sklearn_sagemaker.serving.server import Server, run
    from sklearn_sagemaker.training.blas import single_threaded_blas

    app = load()
    try:
        server = Server(app, host, port)
    except OSError as error:
        raise ValueError(
            f"{_address(host, port)}: {error.strerror or error}; choose another --port "
            "or --host."
        ) from error
    with single_threaded_blas(), server:
        port = server.server_address[1]
        print(f"serving {name} at http://{_address(host, port)}", flush=True)
        return 0 if run(server) else 1


if __name__ == "__main__":
    sys.exit(main())
