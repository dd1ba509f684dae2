"""Load MNIST, and the data sets made to look like it, from whichever files there are; download MNIST if there are none.

    data = load()                                   # MNIST's training set, fetched on first use
    data = load("~/data", "test", dataset="kmnist") # from ~/data/kmnist or ~/data/KMNIST/raw

Where files are looked for is told in `folders`. In the first place that has any, they are taken: IDX files before
mnist.npz before CSV, the same for both splits (Kaggle's train.csv has images of MNIST's test set). What is there must be
right: a damaged or missing file is an error, never a reason to go on to the next place.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchnet.datasets import formats
from scratchnet.datasets.errors import DataError, DataNotFoundError, FetchError
from scratchnet.datasets.fetch import FILES, MIRRORS, FileStatus, contents_sha256, fetch, verify
from scratchnet.datasets.folders import (
    DATASETS,
    MARKER,
    Place,
    data_dirs,
    download_dir,
    from_variable,
    has_idx,
    idx_file,
    idx_names,
    named_for,
    named_in,
    named_root,
    places,
)
from scratchnet.typing import Array

__all__ = [
    "DATASETS",
    "MIRRORS",
    "SPLITS",
    "DataError",
    "DataNotFoundError",
    "Dataset",
    "FetchError",
    "FileStatus",
    "SplitInfo",
    "data_dirs",
    "download_dir",
    "fetch",
    "info",
    "load",
    "verify",
]

SPLITS = ("train", "test")
FULL_SIZE = {"train": 60000, "test": 10000}
NPZ = "mnist.npz"
CSV = {"train": ("mnist_train.csv", "train.csv"), "test": ("mnist_test.csv", "test.csv")}


class Dataset(NamedTuple):
    """images uint8 (N, 28, 28), labels int64 (N,); and where they come from."""

    images: Array
    labels: Array
    name: str
    split: str
    source: str  # the file found


class SplitInfo(NamedTuple):
    """What `info` found for one split: its data, or in `error` what is wrong with it."""

    dataset: str
    split: str
    source: str = ""
    shape: tuple[int, ...] = ()
    class_counts: tuple[int, ...] = ()
    error: str = ""


class _Found(NamedTuple):
    images: Path
    labels: Path  # the same path, unless these are IDX files
    sure: bool  # a name says that it is this data set


def load(
    root: str | os.PathLike[str] | None = None,
    split: str = "train",
    *,
    dataset: str = "mnist",
    download: bool = True,
    progress: bool = True,
) -> Dataset:
    """One split, "train" or "test", of one of DATASETS. Only "mnist" is ever downloaded.

    `root` is a data folder, or an .npz or .csv file; without it see `data_dirs`.

    Errors    DataNotFoundError if there are no such files (and FetchError if they can't be had), naming the places;
              DataError if files are there but are not what they should be
    """
    if dataset not in DATASETS:
        raise DataError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
    if split not in SPLITS:
        raise DataError(f"split must be 'train' or 'test', got {split!r}")
    path = named_root(root)
    if path is not None and path.is_file():
        found = _given_file(dataset, split, path)
    else:
        try:
            found = _find(dataset, split, root)
        except DataNotFoundError:
            if not download or dataset != "mnist":
                raise
            fetch(root, progress=progress)
            found = _find(dataset, split, root)
    if (found.images.parent / MARKER).exists():
        raise DataError(
            f"{found.images.parent} holds synthetic digits ({MARKER} says so), which are not {dataset}; they are a data set "
            "of their own, named by their folder (--dataset FOLDER)"
        )
    images, labels = _read(dataset, split, found)
    if dataset == "mnist" and not found.sure:
        _check_is_mnist(images, labels, split, found.images)
    return Dataset(images, labels, dataset, split, str(found.images))


def info(root: str | os.PathLike[str] | None = None) -> list[SplitInfo]:
    """Every split of every data set that `load` finds or fails on, without downloading. Reads them all."""
    path = named_root(root)
    one_file = path is not None and path.is_file()
    found = []
    for dataset in [named_in(path) or "mnist"] if path is not None and one_file else list(DATASETS):
        for split in SPLITS:
            try:
                data = load(root, split, dataset=dataset, download=False)
            except DataError as error:
                if one_file or _place(dataset, root) is not None:
                    found.append(SplitInfo(dataset, split, error=str(error)))
            else:
                counts = tuple(np.bincount(data.labels, minlength=10).tolist())
                found.append(SplitInfo(dataset, split, data.source, data.images.shape, counts))
    return found


def _place(dataset: str, root: str | os.PathLike[str] | None) -> Place | None:
    """The first place that has any files of the data set."""
    for data_dir in data_dirs(root):
        for place in places(dataset, data_dir):
            if has_idx(dataset, place.folder) or (dataset == "mnist" and _other_files(place.folder)):
                return place
    return None


def _other_files(folder: Path) -> list[Path]:
    """The files in a folder that hold MNIST in other formats."""
    return [folder / name for name in (NPZ, *CSV["train"], *CSV["test"]) if (folder / name).is_file()]


def _find(dataset: str, split: str, root: str | os.PathLike[str] | None) -> _Found:
    place = _place(dataset, root)
    if place is None:
        folders = [str(place.folder) for data_dir in data_dirs(root) for place in places(dataset, data_dir)]
        where = (", ".join(folders) or "any folder") + from_variable(root)
        raise DataNotFoundError(f"{dataset}: found no files of it, such as {idx_names(dataset, split)[0]}.gz, in {where}")
    folder = place.folder
    if not has_idx(dataset, folder):
        return _other_file(_other_files(folder), split, place.sure)
    names = idx_names(dataset, split)
    images, labels = (idx_file(folder, name) for name in names)
    if images is None or labels is None:
        missing = [name for name, path in zip(names, (images, labels), strict=True) if path is None]
        raise DataNotFoundError(f"{dataset}: {folder} has some of its files, but not {' and '.join(missing)} (.gz or not)")
    return _Found(images, labels, place.sure)


def _given_file(dataset: str, split: str, path: Path) -> _Found:
    says = named_in(path)
    if says not in (None, dataset):
        raise DataError(f"{path}: its name says {says}, but dataset is {dataset!r}")
    sure = named_for(path.parent) == dataset
    if path.suffix.lower() == ".npz":
        return _Found(path, path, sure or says == dataset)
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: found a file, wanted a folder, an .npz or a .csv file")
    siblings = [path]
    for pair in zip(CSV["train"], CSV["test"], strict=True):
        if path.name in pair:
            siblings = [path.with_name(name) for name in pair if path.with_name(name).is_file()]
    return _other_file(siblings, split, sure)


def _other_file(paths: list[Path], split: str, sure: bool) -> _Found:
    """The one of these files that holds the split; a CSV file of any other name is a training set."""
    for path in paths:
        test = path.name in CSV["test"]
        if path.suffix.lower() == ".npz" or test == (split == "test"):
            return _Found(path, path, sure or named_in(path) == "mnist")
    raise DataError(f"{paths[0]} has no {split} set with labels, and there is none beside it: wanted {CSV[split][0]}")


def _read(dataset: str, split: str, found: _Found) -> tuple[Array, Array]:
    if found.images != found.labels:
        return formats.read_idx(dataset, found.images, found.labels)
    if found.images.suffix.lower() == ".npz":
        return formats.read_npz(found.images, split)
    return formats.read_csv(found.images)


def _check_is_mnist(images: Array, labels: Array, split: str, source: Path) -> None:
    """Data of MNIST's size without a name to tell must be MNIST itself; other sizes are somebody's own, and pass."""
    if len(images) != FULL_SIZE[split]:
        return
    for array, name in zip((images, labels.astype(np.uint8)), idx_names("mnist", split), strict=True):
        if contents_sha256(array) != FILES[name].contents:
            raise DataError(
                f"{source}: {len(images)} images as in MNIST's {split} set, but the {name.split('-')[1]} are others; "
                f"Fashion-MNIST and KMNIST have the same file names. Move what this is into a folder named after it: "
                f"{source.parent / 'fashion-mnist'}, kmnist or mnist"
            )
