"""Lay out the pages of the site for Sphinx: those of doc/, and what they link to.

The pages are written for GitHub too, so they say ``../examples/digits_zero.py`` and
``../CHANGELOG.md``. Sphinx wants one folder, and links in it. A copy is made of each
page, line by line, in which

* links lead to where their targets are on the site: an example to its page in the
  gallery, a page of the root to ``project/``, any other file to a copy of it;
* ``<!-- toctree -->`` below a list becomes the entries of the navigation: the first
  link of each item between the heading above and the mark;
* ``<!-- results: linear/folds ... -->`` becomes a table of these lines of
  benchmarks/RESULTS.md, and ``<!-- results: others -->`` of those that no page names.

Run it as ``python doc/_tools/stage_site.py FOLDER``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
_TOCTREE = re.compile(r"^<!-- toctree -->$", re.MULTILINE)
# Pages of the root, and where the site has them.
PROJECT = {
    f"{name}.md": f"project/{name.lower()}.md"
    for name in ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY")
} | {"tests/estimators/artifacts/README.md": "project/artifacts.md"}
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_ITEM = re.compile(r"^(?:\*|\d+\.) \[[^\]]*\]\(([^)#\s]+)\)", re.MULTILINE)
_RESULTS = re.compile(r"^<!-- results: (.*?) -->$", re.MULTILINE | re.DOTALL)
_RESULTS_HEAD = (
    "| script | what, against | measured | bar | date |",
    "|---|---|---|---|---|",
)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_FENCE = re.compile(r"^( *```.*?^ *```[^\n]*$)", re.MULTILINE | re.DOTALL)


def place(source: PurePosixPath) -> PurePosixPath:
    """Where a file or folder of the repository is on the site, by its path."""
    parts = source.parts
    if str(source) in PROJECT:
        return PurePosixPath(PROJECT[str(source)])
    if str(source) == "README.md":
        return PurePosixPath("index.md")
    if parts[0] == "doc":
        return PurePosixPath(*parts[1:])
    if parts[0] == "examples" and source.suffix in ("", ".py"):
        page = source.with_suffix("") if source.suffix else source / "index"
        return PurePosixPath("auto_examples", *page.parts[1:]).with_suffix(".rst")
    if parts[0] == "benchmarks" and source.suffix == ".md":
        return source
    return PurePosixPath("files", *parts)


def relink(text: str, source: PurePosixPath, copied: set[PurePosixPath]) -> str:
    """A page with links that hold on the site; files to copy are added to a set."""

    def link(found: re.Match[str]) -> str:
        path, anchor = found[1], found[2] or ""
        target = PurePosixPath(os.path.normpath(source.parent / path))
        there = place(target)
        if there.parts[0] == "files":
            copied.add(target)
        way = os.path.relpath(there, place(source).parent)
        return PurePosixPath(way).as_posix() + anchor

    # Code is left alone: every second part is a fenced block.
    parts = _FENCE.split(text)
    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def navigation(text: str) -> str:
    """A page with its marks replaced by toctrees of the lists above them."""
    while mark := _TOCTREE.search(text):
        before, after = text[: mark.start()], text[mark.end() :]
        heading = _HEADING.split(before)
        options = (
            f":hidden:\n:caption: {heading[-2]}" if len(heading) > 4 else ":hidden:"
        )
        entries = "\n".join(_ITEM.findall(heading[-1]))
        text = f"{before}```{{toctree}}\n{options}\n\n{entries}\n```{after}"
    return text


def results() -> dict[str, str]:
    """Lines of the table of results by their scripts, such as ``linear/folds``."""
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| \[[^\]]*\]\(results/(\S+)\.md\) \|.*$", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if line.startswith("| [")]
    return dict(zip(found, lines, strict=True))


def tables(text: str) -> str:
    """A page with tables of results in place of its marks."""
    lines = results()
    named = " ".join(_RESULTS.findall(text)).split()
    others = [name for name in lines if name not in named]

    def table(mark: re.Match[str]) -> str:
        names = others if mark[1] == "others" else mark[1].split()
        rows = [
            lines[name].replace("](results/", "](benchmarks/results/") for name in names
        ]
        return "\n".join([*_RESULTS_HEAD, *rows])

    return _RESULTS.sub(table, text)


def pages() -> list[PurePosixPath]:
    """What the site has as pages, from the root of the repository."""
    found = [
        *(ROOT / name for name in PROJECT),
        *(ROOT / "doc").rglob("*.md"),
        *(ROOT / "doc").rglob("*.rst"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / "benchmarks" / "results").rglob("*.md"),
    ]
    return [PurePosixPath(path.relative_to(ROOT).as_posix()) for path in sorted(found)]


def write(path: Path, content: bytes) -> None:
    """Write what differs, so that Sphinx reads anew only what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def stage(folder: Path) -> None:
    """Lay out the site's sources in a folder, and remove pages that are gone."""
    made: set[Path] = set()
    copied: set[PurePosixPath] = set()
    for source in pages():
        if "_templates" in source.parts:
            continue
        text = (ROOT / source).read_text(encoding="utf-8")
        if source.suffix == ".md":
            text = tables(navigation(relink(text, source, copied)))
        if source.parts[:2] == ("benchmarks", "results") or source.parts[0] == "tests":
            # Pages that others link to; no list has them.
            text = f"---\norphan: true\n---\n{text}"
        path = folder / place(source)
        write(path, text.encode())
        made.add(path)
    for target in sorted(copied):
        path = folder / place(target)
        if not (ROOT / target).is_file():
            raise SystemExit(f"{target} is linked to by a page, and is no file")
        write(path, (ROOT / target).read_bytes())
        made.add(path)
    for name in ("conf.py", "images", "_static", "_templates"):
        for source_path in [ROOT / "doc" / name, *(ROOT / "doc" / name).rglob("*")]:
            if source_path.is_file():
                path = folder / source_path.relative_to(ROOT / "doc")
                write(path, source_path.read_bytes())
                made.add(path)
    # Examples run where they are, and may leave files there.
    for source_path in (ROOT / "examples").iterdir():
        if source_path.suffix in (".py", ".rst"):
            path = folder / "_examples" / source_path.name
            write(path, source_path.read_bytes())
            made.add(path)
    generated = ("auto_examples", "api", "sg_execution_times.rst")
    for path in [*folder.rglob("*")]:
        kept = path in made or path.relative_to(folder).parts[0] in generated
        if path.is_file() and not kept:
            path.unlink()
    shutil.rmtree(folder / "api", ignore_errors=True)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
