"""Writing files so that nothing is ever lost or half written."""

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}  # a file system that has none, as some across a network
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that becomes ``path`` when the block ends well, whole and in one step; else ``path`` stays as it was.

    with atomic_write("model.npz") as file:
        file.write(...)

    Errors    OSError that names ``path`` if the folder is missing or not writable, or the disk is full
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")  # same folder, so the same disk
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # A full disk says only that something is full, a missing folder names the temporary file: nobody asked for that one.
        if error.errno is not None and (error.filename is None or str(error.filename) == str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):  # where there is no folder, say
            temporary.unlink()


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that ``atomic_write`` left in a folder when its process was killed.

    For those who know that nobody is writing there now: see ``locked``.
    """
    for file in Path(folder).iterdir():
        if _TEMPORARY.fullmatch(file.name):
            file.unlink(missing_ok=True)


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within the block nobody else gets this lock, which the file ``path`` stands for.

    The operating system keeps the lock, and takes it back when the process ends, however it ends. So the file that a killed
    process leaves behind is in nobody's way. Where the file system knows no locks, nobody is kept out.

    Errors    BlockingIOError if another process has the lock; OSError if the folder is missing or not writable
    """
    with contextlib.ExitStack() as closing:
        while True:
            file = closing.enter_context(open(path, "ab"))
            _lock(file.fileno())
            if _is_at(path, file):
                break  # else the one who had the lock removed the file just now: it is not what the next one opens
            closing.close()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if sys.platform == "win32":  # it removes no open file, nor one that somebody else has opened
                    closing.close()
                os.unlink(path)


def _lock(file: int) -> None:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError as error:  # what Windows says
        raise BlockingIOError(errno.EAGAIN, "locked by another process") from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_at(path: str | os.PathLike[str], file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
