"""What `setup.py` compiles after which change, in a copy of the sources.

A Cython and a C compiler that only write down that they were called take the place of
the real ones.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import Distribution

ROOT = Path(__file__).parents[1]
KERNELS = Path("sklearn_sagemaker/_kernels")
CODEC = Path("sklearn_sagemaker/io/recordio")
COMPILER = """\
#!/bin/sh
case "$*" in *--version*) echo "version $CC_VERSION"; exit;; esac
echo "$*" >> "$CC_LOG"
while [ "$1" != -o ]; do shift; done
echo > "$2"
"""
CYTHON = """\
if __name__ != "__main__":
    from Cython.Shadow import *  # as the real one does
else:
    import sys
    from pathlib import Path

    output, source = sys.argv[-2:]
    sys.exit("refused") if "nonsense" in Path(source).read_text() else None
    Path(output).write_text("")
"""
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the fake compiler is a script"),
    pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="no source tree"),
]


@pytest.fixture(scope="module")
def setup_module():
    spec = importlib.util.spec_from_file_location("_build", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tree:
    """A copy of what is compiled, and a way to build it."""

    def __init__(self, folder, tools):
        self.folder, self.tools = folder, tools
        self.log = folder / "log"

    def edit(self, name, old="", new="\n"):
        """Replace text of a file; by default a line is added."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new)

    def build(self, *options, **environment):
        """The modules that the compiler is called for, without their package."""
        self.log.write_text("")
        paths = {
            "CC": str(self.tools / "cc"),
            "CC_LOG": str(self.log),
            "PYTHONPATH": str(self.tools),
        }
        ran = subprocess.run(
            [sys.executable, "setup.py", "-q", "build_ext", "--inplace", *options],
            cwd=self.folder,
            env={**os.environ, **paths, **environment},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        compiled = re.findall(r" -c \S+\.(\w+)\.c ", self.log.read_text())
        assert len(set(compiled)) == len(compiled)
        assert bool(compiled) == bool(self.log.read_text())
        return set(compiled)

    def modules(self):
        """The modules in the folders of the package."""
        return {
            path.name.partition(".")[0]
            for place in (KERNELS, CODEC)
            for path in (self.folder / place).glob("*.so")
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    for name in ("setup.py", "pyproject.toml", "README.md", KERNELS, CODEC):
        source = ROOT / name
        for path in [source] if source.is_file() else source.iterdir():
            if path.suffix in (".pyx", ".pxi", ".h", ".py", ".toml", ".md"):
                target = folder / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    tools = tmp_path_factory.mktemp("tools")
    (tools / "cython.py").write_text(CYTHON)
    (tools / "cc").write_text(COMPILER)
    (tools / "cc").chmod(0o755)
    tree = Tree(folder, tools)
    tree.everything = tree.build()
    return tree


@pytest.fixture
def tree(built, tmp_path):
    """A copy that is built in place, whose files have new times."""
    tree = Tree(tmp_path / "tree", built.tools)
    tree.everything = built.everything
    shutil.copytree(built.folder, tree.folder, copy_function=shutil.copyfile)
    assert tree.modules() == tree.everything
    return tree


def families(tree, *names):
    return {module for module in tree.everything if module.startswith(names)}


def test_the_first_build_compiles_all(tree, setup_module):
    names = {extension.name for extension in setup_module.extensions()}
    assert {name.rpartition(".")[2] for name in names} == tree.everything
    assert {"_cpu", "_codec", "_linear_base", "_factors_base"} < tree.everything


def test_without_a_change_nothing_is_compiled(tree, tmp_path):
    for path in (tree.folder / "sklearn_sagemaker").rglob("*.so"):
        path.unlink()
    # Other folders each time, as pip does for an editable install.
    folders = ("--build-temp", str(tmp_path / "t"), "--build-lib", str(tmp_path / "l"))
    assert tree.build(*folders) == set()
    assert tree.modules() == tree.everything


def test_what_is_in_no_module_compiles_nothing(tree):
    for name in ("pyproject.toml", "setup.py", "README.md", KERNELS / "losses.py"):
        tree.edit(name)
    assert tree.build() == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (KERNELS / "_linear.pyx", ["_linear"]),
        (KERNELS / "_strips.pxi", ["_linear"]),
        (KERNELS / "_tiles_template.h", ["_linear", "_factors"]),
        (KERNELS / "_factors_template.h", ["_factors"]),
        (KERNELS / "_sweeps.h", ["_sweeps"]),
        (KERNELS / "_barrier.pxi", ["_linear", "_sweeps"]),
        (KERNELS / "_stages.h", ["_sweeps"]),
        (KERNELS / "_common.h", ["_linear", "_factors", "_sweeps"]),
        (KERNELS / "_cpu.pyx", ["_cpu"]),
        (KERNELS / "_ordering.pyx", ["_ordering"]),
        (CODEC / "_decoder.pxi", ["_codec"]),
        (CODEC / "_varints.h", ["_codec"]),
        (CODEC / "_pages.h", ["_codec"]),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_change_compiles_what_includes_it(tree, changed, expected):
    tree.edit(changed)
    assert tree.build() == families(tree, *expected)


def test_a_registry_compiles_what_its_c_is_in(tree, setup_module):
    losses = setup_module.load("losses").LOSSES
    code = next(iter(losses.values())).c_value.splitlines()[0]
    tree.edit(KERNELS / "losses.py", code, f"{code} /* changed */")
    assert tree.build() == families(tree, "_linear", "_factors")


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["CFLAGS", "LDFLAGS", "CC_VERSION"])
def test_another_compiler_or_other_flags_compile_all(tree, changed):
    assert tree.build(**{changed: "-Og"}) == tree.everything


def test_force_compiles_all(tree):
    assert tree.build("--force") == tree.everything


def test_flags_of_a_level_compile_that_level(tree):
    tree.edit("setup.py", "-DSS_PANEL=8", "-DSS_PANEL=4")
    base = {module for module in tree.everything if module.endswith("_base")}
    assert tree.build() == {*base, "_codec", "_ordering"}


def test_what_failed_is_compiled_again(tree):
    tree.edit(KERNELS / "_cpu.pyx", new="# nonsense\n")
    with pytest.raises(AssertionError, match="Cython refuses"):
        tree.build()
    tree.edit(KERNELS / "_cpu.pyx", "# nonsense\n", "# sense\n")
    assert tree.build() == {"_cpu"}
    assert tree.build() == set()


def test_without_a_compiler_one_sentence_says_so(tree):
    with pytest.raises(AssertionError, match="needs a C compiler to build"):
        tree.build(CC="/nowhere/cc")


@pytest.mark.parametrize("name", ["Cython", "scipy", "python"])
def test_another_version_compiles_again(setup_module, monkeypatch, name):
    monkeypatch.chdir(ROOT)
    command = setup_module.BuildExtensions(Distribution())
    before = command.tools()
    if name == "python":
        monkeypatch.setattr(sys, "version", "another")
    else:
        version = importlib.metadata.version
        monkeypatch.setattr(
            importlib.metadata,
            "version",
            lambda asked: "another" if asked == name else version(asked),
        )
    extension = setup_module.extensions()[0]
    assert command.tools() != before
    assert setup_module.digest(extension, command.tools()) != setup_module.digest(
        extension, before
    )


def test_each_header_is_in_some_module(setup_module, monkeypatch):
    """A file that no module seems to include would change without a build."""
    monkeypatch.chdir(ROOT)
    used = {
        path
        for extension in setup_module.extensions()
        for path in setup_module.made_from(extension)
    }
    for place in (KERNELS, CODEC):
        for suffix in ("pyx", "pxd", "pxi", "h"):
            assert set(place.glob(f"*.{suffix}")) <= used
