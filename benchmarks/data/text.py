"""Texts that any machine with this project has: docstrings of what it needs."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PARTS = (
    "scipy.interpolate", "scipy.linalg", "scipy.ndimage", "scipy.optimize",
    "scipy.signal", "scipy.sparse", "scipy.spatial", "scipy.stats",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.metrics",
)  # fmt: skip
"""The classes."""
WORDS, LEAST = 40, 20
"""Words of a text, and of the last of a docstring."""


def _docstrings(source: str) -> list[str]:
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    found = [
        ast.get_docstring(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
    ]
    return [text for text in found if text]


def _texts(part: str) -> list[str]:
    """Pieces of the docstrings of a package, each once, without those of its tests."""
    spec = find_spec(part)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    pieces: dict[str, None] = {}
    for path in sorted(folder.rglob("*.py")):
        if "tests" in path.relative_to(folder).parts:
            continue
        for text in _docstrings(path.read_text(encoding="utf-8")):
            words = text.split()
            for start in range(0, len(words), WORDS):
                some = words[start : start + WORDS]
                if len(some) >= LEAST:
                    pieces[" ".join(some)] = None
    return list(pieces)


def load_texts(most: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of `PARTS` and the number of the part of each.

    Parameters
    ----------
    most : int
        Texts of a part.
    seed : int
        Of the choice among them.

    Returns
    -------
    texts : list of str
    y : int array of shape (n_texts,)
    """
    rng = np.random.default_rng([seed, 11])
    texts: list[str] = []
    y: list[int] = []
    for number, part in enumerate(PARTS):
        found = _texts(part)
        chosen = rng.permutation(len(found))[:most]
        texts += [found[i] for i in chosen]
        y += [number] * len(chosen)
    return texts, np.array(y)
