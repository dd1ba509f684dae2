"""Writing files so that nothing is ever lost or half written."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that becomes ``path`` when the block ends well, whole and in one step; else ``path`` stays as it was.

    with atomic_write("model.npz") as file:
        file.write(...)

    Errors    OSError if the folder is missing or not writable, or the disk is full
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")  # same folder, so the same disk
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
