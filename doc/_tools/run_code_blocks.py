"""Run the Python code blocks of README.md and of the pages in doc/.

The blocks of one file run in order in one namespace, in a temporary folder. A
block whose first line starts with ``# not run`` is skipped.

Run it as ``python doc/_tools/run_code_blocks.py [FILE ...]``; without files it
runs them all.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import sklearn

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = "# not run"
_FENCE = re.compile(
    r"^(?P<indent> *)```python[^\n]*\n(?P<code>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)


def pages() -> list[Path]:
    """Files whose code blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "doc").rglob("*.md"))]


def code_blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of every block that runs."""
    blocks = []
    for match in _FENCE.finditer(text):
        code = textwrap.dedent(match["code"])
        if not code.lstrip().startswith(NOT_RUN):
            line = text.count("\n", 0, match.start("code")) + 1
            blocks.append((line, code))
    return blocks


def run_file(path: str | Path) -> None:
    """Run the code blocks of one file; a failing one raises its own exception.

    Parameters
    ----------
    path : str or Path
        A Markdown file. Tracebacks name it and the line of the page.
    """
    path = Path(path).resolve()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        sklearn.config_context(),  # a page may change scikit-learn's settings
    ):
        for line, code in code_blocks(path.read_text(encoding="utf-8")):
            # Empty lines in front, so that line numbers are those of the page.
            source = "\n" * (line - 1) + code
            exec(compile(source, str(path), "exec"), namespace)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def main() -> None:
    """Run the files of the command line, or all of them."""
    for path in [Path(name) for name in sys.argv[1:]] or pages():
        print(f"== {path}", flush=True)
        run_file(path)


if __name__ == "__main__":
    main()
