"""Download MNIST's four files and tell good files from bad ones by their checksums."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scratchnet.datasets import idx
from scratchnet.datasets.errors import FetchError
from scratchnet.datasets.folders import VARIABLE, data_dirs, download_dir, has_idx, idx_file, places
from scratchnet.files import atomic_write
from scratchnet.typing import Array

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = (3.05, 30.0)  # seconds to connect, and between two pieces of the answer


class Sha256(NamedTuple):
    packed: str  # of the .gz file the mirrors have
    contents: str  # of the IDX file in it


FILES = {
    "train-images-idx3-ubyte": Sha256(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": Sha256(
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": Sha256(
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": Sha256(
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
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
            for name in wanted:
                reasons: list[str] = []
                downloaded = _download(name, Path(temporary), mirrors, unreachable, reasons, progress)
                if downloaded is None:
                    raise FetchError(
                        f"could not download {name}.gz to {folder}: {'; '.join(reasons) or 'no mirrors'}. Put the four "
                        f"files there by hand, or set {VARIABLE} to a folder that has them"
                    )
                _install(downloaded, folder / f"{name}.gz")
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
        import pooch
        from requests.exceptions import ConnectionError, HTTPError, RequestException, Timeout
    except ModuleNotFoundError as error:
        raise FetchError(f"downloading needs {error.name}, which is not installed: pip install pooch") from error

    # identity: a server that "compresses" a .gz on the way would have it unpacked before it is checked
    downloader = pooch.HTTPDownloader(
        progressbar=progress, chunk_size=1 << 16, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
    )
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}.gz"
        if mirror in unreachable:
            reasons.append(f"{url}: unreachable before")
            continue
        try:
            with _quiet(pooch.get_logger()):
                known_hash = f"sha256:{FILES[name].packed}"
                return Path(pooch.retrieve(url, known_hash, fname=f"{name}.gz", path=into, downloader=downloader))
        except (ConnectionError, Timeout) as error:
            unreachable.add(mirror)
            reasons.append(f"{url}: {'timed out' if isinstance(error, Timeout) else 'no connection'}")
        except HTTPError as error:
            reasons.append(f"{url}: {error}".partition(" for url")[0])
        except RequestException as error:
            reasons.append(f"{url}: broken off ({type(error).__name__})")
        except ValueError:  # pooch's word for a wrong checksum
            reasons.append(f"{url}: wrong contents (sha256 differs)")
    return None


def _install(downloaded: Path, target: Path) -> None:
    with atomic_write(target) as file:
        file.write(downloaded.read_bytes())
        if _is_idx(target):
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
