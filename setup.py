"""Build of the compiled kernels; everything else is in pyproject.toml.

Each source of FAMILIES is compiled once for each instruction-set level. What was
compiled is kept in build/compiled, under the digest of all that it is made from.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

ROOT = Path(__file__).parent.resolve()
KERNELS = Path("sklearn_sagemaker") / "_kernels"
GENERATED = Path("build") / "kernels"
CODEC = Path("sklearn_sagemaker") / "io" / "recordio"
COMPILED = Path("build") / "compiled"
FAMILIES = ("_linear", "_factors", "_sweeps")
INCLUDE = re.compile(
    r'^\s*(?:#\s*include|include|cdef\s+extern\s+from)\s+"([^"]+)"', re.MULTILINE
)
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


def generate_headers():
    """Write the registries as C; they change only when their C does."""
    losses, optimizers, codegen = map(load, ("losses", "optimizers", "_codegen"))
    for name, text in {
        "losses": codegen.losses_header(losses.LOSSES),
        "optimizers": codegen.optimizers_header(optimizers.OPTIMIZERS),
        "factor_optimizers": codegen.factor_optimizers_header(optimizers.OPTIMIZERS),
    }.items():
        write_if_changed(GENERATED / f"_generated_{name}.h", text)


def extensions():
    """The modules to build, those that take longest first."""
    found = [
        Extension(
            f"sklearn_sagemaker._kernels.{family}_{level}",
            [(KERNELS / f"{family}.pyx").as_posix()],
            include_dirs=[KERNELS.as_posix(), GENERATED.as_posix()],
            extra_compile_args=flags,
        )
        for family in FAMILIES
        for level, flags in levels().items()
    ]
    codec = Extension(
        "sklearn_sagemaker.io.recordio._codec",
        [(CODEC / "_codec.pyx").as_posix()],
        include_dirs=[CODEC.as_posix()],
        extra_compile_args=levels()["base"],
    )
    ordering = Extension(
        "sklearn_sagemaker._kernels._ordering",
        [(KERNELS / "_ordering.pyx").as_posix()],
        extra_compile_args=levels()["base"],
    )
    cpu = Extension(
        "sklearn_sagemaker._kernels._cpu", [(KERNELS / "_cpu.pyx").as_posix()]
    )
    return [*found, codec, ordering, cpu]


def made_from(extension):
    """The source and the files of ours that it includes, at any depth."""
    folders = [Path(folder) for folder in extension.include_dirs]
    found, waiting = set(), [Path(source) for source in extension.sources]
    while waiting:
        path = waiting.pop()
        if path not in found and path.exists():
            found.add(path)
            names = INCLUDE.findall(path.read_text(encoding="utf-8"))
            waiting += [
                folder / name for name in names for folder in (path.parent, *folders)
            ]
    return sorted(found)


def digest(extension, tools):
    """Of all that decides what is compiled, in content."""
    found = hashlib.sha256(repr((tools, extension.extra_compile_args)).encode())
    for path in made_from(extension):
        content = path.read_bytes()
        found.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def translate(extension):
    """The C that Cython makes of the source, under the name of the module."""
    output = Path("build") / "cython" / f"{extension.name}.c"
    output.parent.mkdir(parents=True, exist_ok=True)
    command = ["--module-name", extension.name, "--output-file", str(output)]
    ran = subprocess.run([sys.executable, "-m", "cython", *command, *extension.sources])
    if ran.returncode:
        raise CompileError(f"Cython refuses {extension.sources[0]}")
    return output.as_posix()


class BuildExtensions(build_ext):
    """build_ext on all CPUs that compiles only what differs in content.

    Times of files say nothing here: pip builds in a new temporary folder each
    time, and git gives the files of a checkout the time of the checkout.
    """

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            count = getattr(os, "sched_getaffinity", None)
            self.parallel = len(count(0)) if count else os.cpu_count()

    def build_extensions(self):
        generate_headers()
        tools = self.tools()
        self.kept = {
            extension.name: COMPILED
            / Path(self.get_ext_filename(extension.name)).name
            / digest(extension, tools)
            for extension in self.extensions
        }
        if self.force:
            for kept in self.kept.values():
                kept.unlink(missing_ok=True)
        if not all(kept.exists() for kept in self.kept.values()):
            self.try_compiler()
        self.force = True  # for distutils, which would compare times
        super().build_extensions()

    def build_extension(self, extension):
        kept = self.kept[extension.name]
        built = Path(self.get_ext_fullpath(extension.name))
        if kept.exists():
            built.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, built)
            return
        extension.sources = [translate(extension)]
        super().build_extension(extension)
        shutil.rmtree(kept.parent, ignore_errors=True)
        kept.parent.mkdir(parents=True)
        partial = kept.with_name("partial")
        shutil.copyfile(built, partial)
        partial.replace(kept)

    def tools(self):
        """What compiles: versions, commands with the environment's flags, options."""
        commands = [
            getattr(self.compiler, name, None) or []
            for name in ("compiler_so", "linker_so")
        ]
        if commands[0]:
            try:
                commands.append(subprocess.check_output([*commands[0], "--version"]))
            except (OSError, subprocess.CalledProcessError):
                raise SystemExit(NO_COMPILER) from None
        versions = [importlib.metadata.version(name) for name in ("Cython", "scipy")]
        options = [self.debug, self.define, self.undef]
        return [sys.version, *versions, *commands, *options]

    def try_compiler(self):
        """Say in one sentence what is missing without a compiler that works."""
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.c"
            probe.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
            try:
                self.compiler.compile([str(probe)], output_dir=folder)
            except Exception:
                raise SystemExit(NO_COMPILER) from None


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})
