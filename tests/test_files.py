"""Atomic writing: the file is the old one or the new one, never something between, and nothing is left lying about."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.broken_disk import BrokenDisk
from scratchnet import files
from scratchnet.files import atomic_write, locked, remove_leftovers


def test_writes_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"new")
        file.flush()
        assert (tmp_path / "a.bin").read_bytes() == b"old"  # until the new one is whole
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), atomic_write(path) as file:
        file.write(b"half of the n")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_others_may_read_what_they_may_usually_read(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with atomic_write(tmp_path / "atomic"):
        pass
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OSError, match=r"a\.bin"), atomic_write(tmp_path / "a.bin"):
        pass


# --- a disk that fails -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("room", [0, 3])
def test_a_full_disk_leaves_the_old_file_and_the_error_names_it(
    number: int, room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(files, "open", BrokenDisk(room, number).open, raising=False)
    with pytest.raises(OSError, match=rf"\[Errno {number}\].*a\.bin"), atomic_write(path) as file:
        file.write(b"news")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("name", ["none/a.bin", "file/a.bin", "folder"])
def test_an_error_names_the_file_that_was_wanted(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=name) as caught, atomic_write(tmp_path / name):
        pass
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / name), None)
    assert ".tmp" not in str(caught.value)
    assert type(caught.value) is type(OSError(caught.value.errno, ""))
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "model.npz") as file:
        (left,) = (name for name in os.listdir(tmp_path))
        file.write(b"model")
    others = [".hidden", "a.tmp", ".model.npz.tmp", ".model.npz.0123456z.tmp", "model.npz.01234567.tmp"]
    for name in (left, ".curves.png.89abcdef.tmp", *others):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(["model.npz", *others])


# --- locks -----------------------------------------------------------------------------------------------------------------


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        with locked(path), pytest.raises(BlockingIOError), locked(path):
            raise AssertionError
        assert os.listdir(tmp_path) == []
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked(path):
        pass


def test_a_killed_process_is_in_nobodys_way(tmp_path: Path) -> None:
    code = "import sys\nfrom scratchnet.files import locked\nwith locked(sys.argv[1]):\n    print(flush=True)\n    input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        with pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
            pass
        process.kill()
    assert os.listdir(tmp_path) == ["lock"]
    with locked(tmp_path / "lock"):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")
def test_a_lock_that_was_removed_meanwhile_is_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder goes between our opening the file and our locking it: then the next one would make a new file."""
    path, lock, locks = tmp_path / "lock", files._lock, []

    def too_late(file: int) -> None:
        if not locks:
            path.unlink()
        locks.append(file)
        lock(file)

    monkeypatch.setattr(files, "_lock", too_late)
    with locked(path):
        monkeypatch.undo()
        assert len(locks) == 2
        with pytest.raises(BlockingIOError), locked(path):
            pass


@pytest.mark.skipif(os.name == "nt", reason="Windows always has locks")
@pytest.mark.parametrize(("number", "kept_out"), [(errno.ENOLCK, False), (errno.EIO, True)])
def test_a_file_system_without_locks(number: int, kept_out: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.fcntl, "flock", flock)
    with pytest.raises(OSError, match="Errno 5") if kept_out else contextlib.nullcontext(), locked(tmp_path / "lock"):
        pass
    assert os.listdir(tmp_path) == (["lock"] if kept_out else [])
