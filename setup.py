"""Build of the compiled kernels; everything else is in pyproject.toml.

Each source of FAMILIES is compiled once for each instruction-set level.
``cythonize`` refuses several extensions that share a file, so each level gets a
generated copy in the build folder, rewritten only when it changes.
"""

import importlib.util
import os
import platform
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
KERNELS = Path("sklearn_sagemaker") / "_kernels"
GENERATED = Path("build") / "kernels"
CODEC = Path("sklearn_sagemaker") / "io" / "recordio"
FAMILIES = ("_linear", "_factors", "_sweeps")
NO_COMPILER = (
    "sklearn_sagemaker needs a C compiler to build its kernels and found none that "
    "works: install gcc and Python's headers (Debian and Ubuntu: apt-get install gcc "
    "python3-dev; Fedora: dnf install gcc python3-devel; macOS: xcode-select "
    "--install; Windows: the Visual Studio Build Tools)."
)


def load(name):
    """Import one module of the kernels by path: the package is not built yet."""
    spec = importlib.util.spec_from_file_location(name, ROOT / KERNELS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def target_is_x86_64():
    """Whether the compiler's target (not the host) is x86-64 and nothing else."""
    flags = os.environ.get("ARCHFLAGS", "")
    if flags:
        return re.findall(r"-arch\s+(\S+)", flags) == ["x86_64"]
    target = sysconfig.get_platform()
    if target.endswith("universal2"):
        return False
    return target.endswith(("x86_64", "amd64")) or (
        target.startswith("macosx") and platform.machine() == "x86_64"
    )


def levels():
    """Level -> compiler flags. The names are the suffixes of the modules."""
    if sys.platform == "win32":
        return {"base": ["/O2"]}
    common = ["-O3", "-fno-math-errno", "-fno-trapping-math"]
    found = {"base": [*common, "-DSS_PANEL=8"]}
    if target_is_x86_64():
        found["v3"] = [*common, "-march=x86-64-v3", "-DSS_PANEL=16"]
        found["v4"] = [
            *common,
            "-march=x86-64-v4",
            "-mprefer-vector-width=512",
            "-DSS_PANEL=16",
            # Products of dense tiles of our own: faster than BLAS here only.
            "-DSS_VECTOR=64",
        ]
    return found


def extensions():
    losses, optimizers, codegen = map(load, ("losses", "optimizers", "_codegen"))
    write_if_changed(
        GENERATED / "_generated_losses.h", codegen.losses_header(losses.LOSSES)
    )
    write_if_changed(
        GENERATED / "_generated_optimizers.h",
        codegen.optimizers_header(optimizers.OPTIMIZERS),
    )
    write_if_changed(
        GENERATED / "_generated_factor_optimizers.h",
        codegen.factor_optimizers_header(optimizers.OPTIMIZERS),
    )
    headers = [
        path.as_posix()
        for folder in (KERNELS, GENERATED)
        for path in sorted(folder.glob("*.h"))
    ]
    for part in sorted(KERNELS.glob("*.pxi")):
        write_if_changed(GENERATED / part.name, part.read_text())
    found = [
        Extension("sklearn_sagemaker._kernels._cpu", [str(KERNELS / "_cpu.pyx")]),
        Extension(
            "sklearn_sagemaker.io.recordio._codec",
            [(CODEC / "_codec.pyx").as_posix()],
            include_dirs=[str(CODEC)],
            depends=[(CODEC / "_varints.h").as_posix()],
            extra_compile_args=levels()["base"],
        ),
    ]
    for family in FAMILIES:
        source = (KERNELS / f"{family}.pyx").read_text()
        for level, flags in levels().items():
            copy = GENERATED / f"{family}_{level}.pyx"
            write_if_changed(copy, source)
            found.append(
                Extension(
                    f"sklearn_sagemaker._kernels.{family}_{level}",
                    [copy.as_posix()],
                    include_dirs=[str(KERNELS), str(GENERATED)],
                    extra_compile_args=flags,
                )
            )
    built = cythonize(found, build_dir="build/cython", quiet=True)
    for extension in built:
        if extension.name.rpartition(".")[2].startswith(FAMILIES):
            # cythonize forgets them: a changed header must rebuild.
            extension.depends = [*extension.depends, *headers]
    return built


class BuildExtensions(build_ext):
    """build_ext that says in one sentence what is missing without a compiler."""

    def build_extensions(self):
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.c"
            probe.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
            try:
                self.compiler.compile([str(probe)], output_dir=folder)
            except Exception:
                raise SystemExit(NO_COMPILER) from None
        super().build_extensions()


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})
