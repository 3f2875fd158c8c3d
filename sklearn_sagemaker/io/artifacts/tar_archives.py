"""Tar archives of strangers, read in memory.

A reader of our own, as the one of the standard library follows links, inflates sparse
files and, in many releases, hangs on a negative size (CVE-2025-8194). Layout: "pax" of
POSIX.1-2017, chapter "ustar Interchange Format", and GNU's long names.
"""

from __future__ import annotations

from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import (
    MAX_BYTES,
    MAX_MEMBERS,
    check_name,
    too_large,
    too_many,
)
from sklearn_sagemaker.io.messages import quoted

MAX_PAX = 1 << 16
"""Bytes of a tar's extended header, or of a long name."""

BLOCK = 512
_KINDS = {
    b"1": "a hard link", b"2": "a symbolic link", b"3": "a character device",
    b"4": "a block device", b"6": "a FIFO", b"S": "a sparse file",
    b"7": "a contiguous file", b"M": "a part of several volumes",
}  # fmt: skip


def read_tar(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS
) -> dict[str, memoryview]:
    """The files in a tar archive.

    Parameters
    ----------
    data : bytes
        ustar, GNU or pax.
    max_bytes, max_members : int
        Of the whole archive.

    Returns
    -------
    files : dict of str to memoryview
        Contents by name, a leading ``./`` left out; folders are left out.

    Raises
    ------
    ArtifactError
        If a member is no plain file or folder, its name is absolute, leads out of
        the folder or comes twice, a header is damaged, or there is too much.
    """
    if len(data) > max_bytes:
        raise ArtifactError(too_large("the tar archive", max_bytes))
    view = memoryview(data)
    files: dict[str, memoryview] = {}
    name, size, at, headers, ended = None, None, 0, 0, False
    while at + BLOCK <= len(view):
        header = bytes(view[at : at + BLOCK])
        if not any(header):
            ended = True
            break
        headers += 1
        # A member may have an extended header before it.
        if headers > 2 * max_members:
            raise ArtifactError(too_many("The tar archive", max_members))
        number = len(files)
        _check_header(header, number)
        kind = header[156:157]
        length = _octal(header[124:136], number)
        own = kind not in b"xgLK"
        if own and size is not None:
            length = size
        at += BLOCK
        if length > len(view) - at:
            raise ArtifactError(
                f"Member {number} of the tar archive wants {length} bytes, "
                f"{len(view) - at} are left; it is cut short."
            )
        content = view[at : at + length]
        at += -(-length // BLOCK) * BLOCK
        if not own:
            if length > MAX_PAX:
                raise ArtifactError(
                    f"Member {number} of the tar archive has {length} bytes of "
                    f"extended header, more than {MAX_PAX}."
                )
            if kind == b"L":
                name = _text(bytes(content).rstrip(b"\0"), number)
            elif kind == b"x":
                name, size = _pax(bytes(content), number, name, size)
            continue
        if name is None:
            name = _header_name(header, number)
        if kind not in (b"0", b"\0", b"5"):
            what = _KINDS.get(kind, f"of type {kind!r}")
            raise ArtifactError(
                f"The member {quoted(name)} of the tar archive is {what}; only plain "
                "files are read."
            )
        name = check_name(name)
        if name in files:
            raise ArtifactError(f"The tar archive has {quoted(name)} twice.")
        if kind != b"5":
            files[name] = content
        if len(files) > max_members:
            raise ArtifactError(too_many("The tar archive", max_members))
        name, size = None, None
    if not ended:
        raise ArtifactError("The tar archive is cut short: its end is missing.")
    return files


def _check_header(header: bytes, number: int) -> None:
    total = sum(header) - sum(header[148:156]) + 8 * 32
    if _octal(header[148:156], number) != total:
        raise ArtifactError(
            f"Member {number} of the tar archive has a header of the wrong checksum; "
            "it is damaged, or no tar archive."
        )


def _octal(digits: bytes, number: int) -> int:
    """A number of a tar header: octal, or GNU's base 256."""
    if digits[0] == 0x80:
        return int.from_bytes(digits[1:], "big")
    try:
        text = digits.split(b"\0")[0].strip().decode("ascii")
        if not all("0" <= digit <= "7" for digit in text):
            raise ValueError
        return int(text or "0", 8)
    except ValueError:
        raise ArtifactError(
            f"Member {number} of the tar archive has a header with a number that is "
            "none; it is damaged, or no tar archive."
        ) from None


def _text(name: bytes, number: int) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise ArtifactError(
            f"Member {number} of the tar archive has a name that is not UTF-8."
        ) from None


def _header_name(header: bytes, number: int) -> str:
    name = header[:100].split(b"\0")[0]
    # GNU keeps times where ustar has the front of the name.
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name, number)


def _pax(
    content: bytes, number: int, name: str | None, size: int | None
) -> tuple[str | None, int | None]:
    """Name and size from the records of an extended header."""
    while content:
        digits, _, _ = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 6 else 0
        record, content = content[:length], content[length:]
        if length < len(digits) + 3 or record[-1:] != b"\n" or len(record) < length:
            raise ArtifactError(
                f"Member {number} of the tar archive has a damaged extended header."
            )
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise ArtifactError(
                f"Member {number} of the tar archive is a sparse file; only plain "
                "files are read."
            )
        if key == b"path":
            name = _text(value, number)
        elif key == b"size":
            if not value.isdigit() or len(value) > 20 or not equals:
                raise ArtifactError(
                    f"Member {number} of the tar archive has a damaged size."
                )
            size = int(value)
    return name, size
