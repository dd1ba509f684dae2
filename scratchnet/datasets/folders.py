"""Where data sets lie on disk, and which one a folder holds.

`data_dirs` gives the data folders. Below each, a data set is looked for in its places, first match wins:

    1  the data folder itself and its raw/, if its name says it is this data set: fashion-mnist, FashionMNIST/raw, ...
    2  a folder in it with such a name: <data>/fashion-mnist, <data>/FashionMNIST/raw, ...
    3  the data folder itself, for MNIST, and for EMNIST and QMNIST, whose file names speak for themselves

The rule is this careful because Fashion-MNIST and KMNIST use MNIST's file names, types and shapes. They are taken only
where the folder's name says so (1, 2); and what lies under 3 as MNIST in full size must be MNIST by its checksum.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scratchnet.datasets.errors import DataError, DataNotFoundError

VARIABLE = "SCRATCHNET_DATA"
MARKER = "synthetic.json"  # in a folder of synthetic digits, whose files have MNIST's names


class Spec(NamedTuple):
    """A data set in IDX files: (images, labels) by split, and the folders such files come in."""

    train: tuple[str, str]
    test: tuple[str, str]
    folders: tuple[str, ...]
    own_names: bool  # the file names carry the name of the data set


_MNIST_FILES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
DATASETS = {
    "mnist": Spec(*_MNIST_FILES, ("mnist", "MNIST/raw"), False),
    "fashion-mnist": Spec(*_MNIST_FILES, ("fashion-mnist", "FashionMNIST/raw"), False),
    "kmnist": Spec(*_MNIST_FILES, ("kmnist", "KMNIST/raw"), False),
    "emnist-digits": Spec(
        ("emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte"),
        ("emnist-digits-test-images-idx3-ubyte", "emnist-digits-test-labels-idx1-ubyte"),
        ("emnist-digits", "emnist", "EMNIST/raw", "gzip"),
        True,
    ),
    "qmnist": Spec(
        ("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int"),
        ("qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"),
        ("qmnist", "QMNIST/raw"),
        True,
    ),
}


class Place(NamedTuple):
    """A folder to look for a data set in; `sure` if its name or its file names say that it is this data set."""

    folder: Path
    sure: bool


def data_dirs(root: str | os.PathLike[str] | None = None) -> list[Path]:
    """The data folders, in the order they are searched.

    `root` if given, else $SCRATCHNET_DATA if set: only that one, and it must exist. Else data_cache/ of the checkout (if
    the package runs from one) and the user's cache folder, which need not exist yet.
    """
    named = named_root(root)
    if named is not None:
        if not named.is_dir():
            raise DataError(f"{named}{from_variable(root)} is a file; wanted the folder that holds the data files")
        return [named]
    dirs = []
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "setup.cfg").is_file():
        dirs.append(checkout / "data_cache")
    try:
        import platformdirs  # comes with pooch, and unlike it is small
    except ModuleNotFoundError:
        pass  # no user cache without pooch, which is what would fill it
    else:
        dirs.append(Path(platformdirs.user_cache_dir("scratchnet")))
    return dirs


def download_dir(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder that `fetch` puts MNIST's files in: the place in the first data folder that has some of them already,
    else that data folder itself, or mnist/ in it if its name says that it is another data set."""
    dirs = data_dirs(root)
    if not dirs:
        raise DataNotFoundError(f"no data folder: give one, or set {VARIABLE}, or install pooch for one in the user cache")
    first = dirs[0]
    for place in places("mnist", first):
        if has_idx("mnist", place.folder):
            return place.folder
    return first if named_for(first) in (None, "mnist") else first / "mnist"


def named_root(root: str | os.PathLike[str] | None) -> Path | None:
    """What the caller or $SCRATCHNET_DATA names, a folder or a file; None if neither does. It must exist."""
    who, path = "the data folder", root
    if path is None:
        who, path = VARIABLE, os.environ.get(VARIABLE) or None
    if path is None:
        return None
    found = Path(path).expanduser()
    if not found.exists():
        raise DataNotFoundError(f"{who} is {found}, which does not exist")
    return found


def from_variable(root: str | os.PathLike[str] | None) -> str:
    """What to say after a data folder: that it is $SCRATCHNET_DATA's, if it is."""
    return f" (from ${VARIABLE})" if root is None and os.environ.get(VARIABLE) else ""


def places(dataset: str, data_dir: Path) -> Iterator[Place]:
    """The places in one data folder where a data set may lie, existing or not, in order."""
    spec = DATASETS[dataset]
    name = named_for(data_dir)
    if name == dataset:
        yield Place(data_dir, True)
        yield Place(data_dir / "raw", True)
    for folder in spec.folders:
        yield Place(data_dir / folder, True)
    if name != dataset and spec.own_names:
        yield Place(data_dir, True)
    if name is None and dataset == "mnist":
        yield Place(data_dir, False)


def named_for(folder: Path) -> str | None:
    """The data set that a folder's name says it holds, if it says one: .../fashion-mnist, .../FashionMNIST/raw."""
    folder = Path(os.path.abspath(folder))
    if folder.name.lower() in ("raw", "gzip"):
        folder = folder.parent
    return _NAMES.get(_squash(folder.name))


def named_in(file: Path) -> str | None:
    """The data set whose name occurs in a file's name, if one does: fashion-mnist_train.csv, mnist.npz."""
    name = _squash(file.name)
    return next((_NAMES[known] for known in sorted(_NAMES, key=len, reverse=True) if known in name), None)


def _squash(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


_NAMES = {"fashion": "fashion-mnist", "emnist": "emnist-digits"} | {_squash(known): known for known in DATASETS}


def idx_names(dataset: str, split: str) -> tuple[str, str]:
    """The split's files of images and of labels, without .gz."""
    return DATASETS[dataset].train if split == "train" else DATASETS[dataset].test


def has_idx(dataset: str, folder: Path) -> bool:
    """Whether the folder has any of the data set's IDX files."""
    return any(idx_file(folder, name) for split in ("train", "test") for name in idx_names(dataset, split))


def idx_file(folder: Path, name: str) -> Path | None:
    """The file in any of its spellings: gzipped first, since a gzip file knows when it is damaged."""
    dotted = name.replace("-idx", ".idx")
    for spelling in (f"{name}.gz", name, f"{dotted}.gz", dotted):
        if (folder / spelling).is_file():
            return folder / spelling
    return None
