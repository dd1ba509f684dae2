"""setuptools as the build backend, but for one line more in an editable install.

scratchnet_lessons lies in a folder of another name, lessons/. For such packages setuptools writes no plain path but a
finder, which Python asks last, after every folder on the path. A script beside a clone called scratchnet/ would then import
that folder, as an empty package. The line is the clone's plain path, where the real package is found first.
"""

import base64
import hashlib
import locale
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  (all other hooks are setuptools' own)


def build_editable(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """The hook of PEP 660: writes a wheel and returns its name. It is called in the project's folder."""
    name: str = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    add_path(Path(wheel_directory, name), Path.cwd())
    return name


def add_path(wheel: Path, folder: Path) -> None:
    """Put the folder's path before what the wheel's .pth file says, and bring RECORD in step."""
    with zipfile.ZipFile(wheel) as old:
        files = {info.filename: old.read(info) for info in old.infolist()}
    pth = next(name for name in files if name.endswith(".pth"))
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    line = f"{folder}\n".encode(locale.getencoding())  # as Python reads it
    if line.strip() not in files[pth].splitlines():
        files[pth] = line + files[pth]
    digest = base64.urlsafe_b64encode(hashlib.sha256(files[pth]).digest()).rstrip(b"=").decode()
    others = [row for row in files[record].decode().splitlines() if not row.startswith(f"{pth},")]
    files[record] = "\n".join([f"{pth},sha256={digest},{len(files[pth])}", *others, ""]).encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in files.items():
            new.writestr(name, content)
