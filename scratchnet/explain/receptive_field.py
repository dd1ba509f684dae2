"""Receptive fields: which pixels of the image a unit of a feature map sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scratchnet.arguments import is_whole, require
from scratchnet.layers import AvgPool2d, Conv2d, Dense, Flatten, GlobalAvgPool, Layer, MaxPool2d, Residual, Sequential
from scratchnet.layers.base import require_layer
from scratchnet.typing import Array


class Field(NamedTuple):
    """A rectangle of pixels: rows top .. bottom-1, columns left .. right-1. What lies outside of the image is padding."""

    top: int
    bottom: int
    left: int
    right: int

    def within(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns of an image of this (height, width) that lie in it."""
        height, width = size
        return slice(max(self.top, 0), min(self.bottom, height)), slice(max(self.left, 0), min(self.right, width))


def receptive_field(model: Layer, stage: str, row: int, column: int) -> Field:
    """The pixels on which one unit of a feature map depends.

    ``stage`` is a name from ``model.stages``, row and column a place in its out (N, F, OH, OW), the same for all channels.

    Formula   rows top .. bottom-1 of a layer's out need of x the rows top*stride - pad .. (bottom-1)*stride - pad + KH-1,
              columns likewise; so from layer to layer down to the image. A sum of two ways sees what either sees.
    Errors    ValueError if there is no such stage, or one that mixes all pixels (Flatten, Dense, GlobalAvgPool) comes before
    Source    Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019
    """
    require_layer("receptive_field: model", model)
    require(isinstance(stage, str), f"receptive_field: stage must be a name from model.stages, got {stage!r}")
    whole = is_whole(row, column) and row >= 0 and column >= 0
    require(whole, f"receptive_field: row and column must be 0 or more, got {row} and {column}")
    return _before(model, stage.split(".") if stage else [], Field(row, row + 1, column, column + 1), stage)


def centres(model: Layer, stage: str, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Where the middle of each unit's receptive field lies: the rows (OH,) and columns (OW,) of a map of this size."""
    fields = [receptive_field(model, stage, i, i) for i in range(max(size))]
    rows = np.array([(f.top + f.bottom - 1) / 2 for f in fields[: size[0]]])
    columns = np.array([(f.left + f.right - 1) / 2 for f in fields[: size[1]]])
    return rows, columns


def _before(layer: Layer, path: list[str], field: Field, stage: str) -> Field:
    """The part of the layer's x that a field of its stage ``path`` needs; an empty path is its own out."""
    if isinstance(layer, Sequential):
        last, *path = path or [str(len(layer.layers) - 1)]
        require(last in layer.children, f"receptive_field: there is no stage {stage!r}")
        for child in layer.layers[int(last) :: -1]:
            field, path = _before(child, path, field, stage), []
        return field
    if isinstance(layer, Residual):
        ways = [path[0]] if path else list(layer.children)
        require(all(way in layer.children for way in ways), f"receptive_field: there is no stage {stage!r}")
        # Without a shortcut x itself is added: its place is the middle of what the body sees, since pads are symmetric.
        return _around([_before(layer.children[way], path[1:], field, stage) for way in ways])
    require(not path, f"receptive_field: there is no stage {stage!r}")
    require(
        not isinstance(layer, Flatten | Dense | GlobalAvgPool),
        f"receptive_field: stage {stage!r} comes after {type(layer).__name__}, where every value may depend on all pixels",
    )
    if isinstance(layer, Conv2d | MaxPool2d | AvgPool2d):
        (kh, kw), (sh, sw) = layer.kernel_size, layer.stride
        ph, pw = layer.pad if isinstance(layer, Conv2d) else (0, 0)
        top, bottom, left, right = field
        return Field(top * sh - ph, (bottom - 1) * sh - ph + kh, left * sw - pw, (right - 1) * sw - pw + kw)
    return field  # elementwise, or per channel


def _around(fields: list[Field]) -> Field:
    """The smallest rectangle that holds all of them."""
    tops, bottoms, lefts, rights = zip(*fields, strict=True)
    return Field(min(tops), max(bottoms), min(lefts), max(rights))
