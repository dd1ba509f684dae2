"""Atomic writing: the file is the old one or the new one, never something between, and nothing is left lying about."""

import os
import stat
from pathlib import Path

import pytest

from scratchnet.files import atomic_write


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
