"""Saving a network to one .npz file and reading it back.

A model file is plain NumPy: ``np.load("model.npz")`` shows every array under its name ("0.w", "0.b", ...), and "metadata" is
a JSON text with all that is not an array: the architecture, the input's normalisation, where the weights come from.
Nothing in it is ever unpickled, so a file from a stranger can't run code.
"""

import inspect
import io
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnet import layers
from scratchnet.files import atomic_write
from scratchnet.layers import Layer, Residual, Sequential
from scratchnet.layers.base import require
from scratchnet.typing import Array, Params

FORMAT = 1
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

    Errors    ValueError for what could not be read back: a layer that is not one of the package's, or weights that are not
              finite; OSError if the file can't be written. An older file of that name is then still whole
    """
    for key, array in model.params.items():
        require(bool(np.isfinite(array).all()), f"can't save {key}: it has values that are not finite; training diverged")
    text = json.dumps({**metadata, "format": FORMAT, "architecture": describe(model)})
    with atomic_write(path) as file:
        file.write(npz({_METADATA: np.array(text), **model.params, **model.state}))


def npz(arrays: Params, *, comment: bytes = b"") -> bytes:
    """What ``np.savez`` writes, but for the time of day: the same arrays make the same bytes, and a clock that stands before
    1980, where zip archives have no date, is no error. The comment is the archive's, and the end of it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = comment
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return file.getvalue()


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """The network of a model file, with its metadata.

    Errors    ModelFileError if the file is not a model file, is damaged, or its arrays do not fit its architecture;
              OSError if it can't be read
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:  # opened here, since np.load leaves a damaged file open
            require(zipfile.is_zipfile(file), "it is no .npz archive")
            file.seek(0)
            with np.load(file, allow_pickle=False) as members:
                arrays = {key: members[key] for key in members.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise ModelFileError(f"{name}: not a model file, or a damaged one ({_first_line(error)})") from error
    try:
        require(_METADATA in arrays, f"it has no {_METADATA!r}; its arrays are {', '.join(sorted(arrays)) or 'none'}")
        metadata = _parse_metadata(arrays.pop(_METADATA))
        model = build(metadata["architecture"])
        _fill({**model.params, **model.state}, arrays)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"{name}: not a usable model file: {_first_line(error)}") from error
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


def build(description: Any) -> Layer:
    """The layer of ``describe``, its weights still to be filled in.

    Errors    ValueError if the description names an unknown layer or setting
    """
    require(isinstance(description, dict) and "type" in description, f"architecture: no layer type in {description!r}")
    settings = {key: tuple(v) if isinstance(v, list) and key != "layers" else v for key, v in description.items()}
    kind = str(settings.pop("type"))
    if kind == "Sequential":
        require(isinstance(settings.get("layers"), list), "architecture: Sequential without a list of layers")
        return Sequential(*(build(child) for child in settings["layers"]))
    if kind == "Residual":
        return Residual(**{name: build(child) for name, child in settings.items()})
    kinds = [name for name in layers.__all__ if name not in ("Layer", "Composite")]
    require(kind in kinds, f"architecture: unknown layer {kind!r}, there are {', '.join(kinds)}")
    cls = getattr(layers, kind)
    unknown = settings.keys() - set(cls.settings)
    require(not unknown, f"architecture: {kind} has no setting {', '.join(sorted(unknown))}")
    random = {"rng": np.random.default_rng(0)} if "rng" in inspect.signature(cls).parameters else {}
    layer: Layer = cls(**settings, **random)
    return layer


def _parse_metadata(array: Array) -> dict[str, Any]:
    require(array.ndim == 0 and array.dtype.kind == "U", f"its metadata is {array.dtype} {array.shape}, wanted one text")
    metadata = json.loads(str(array))
    require(isinstance(metadata, dict), f"its metadata is a JSON {type(metadata).__name__}, wanted an object")
    require(metadata.get("format") == FORMAT, f"it has format {metadata.get('format')!r}, this version reads {FORMAT}")
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
        require(bool(np.isfinite(got).all()), f"{key} has values that are not finite")
        array[...] = got


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
