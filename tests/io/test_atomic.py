"""Files appear whole or not at all."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import atomic, check_can_write, replacing


def test_file_is_written(tmp_path):
    path = tmp_path / "out.txt"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_old_file_is_never_half_replaced(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError("crash")

    path = tmp_path / "out.txt"
    path.write_text("before")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="crash"), replacing(path) as temporary:
        temporary.write_text("after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_a_failure(tmp_path, error):
    path = tmp_path / "out.txt"
    path.write_text("before")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("hal")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_symbolic_link_stays_one(tmp_path):
    path, link = tmp_path / "out.txt", tmp_path / "link"
    path.write_text("before")
    link.symlink_to(path)
    with replacing(link) as temporary:
        temporary.write_text("after")
    assert link.is_symlink()
    assert path.read_text() == "after"


def test_devices_are_not_replaced():
    check_can_write(os.devnull)
    with replacing(os.devnull) as temporary:
        assert str(temporary) == os.devnull


WRITES = [check_can_write, lambda path: replacing(path).__enter__()]


def test_check_can_write_leaves_nothing(tmp_path):
    check_can_write(tmp_path / "new.txt")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("write", WRITES)
def test_a_place_where_no_file_can_be_is_named(tmp_path, monkeypatch, write):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; make it"):
        write(tmp_path / "nowhere" / "new.txt")

    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=r"new.txt: .*Read-only file system"):
        write(tmp_path / "new.txt")


def test_a_block_that_writes_nothing_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("before")
    with pytest.raises(FileNotFoundError, match="nothing was written"), replacing(path):
        pass
    assert path.read_text() == "before"
    with replacing(path) as temporary:
        temporary.write_text("")
    assert path.read_text() == ""
    assert os.listdir(tmp_path) == ["out.txt"]


HALF = """
import os, signal, sys
from sklearn_sagemaker.io import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("hal")
    print("half", flush=True)
    sys.stdin.read()
"""


def half_written(path):
    """A process that has written half of a file, and waits."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HALF, str(path)]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "half\n"
    return process


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_what_killed_writers_left_is_removed(tmp_path):
    path, other = tmp_path / "out.txt", tmp_path / "out.txt.more"
    near = [
        tmp_path / ".out.txt.part",
        tmp_path / f".out.txt.{'0' * 16}.part",  # of another host
        tmp_path / f"{atomic._stem(path)}1234567.part",
        tmp_path / f"{atomic._stem(path)}12345678.part.txt",
    ]
    for mine in near:
        mine.write_text("mine")
    killed, living = half_written(path), half_written(path)
    beside = half_written(other)
    assert len(list(tmp_path.glob(".*.part"))) == 3 + 3
    for process in (killed, beside):
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with replacing(path) as temporary:
        # That of the killed one is gone, those of the other two are not.
        assert len(list(tmp_path.glob(f"{atomic._stem(path)}*.part"))) == 3
        assert len(list(tmp_path.glob(f"{atomic._stem(other)}*.part"))) == 1
        temporary.write_text("whole")
    living.communicate("go on")
    assert living.returncode == 0
    assert path.read_text() == "hal"
    with replacing(other) as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([*near, path, other])


def test_many_writers_of_one_file(tmp_path):
    # A new file is there before it is locked, and may be taken for a left one.
    path = tmp_path / "out.txt"
    start = threading.Barrier(8)

    def write(text):
        start.wait()
        for _ in range(50):
            with replacing(path) as temporary:
                temporary.write_text(text)

    texts = [str(number) * 1000 for number in range(8)]
    failed = []

    def work(text):
        try:
            write(text)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert path.read_text() in texts
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_lock_that_the_disk_does_not_know(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "out.txt"
    left = tmp_path / f"{atomic._stem(path)}12345678.part"
    left.write_text("of whom?")
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert left.exists()


@pytest.mark.parametrize("write", WRITES)
def test_paths_that_are_none(tmp_path, write):
    for path in (f"{tmp_path}/a\0b", f"{tmp_path}/a\ud800b"):
        with pytest.raises(DataFileError, match="which no file name can have"):
            write(path)
    with pytest.raises(TypeError, match=r"is bytes; give a str, which os.fsdecode"):
        write(os.fsencode(tmp_path / "a"))
    for path in (None, 3):
        with pytest.raises(TypeError, match="a path must be a str or path-like"):
            write(path)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_not_utf8(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9")
    check_can_write(path)
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xe9t\xe9"]


def test_pipes_and_sockets(tmp_path):
    pipe, place = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    check_can_write(pipe)
    with pytest.raises(OSError, match="that nobody reads"), replacing(pipe):
        pass
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    for _ in range(100):
        try:
            with replacing(pipe) as temporary:
                temporary.write_text("whole")
            break
        except OSError:
            # It has not opened its end yet.
            reader.join(0.05)
    reader.join()
    assert found == ["whole"]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        with pytest.raises(OSError, match="is a socket"):
            check_can_write(place)


def test_standard_output_that_is_a_pipe(tmp_path):
    code = """
from sklearn_sagemaker.io import check_can_write, replacing
check_can_write("/dev/stdout")
with replacing("/dev/stdout") as temporary:
    temporary.write_text("whole")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.stdout, done.stderr) == (b"whole", b"")


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="as Linux has it")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "link"])
@pytest.mark.parametrize("mode", ["w", "a"])
def test_standard_output_that_is_a_file(tmp_path, name, mode):
    """It is written to where it stands: others write to it before and after."""
    link = tmp_path / "link"
    link.symlink_to("/dev/stdout")
    code = f"""
import os
from sklearn_sagemaker.io import check_can_write, replacing
os.chdir({str(tmp_path)!r})
os.write(1, b"before ")
check_can_write({name!r})
with replacing({name!r}) as temporary:
    temporary.write_text("whole")
os.write(1, b" after")
"""
    path = tmp_path / "out.txt"
    path.write_text("lines ")
    with path.open(mode) as handle:
        subprocess.run([sys.executable, "-c", code], stdout=handle, check=True)
    kept = "lines " if mode == "a" else ""
    assert path.read_text() == f"{kept}before whole after"
    assert link.is_symlink()


def test_an_open_file_that_cannot_be_written(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("whole")
    with path.open() as handle:
        for name in (f"/dev/fd/{handle.fileno()}", "/dev/fd/987"):
            with pytest.raises(OSError, match="is not open for writing"):
                check_can_write(name)
    assert path.read_text() == "whole"


def test_a_full_disk_is_named(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("before")
    code = f"""
import resource
from sklearn_sagemaker.io import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with replacing({str(path)!r}) as temporary:
    temporary.write_bytes(bytes(2000))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith(f"File too large: {str(path)!r}")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.txt"]
