"""Download MNIST's four files and tell good files from bad ones by their checksums."""

import functools
import hashlib
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from scratchnet.datasets import idx
from scratchnet.datasets.errors import FetchError
from scratchnet.datasets.folders import VARIABLE, data_dirs, download_dir, from_variable, has_idx, idx_file, places
from scratchnet.files import atomic_write
from scratchnet.typing import Array

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = (3.05, 30.0)  # seconds to connect, and between two pieces of the answer
PATIENCE, SLOWEST = 60.0, 2000  # after so many seconds a file must have come with so many bytes a second in the mean
clock = time.monotonic
STALE = 86400  # seconds after which a folder that a killed download left behind is nobody's any more


class Known(NamedTuple):
    """What is known of a file: checksums are sha256."""

    size: int  # of the .gz file the mirrors have
    packed: str  # its checksum
    contents: str  # that of the IDX file in it


FILES = {
    "train-images-idx3-ubyte": Known(
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": Known(
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": Known(
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": Known(
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


class FileStatus(NamedTuple):
    """One of MNIST's four files: where it was found, whether it is the real one, and "ok" or what is wrong."""

    name: str
    path: Path | None
    ok: bool
    message: str


def fetch(root: str | os.PathLike[str] | None = None, *, progress: bool = True, mirrors: Sequence[str] = MIRRORS) -> Path:
    """Make sure that MNIST's four files are in `download_dir(root)`, and return that folder.

    Files that are there and right, in any spelling, stay as they are. Every other one is downloaded, checked, and only
    then put in its place in one step; a readable IDX file with other contents is kept beside it as .bak. Mirrors are
    tried in order; one that can't be reached is not asked again.

    Errors    FetchError if a file can't be had from any mirror, or can't be written
    """
    folder = download_dir(root)
    wanted = [name for name in FILES if not _status(folder, name).ok]
    if not wanted:
        return folder
    unreachable: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
            for name in wanted:
                reasons: list[str] = []
                downloaded = _download(name, Path(temporary), mirrors, unreachable, reasons, progress)
                if downloaded is None:
                    where, why = f"{folder}{from_variable(root)}", "; ".join(reasons) or "no mirrors"
                    raise FetchError(
                        f"could not download {name}.gz to {where}: {why}. Put the four files there by hand, or "
                        f"set {VARIABLE} to a folder that has them"
                    )
                _install(downloaded, folder, name)
    except FetchError:
        raise
    except OSError as error:
        raise FetchError(f"could not write to {folder}: {error}") from error
    return folder


def verify(root: str | os.PathLike[str] | None = None) -> list[FileStatus]:
    """The state of MNIST's four files, in the place that `load` would take them from."""
    folders = [place.folder for data_dir in data_dirs(root) for place in places("mnist", data_dir)]
    for folder in folders:
        if has_idx("mnist", folder):
            return [_status(folder, name) for name in FILES]
    looked = ", ".join(map(str, folders))
    return [FileStatus(name, None, False, f"not found; looked in {looked}") for name in FILES]


def contents_sha256(array: Array) -> str:
    """The checksum of the IDX file, not gzipped, that holds this array."""
    return hashlib.sha256(idx.header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()).hexdigest()


def _status(folder: Path, name: str) -> FileStatus:
    path = idx_file(folder, name)
    if path is None:
        return FileStatus(name, None, False, f"not found in {folder}")
    try:
        found = contents_sha256(idx.read(path))
    except (idx.IdxError, OSError) as error:
        return FileStatus(name, path, False, str(error).removeprefix(f"{path}: "))
    if found != FILES[name].contents:
        wanted = FILES[name].contents
        return FileStatus(name, path, False, f"contents: found sha256 {found[:12]}.., wanted {wanted[:12]}..")
    return FileStatus(name, path, True, "ok")


def _download(
    name: str, into: Path, mirrors: Sequence[str], unreachable: set[str], reasons: list[str], progress: bool
) -> Path | None:
    """One file from the first mirror that has it; None if none has, with the reasons why."""
    try:
        with warnings.catch_warnings(action="ignore"):  # tqdm's, that it would like another bar in a notebook
            import pooch
        from requests.exceptions import ConnectionError, HTTPError, RequestException, Timeout
        from urllib3.exceptions import HTTPError as BrokenOff
    except ModuleNotFoundError as error:
        raise FetchError(f"downloading needs {error.name}, which is not installed: python -m pip install pooch") from error

    known = FILES[name]
    downloader = functools.partial(_get, size=known.size, progress=progress)
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}.gz"
        if mirror in unreachable:
            reasons.append(f"{url}: unreachable before")
            continue
        try:
            with _quiet(pooch.get_logger()):
                checksum = f"sha256:{known.packed}"
                return Path(pooch.retrieve(url, checksum, fname=f"{name}.gz", path=into, downloader=downloader))
        except (ConnectionError, Timeout) as error:
            unreachable.add(mirror)
            reasons.append(f"{url}: {'timed out' if isinstance(error, Timeout) else 'no connection'}")
        except HTTPError as error:
            reasons.append(f"{url}: {error}".partition(" for url")[0])
        except _TooSlow as error:
            unreachable.add(mirror)
            reasons.append(f"{url}: {error}")
        except (RequestException, BrokenOff) as error:
            reasons.append(f"{url}: broken off ({type(error).__name__})")
        except _TooLarge as error:
            reasons.append(f"{url}: wrong contents ({error})")
        except ValueError:  # pooch's word for a wrong checksum
            reasons.append(f"{url}: wrong contents (sha256 differs)")
    return None


class _TooSlow(Exception):
    """A mirror that keeps us waiting."""


class _TooLarge(Exception):
    """An answer that does not end where it should."""


def _get(url: str, output_file: str, _: Any, *, size: int, progress: bool) -> None:
    """Download to a file, as pooch asks for it, but no more than there is to come, and not from a mirror that dawdles."""
    import requests
    from tqdm import tqdm
    from urllib3.exceptions import ReadTimeoutError

    # identity: a server that "compresses" a .gz on the way would have it unpacked before it is checked
    headers = {"Accept-Encoding": "identity"}
    started, received = clock(), 0
    with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as answer:
        answer.raise_for_status()
        read = getattr(answer.raw, "read1", answer.raw.read)  # what has come so far; before urllib3 2.1 a whole piece
        with open(output_file, "wb") as file, tqdm(total=size, unit="B", unit_scale=True, disable=not progress) as bar:
            try:
                while piece := read(1 << 16):
                    received += len(piece)
                    seconds = clock() - started
                    if received > size:
                        raise _TooLarge(f"more than the {size} bytes that it should have")
                    if seconds > PATIENCE and received < SLOWEST * seconds:
                        raise _TooSlow(f"too slow ({received} of {size} bytes in {seconds:.0f} seconds)")
                    file.write(piece)
                    bar.update(len(piece))
            except ReadTimeoutError:
                raise _TooSlow(f"timed out after {received} of {size} bytes") from None


def _sweep(folder: Path) -> None:
    """Remove what downloads that were killed have left behind long ago."""
    for left in folder.glob(".fetch-*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)


def _install(downloaded: Path, folder: Path, name: str) -> None:
    target = folder / f"{name}.gz"
    with atomic_write(target) as file:
        file.write(downloaded.read_bytes())
        if _is_idx(target) and not _status(folder, name).ok:  # ok: another process was faster
            os.replace(target, target.with_name(f"{target.name}.bak"))


def _is_idx(path: Path) -> bool:
    try:
        idx.read(path)
    except (idx.IdxError, OSError):
        return False
    return True


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
