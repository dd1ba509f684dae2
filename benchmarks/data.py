"""The images that everything is measured on, the same for all."""

from __future__ import annotations

from typing import NamedTuple

from scratchnet.datasets import mnist
from scratchnet.datasets.door import open_source
from scratchnet.datasets.errors import DataNotFoundError
from scratchnet.typing import Array


class Data(NamedTuple):
    """uint8 images (N, 28, 28) and int64 labels (N,); ``name`` says whose digits they are."""

    name: str
    images: Array
    labels: Array
    test_images: Array
    test_labels: Array

    def first(self, train: int, test: int) -> Data:
        """The first so many training and test images."""
        return self._replace(
            images=self.images[:train],
            labels=self.labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
        )


def load(data_dir: str | None = None) -> Data:
    """MNIST where it is on disk, else the synthetic digits. Nothing is downloaded.

    Errors    DataError if files are there but damaged
    """
    try:
        name = "MNIST"
        train, test = (mnist.load(data_dir, split, download=False) for split in ("train", "test"))
    except DataNotFoundError:
        source = open_source("synthetic", data_dir)
        name = "synthetic digits (MNIST is not here)"
        train, test = source.load("train"), source.load("test")
    return Data(name, train.images, train.labels, test.images, test.labels)
