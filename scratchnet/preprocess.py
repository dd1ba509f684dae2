"""From pixels to what a network reads: ``prepare`` for batches of images.

Everything that sees an image (training, evaluation, prediction, the lab) goes through ``prepare`` with the constants that
are stored in the model file, so a network never meets numbers on another scale than the one it learned on.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnet.memory import from_hcwn
from scratchnet.typing import Array

MOST = 1_000_000  # of a mean or deviation


@dataclass(frozen=True)
class Normalization:
    """Pixels become (x / 255 - mean) / std. The defaults are mean and deviation of MNIST's 60 000 training images.

    Errors    ValueError if a number is not finite, or so large or small that pixels would not come out as such
    """

    mean: float = 0.1307
    std: float = 0.3081

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("std", self.std)):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not abs(value) < math.inf:
                raise ValueError(f"Normalization: {name} must be a finite number, got {reprlib.repr(value)}")
            if abs(value) > MOST:
                raise ValueError(f"Normalization: {name} must be at most {MOST}, got {reprlib.repr(value)}")
        if self.std <= 0:
            raise ValueError(f"Normalization: std must be positive, got {self.std!r}")
        if self.std < 1 / MOST:
            raise ValueError(f"Normalization: std must be at least {1 / MOST}, got {self.std!r}")

    def to_dict(self) -> dict[str, float]:
        """As it stands in a model file's metadata."""
        return {"mean": float(self.mean), "std": float(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalization:
        """The inverse of ``to_dict``; ValueError if a number is missing, unknown or unusable."""
        if not isinstance(values, Mapping) or set(values) != {"mean", "std"}:
            raise ValueError(f"Normalization: wants the two numbers 'mean' and 'std', got {reprlib.repr(values)}")
        return cls(mean=values["mean"], std=values["std"])


def prepare(images: Array, normalization: Normalization | None = None) -> Array:
    """Bytes 0 .. 255 to the numbers a network reads: (x / 255 - mean) / std.

    Shapes    uint8 (H, W) one image, (N, H, W) or (N, 1, H, W) -> float32 (N, 1, H, W), in memory (H, 1, W, N)
    Errors    ValueError for another dtype or shape
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"prepare: images wants a uint8 array, got {kind}")
    if images.ndim not in (2, 3, 4) or (images.ndim == 4 and images.shape[1] != 1):
        raise ValueError(f"prepare: images wants (H, W), (N, H, W) or (N, 1, H, W), got {images.shape}")
    normalization = Normalization() if normalization is None else normalization
    if not isinstance(normalization, Normalization):
        raise TypeError(f"prepare: normalization must be a Normalization, got {normalization!r}")
    stack = images.reshape(1 if images.ndim == 2 else len(images), *images.shape[-2:])
    # Reordering single bytes first and converting afterwards is twice as fast as the other way round or a table look-up.
    out = np.ascontiguousarray(stack.transpose(1, 2, 0)).astype(np.float32)
    out *= np.float32(1 / (255 * normalization.std))
    out -= np.float32(normalization.mean / normalization.std)
    return from_hcwn(out[:, None])
