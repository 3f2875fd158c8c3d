"""The paths of JSONPath that filters of batch transforms may have.

The service's guide lists them: names, indexes, slices and wildcards. In a slice both
ends are included, as the guide has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sklearn_sagemaker.testing.errors import JobError, invalid

_QUOTED = r"'[^']*'|\"[^\"]*\""
_PLACE = r"(?:-?\d+)?:\d*|-?\d+"
_STEP = re.compile(
    r"(?P<all>\.\*|\.?\[\*\])"
    r"|\.(?P<name>[^].['\"*?@()\s,:[]+)"
    rf"|\.?\[(?P<names>(?:{_QUOTED})(?:,\s*(?:{_QUOTED}))*)\]"
    rf"|\.?\[(?P<places>(?:{_PLACE})(?:,\s*(?:{_PLACE}))*)\]"
)


class JsonPath:
    """A path.

    Parameters
    ----------
    text : str

    Raises
    ------
    ServiceError
        If it is none, or has what the service does not take.

    Examples
    --------
    >>> from sklearn_sagemaker.testing.json_path import JsonPath
    >>> JsonPath("$[0,2:]").of([1, 2, 3, 4])
    [1, 3, 4]
    >>> JsonPath("$['id']").of({"id": 7, "other": 8})
    7
    """

    def __init__(self, text: str):
        self.text = text
        self._steps: list[re.Match[str]] = []
        place = 1
        while text[:1] != "$" or place < len(text):
            found = _STEP.match(text, place)
            if text[:1] != "$" or found is None:
                raise invalid(
                    f"The filter {text!r} is none that batch transforms take; write $, "
                    "names as .id or ['id','score'], and columns as [0,2:] or [-1]."
                )
            self._steps.append(found)
            place = found.end()

    def of(self, value: Any) -> Any:
        """What a value has there: one, or a list of them.

        Raises
        ------
        JobError
            If it has nothing there.
        """
        nodes, one = [value], True
        for step in self._steps:
            try:
                nodes = [found for node in nodes for found in _step(step, node)]
            except (LookupError, TypeError):
                raise JobError(
                    f"ClientError: The filter {self.text} finds nothing in a record."
                ) from None
            places = step["places"] or ""
            one = one and not (step["all"] or set(",:") & set(places))
        return nodes[0] if one else nodes


def _step(step: re.Match[str], node: Any) -> Iterator[Any]:
    if step["all"]:
        yield from node.values() if isinstance(node, dict) else node
    elif step["name"]:
        yield node[step["name"]]
    elif step["names"]:
        names = [text[1:-1] for text in re.findall(_QUOTED, step["names"])]
        found = {name: node[name] for name in names}
        yield found if len(names) > 1 else found[names[0]]
    else:
        if not isinstance(node, list):
            raise TypeError
        for text in re.findall(_PLACE, step["places"]):
            first, colon, last = text.partition(":")
            start = int(first or 0)
            if not colon:
                yield node[start]
                continue
            start += len(node) if start < 0 else 0
            if not 0 <= start < len(node):
                raise IndexError
            end = int(last) if last else len(node) - 1
            yield from (node[place] for place in range(start, end + 1))
