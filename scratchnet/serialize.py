"""Saving a network to one .npz file and reading it back.

A model file is plain NumPy: ``np.load("model.npz")`` shows every array under its name ("0.w", "0.b", ...), and "metadata" is
a JSON text with all that is not an array: the architecture, the input's normalisation, where the weights come from.
Nothing in it is ever unpickled, so a file from a stranger can't run code.
"""

import functools
import inspect
import json
import os
import reprlib
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from scratchnet import layers, npz
from scratchnet.files import atomic_write
from scratchnet.layers import BatchNorm1d, BatchNorm2d, Composite, Layer, NearestNeighbors, Residual, Sequential
from scratchnet.layers.base import require
from scratchnet.npz import NpzError
from scratchnet.npz import read as read_arrays
from scratchnet.typing import Array, Params, Rng
from scratchnet.untrusted import json_kind, one_line, parse_json

FORMAT = 1
MOST_LAYERS = 1000
_METADATA = "metadata"


class ModelFileError(ValueError):
    """A model file that can't be used; the message names the file, what was found and what was wanted."""


@dataclass(frozen=True)
class SavedModel:
    """What a model file holds. ``metadata`` is as given to ``save_model``, plus "format" and "architecture"."""

    model: Layer
    metadata: dict[str, Any]


def save_model(path: str | os.PathLike[str], model: Layer, metadata: dict[str, Any]) -> None:
    """Write weights, running statistics, architecture and metadata (anything JSON knows) to ``path``, atomically.

    ``scratchnet predict`` and ``evaluate`` want three things in the metadata: "input_shape" [1, 28, 28], "num_classes" 10,
    and "normalization", which is ``Normalization().to_dict()``. A pair given as ``functions=`` is not saved: the layer is
    read back as a plain one.

    Errors    ValueError for what could not be read back: a layer that is not one of the package's, weights that are not
              finite, metadata with NaN in them or of more than a million characters; OSError if the file can't be written.
              An older file of that name is then still whole
    """
    for key, array in model.params.items():
        require(bool(np.isfinite(array).all()), f"can't save {key}: it has values that are not finite; training diverged")
    text = json.dumps({**metadata, "format": FORMAT, "architecture": describe(model)})
    parse_json(text)  # what could not be read back
    with atomic_write(path) as file:
        file.write(npz.write({_METADATA: np.array(text), **model.params, **model.state}))


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """The network of a model file, with its metadata.

    The file may be anybody's: nothing in it is run, and no memory is taken on its word alone. What is read is compared with
    the file's size, and what its architecture asks for with the arrays that are there, before there is an array for it.

    Errors    ModelFileError if the file is not a model file, is damaged, or its arrays do not fit its architecture;
              OSError if it can't be read
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        content = file.read()
    try:
        arrays = read_arrays(content)
    except NpzError as error:
        raise ModelFileError(f"{name}: not a model file, or a damaged one ({one_line(error)})") from error
    del content
    try:
        require(_METADATA in arrays, f"it has no {_METADATA!r}; its arrays are {', '.join(sorted(arrays)) or 'none'}")
        metadata = _parse_metadata(arrays.pop(_METADATA))
        model = _Builder(arrays).layer(metadata["architecture"])
        _fill({**model.params, **model.state}, arrays)
        _check_state(model)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{name}: not a usable model file: {one_line(error)}") from error
    return SavedModel(model, metadata)


def describe(layer: Layer) -> dict[str, Any]:
    """A layer as JSON-ready data, without its weights: {"type": "Dense", "in_features": 784, "out_features": 10}."""
    if isinstance(layer, Sequential):
        return {"type": "Sequential", "layers": [describe(child) for child in layer.layers]}
    if isinstance(layer, Residual):
        return {"type": "Residual", **{name: describe(child) for name, child in layer.children.items()}}
    kind = type(layer).__name__
    require(getattr(layers, kind, None) is type(layer), f"can't save {kind}: it is not one of scratchnet's layers")
    return {"type": kind, **{name: getattr(layer, name) for name in layer.settings}}


_LARGEST = {
    "Dense": ("w", ("in_features", "out_features")),
    "Conv2d": ("w", ("in_channels", "out_channels", "kernel_size")),
    "BatchNorm1d": ("gamma", ("num_features",)),
    "BatchNorm2d": ("gamma", ("num_features",)),
    "RandomFourierFeatures": ("w", ("in_features", "out_features")),
    "NearestNeighbors": ("examples", ("in_features", "num_examples")),
}
"""A layer's largest array, and the settings whose product is its size; without one of them there is no such layer."""


