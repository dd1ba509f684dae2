"""The networks that a visitor can choose among: those that come with the package, and those in the folder of runs."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from scratchnet.inspection.facts import written
from scratchnet.inspection.text import count
from scratchnet.layers import Composite, Layer
from scratchnet.runs import MODEL
from scratchnet.trained import Loaded, load, load_shipped, shipped
from scratchnet.web.errors import ApiError

MOST_RUNS = 100  # the newest are listed
MOST_LOADED = 8  # networks kept in memory


class Known(NamedTuple):
    """A network that can be loaded: how the interface calls it, how a person does, where it is (None: in the package)."""

    id: str
    name: str
    path: Path | None


Key: TypeAlias = tuple[str, int]
"""A network's id, and when its file was last changed."""


class Gallery:
    """Looks up networks by id. A request names one of the ids that were found; it never names a file.

    ``files`` are model files or run folders to list besides; ``runs`` is the folder of the runs, read anew for each list, so
    that a network trained meanwhile is there.
    """

    def __init__(self, runs: str | os.PathLike[str] = "runs", files: tuple[str, ...] = ()) -> None:
        self._runs, self._files = Path(runs), files
        self._loaded: OrderedDict[Key, Loaded] = OrderedDict()
        self._described: dict[Key, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def known(self) -> dict[str, Known]:
        """All of them by id: the given files, the shipped ones, the runs from the newest."""
        found = [Known(f"file:{i}", Path(file).name, Path(file)) for i, file in enumerate(self._files)]
        found += [Known(name, name, None) for name in shipped()]
        runs = sorted(self._runs.glob(f"*/{MODEL}"), key=_age) if self._runs.is_dir() else []
        found += [Known(f"run:{file.parent.name}", f"runs/{file.parent.name}", file) for file in runs[:MOST_RUNS]]
        return {entry.id: entry for entry in found}

    def get(self, name: str) -> Loaded:
        """The network of that id, from memory if it has not changed.

        Errors    ApiError 404 if there is none, 422 if its file can't be used
        """
        entry = self.known().get(name)
        if entry is None:
            raise ApiError(404, "unknown-model", "there is no such network; /api/models lists them")
        key = _key(entry)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        loaded = _read(entry)
        with self._lock:
            self._loaded[key] = loaded
            while len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
        return loaded

    def describe_all(self) -> list[dict[str, Any]]:
        """The list of networks; a file is read again only when it has changed."""
        known = {_key(entry): entry for entry in self.known().values()}
        with self._lock:
            told = {key: self._described[key] for key in known if key in self._described}
        told.update({key: _description(entry) for key, entry in known.items() if key not in told})
        with self._lock:
            self._described = told
        return [told[key] for key in known]


def _read(entry: Known) -> Loaded:
    try:
        return load_shipped(entry.id) if entry.path is None else load(str(entry.path))
    except (ValueError, OSError):  # the message names the file, which is not the visitor's business
        raise ApiError(422, "bad-model", f"the file of {entry.name} is no network for 28 x 28 digits") from None


def _description(entry: Known) -> dict[str, Any]:
    """A network for the list. ``problem`` says why it can't be used, or is None."""
    about: dict[str, Any] = {"id": entry.id, "name": entry.name, "problem": None}
    try:
        loaded = _read(entry)
    except ApiError as error:
        return {**about, "parameters": None, "layers": [], "accuracy": None, "dataset": None, "problem": error.message}
    metrics = loaded.told("metrics")
    accuracy, dataset = metrics.get("test_accuracy"), metrics.get("dataset")
    return {
        **about,
        "parameters": count(sum(array.size for array in loaded.model.params.values())),
        "layers": [written(layer) for layer in leaves(loaded.model)],
        "accuracy": accuracy if isinstance(accuracy, float) else None,  # the file may say anything
        "dataset": dataset[:40] if isinstance(dataset, str) else None,
    }


def leaves(model: Layer) -> list[Layer]:
    """The layers that compute something, in order."""
    return [layer for _, layer in model.leaves()] if isinstance(model, Composite) else [model]


def _age(file: Path) -> tuple[int, str]:
    return -_changed(file), file.parent.name


def _key(entry: Known) -> Key:
    return entry.id, 0 if entry.path is None else _changed(entry.path)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
