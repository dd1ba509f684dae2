"""What a run of the tests leaves behind: processes, threads, shared memory, temporary files, files in the checkout.

Where there is no /proc (macOS, Windows) only what Python itself knows is seen: child processes, threads, files.
"""

import gc
import multiprocessing.util
import os
import shutil
import tempfile
import threading
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "SCRATCHNET_TEST_RUN"  # in the environment of every process that the tests start, and so of those which these start
PATIENCE_SECONDS = 10.0  # a process that was told to end is gone a moment later
# multiprocessing's own helpers live as long as the process that needed them
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
TEMPORARY = ("TMPDIR", "TEMP", "TMP")
CACHES = {".git", "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"}


class Watch:
    """``begin()`` before the tests, ``end()`` after them; between these, temporary files are made in a folder of its own."""

    def begin(self) -> None:
        self.mark = os.environ[MARK] = uuid.uuid4().hex
        self.threads = set(threading.enumerate())
        # Not said whose they are: so only where nobody is at work on the checkout, and no other tests run.
        self.alone = "CI" in os.environ
        self.shared, self.files = shared_memory(), checkout() if self.alone else set()
        self.before = tempfile.tempdir, {name: os.environ.get(name) for name in TEMPORARY}
        multiprocessing.util.get_temp_dir()  # made now where it is wanted, since it stays until Python ends
        self.folder = Path(tempfile.mkdtemp(prefix="t-"))  # a short name: sockets are made in it
        tempfile.tempdir = str(self.folder)
        os.environ.update(dict.fromkeys(TEMPORARY, str(self.folder)))

    def end(self) -> list[str]:
        """What is left behind, in words; afterwards everything is as it was before ``begin``."""
        gc.collect()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        del os.environ[MARK]
        tempfile.tempdir, environment = self.before
        for name, value in environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(self.folder, ignore_errors=True)
        return left

    def left(self) -> list[str]:
        found = [f"process {text}" for text in self.processes()]
        found += [f"thread {thread.name}" for thread in set(threading.enumerate()) - self.threads if not thread.daemon]
        found += [f"temporary file {path}" for path in sorted(self.folder.iterdir())]
        if self.alone:
            shared = shared_memory() - self.shared
            found += [f"shared memory {name}" for name in sorted(shared - in_use(shared))]
            found += [f"{path} in the checkout" for path in sorted(checkout() - self.files)]
        return found

    def processes(self) -> list[str]:
        """All that the tests started, and what these started, even where the one between them has ended."""
        found = {child.pid: child.name for child in multiprocessing.active_children()}
        for pid in processes():
            parent, command = parent_and_command(pid)
            helper = parent == os.getpid() and any(name in command for name in HELPERS)
            ours = parent == os.getpid() or f"{MARK}={self.mark}".encode() in read(pid, "environ").split(b"\0")
            if ours and not helper and pid != os.getpid():
                found[pid] = command
        return [f"{pid} ({command})" for pid, command in sorted(found.items())]


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc/self") else []


def read(pid: int, name: str) -> bytes:
    """A file of /proc; b"" where the process has ended or belongs to somebody else."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def parent_and_command(pid: int) -> tuple[int, str]:
    """(0, "") if it has ended. A process that ended but that nobody waited for has a parent still, and no command."""
    fields = read(pid, "stat").rpartition(b")")[2].split()  # pid (name) state parent ..
    return int(fields[1]) if fields else 0, read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def shared_memory() -> set[str]:
    """What Python's processes share: blocks of SharedMemory, arenas, semaphores. Other programs use the folder as well."""
    names = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
    return {name for name in names if name.startswith(("psm_", "pym-", "sem.mp-"))}


def in_use(names: set[str]) -> set[str]:
    """Those that a process has in its memory: they are not left behind, and may be another program's."""
    maps = b"\n".join(read(pid, "maps") for pid in processes() if names)
    return {name for name in names if f"/dev/shm/{name}".encode() in maps}


def checkout() -> set[str]:
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in CACHES and not name.endswith(".egg-info")]
        found |= {os.path.relpath(os.path.join(folder, name), ROOT) for name in files if not name.startswith(".coverage")}
    return found
