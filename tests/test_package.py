"""The package as a whole: its surface, its pages, its cost."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_sagemaker

ROOT = Path(__file__).parents[1]


def tool(name):
    """A module of doc/_tools, which is no package."""
    path = ROOT / "doc" / "_tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_there():
    for name in sklearn_sagemaker.__all__:
        assert getattr(sklearn_sagemaker, name) is not None
        assert name in dir(sklearn_sagemaker)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = sklearn_sagemaker.nonsense


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, sklearn_sagemaker; "
        "print(sorted({'numpy', 'scipy', 'sklearn', 'boto3'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_an_estimator_imports_no_file_format():
    code = (
        "import sys; from sklearn_sagemaker import LinearLearnerClassifier; "
        "late = ('sklearn_sagemaker.io', 'google.protobuf'); "
        "print([name for name in sys.modules if name.startswith(late)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_an_estimator_imports_nothing_of_fits_and_of_clouds():
    """To define and to make one takes less than half of the modules of a fit."""
    code = (
        "import sys; from sklearn_sagemaker import FactorizationMachinesRegressor; "
        "FactorizationMachinesRegressor(num_factors=2); "
        "ours = [name for name in sys.modules if name.startswith('sklearn_sagemaker')];"
        "late = ('backends', 'training', 'sagemaker', 'artifacts', 'estimators._fit'); "
        "late = tuple(f'sklearn_sagemaker.{name}' for name in late); "
        "print([name for name in ours if name.startswith(late)], len(ours))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    names, _, count = found.stdout.strip().rpartition(" ")
    assert names == "[]"
    # Each takes about a millisecond; there were 90.
    assert int(count) <= 46


def test_scikit_learn_is_imported_from_few_frames():
    """A tenth of a second of page faults otherwise, as CPython 3.11 keeps frames."""
    code = (
        "import sys, traceback; "
        "sys.addaudithook(lambda event, about: event == 'import' and about[0] == "
        "'sklearn.base' and print(len(traceback.extract_stack()))); "
        "from sklearn_sagemaker import LinearLearnerClassifier"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    depth = int(found.stdout.split()[0])
    assert depth <= 10, f"{depth} frames"


def test_importing_io_imports_no_estimator_and_no_protobuf():
    code = (
        "import sys, sklearn_sagemaker.io, sklearn_sagemaker.cli.main; "
        "heavy = {'sklearn', 'joblib', 'google.protobuf', 'pandas', 'onnx', 'boto3'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_show_versions_names_the_kernels(capsys):
    sklearn_sagemaker.show_versions()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("kernels: ") for line in lines)
    assert any(line.startswith("scikit-learn: ") for line in lines)


def test_an_unknown_level_is_refused():
    found = subprocess.run(
        [sys.executable, "-c", "import sklearn_sagemaker._kernels"],
        capture_output=True,
        text=True,
        env={"SKLEARN_SAGEMAKER_CPU_LEVEL": "v9", "PATH": ""},
        cwd=ROOT,
    )
    assert found.returncode != 0
    assert "SKLEARN_SAGEMAKER_CPU_LEVEL='v9'" in found.stderr
    assert "base" in found.stderr


def test_the_table_of_hyperparameters_is_fresh():
    assert tool("make_hyperparameter_table").main(["--check"]) == 0


PAGES = sorted([ROOT / "README.md", *(ROOT / "doc").rglob("*.md")])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_the_pages_runs(page):
    tool("run_code_blocks").run_file(page)


def prose(page):
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page):
    """Headings as GitHub makes anchors of them."""
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


BENCHMARKS = [
    f"{path.parent.name}/{path.stem}"
    for folder in ("linear", "factors", "io")
    for path in sorted((ROOT / "benchmarks" / folder).glob("*.py"))
    if '__name__ == "__main__"' in path.read_text("utf-8")
]


@pytest.mark.parametrize("script", BENCHMARKS)
def test_a_benchmark_has_its_bars_and_its_results(script):
    pages = ROOT / "benchmarks"
    module = f"python -m benchmarks.{script.replace('/', '.')}"
    assert module in (pages / "results" / f"{script}.md").read_text("utf-8")
    assert f"]({script}.py) |" in (pages / "README.md").read_text("utf-8")
    assert f"](results/{script}.md) |" in (pages / "RESULTS.md").read_text("utf-8")


@pytest.mark.parametrize(
    "page",
    [*PAGES, *ROOT.glob("C*.md"), *ROOT.glob("benchmarks/**/*.md")],
    ids=lambda page: page.name,
)
def test_the_links_of_the_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
