"""Media types, as headers carry them: ``text/csv; label_size=0``.

The grammar is that of RFC 9110, sections 8.3.1 and 12.5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sklearn_sagemaker.io.messages import quoted

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"[ \t]*({_TOKEN})/({_TOKEN})[ \t]*")
_PARAMETER = re.compile(
    rf';[ \t]*(?:({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]|\\.)*)")[ \t]*)?'
)
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True)
class MediaType:
    """A media type, or a range of them.

    Attributes
    ----------
    name : str
        Such as ``text/csv``, in lower case; ``*/*`` and ``text/*`` are ranges.
    parameters : dict of str
        Names in lower case.
    """

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read one media type.

        Raises
        ------
        ValueError
            If it is none.

        Examples
        --------
        >>> from sklearn_sagemaker.io.media_types import MediaType
        >>> MediaType.parse("Text/CSV; label_size=0")
        MediaType(name='text/csv', parameters={'label_size': '0'})
        """
        media_type, end = cls._read(text, 0)
        if end != len(text):
            raise ValueError(_NOT_ONE.format(quoted(text)))
        return media_type

    @classmethod
    def parse_list(cls, text: str) -> list[MediaType]:
        """Read media types separated by commas, as an ``Accept`` header has them.

        Raises
        ------
        ValueError
            If one of them is none.
        """
        found = []
        at = 0
        while at < len(text):
            if text[at] in ", \t":
                at += 1
                continue
            media_type, at = cls._read(text, at)
            if text[at : at + 1] not in ("", ","):
                raise ValueError(_NOT_ONE.format(quoted(text)))
            found.append(media_type)
        return found

    @classmethod
    def _read(cls, text: str, at: int) -> tuple[MediaType, int]:
        match = _TYPE.match(text, at)
        if match is None:
            raise ValueError(_NOT_ONE.format(quoted(text)))
        parameters: dict[str, str] = {}
        at = match.end()
        while part := _PARAMETER.match(text, at):
            at = part.end()
            name, token, string = part.groups()
            if name is None:
                continue
            if name.lower() in parameters:
                raise ValueError(
                    f"the media type {quoted(text)} has the parameter {quoted(name)} "
                    "twice."
                )
            value = token if string is None else re.sub(r"\\(.)", r"\1", string)
            parameters[name.lower()] = value
        return cls(f"{match[1]}/{match[2]}".lower(), parameters), at

    @property
    def quality(self) -> float:
        """The weight ``q`` of a range, 1 if there is none.

        Raises
        ------
        ValueError
            If it is not a number from 0 to 1.
        """
        text = self.parameters.get("q", "1")
        if not _QUALITY.fullmatch(text):
            raise ValueError(
                f"q={quoted(text)} is not a number from 0 to 1, as 0.5 is."
            )
        return float(text)

    def matches(self, name: str) -> bool:
        """Whether a media type without parameters is in this range."""
        kind, _, rest = self.name.partition("/")
        return self.name in ("*/*", name) or (
            rest == "*" and name.startswith(f"{kind}/")
        )

    @property
    def specificity(self) -> int:
        """0 for ``*/*``, 1 for ``text/*``, 2 for ``text/csv``."""
        return 2 - self.name.count("*")


_NOT_ONE = "{} is not a media type, such as 'application/json' or 'text/csv; q=0.5'."
