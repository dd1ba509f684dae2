"""One door to all data sets by name, with the synthetic digits standing in for MNIST where it can't be had."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scratchnet.datasets import folders, mnist, synthetic
from scratchnet.datasets.errors import DataNotFoundError, FetchError, UnknownDatasetError
from scratchnet.untrusted import one_line

CHOICES = ("auto", *mnist.DATASETS, "synthetic")


@dataclass(frozen=True)
class Source:
    """A data set that is there: ``load("train")`` and ``load("test")`` read it. ``notice`` says if it is a stand-in."""

    name: str
    load: Callable[[str], mnist.Dataset]
    notice: str = ""


def open_source(name: str = "auto", data_dir: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Source:
    """The data set of that name (see CHOICES), or at that path: a folder, an .npz or a .csv file.

    "auto" is MNIST if it is on disk or can be fetched, else the synthetic digits, with a notice that says so.

    Errors    UnknownDatasetError if there is no such data set, DataNotFoundError if nothing lies at the path, DataError if
              files are damaged
    """
    if name == "synthetic":
        return Source(name, lambda split: _synthetic(_synthetic_folder(data_dir), split))
    if name in mnist.DATASETS:
        return Source(name, lambda split: mnist.load(data_dir, split, dataset=name, progress=progress))
    if name != "auto":
        if not Path(name).expanduser().exists():
            if name != Path(name).stem:  # digits.npz and ./digits are paths and no names
                raise DataNotFoundError(f"no such file or folder: {name}")
            raise UnknownDatasetError(f"unknown data set {name!r}: wanted {', '.join(CHOICES)}, or a path")
        if (Path(name) / folders.MARKER).is_file():
            return Source("synthetic", lambda split: _synthetic(Path(name), split))
        known = folders.named_for(Path(name)) or folders.named_in(Path(name)) or "mnist"
        return Source(str(name), lambda split: mnist.load(name, split, dataset=known, download=False))
    try:
        mnist.load(data_dir, "test", progress=progress)
    except FetchError as error:
        if any(status.path and not status.ok for status in mnist.verify(data_dir)):
            raise  # some of MNIST is there, but damaged: whoever has put it there wants it, not a stand-in
        notice = (
            "NOT MNIST: these are SYNTHETIC digits, drawn by this program.\n"
            f"MNIST is not on this machine: {one_line(error)}.\n"
            "The figures below say nothing about MNIST."
        )
        return Source("synthetic", lambda split: _synthetic(_synthetic_folder(data_dir), split), notice)
    return Source("mnist", lambda split: mnist.load(data_dir, split, progress=progress))


def _synthetic_folder(data_dir: str | os.PathLike[str] | None) -> Path:
    return mnist.data_dirs(data_dir)[0] / "synthetic"


def _synthetic(folder: Path, split: str) -> mnist.Dataset:
    images, labels = synthetic.load(folder, split)
    return mnist.Dataset(images, labels, "synthetic", split, str(folder))
