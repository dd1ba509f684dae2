"""What a reader must not do, noticed by Python itself: write, run code, start programs, speak to the network."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FORBIDDEN = (
    *("exec", "compile", "marshal", "pickle", "subprocess", "socket", "os.system", "os.exec", "os.posix_spawn", "os.spawn"),
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("shutil", "ctypes", "tempfile", "urllib", "http", "ftplib", "os.fork", "code.__new__", "sys.setprofile"),
)
_seen: list[str] | None = None
_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open" and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            _seen.append(f"open {arguments[0]!r} to write")
    elif event.startswith(FORBIDDEN):
        _seen.append(f"{event} {arguments!r:.100}")


@contextmanager
def watched() -> Iterator[list[str]]:
    """The forbidden things that happen within, as they happen. (A hook can't be taken off again; it sleeps outside.)"""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None
