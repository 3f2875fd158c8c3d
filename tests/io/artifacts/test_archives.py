"""Archives of strangers: read in memory, or refused before anything is believed."""

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import warnings
import zipfile

import pytest

from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import (
    MAX_BYTES,
    MAX_MEMBERS,
    check_name,
    read_gzip,
    read_source,
    read_zip,
    write_tar_gz,
    write_zip,
)
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar

FILES = {"model_algo-1": bytes(range(256)) * 5, "b": b"", "c": b"x" * 512}
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def tar(*entries, layout=tarfile.GNU_FORMAT):
    """A tar of (TarInfo or name, content)."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=layout) as archive:
        for entry, content in entries:
            if isinstance(entry, str):
                entry = tarfile.TarInfo(entry)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def special(kind, name="model_algo-1", link="/etc/passwd"):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry


def sealed(header):
    """A tar header with the right checksum."""
    header = bytearray(header)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


# ----------------------------------------------------------------- what we write
def test_what_we_write_is_read():
    data = write_tar_gz(FILES)
    assert {k: bytes(v) for k, v in read_tar(read_gzip(data)).items()} == FILES
    assert read_zip(write_zip(FILES)) == FILES
    assert list(read_zip(write_zip(FILES))) == list(FILES)


def test_what_we_write_is_always_the_same(monkeypatch):
    first = write_tar_gz(FILES), write_zip(FILES)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert (write_tar_gz(FILES), write_zip(FILES)) == first


def test_the_standard_library_reads_what_we_write():
    with tarfile.open(fileobj=io.BytesIO(write_tar_gz(FILES))) as archive:
        assert archive.getnames() == list(FILES)
        assert archive.extractfile("c").read() == FILES["c"]
        assert {entry.mtime for entry in archive} == {0}
    with zipfile.ZipFile(io.BytesIO(write_zip(FILES))) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {0}


# ------------------------------------------------------------------------- sources
def test_sources(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with path.open("rb") as handle:
        for source in (path, str(path), b"abc", bytearray(b"abc"), handle):
            assert read_source(source) == b"abc"


def test_bad_sources(tmp_path):
    for limit in (0, "1 GiB", None):
        with pytest.raises(ValueError, match="max_bytes=.* must be a whole"):
            read_source(b"abc", max_bytes=limit)
    with pytest.raises(TypeError, match="got int"):
        read_source(3)
    with pytest.raises(TypeError, match="binary"):
        read_source(io.StringIO("abc"))
    with pytest.raises(IsADirectoryError, match="folder"):
        read_source(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "missing")
    with pytest.raises(ArtifactError, match="empty"):
        read_source(b"")
    for source in (b"abc", io.BytesIO(b"abc")):
        with pytest.raises(ArtifactError, match="max_bytes=2 bytes"):
            read_source(source, max_bytes=2)


# ---------------------------------------------------------------------------- gzip
PACKED = gzip.compress(FILES["model_algo-1"], mtime=0)


def test_gzip_is_read_with_a_name_and_zeros_after_it():
    target = io.BytesIO()
    with gzip.GzipFile("model.tar", "wb", fileobj=target) as packed:
        packed.write(b"abc")
    assert read_gzip(target.getvalue() + bytes(100)) == b"abc"


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 50])
def test_gzip_cut_short(cut):
    # tarfile reads an archive without its last 8 bytes.
    with pytest.raises(ArtifactError, match="cut short"):
        read_gzip(PACKED[:-cut])


@pytest.mark.parametrize("at", [-8, -1, 0, 2, 20])
def test_gzip_damaged(at):
    # -8 is in the CRC, -1 in the length.
    data = bytearray(PACKED)
    data[at] ^= 0x55
    with pytest.raises(ArtifactError, match="damaged|cut short"):
        read_gzip(bytes(data))


def test_gzip_with_something_after_it():
    for more in (PACKED, b"junk"):
        with pytest.raises(ArtifactError, match="follow the gzip stream"):
            read_gzip(PACKED + more)


def test_a_bomb_takes_no_more_memory_than_allowed():
    bomb = gzip.compress(bytes(50 << 20), mtime=0)
    assert len(bomb) < 60_000
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="max_bytes=1048576 bytes; if you"):
            read_gzip(bomb, max_bytes=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert len(read_gzip(bomb)) == 50 << 20


def test_the_limits_of_the_documentation():
    assert (MAX_BYTES, MAX_MEMBERS) == (1 << 30, 100)


# ----------------------------------------------------------------------------- tar
@pytest.mark.parametrize("layout", FORMATS)
def test_every_layout_of_tar(layout):
    names = ["./a", "folder/b", "long/" * 20 + "c"]
    if layout != tarfile.USTAR_FORMAT:
        names += ["x" * 300, "é" * 80]
    entries = [(special(b"5", "./"), b""), (special(b"5", "folder/"), b"")]
    entries += [(name, name.encode()) for name in names]
    found = read_tar(tar(*entries, layout=layout))
    wanted = {name.removeprefix("./"): name.encode() for name in names}
    assert {name: bytes(content) for name, content in found.items()} == wanted


def test_global_headers_and_old_tar():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT,
                      pax_headers={"comment": "hello"}) as archive:  # fmt: skip
        archive.addfile(tarfile.TarInfo("a"))
    assert list(read_tar(target.getvalue())) == ["a"]
    # Seventh Edition: no magic, and NUL for a plain file.
    header = bytearray(tar(("a", b"")))[:512]
    header[156:512] = bytes(356)
    assert list(read_tar(sealed(header) + bytes(1024))) == ["a"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a character device"),
        (tarfile.BLKTYPE, "a block device"),
        (tarfile.FIFOTYPE, "a FIFO"),
        (tarfile.CONTTYPE, "a contiguous file"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
        (b"V", "of type b'V'"),
    ],
)
def test_only_plain_files(kind, what):
    header = bytearray(tar((special(b"0", "odd", ""), b""))[:512])
    header[156:157] = kind
    # After a member that is all right, and before it.
    good = tar(("model_algo-1", b"abc"))
    for data in (good[:1024] + sealed(header) + bytes(1024), sealed(header) + good):
        with pytest.raises(ArtifactError, match=f"'odd' of the tar archive is {what};"):
            read_tar(data)


BAD_NAMES = [
    "../a", "a/../../b", "a/..", "..", "/etc/passwd", "//a", "./../a", "\\a",
    "..\\a", "a\\..\\b", "C:\\a", "c:a", "./",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES[:-1])
def test_names_that_lead_out(name):
    with pytest.raises(ArtifactError, match="leads out of its folder"):
        check_name(name)
    with pytest.raises(ArtifactError, match="leads out of its folder"):
        read_zip(write_zip({name: b""}))
    for layout in FORMATS:
        with pytest.raises(ArtifactError, match="leads out of its folder"):
            read_tar(tar((name, b""), layout=layout))


def test_members_that_come_twice():
    for second in ("a", "./a", "././a"):
        with pytest.raises(ArtifactError, match="'a' twice"):
            read_tar(tar(("a", b"1"), (second, b"2")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a", b"1")
            archive.writestr("a", b"2")
    with pytest.raises(ArtifactError, match="'a' twice"):
        read_zip(target.getvalue())


def test_very_many_members():
    for name in ("member-%07d", "folder-%07d/"):
        one = [
            sealed(tar((special(b"5", name % number, ""), b""))[:512])
            if name.endswith("/")
            else tar((name % number, b""))[:512]
            for number in range(1000)
        ]
        # 20,000 of them, of which the reader looks at few.
        data = b"".join(one) * 20 + bytes(1024)
        with pytest.raises(ArtifactError, match="more than 100 members"):
            read_tar(data)
    # Extended headers without a member after them.
    pax = sealed(tar(("a" * 200, b""), layout=tarfile.PAX_FORMAT)[:512])
    body = tar(("a" * 200, b""), layout=tarfile.PAX_FORMAT)[512:1024]
    with pytest.raises(ArtifactError, match="more than 100 members"):
        read_tar((pax + body) * 10_000 + bytes(1024))


def test_a_million_members_of_a_zip():
    good = write_zip({"a": b""})
    at = good.index(b"PK\x01\x02")
    entry, end = good[at : at + 47], bytearray(good[at + 47 :])
    count = 1_000_000
    struct.pack_into("<HHII", end, 8, 65535, 65535, len(entry) * count, at)
    with pytest.raises(ArtifactError, match="more than 100 members"):
        read_zip(good[:at] + entry * count + bytes(end))


@pytest.mark.parametrize("count", [150, 101])
def test_members_are_counted(count):
    files = {f"f{number}": b"" for number in range(count)}
    with pytest.raises(ArtifactError, match="zip archive has more than 100 members"):
        read_zip(write_zip(files))
    with pytest.raises(ArtifactError, match="tar archive has more than 100 members"):
        read_tar(read_gzip(write_tar_gz(files)))


def test_tar_cut_short():
    whole = tar(("a", b"x" * 2000), ("b", b"y" * 100))
    for end in range(0, 5000, 100):
        if end < 512 * 8:
            with pytest.raises(ArtifactError, match="cut short"):
                read_tar(whole[:end])


@pytest.mark.parametrize(
    ("size", "match"),
    [
        (b"77777777777\0", "wants 8589934591 bytes"),
        (b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, "wants 9223372036854775807"),
        (b"\xff" * 12, "a number that is none"),  # -1, on which tarfile can hang
        (b"-0000000010\0", "a number that is none"),
        (b"12345678\0\0\0\0", "a number that is none"),
    ],
)
def test_tar_sizes(size, match):
    header = bytearray(tar(("a", b""))[:512])
    header[124:136] = size
    with pytest.raises(ArtifactError, match=match):
        read_tar(sealed(header) + bytes(2048))


def test_tar_checksums():
    data = bytearray(tar(("a", b"abc")))
    data[0] ^= 1
    with pytest.raises(ArtifactError, match="checksum"):
        read_tar(bytes(data))
    with pytest.raises(ArtifactError, match="no tar archive"):
        read_tar(b"\x93NUMPY" * 200)


def pax_header(records):
    entry = special(b"x", "pax", "")
    return tar((entry, records))[: 512 + -(-len(records) // 512) * 512]


@pytest.mark.parametrize(
    ("records", "match"),
    [
        (b"0 path=a\n", "damaged extended"),
        (b"999 path=a\n", "damaged extended"),
        (b"-5 path=a\n", "damaged extended"),
        (b"path=a\n", "damaged extended"),
        (b"8 path=a", "damaged extended"),
        (b"13 path=../a\n", "leads out"),
        (b"11 size=-1\n", "damaged size"),
        (b"10 size=9\n32 size=99999999999999999999999\n", "damaged size"),
        (b"16 size=99999999\n", "damaged extended"),
        (b"17 size=99999999\n", "wants 99999999 bytes"),
        (b"22 GNU.sparse.major=1\n", "a sparse file"),
        (b"10 path=\xff\n", "not UTF-8"),
        (b"x" * 70_000, "70000 bytes of extended header"),
    ],
)
def test_pax_headers(records, match):
    with pytest.raises(ArtifactError, match=match):
        read_tar(pax_header(records) + tar(("a", b"abc")))


def test_pax_headers_count():
    data = pax_header(b"10 path=b\n10 size=2\n") + tar(("a", b"abc"))
    assert {k: bytes(v) for k, v in read_tar(data).items()} == {"b": b"ab"}


# ----------------------------------------------------------------------------- zip
def zipped(content, **change):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("a")
        for name, value in change.items():
            setattr(entry, name, value)
        archive.writestr(entry, content)
    return target.getvalue()


def test_deflated_members_and_folders():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr("folder/a", b"abc" * 1000)
    assert read_zip(target.getvalue()) == {"folder/a": b"abc" * 1000}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"external_attr": 0o120777 << 16, "create_system": 3}, "a link or a device"),
        ({"external_attr": 0o010777 << 16, "create_system": 3}, "a link or a device"),
        ({"compress_type": zipfile.ZIP_BZIP2}, "packed by method 12"),
        ({"compress_type": zipfile.ZIP_LZMA}, "packed by method 14"),
    ],
)
def test_only_plain_members(change, match):
    with pytest.raises(ArtifactError, match=f"'a' of the zip archive is {match};"):
        read_zip(zipped(b"abc", **change))


def patched(data, mark, offset, layout, value):
    """The first record of a kind with one of its fields changed."""
    data = bytearray(data)
    struct.pack_into("<" + layout, data, data.index(mark) + offset, value)
    return bytes(data)


DEFLATED = zipped(b"abc", compress_type=zipfile.ZIP_DEFLATED)
CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (patched(zipped(b"abc"), CENTRAL, 8, "H", 1), "encrypted"),
        (patched(zipped(b"abc"), CENTRAL, 16, "I", 1), "damaged"),  # CRC
        (patched(zipped(b"abc"), CENTRAL, 24, "I", 2), "stored with two sizes"),
        (patched(DEFLATED, CENTRAL, 24, "I", 2), "damaged"),
        (patched(DEFLATED, CENTRAL, 24, "I", 4000), "damaged|cut short"),
        (patched(zipped(b"abc"), CENTRAL, 20, "I", 10**9), "stored with two sizes"),
        (patched(zipped(b"abc"), CENTRAL, 42, "I", 10**9), "damaged"),  # place
        (patched(zipped(b"abc"), LOCAL, 30, "B", 98), "damaged"),  # name
        (zipped(b"abc")[:-1], "damaged"),
        (zipped(b"abc")[:-22], "damaged"),
        (b"PK\x03\x04", "damaged"),
        (patched(zipped(b"abc"), CENTRAL, 46, "B", 0), "leads out|damaged"),
    ],
)
def test_damaged_zips(data, match):
    with pytest.raises(ArtifactError, match=match):
        read_zip(data)


def test_a_bomb_in_a_zip():
    packed = zipped(bytes(20 << 20), compress_type=zipfile.ZIP_DEFLATED)
    assert len(packed) < 25_000
    lie = patched(patched(packed, CENTRAL, 24, "I", 100), LOCAL, 22, "I", 100)
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="max_bytes=1048576"):
            read_zip(packed, max_bytes=1 << 20)
        # Its size is a lie.
        with pytest.raises(ArtifactError, match="damaged"):
            read_zip(lie, max_bytes=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_members_are_added_up():
    files = {f"f{number}": bytes(1000) for number in range(10)}
    assert len(read_zip(write_zip(files), max_bytes=10_000)) == 10
    with pytest.raises(ArtifactError, match="max_bytes=9999"):
        read_zip(write_zip(files), max_bytes=9999)


def test_nothing_is_written_to_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read_tar(read_gzip(write_tar_gz(FILES)))
    read_zip(write_zip(FILES))
    assert os.listdir(tmp_path) == []
