"""Whoever leaves something behind is told so."""

import os
import subprocess
import sys
import tempfile
import threading
from multiprocessing import shared_memory
from pathlib import Path

import leftovers
import pytest

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> leftovers.Watch:
    """A watch within the one that all tests have; not begun yet."""
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv(leftovers.MARK, "")  # and back again, since the watch takes it away
    return leftovers.Watch()


def test_nothing_is_left_by_default(watch: leftovers.Watch) -> None:
    watch.begin()
    subprocess.run([sys.executable, "-c", ""], check=True)
    with tempfile.NamedTemporaryFile():
        pass
    assert watch.end() == []


def test_temporary_files_are_found_and_taken_away(watch: leftovers.Watch) -> None:
    watch.begin()
    handle, path = tempfile.mkstemp()
    os.close(handle)
    assert watch.end() == [f"temporary file {path}"]
    assert not os.path.exists(path)
    assert Path(path).parent != Path(tempfile.gettempdir())


def test_threads_are_found(watch: leftovers.Watch) -> None:
    watch.begin()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="the one that waits")
    thread.start()
    try:
        assert watch.end() == ["thread the one that waits"]
    finally:
        end.set()
        thread.join()


@linux
def test_children_and_orphans_are_found(watch: leftovers.Watch) -> None:
    """The second process is started by the first, which then ends."""
    script = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=0, stdout=subprocess.DEVNULL)
print(child.pid)
if len(sys.argv) == 1:
    child.wait()
"""
    for arguments, wanted in (([], 2), (["orphan"], 1)):
        watch.begin()
        with subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            grandchild = int(process.stdout.readline())
            if arguments:
                process.wait()
            found = watch.end()
            assert len(found) == wanted
            assert any(text.startswith(f"process {grandchild} (") and "-c input()" in text for text in found)
            process.stdin.write("\n")


@linux
def test_shared_memory_is_found_in_ci_when_nobody_uses_it(watch: leftovers.Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    watch.begin()
    block = shared_memory.SharedMemory(create=True, size=8)
    try:
        assert block.name.lstrip("/") not in str(watch.left())
        block.close()
        assert f"shared memory {block.name.lstrip('/')}" in watch.end()
    finally:
        block.unlink()


def test_new_files_in_the_checkout_are_found_in_ci(
    watch: leftovers.Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ROOT", tmp_path)
    monkeypatch.setenv("CI", "true")
    watch.begin()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "model.npz").touch()
    assert watch.end() == [f"{Path('runs', 'model.npz')} in the checkout"]
