"""One digit's way through a network and its gradient's way back, stage by stage, as JSON tells it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np

from scratchnet.inspection.facts import formula, own_params, written
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Composite,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
)
from scratchnet.layers.base import Stage, StageBack, walk
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.typing import Array, Grads
from scratchnet.web.arrays import finite, norm, packed

MOST_VALUES = 100_000
"""Learned arrays with more values are told by shape and norm alone."""

INPUT = "input"
"""What ``sources`` calls the image that goes into the network."""


class Pass:
    """One forward pass of one image in evaluation mode and, if a label is given, the backward pass of the loss.

    The layers do the work; this only writes down what they did. BatchNorm uses its running statistics, which are constants
    here, so it is an affine map and one image is enough; Dropout does nothing.
    """

    def __init__(self, model: Layer, x: Array, label: int | None = None) -> None:
        self.x, self.label = x, label
        self.ahead: dict[str, Stage] = {}
        self.back: dict[str, StageBack] = {}  # the last stage first
        self.grads: Grads = {}
        with np.errstate(over="ignore", invalid="ignore"):  # a lab may have been stepped too far; the numbers show it
            logits, cache = walk(model.stages(x), self._write_down)
            target = np.array([logits[0].argmax() if label is None else label])
            _, loss_cache = SoftmaxCrossEntropy().forward(logits, target)
            self.logits, self.probs, self.loss = logits[0], loss_cache[0][0], loss_of(logits[0], int(target[0]))
            self.dlogits = SoftmaxCrossEntropy().backward(1.0, loss_cache)[0]
            if label is not None:
                dx, self.grads = walk(model.stages_back(self.dlogits[None], cache), self._write_back)
                self.dinput = np.zeros_like(x[0]) if dx is None else dx[0]

    def _write_down(self, stage: Stage) -> None:
        self.ahead[stage.name] = stage

    def _write_back(self, stage: StageBack) -> None:
        self.back[stage.name] = stage

    def sources(self, name: str) -> list[str]:
        """The stages whose out this one took; "input" is the image. A Residual takes its body's and its shortcut's."""
        stage = self.ahead[name]
        if isinstance(stage.layer, Residual):
            body = self.last_under(f"{name}.body")
            has_shortcut = "shortcut" in stage.layer.children
            return [body, self.last_under(f"{name}.shortcut") if has_shortcut else self._giver(name)]
        return [self._giver(name)]

    def last_under(self, prefix: str) -> str:
        """The stage that gives a Residual's body or shortcut its out."""
        return [name for name in self.ahead if name == prefix or name.startswith(f"{prefix}.")][-1]

    def _giver(self, name: str) -> str:
        """Who made the very array that a stage took as x."""
        x, found = self.ahead[name].x, INPUT
        for other, stage in self.ahead.items():
            if other == name:
                break
            if stage.out is x:
                found = other
        return found


def loss_of(logits: Array, label: int) -> float:
    """Softmax cross-entropy of one image, logits (K,), in float64 and without 1 - p: float32 says 0 below some 1e-7.

    Formula   -log p[label] = log(1 + sum over k != label of exp(z[k] - z[label]))
    """
    others = np.delete(logits.astype(np.float64), label) - float(logits[label])
    return float(np.logaddexp(0, np.logaddexp.reduce(others)))


def forward_json(run: Pass, *, with_params: bool = True) -> dict[str, Any]:
    """What /api/forward answers; without the values of learned arrays if whoever asks has them already."""
    return {
        "input": packed(run.x[0]),
        "stages": [_stage_json(run, stage, with_params) for stage in run.ahead.values()],
        "logits": [finite(v) for v in run.logits],
        "probabilities": [finite(v) for v in run.probs],
    }


def _stage_json(run: Pass, stage: Stage, with_params: bool) -> dict[str, Any]:
    layer = stage.layer
    return {
        "name": stage.name,
        "layer": written(layer),
        "kind": type(layer).__name__,
        "formula": formula(layer),
        "backward_formula": formula(layer, "Backward"),
        "lessons": lessons(layer),
        "sources": run.sources(stage.name),
        "x_shape": list(stage.x.shape[1:]),
        "out_shape": list(stage.out.shape[1:]),
        "out": packed(stage.out[0]),
        "params": {key: _learned(w, with_params) for key, w in own_params(layer).items()},
    }


def backward_json(run: Pass) -> dict[str, Any]:
    """What /api/backward answers; the run wants a label."""
    return {
        "label": run.label,
        "loss": finite(run.loss),
        "probabilities": [finite(v) for v in run.probs],
        "dlogits": [finite(v) for v in run.dlogits],
        "dinput": packed(run.dinput),
        "stages": [_back_json(run, back) for back in run.back.values()],
    }


def _back_json(run: Pass, back: StageBack) -> dict[str, Any]:
    assert back.dx is not None  # stages_back is asked for all of them
    return {
        "name": back.name,
        "dout": packed(back.dout[0]),
        "dx": packed(back.dx[0]),
        "dout_norm": norm(back.dout),
        "dx_norm": norm(back.dx),
        "note": note(run.ahead[back.name], back),
        "grads": {key: _learned(g) for key, g in back.grads.items()},
    }


def _learned(array: Array, with_values: bool = True) -> dict[str, Any]:
    values = packed(array) if with_values and array.size <= MOST_VALUES else None
    return {"shape": list(array.shape), "norm": norm(array), "values": values}


def note(stage: Stage, back: StageBack) -> str:
    """One sentence about what this layer did to the gradient of this image."""
    layer, x, dx = stage.layer, stage.x, back.dx
    assert dx is not None
    if isinstance(layer, ReLU | LeakyReLU):
        fate = "stopped" if isinstance(layer, ReLU) else f"multiplied by {layer.negative_slope:g}"
        return f"At {int((x <= 0).sum()):,} of {x.size:,} values x is not positive: there the gradient is {fate}."
    if isinstance(layer, MaxPool2d):
        stopped = int((back.dout == 0).sum())
        why = (
            f"; {stopped:,} windows had 0 to hand on, which is what a ReLU after them gives where it stops it"
            if stopped
            else ""
        )
        return (
            f"Each of the {back.dout.size:,} windows hands its gradient to the one pixel that won: "
            f"{int((dx != 0).sum()):,} of {dx.size:,} pixels get something{why}."
        )
    if isinstance(layer, AvgPool2d | GlobalAvgPool):
        return "Every pixel of a window gets the same share of its gradient."
    if isinstance(layer, BatchNorm1d | BatchNorm2d):
        return (
            "Mean and variance are constants in evaluation: a channel's gradient is multiplied by gamma / sqrt(var + eps)."
        )
    if isinstance(layer, Dropout):
        return "In evaluation dropout does nothing: the gradient passes unchanged."
    if isinstance(layer, Flatten):
        return "Nothing is computed: only the shape goes back."
    if isinstance(layer, Residual):
        return "The gradient takes both ways; what comes back from body and shortcut is added."
    if isinstance(layer, Conv2d):
        places = int(np.prod(stage.out.shape[2:]))
        return f"Each weight was used at {places:,} places, so its gradient is a sum of {places:,} products."
    if isinstance(layer, Dense):
        return "Each weight was used once, so its gradient is one product: dw[d, m] = x[d] * dout[m]."
    return ""


def lessons(layer: Layer) -> list[int]:
    """The lessons that derive this layer, as the docstring of its function says."""
    told = layer if isinstance(layer, Composite) else layer.functions[0]
    found = re.search(r"derived in lessons? ([\d, and]+)", inspect.getdoc(told) or "")
    return [int(number) for number in re.findall(r"\d+", found[1])] if found else []
