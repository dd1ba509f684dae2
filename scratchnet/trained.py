"""Trained networks for 28 x 28 digits: those that come with the package, and those in model files and run folders."""

from __future__ import annotations

import functools
import reprlib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from scratchnet import runs
from scratchnet.engine import Prepare
from scratchnet.layers import Layer
from scratchnet.layers.base import require
from scratchnet.models import INPUT_SHAPE, NUM_CLASSES
from scratchnet.models.shapes import output_shape
from scratchnet.preprocess import Normalization, prepare
from scratchnet.serialize import ModelFileError, SavedModel, load_model
from scratchnet.untrusted import one_line

DEFAULT = "cnn-bn"
"""The network that is used if none is named: the most accurate of those that come with the package."""


class Loaded(NamedTuple):
    """A trained network, ready for uint8 images."""

    model: Layer
    prepare: Prepare
    name: str
    metadata: dict[str, Any]

    def told(self, part: str) -> dict[str, Any]:
        """What the file says of its "recipe" or its "metrics"; nothing if it says nothing usable."""
        provenance = self.metadata.get("provenance")
        found = provenance.get(part) if isinstance(provenance, dict) else None
        return found if isinstance(found, dict) else {}


def shipped() -> list[str]:
    """Names of the networks that come with the package, the default one first."""
    folder = resources.files("scratchnet") / "weights"
    names = {file.name.removesuffix(".npz") for file in folder.iterdir() if file.name.endswith(".npz")}
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def load_shipped(name: str = DEFAULT) -> Loaded:
    """One of ``shipped()``.

    Errors    ModelFileError if there is none of that name
    """
    if name not in shipped():
        raise ModelFileError(f"no network {name!r} comes with scratchnet, there are {', '.join(shipped())}")
    with resources.as_file(resources.files("scratchnet") / "weights" / f"{name}.npz") as file:
        return _usable(load_model(file), f"{name} (comes with scratchnet)")


def load(path: str | None) -> Loaded:
    """The network of a model file or run folder, or one of the package's own: by its name, the default one for None.

    Errors    ModelFileError or OSError, naming the file; also if the network is not one for 28 x 28 images and ten digits
    """
    if path is None:
        return load_shipped()
    if path in shipped() and not Path(path).exists():
        return load_shipped(path)
    chosen = runs.model_file(path)
    if not chosen.is_file():
        raise ModelFileError(_no_model(path, chosen))
    return _usable(load_model(chosen), str(chosen))


def _no_model(path: str, chosen: Path) -> str:
    """Why there is no network: what was given, and what was wanted of it."""
    if Path(path).is_dir():
        return f"{path}: the folder holds no {runs.MODEL}"
    if chosen.exists():
        return f"{path}: no model file, wanted a {runs.MODEL} or the folder of a run"
    names = "" if path != Path(path).stem else f"; the networks that come with scratchnet are {', '.join(shipped())}"
    return f"{path}: no such model file{names}"


def _usable(saved: SavedModel, name: str) -> Loaded:
    """Ready for uint8 images, if the file says all that must be known."""
    missing = [key for key in ("normalization", "input_shape", "num_classes") if key not in saved.metadata]
    if missing:
        raise ModelFileError(f"{name}: its metadata lack {', '.join(missing)} (see help(scratchnet.serialize.save_model))")
    try:
        normalization = Normalization.from_dict(saved.metadata["normalization"])
        wanted = saved.metadata["input_shape"], saved.metadata["num_classes"]
        require(
            wanted == (list(INPUT_SHAPE), NUM_CLASSES),
            f"takes {reprlib.repr(wanted[0])} and names {reprlib.repr(wanted[1])} classes; wanted [1, 28, 28] and 10",
        )
        out = output_shape(saved.model, INPUT_SHAPE)
        require(out == (NUM_CLASSES,), f"gives {out} for an image, wanted ({NUM_CLASSES},)")
    except ValueError as error:
        raise ModelFileError(f"{name}: {one_line(error)}") from error
    return Loaded(saved.model, functools.partial(prepare, normalization=normalization), name, saved.metadata)
