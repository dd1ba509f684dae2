"""A disk that fails, for tests: writing through it works for so many bytes, and then is an error."""

from __future__ import annotations

import io
import os
from typing import Any


class BrokenDisk:
    """``files.open = BrokenDisk(1000, errno.ENOSPC).open`` : room for 1000 bytes more, in all files together.

    ``failed`` counts the errors. The bytes that fit are really written, as a full disk does it.
    """

    def __init__(self, room: int, number: int) -> None:
        self.room, self.number, self.failed = room, number, 0

    def open(self, path: Any, mode: str = "r", **settings: Any) -> Any:
        if "b" not in mode or "r" in mode:
            return open(path, mode, **settings)
        return io.BufferedWriter(_File(self, path, mode.replace("b", "")))


class _File(io.FileIO):
    def __init__(self, disk: BrokenDisk, path: Any, mode: str) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        fits = memoryview(data).cast("B")[: self._disk.room]
        if len(data) and not len(fits):
            self._disk.failed += 1
            raise OSError(self._disk.number, os.strerror(self._disk.number))
        self._disk.room -= len(fits)
        return super().write(fits)