class _Builder:
    """Makes layers from what ``describe`` says of them; their weights are still to be filled in from ``arrays``."""

    def __init__(self, arrays: Params) -> None:
        self.arrays, self.layers = arrays, 0

    def layer(self, description: Any, name: str = "") -> Layer:
        """The layer called ``name``.

        Errors    ValueError or TypeError if the description names an unknown layer or setting, or one that can't be
        """
        if not (isinstance(description, dict) and isinstance(description.get("type"), str)):
            raise ValueError(f"architecture: no layer type in {reprlib.repr(description)}")
        self.layers += 1
        require(self.layers <= MOST_LAYERS, f"architecture: more than {MOST_LAYERS} layers")
        settings = {key: value for key, value in description.items() if key != "type"}
        kind = description["type"]
        if kind == "Sequential":
            children = settings.pop("layers", None)
            require(isinstance(children, list) and not settings, "architecture: Sequential wants a list of layers, no more")
            return Sequential(*(self.layer(child, _join(name, str(i))) for i, child in enumerate(children or [])))
        if kind == "Residual":
            require(settings.keys() in ({"body"}, {"body", "shortcut"}), "architecture: Residual wants body and shortcut")
            return Residual(**{way: self.layer(child, _join(name, way)) for way, child in settings.items()})
        kinds = [known for known in layers.__all__ if known not in ("Layer", "Composite")]
        if kind not in kinds:
            raise ValueError(f"architecture: unknown layer {reprlib.repr(kind)}, there are {', '.join(kinds)}")
        return self._leaf(kind, {key: _setting(kind, key, value) for key, value in settings.items()}, name)

    def _leaf(self, kind: str, settings: dict[str, Any], name: str) -> Layer:
        cls = getattr(layers, kind)
        unknown = sorted(settings.keys() - set(cls.settings))
        require(not unknown, f"architecture: {kind} has no setting {', '.join(unknown)}")
        largest, sizes = _LARGEST.get(kind, ("", ()))
        if sizes and settings.keys() >= set(sizes):  # before there is an array of that size
            key, size = _join(name, largest), prod(_size(key, settings[key]) for key in sizes)
            require(key in self.arrays, f"its architecture wants {key}, which the file lacks")
            held = self.arrays[key]
            require(held.size == size, f"{key} is {held.shape}, its architecture wants {size} numbers in it")
        if "init" in _parameters(cls):
            settings["init"] = _blank
        if "rng" in _parameters(cls):
            settings["rng"] = np.random.default_rng(0)
        layer: Layer = cls(**settings)
        return layer


@functools.cache
def _parameters(cls: type[Layer]) -> tuple[str, ...]:
    return tuple(inspect.signature(cls).parameters)


def _setting(kind: str, name: str, value: Any) -> Any:
    """A number, None, or a pair, which JSON has as a list."""
    numbers = value if isinstance(value, list) else [value]
    fine = (v is None or (isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 2**31) for v in numbers)
    if len(numbers) > 2 or not all(fine):
        raise ValueError(f"architecture: {kind} can't have {reprlib.repr(name)} {reprlib.repr(value)}")
    return tuple(value) if isinstance(value, list) else value


def _size(name: str, value: Any) -> Any:
    """What a setting contributes to the size of an array; a kernel_size may be one number for both sides."""
    return prod(value) if isinstance(value, tuple) else value**2 if name == "kernel_size" else value


def _blank(rng: Rng, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape, np.float32)


def _join(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _parse_metadata(array: Array) -> dict[str, Any]:
    require(array.ndim == 0 and array.dtype.kind == "U", f"its metadata is {array.dtype} {array.shape}, wanted one text")
    metadata = parse_json(str(array))
    require(isinstance(metadata, dict), f"its metadata is a JSON {json_kind(metadata)}, wanted an object")
    found = reprlib.repr(metadata.get("format"))
    require(metadata.get("format") == FORMAT, f"it has format {found}, this version reads {FORMAT}")
    require("architecture" in metadata, "its metadata has no architecture")
    return metadata


def _fill(wanted: Params, found: Params) -> None:
    """Copy the file's arrays into the model's, after checking that they are the same set with the same shapes."""
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    require(not missing, f"its architecture wants {', '.join(missing)}, which the file lacks")
    require(not extra, f"the file has {', '.join(extra)}, which its architecture does not know")
    for key, array in wanted.items():
        got = found[key]
        require(got.shape == array.shape, f"{key} is {got.shape}, its architecture wants {array.shape}")
        require(got.dtype.kind == "f", f"{key} is {got.dtype}, wanted floating-point numbers")
        with np.errstate(over="ignore"):  # a number that float32 can't hold becomes infinite
            array[...] = got
        require(bool(np.isfinite(array).all()), f"{key} has values that are not finite")


def _check_state(model: Layer) -> None:
    """What else must be so of arrays that are not learned."""
    for name, leaf in model.leaves() if isinstance(model, Composite) else [("", model)]:
        if isinstance(leaf, BatchNorm1d | BatchNorm2d):
            require(bool((leaf.state["running_var"] >= 0).all()), f"{name}.running_var has negative values")
        if isinstance(leaf, NearestNeighbors):
            labels, last = leaf.state["labels"], leaf.num_classes - 1
            require(labels.min(initial=0) >= 0 and labels.max(initial=0) <= last, f"{name}.labels must be in 0 .. {last}")
