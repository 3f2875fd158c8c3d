"""Imports run downward only (the house of the design)."""

import ast
import re
from pathlib import Path

import pytest

import sklearn_sagemaker

PACKAGE = Path(sklearn_sagemaker.__file__).parent
LEAVES = {
    "_state",
    "_columns",
    "exceptions",
    "_compat",
    "_optional",
    "_texts",
    "_memory",
    "_sparse",
    "_threads",
}
# Folder -> folders (and leaves) that it may import.
ALLOWED = {
    "_kernels": {"_kernels"},
    "_hyperparameters": {"_hyperparameters", "_kernels"},
    "training": {"training", "_hyperparameters", "_kernels"},
    "io": {"io", "_hyperparameters", "_kernels"},
    "artifacts": {"artifacts", "io", "_hyperparameters", "_kernels"},
    "backends": {
        "backends",
        "artifacts",
        "sagemaker",
        "training",
        "io",
        "_hyperparameters",
        "_kernels",
    },
    "sagemaker": {"sagemaker", "io", "_hyperparameters"},
    "estimators": {
        "estimators",
        "backends",
        "artifacts",
        "sagemaker",
        "io",
        "_hyperparameters",
        "_kernels",
    },
    "serving": {
        "serving",
        "estimators",
        "backends",
        "artifacts",
        "training",
        "io",
        "_hyperparameters",
        "_kernels",
    },
    "testing": {"testing", "sagemaker"},
    "inspection": {"inspection", "estimators", "training", "_kernels"},
    "cli": {
        "cli",
        "inspection",
        "testing",
        "serving",
        "estimators",
        "backends",
        "io",
        "_hyperparameters",
    },
    "onnx": {"onnx", "estimators", "_kernels"},
    "recommendations": {"recommendations", "estimators"},
    "_show_versions": {"_kernels"},
    "__init__": {"estimators", "backends", "_show_versions"},
    "__main__": {"cli"},
}
# The same within training: modules at its top and, by name, its folders.
WITHIN_TRAINING = {
    "training": {"training", "selection"},
    "selection": {"training", "selection"},
    "shards": {"training", "shards"},
    "linear": {"training", "selection", "shards", "linear"},
    "factors": {"training", "selection", "shards", "factors"},
}
FOREIGN = {
    "_kernels": {"sklearn", "joblib", "pandas"},
    "training": {"pandas"},
    "artifacts": {"sklearn"},
    "sagemaker": {"sklearn", "sagemaker"},
}
CLOUD = {"boto3", "botocore"}  # only in the folder sagemaker, and its emulator
FILES = sorted(PACKAGE.rglob("*.py"))


def home(path):
    """The folder of a file, or its own name at the top level."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported(path):
    """Absolute names of all modules that a file imports, wherever and however."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute here"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and "import_optional" in ast.dump(node.func):
            yield ast.literal_eval(node.args[0])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path):
    folder = home(path)
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root != "sklearn_sagemaker":
            assert root not in FOREIGN.get(folder, set()), f"{folder} imports {root}"
            at_home = folder in ("sagemaker", "testing")
            assert root not in CLOUD or at_home, f"{folder}: {root}"
            continue
        target = rest.split(".")[0]
        if folder in LEAVES:
            assert target in LEAVES, f"the leaf {folder} imports {target}"
        elif target not in LEAVES and target != "__version__":
            assert target in ALLOWED[folder], f"{folder} imports {target}"


def test_the_algorithms_know_nothing_of_each_other():
    def place(parts):
        """The folder of training that a module lies in, training itself at its top."""
        folder = PACKAGE.joinpath("training", *parts[:1])
        return parts[0] if folder.is_dir() and parts else "training"

    for path in sorted((PACKAGE / "training").rglob("*.py")):
        mine = place(path.relative_to(PACKAGE / "training").parts)
        for name in imported(path):
            if name.startswith("sklearn_sagemaker.training."):
                other = place(name.split(".")[2:])
                assert other in WITHIN_TRAINING[mine], f"{path.name} imports {name}"


def test_private_names_of_scikit_learn_stay_in_compat():
    for path in FILES:
        for name in imported(path):
            if name.startswith("sklearn.") and any(
                part.startswith("_") for part in name.split(".")
            ):
                assert path.name == "_compat.py", f"{path.name} imports {name}"


PROGRAMS = {
    PACKAGE / "backends" / "worker.py",
    PACKAGE / "testing" / "fork_server.py",
}
# What they change is the whole process, in which others fit and log and warn.
GLOBAL = {
    "addHandler", "catch_warnings", "chdir", "filterwarnings", "putenv",
    "removeHandler", "setLevel", "seterr", "setrecursionlimit", "simplefilter",
    "threadpool_limits", "umask",
}  # fmt: skip


def test_the_library_leaves_the_state_of_the_process_alone():
    for path in FILES:
        # Programs of their own.
        if home(path) == "cli" or path in PROGRAMS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in GLOBAL, f"{path.name} uses {node.attr}"
            assert not isinstance(node, ast.Global), f"{path.name} has globals"
            if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                target = ast.unparse(node.value)
                assert target != "os.environ", f"{path.name} sets {target}"


def test_no_module_is_called_utils():
    assert not [path for path in FILES if path.stem in ("utils", "helpers", "misc")]


def test_the_map_has_every_room():
    """That of the architecture, which ends with the leaves."""
    page = PACKAGE.parent / "doc" / "architecture.md"
    *rooms, leaves = page.read_text("utf-8").split("```")[1].strip().splitlines()
    assert set(re.findall(r"\w+", leaves)) - {"leaves"} == LEAVES
    drawn = set(re.findall(r"\w+", "\n".join(rooms)))
    assert {name for name in ALLOWED if (PACKAGE / name).is_dir()} <= drawn
