"""What tests of backends share: fits to compare, and training from files."""

import tempfile
from pathlib import Path

from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.backends import Backend, LocalBackend
from sklearn_sagemaker.io.plain_values import digest_of
from sklearn_sagemaker.io.problem_files import (
    read_problem,
    read_state,
    write_problem,
    write_state,
)


def fitted(model):
    """The fitted attributes of an estimator, the fields of a state."""
    if isinstance(model, ModelState):
        return vars(model)
    return {name: value for name, value in vars(model).items() if name.endswith("_")}


def assert_same(one, other):
    """Equal types, bits and layouts of all of them."""
    assert fitted(one).keys() == fitted(other).keys()
    for name, value in fitted(one).items():
        assert digest_of(value) == digest_of(vars(other)[name]), name


class ThroughFiles(Backend):
    """Trains here what it read from a file, and brings what it read from another.

    The bytes are those of `SubprocessBackend`, without its process.
    """

    streams = True
    continues = True

    def train(self, spec, data, monitor=None):
        with tempfile.TemporaryDirectory() as folder:
            problem, state = Path(folder, "problem.zip"), Path(folder, "state.zip")
            write_problem(problem, spec, data)
            found = LocalBackend().train(*read_problem(problem), monitor)
            write_state(state, found)
            return read_state(state)
