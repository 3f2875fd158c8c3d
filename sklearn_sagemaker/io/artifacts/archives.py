"""Archives of strangers, read in memory; archives of ours, the same bytes every time.

Nothing is ever extracted to disk. Whoever sends an archive decides what is in it, so
everything is checked before it is believed: sizes against the bytes that are there and
against a limit, names, types, checksums. `read_gzip` reads to the end, because
`tarfile` does not notice a stream whose last bytes are missing. Layouts: RFC 1952
(gzip), PKWARE APPNOTE (zip); tar is in `sklearn_sagemaker.io.artifacts.tar_archives`.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import file_name, open_file
from sklearn_sagemaker.io.rows import check_count

MAX_BYTES = 1 << 30
"""Bytes that a file may have, and what it holds when unpacked (1 GiB)."""
MAX_MEMBERS = 100
"""Members that an archive may have; SageMaker's have four at most."""
FILE_MODE = stat.S_IFREG | 0o644
"""Of members that we write: a plain file, as SageMaker's."""
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"


def read_source(source: Any, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a path, a binary file object, or bytes.

    Parameters
    ----------
    source : str, path-like, bytes-like or binary file object
        A file object is read from where it stands.
    max_bytes : int, default=1 GiB
        More are refused.

    Returns
    -------
    data : bytes

    Raises
    ------
    ArtifactError
        If there are more bytes, or none.
    OSError
        If the file cannot be read.
    TypeError
        If the source is nothing that can be read.
    ValueError
        If ``max_bytes`` is no positive integer.
    """
    check_count("max_bytes", max_bytes)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        name = file_name(source, ArtifactError)
        if os.path.isdir(name):
            raise IsADirectoryError(f"{name}: is a folder; name a file in it.")
        with open_file(name) as handle:
            data = handle.read(max_bytes + 1)
    elif hasattr(source, "read"):
        data = source.read(max_bytes + 1)
        if not isinstance(data, bytes):
            raise TypeError("The file object must be opened in binary mode ('rb').")
    else:
        raise TypeError(
            f"source must be a path, bytes or a binary file object, got "
            f"{type(source).__name__}."
        )
    if len(data) > max_bytes:
        raise ArtifactError(too_large("the file", max_bytes))
    if not data:
        raise ArtifactError("The file is empty; it was not written, or not copied.")
    return data


def read_gzip(data: bytes, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Uncompress a gzip stream to its end, so that its length and CRC are checked.

    Raises
    ------
    ArtifactError
        If it is damaged, cut short, followed by anything but zeros, or larger than
        ``max_bytes`` when uncompressed.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise ArtifactError(
            f"The gzip stream is damaged ({error}); copy the file again."
        ) from None
    if len(found) > max_bytes:
        raise ArtifactError(too_large("the gzip stream", max_bytes))
    if not stream.eof:
        raise ArtifactError("The gzip stream is cut short; copy the file again.")
    if stream.unused_data.strip(b"\0"):
        raise ArtifactError(
            f"{len(stream.unused_data)} bytes follow the gzip stream; one file holds "
            "one stream."
        )
    return found


def read_zip(
    data: bytes | memoryview,
    *,
    max_bytes: int = MAX_BYTES,
    max_members: int = MAX_MEMBERS,
) -> dict[str, bytes]:
    """The files in a zip archive, each checked against its CRC.

    Parameters
    ----------
    data : bytes
        With members stored or deflated.
    max_bytes, max_members : int
        Of all members together, unpacked.

    Returns
    -------
    files : dict of str to bytes
        Contents by name; folders are left out.

    Raises
    ------
    ArtifactError
        If a member is encrypted, a link, packed in another way or damaged, its name
        is absolute, leads out of the folder or comes twice, or there is too much.
    """
    data = bytes(data)
    # Before zipfile makes an object of each. The mark may stand in the data too.
    if data.count(b"PK\x01\x02") > 2 * max_members:
        raise ArtifactError(too_many("The zip archive", max_members))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _zip_files(archive, max_bytes, max_members)
    except ArtifactError:
        raise
    # What zipfile raises for damaged bytes, as found by mutating good ones.
    except (
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, KeyError,
        RuntimeError, NotImplementedError, ValueError, OverflowError, IndexError,
    ) as error:  # fmt: skip
        raise ArtifactError(
            f"The zip archive is damaged ({type(error).__name__}: "
            f"{quoted(error)}); copy the file again."
        ) from None


def write_tar_gz(files: Mapping[str, bytes]) -> bytes:
    """A ``.tar.gz`` of plain files: no times, owners or host, the same bytes always.

    Parameters
    ----------
    files : dict of str to bytes
        Contents by name.

    Returns
    -------
    data : bytes
    """
    archive = bytearray()
    for name, content in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
        # tarfile leaves out the bits of the file type, which SageMaker's have.
        header[100:108], header[148:156] = b"%07o\0" % FILE_MODE, b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        archive += header + content + bytes(-len(content) % tarfile.BLOCKSIZE)
    archive += bytes(2 * tarfile.BLOCKSIZE)
    archive += bytes(-len(archive) % tarfile.RECORDSIZE)
    target = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, target, mtime=0) as packed:
        packed.write(archive)
    return target.getvalue()


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """A zip of stored files, in the order given: the same bytes always.

    Parameters
    ----------
    files : dict of str to bytes
        Contents by name.

    Returns
    -------
    data : bytes
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # of 1980, the first year of zip
            entry.create_system, entry.external_attr = 3, FILE_MODE << 16
            archive.writestr(entry, content)
    return target.getvalue()


def check_name(name: str) -> str:
    """A member's name without a leading ``./``; `ArtifactError` if it is a danger."""
    plain = name.rstrip("/")
    while plain.startswith("./"):
        plain = plain[2:].lstrip("/")
    parts = plain.replace("\\", "/").split("/")
    drive = len(plain) > 1 and plain[1] == ":"
    if "\0" in name or name[:1] in ("/", "\\") or drive or ".." in parts or not plain:
        raise ArtifactError(
            f"The archive has a member named {quoted(name)}, which leads out of its "
            "folder; do not trust where it comes from."
        )
    return plain


def too_large(what: str, max_bytes: int) -> str:
    """Say that something is beyond ``max_bytes``."""
    return (
        f"{what[0].upper()}{what[1:]} has more than max_bytes={max_bytes} bytes; if "
        "you trust it, pass a larger max_bytes."
    )


def too_many(what: str, max_members: int) -> str:
    """Say that an archive has too many members."""
    return f"{what} has more than {max_members} members, which no model has."


def _zip_files(
    archive: zipfile.ZipFile, max_bytes: int, max_members: int
) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > max_members:
        raise ArtifactError(too_many("The zip archive", max_members))
    if sum(entry.file_size for entry in entries) > max_bytes:
        raise ArtifactError(too_large("the zip archive", max_bytes))
    files: dict[str, bytes] = {}
    for entry in entries:
        # orig_filename: zipfile cuts the other one at a zero byte.
        name = check_name(entry.orig_filename)
        fault = _entry_fault(entry)
        if fault:
            raise ArtifactError(
                f"The member {quoted(name)} of the zip archive is {fault}; only plain "
                "files, stored or deflated, are read."
            )
        if name in files:
            raise ArtifactError(f"The zip archive has {quoted(name)} twice.")
        if entry.is_dir():
            continue
        with archive.open(entry) as handle:
            # Not read(): it may inflate more than the size before it is cut.
            content = handle.read(entry.file_size)
            handle.read(1)  # at the end, where the CRC is compared
        if len(content) != entry.file_size:
            raise ArtifactError(
                f"The member {quoted(name)} of the zip archive is cut short."
            )
        files[name] = content
    return files


def _entry_fault(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
    if entry.flag_bits & 0x41:
        return "encrypted"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or a device"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by method {entry.compress_type}"
    stored = entry.compress_type == zipfile.ZIP_STORED
    if stored and entry.compress_size != entry.file_size:
        return "stored with two sizes"
    return ""
