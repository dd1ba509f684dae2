"""What there is to say of a layer: how it is written, its formula, its operations, the memory it keeps for backward."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from scratchnet import layers
from scratchnet.layers import Composite, Layer
from scratchnet.losses import Loss
from scratchnet.typing import Array, Cache, Params

Shape = tuple[int, ...]


def written(layer: Layer) -> str:
    """The layer as a network's source has it, defaults left out: Conv2d(1, 16, 5, pad=2)."""
    if isinstance(layer, Composite):
        return f"{type(layer).__name__} sum"  # as a stage; its children are stages of their own
    values = {name: _short(getattr(layer, name)) for name in layer.settings}
    arguments = []
    for name, parameter in inspect.signature(type(layer)).parameters.items():
        if name in values and not (parameter.default is None and values[name] == next(iter(values.values()))):
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                arguments.append(f"{values[name]}")
            elif values[name] != parameter.default:
                arguments.append(f"{name}={values[name]}")
    return f"{type(layer).__name__}({', '.join(arguments)})"


def _short(value: Any) -> Any:
    """(5, 5) -> 5, as a constructor takes it."""
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


def own_params(layer: Layer) -> Params:
    """The arrays that a stage's layer learns itself; a Residual as a stage is a sum and learns nothing."""
    return {} if isinstance(layer, Composite) else layer.params


# --- the formula -----------------------------------------------------------------------------------------------------


def formula(thing: Layer | Loss, section: str = "Forward") -> str:
    """A section of the layer's or loss's docstring, "Forward" or "Backward", as it stands there; "" if it has none.

    The docstring is that of the functions it runs; if a learner's own pair has none, that of the pair it stands in for.
    """
    for source in (thing.functions[0] if hasattr(thing, "functions") else None, *_own_pairs(type(thing)), type(thing)):
        text = _section(inspect.getdoc(source) or "", section)
        if text:
            return text
    return ""


def _own_pairs(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        if "functions" in vars(base):
            yield vars(base)["functions"][0]


def _section(doc: str, name: str) -> str:
    """The lines from "Name  ..." to the next line that starts with a word at the margin, without their indentation."""
    found = re.search(rf"^{name}  +(.*(?:\n(?:[ \t].*)?)*)", doc, re.MULTILINE)
    if not found:
        return ""
    first, *others = found[1].rstrip().split("\n")
    lines = [first, *inspect.cleandoc("\n".join(["", *others])).split("\n")] if others else [first]
    text = "\n".join(re.sub(r"\s*\(derived in lessons? [^)]*\)", "", line).rstrip() for line in lines)
    return text.strip()


# --- operations ------------------------------------------------------------------------------------------------------


def _pooling(layer: Any, x: Shape, out: Shape) -> int:
    (kh, kw), (_, sw) = layer.kernel_size, layer.stride
    return prod(out) * ((kh - 1) * sw + kw - 1)


_FLOPS: dict[type[Layer], Callable[[Any, Shape, Shape], int]] = {
    layers.Dense: lambda layer, x, out: 2 * prod(out) * layer.in_features,
    layers.Conv2d: lambda layer, x, out: 2 * prod(out) * layer.in_channels * prod(layer.kernel_size),
    layers.MaxPool2d: _pooling,
    layers.AvgPool2d: _pooling,
    layers.GlobalAvgPool: lambda layer, x, out: prod(x),
    layers.ReLU: lambda layer, x, out: prod(x),
    layers.LeakyReLU: lambda layer, x, out: 2 * prod(x),
    layers.Sigmoid: lambda layer, x, out: 20 * prod(x),
    layers.Tanh: lambda layer, x, out: 20 * prod(x),
    layers.BatchNorm1d: lambda layer, x, out: 8 * prod(x),
    layers.BatchNorm2d: lambda layer, x, out: 8 * prod(x),
    layers.RandomFourierFeatures: lambda layer, x, out: 2 * prod(out) * layer.in_features + 20 * prod(out),
    layers.NearestNeighbors: lambda layer, x, out: 2 * prod(x) * layer.num_examples,
    layers.Dropout: lambda layer, x, out: prod(x),
    layers.Flatten: lambda layer, x, out: 0,
    layers.Residual: lambda layer, x, out: prod(out),
}


def flops(layer: Layer, x_shape: Shape, out_shape: Shape) -> int | None:
    """Floating-point operations of one forward pass over this batch, counted as the "Cost" lines of the layers say.

    Backward takes about twice as many in layers that learn. None for a layer that is not one of the package's.
    """
    count = next((_FLOPS[kind] for kind in type(layer).__mro__ if kind in _FLOPS), None)
    return None if count is None else count(layer, x_shape, out_shape)


# --- memory ----------------------------------------------------------------------------------------------------------


def kept_bytes(cache: Cache, seen: set[int]) -> int:
    """Bytes that a cache keeps alive, each block of memory counted once; ``seen`` are the blocks counted before.

    The one place that looks into other layers' caches: it asks only how large they are. Views count as the array they
    look at, so that the overlapping windows of a convolution are not counted KH times.
    """
    total = 0
    for block in _blocks(cache):
        if id(block) not in seen:
            seen.add(id(block))
            total += block.nbytes
    return total


def _blocks(cache: Cache) -> Iterator[Array]:
    if isinstance(cache, np.ndarray):
        yield owner(cache)
    elif isinstance(cache, tuple | list):
        for part in cache:
            yield from _blocks(part)
    elif isinstance(cache, dict):
        yield from _blocks(list(cache.values()))


def owner(array: Array) -> Array:
    """The array whose memory this one looks at."""
    block, base = array, getattr(array, "base", None)
    while base is not None:
        block = base if isinstance(base, np.ndarray) else block
        base = getattr(base, "base", None)  # as_strided puts an object that is no array between view and array
    return block
