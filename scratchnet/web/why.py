"""Why does it say so: maps over the drawing, and the training digits that look alike to the network."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnet.datasets import mnist, synthetic
from scratchnet.datasets.errors import DataError
from scratchnet.engine.batch import chunks
from scratchnet.explain import features, grad_cam, integrated_gradients, occlusion, saliency
from scratchnet.explain.scores import scores
from scratchnet.layers import Layer
from scratchnet.trained import Loaded
from scratchnet.typing import Array
from scratchnet.web.arrays import finite, packed, packed_digit

EXAMPLES = 5000  # training digits that a drawing is compared with
SYNTHETIC = 1000  # fewer, since they have to be drawn
NEIGHBOURS = 10
MOST_KEPT = 2  # networks whose features of the examples are kept


class Method(NamedTuple):
    """A map (H, W) of an image x (1, C, H, W) and a label; ``signed`` if values below 0 speak against the label."""

    explain: Callable[[Layer, Array, int], Array]
    signed: bool


METHODS = {
    "grad-cam": Method(lambda model, x, label: grad_cam(model, x, label).heat[0], signed=False),
    "saliency": Method(lambda model, x, label: saliency(model, x, label)[0, 0], signed=True),
    "occlusion": Method(lambda model, x, label: occlusion(model, x, label)[0], signed=True),
    "integrated-gradients": Method(lambda model, x, label: integrated_gradients(model, x, label)[0, 0], signed=True),
}


def why_json(model: Layer, x: Array, label: int, method: str) -> dict[str, Any]:
    """What /api/why answers; ``problem`` if the network can't be explained in this way (Grad-CAM without a convolution)."""
    paper, score = scores(model, np.concatenate([np.full_like(x, x.min()), x]), label)
    answer = {"method": method, "label": label, "signed": METHODS[method].signed, "map": None, "problem": None}
    answer |= {"score": finite(score), "paper": finite(paper)}
    try:
        return {**answer, "map": packed(METHODS[method].explain(model, x, label))}
    except ValueError as error:
        return {**answer, "problem": str(error).partition(";")[0].removeprefix("grad_cam: ")}


class Examples:
    """Training digits that are on this machine, and what networks make of them. Nothing is downloaded."""

    def __init__(self, data_dir: str | None = None) -> None:
        self._data_dir = data_dir
        self._lock = threading.Lock()  # read once, and features of one network at a time
        self._digits: mnist.Dataset | None = None
        self._features: OrderedDict[int, tuple[Loaded, Array]] = OrderedDict()

    def digits(self) -> mnist.Dataset:
        """The first EXAMPLES training digits of MNIST, or synthetic ones where MNIST is not on disk."""
        with self._lock:
            if self._digits is None:
                self._digits = self._read()
            return self._digits

    def _read(self) -> mnist.Dataset:
        try:
            found = mnist.load(self._data_dir, "train", download=False)
            return found._replace(images=found.images[:EXAMPLES].copy(), labels=found.labels[:EXAMPLES].copy())
        except (DataError, OSError):
            images, labels = synthetic.make(SYNTHETIC)
            return mnist.Dataset(images, labels, "synthetic", "train", "")

    def _points(self, loaded: Loaded) -> Array:
        digits = self.digits()
        with self._lock:
            kept = self._features.get(id(loaded))
            if kept is None:
                points = [features(loaded.model, loaded.prepare(digits.images[part])) for part in chunks(len(digits.images))]
                kept = loaded, np.concatenate(points).astype(np.float32)
                self._features[id(loaded)] = kept
            self._features.move_to_end(id(loaded))
            while len(self._features) > MOST_KEPT:
                self._features.popitem(last=False)
            return kept[1]

    def neighbours_json(self, loaded: Loaded, digit: Array) -> dict[str, Any]:
        """What /api/neighbours answers, for the network as it was trained; ``problem`` if it has no last hidden layer."""
        digits = self.digits()
        answer = {"dataset": digits.name, "examples": len(digits.images), "neighbours": [], "problem": None}
        try:
            here = features(loaded.model, loaded.prepare(digit))
            points = self._points(loaded)
        except ValueError as error:
            return {**answer, "problem": str(error).partition(";")[0]}
        distances = np.concatenate([np.linalg.norm(points[part] - here, axis=1) for part in chunks(len(points))])
        found = [
            {"digit": packed_digit(digits.images[i]), "label": int(digits.labels[i]), "distance": float(distances[i])}
            for i in np.argsort(distances, kind="stable")[:NEIGHBOURS]
        ]
        return {**answer, "neighbours": found}
