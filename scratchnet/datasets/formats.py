"""The formats MNIST comes in: pairs of IDX files, Kaggle's CSV, Keras' .npz. Each reader checks what it gives."""

import warnings
from pathlib import Path

import numpy as np

from scratchnet import npz
from scratchnet.datasets import idx
from scratchnet.datasets.errors import DataError
from scratchnet.typing import Array

PIXELS = 28 * 28


def read_idx(dataset: str, images_path: Path, labels_path: Path) -> tuple[Array, Array]:
    """Images and labels from two IDX files."""
    images, labels = idx.read(images_path), idx.read(labels_path)
    if dataset == "emnist-digits" and images.ndim == 3:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))  # stored column by column
    if dataset == "qmnist" and labels.ndim == 2:
        if labels.shape[1] != 8:
            raise DataError(f"{labels_path}: labels: found shape {labels.shape}, wanted (N, 8)")
        labels = labels[:, 0]  # the digit; the other columns tell who wrote it
    return check(images, labels, str(images_path), str(labels_path))


def read_npz(path: Path, split: str) -> tuple[Array, Array]:
    """Images and labels from Keras' mnist.npz: x_train, y_train, x_test, y_test."""
    content = path.read_bytes()
    names = f"x_{split}", f"y_{split}"
    try:
        arrays = npz.read(content, names, times=16)
    except npz.NpzError as error:
        raise DataError(f"{path}: found no or a damaged .npz file ({error})") from error
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f"{path}: found no {' and no '.join(missing)}, wanted {' and '.join(names)}")
    images, labels = (arrays[name] for name in names)
    return check(images, labels, f"{path}: {names[0]}", f"{path}: {names[1]}")


def read_csv(path: Path) -> tuple[Array, Array]:
    """Images and labels from a CSV file: label, then 784 pixels a line; with or without a header line."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline(1 << 16).strip().lower().split(",")
            if header[0].startswith("pixel"):
                raise DataError(f"{path}: found pixels without labels, as in Kaggle's test set: there is nothing to score")
            if len(header) != 1 + PIXELS or not (header[0] == "label" or header[0].isdecimal()):
                found = f"{len(header)} fields starting with {header[0][:20]!r}"
                raise DataError(f"{path}: line 1: found {found}, wanted label and {PIXELS} pixels")
            if header[0] != "label":
                file.seek(0)
            with warnings.catch_warnings(action="ignore"):  # about a file without lines, which check() reports
                # As floats, since what NumPy makes of "256" or "0.5" as a byte depends on its version.
                numbers = np.loadtxt(file, np.float32, delimiter=",", comments=None, ndmin=2)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(_csv_fault(path) or f"{path}: {_one_line(error)}") from error
    if not ((numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))).all():
        raise DataError(_csv_fault(path) or f"{path}: found numbers that are not integers from 0 to 255")
    table = numbers.astype(np.uint8)
    if table.size and table.shape[1] != 1 + PIXELS:
        raise DataError(f"{path}: found {table.shape[1]} fields a line, wanted {1 + PIXELS}")
    table = table.reshape(-1, 1 + PIXELS)
    images = np.ascontiguousarray(table[:, 1:]).reshape(-1, 28, 28)
    return check(images, table[:, 0], f"{path}: pixels", f"{path}: labels")


def check(images: Array, labels: Array, images_name: str, labels_name: str) -> tuple[Array, Array]:
    """The images as uint8 (N, 28, 28) and the labels as int64 (N,), if that is what they are; else DataError."""
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(f"{images_name}: found shape {images.shape}, wanted images (N, 28, 28)")
    if labels.ndim != 1:
        raise DataError(f"{labels_name}: found shape {labels.shape}, wanted labels (N,)")
    if len(images) != len(labels):
        raise DataError(f"{images_name} has {len(images)} images, but {labels_name} has {len(labels)} labels")
    if not len(images):
        raise DataError(f"{images_name}: found no images")
    for array, name, largest in ((images, images_name, 255), (labels, labels_name, 9)):
        if array.dtype.kind not in "iu":
            raise DataError(f"{name}: found {array.dtype} values, wanted integers")
        if array.min() < 0 or array.max() > largest:
            raise DataError(f"{name}: found values {array.min()} to {array.max()}, wanted 0 to {largest}")
    return images.astype(np.uint8, copy=False), labels.astype(np.int64)


def _csv_fault(path: Path) -> str | None:
    """What is wrong in which line, for a file that NumPy could not read."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            fields = line.strip().split(",")
            if fields == [""] or (number == 1 and fields[0].lower() == "label"):
                continue
            if len(fields) != 1 + PIXELS:
                return f"{path}: line {number}: found {len(fields)} fields, wanted {1 + PIXELS}"
            for position, field in enumerate(fields, 1):
                if not (field.strip().isdecimal() and len(field) < 20 and int(field) <= 255):
                    return f"{path}: line {number}, field {position}: found {field[:20]!r}, wanted an integer 0 to 255"
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
