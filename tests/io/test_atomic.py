"""Files appear whole or not at all."""

import os

import pytest

from sklearn_sagemaker.io import check_can_write, replacing


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


def test_check_can_write(tmp_path):
    check_can_write(tmp_path / "new.txt")
    assert os.listdir(tmp_path) == []
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_can_write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; make it"):
        check_can_write(tmp_path / "nowhere" / "new.txt")


def test_check_asks_the_disk(tmp_path, monkeypatch):
    def refuse(self, *arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(PermissionError, match="Read-only file system"):
        check_can_write(tmp_path / "new.txt")
