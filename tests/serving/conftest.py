"""What the tests of serving share: models, and requests by WSGI."""

import io
import json
from pathlib import Path

import pytest

from sklearn_sagemaker import load_artifact
from sklearn_sagemaker.serving.app import make_app
from sklearn_sagemaker.serving.model import load_model

ARTIFACTS = Path(__file__).parents[1] / "estimators" / "artifacts"
NAMES = {
    "ll-adult": 14, "ll-wildfire": 58, "ll-packt": 1,
    **{f"format-1-{kind}": 3 for kind in (
        "ll-binary", "ll-multiclass", "ll-regression", "fm-regression", "fm-multiclass"
    )},
}  # fmt: skip
"""Models, and their numbers of features."""

CSV = "text/csv"
JSON = "application/json"
LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"


class Answer:
    """Of a request."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def error(self):
        """The sentence of a refusal."""
        document = json.loads(self.body)
        assert list(document) == ["error"]
        return document["error"]


def call(app, method="GET", path="/ping", body=b"", **headers):
    """A request by WSGI; ``length=None`` sends a body without its length."""
    length = headers.pop("length", str(len(body)))
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": headers.pop("errors", None) or io.StringIO(),
        **headers,
    }
    if length is None:
        environ["wsgi.input_terminated"] = True
    elif length:
        environ["CONTENT_LENGTH"] = length
    found = []
    body = b"".join(app(environ, lambda *head: found.append(head)))
    ((status, pairs),) = found
    answer = Answer(int(status.split()[0]), dict(pairs), body)
    if method != "HEAD":
        assert answer.headers["Content-Length"] == str(len(body))
    return answer


def invoke(app, body, content_type=CSV, accept="", **more):
    """POST /invocations."""
    return call(
        app, "POST", "/invocations", body,
        CONTENT_TYPE=content_type, HTTP_ACCEPT=accept, **more,
    )  # fmt: skip


@pytest.fixture(scope="session")
def estimators():
    """Every model of `NAMES` as an estimator."""
    return {name: load_artifact(ARTIFACTS / f"{name}.tar.gz") for name in NAMES}


@pytest.fixture(scope="session")
def models():
    """Every model of `NAMES`, as a server loads it."""
    return {name: load_model(ARTIFACTS / f"{name}.tar.gz") for name in NAMES}


@pytest.fixture(scope="session")
def apps(models):
    """The application of each model."""
    return {name: make_app(model) for name, model in models.items()}


@pytest.fixture
def app(apps):
    """Of a binary classifier with 3 features."""
    return apps["format-1-ll-binary"]
