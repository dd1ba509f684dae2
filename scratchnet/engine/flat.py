"""Many arrays as one vector: where each lies, and networks whose arrays are parts of a vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from scratchnet.layers.base import Layer, require
from scratchnet.layers.compose import Composite
from scratchnet.typing import Array, Params


class Layout:
    """Where arrays lie in one vector, in the order of their keys."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.shapes = {key: array.shape for key, array in arrays.items()}
        self.size = sum(array.size for array in arrays.values())
        dtypes = sorted({array.dtype.str for array in arrays.values()})
        require(len(dtypes) <= 1, f"a network's arrays must be of one dtype, got {', '.join(dtypes)}")
        self.dtype = np.dtype(dtypes[0] if dtypes else np.float32)

    def views(self, vector: Array) -> Params:
        """The parts of the vector (size,) by key, in their shapes; no copies."""
        views, start = {}, 0
        for key, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            views[key] = vector[start:stop].reshape(shape)
            start = stop
        return views

    def part(self, vector: Array, start: int, stop: int) -> Params:
        """What of the vector from ``start`` to ``stop`` belongs to which key, as flat views."""
        part, first = {}, 0
        for key, shape in self.shapes.items():
            last = first + int(np.prod(shape))
            if max(first, start) < min(last, stop):
                part[key] = vector[max(first, start) : min(last, stop)]
            first = last
        return part


def write(views: Params, arrays: Mapping[str, Array]) -> None:
    """Copy each array into the view of the same key."""
    for key, view in views.items():
        view[...] = arrays[key]


class Binding:
    """A network's params and state moved into two vectors, until ``release`` moves them back.

    What is written to a vector the network sees at once; shared vectors make a network that many processes see.
    ``copy`` says if the vectors take the network's values, or the network the vectors'.
    """

    def __init__(self, model: Layer, params: Array, state: Array, *, copy: bool) -> None:
        self._own: list[tuple[Params, str, Array]] = []
        for views, name in ((Layout(model.params).views(params), "params"), (Layout(model.state).views(state), "state")):
            if copy:
                write(views, getattr(model, name))
            for prefix, leaf in _leaves(model):
                arrays: Params = getattr(leaf, name)
                for key, array in arrays.items():
                    self._own.append((arrays, key, array))
                    arrays[key] = views[prefix + key]

    def release(self) -> None:
        """Give the network its own arrays back, with the values of now."""
        for arrays, key, array in self._own:
            array[...] = arrays[key]
            arrays[key] = array
        self._own.clear()


def is_finite(array: Array) -> bool:
    """Is no number NaN or infinite? A sum looks at all of them, and fast: one that is not finite makes it so."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(array.sum()) or bool(np.isfinite(array).all())


def statistics(model: Layer) -> Params:
    """The part of the state that training observes and changes: BatchNorm's. The rest never changes (random features)."""
    observing = ((prefix, leaf) for prefix, leaf in _leaves(model) if type(leaf).observe is not Layer.observe)
    return {prefix + key: array for prefix, leaf in observing for key, array in leaf.state.items()}


def _leaves(model: Layer) -> Iterator[tuple[str, Layer]]:
    """(prefix of its keys, layer) of every layer that owns arrays."""
    if isinstance(model, Composite):
        yield from ((f"{name}.", leaf) for name, leaf in model.leaves())
    else:
        yield "", model
