"""Hold out a validation set in which every class keeps its share."""

import operator

import numpy as np

from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array


def split(labels: Array, val_size: int | float, *, seed: int) -> tuple[Array, Array]:
    """Indices of the training and of the validation examples, each sorted; the same for the same seed.

    Shapes    labels (N,) -> (N - V,), (V,) with V = val_size, or round(val_size * N) if it is a float
    Shares    class k with n_k examples gives V * n_k / N of them, rounded down; the examples still missing come from the
              classes with the largest remainders (of equals, the first), so the total is exactly V
    Errors    ValueError if nothing would be left to train on, or val_size is negative
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"split: labels must be (N,) with N > 0, got shape {labels.shape}")
    size = _size(val_size, len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    shares, remainders = np.divmod(counts * size, len(labels))
    missing = size - shares.sum()
    shares[np.argsort(-remainders, kind="stable")[:missing]] += 1

    rng = stream(seed, Purpose.SPLIT)
    held_out = np.zeros(len(labels), bool)
    for label, share in zip(classes, shares, strict=True):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:share]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _size(val_size: int | float, n: int) -> int:
    if isinstance(val_size, float | np.floating):
        if not 0 <= val_size < 1:
            raise ValueError(f"split: val_size as a fraction must be in 0 <= val_size < 1, got {val_size}")
        size = round(float(val_size) * n)
    else:
        size = operator.index(val_size)
    if not 0 <= size < n:
        raise ValueError(f"split: val_size must leave something to train on: 0 <= val_size < {n}, got {val_size}")
    return size
