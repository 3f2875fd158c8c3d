"""Answers of shards, joined two by two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Place = tuple[int, int]
"""How often an answer has been joined, and its place among those joined as often."""


def in_pairs(join: Callable[[Any, Any], Any], answers: Sequence[Any]) -> Any:
    """Answers joined two by two, until there is one.

    Parameters
    ----------
    join : callable
        Of two neighbours.
    answers : sequence
        In the order of the shards; one at least.
    """
    places = {(0, number): answer for number, answer in enumerate(answers)}
    (found,) = as_far_as_found(join, places, len(places)).values()
    return found


def as_far_as_found(
    join: Callable[[Any, Any], Any], answers: Mapping[Place, Any], count: int
) -> dict[Place, Any]:
    """Answers joined as `in_pairs` does, as far as both of a pair are there.

    Parameters
    ----------
    join : callable
        Of two neighbours.
    answers : mapping of (int, int) to object
        By how often they have been joined, and their place among those that have been
        as often.
    count : int
        Answers that there are of all shards, before any is joined.

    Returns
    -------
    answers : dict of (int, int) to object
        What is left, to be joined with the others.
    """
    found, level = dict(answers), 0
    while count > 1:
        for place in sorted(at for depth, at in found if depth == level):
            first, second = (level, place), (level, place + 1)
            if place % 2:
                continue
            if place + 1 == count:
                found[level + 1, place // 2] = found.pop(first)
            elif second in found:
                pair = found.pop(first), found.pop(second)
                found[level + 1, place // 2] = join(*pair)
        level, count = level + 1, -(-count // 2)
    return found
