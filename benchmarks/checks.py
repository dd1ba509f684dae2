"""Do both compute the same? Before anything is timed: one batch, the same weights, both losses and all gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.data import Data
from benchmarks.networks import CASES, arrays_for_pytorch, copy_weights
from benchmarks.rounds import Worker
from benchmarks.theirs import normalised
from scratchnet.engine import loss_and_grads
from scratchnet.layers import Dropout, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.preprocess import prepare

TOLERANCE = {"float64": 1e-9, "float32": 2e-2}
"""Of the loss, relative; of each gradient, the norm of the difference relative to its own norm (with a hundredth of the norm
of all gradients added: the gradient of a bias before BatchNorm is 0, and what is computed is rounding).

float64 is the proof. float32, in which everything is timed, can't be as close: where a value is 0 but for rounding, ReLU
lets the gradient through on one side and not on the other, and where two are equal but for rounding, pooling prefers
another one. Each such pixel counts for a thousandth or so; either side is as far from its own float64 gradients.
"""


class Difference(NamedTuple):
    """The largest ones, relative as in TOLERANCE."""

    loss: float
    gradients: float


class Checker(Worker):
    """A contender that compares instead of competing."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def compare(self, case: str) -> dict[str, Difference]:
        """Largest differences on the first batch, dropout switched off, in one process.

        Errors    ArithmeticError if they are above the tolerance
        """
        images = self.data.images[:64]
        apart = np.abs(prepare(images) - normalised(torch.from_numpy(images)).numpy()).max()
        if not apart <= 1e-5:
            raise ArithmeticError(f"scratchnet and PyTorch are not given the same images: they differ by {apart:.1e}")
        found = {name: _difference(case, self.data, name, channels_last=name == "float32") for name in TOLERANCE}
        for name, difference in found.items():
            if not max(difference) <= TOLERANCE[name]:
                raise ArithmeticError(
                    f"{case}: scratchnet and PyTorch do not compute the same in {name}: "
                    f"loss differs by {difference.loss:.1e}, gradients by {difference.gradients:.1e}; "
                    f"tolerance {TOLERANCE[name]:.0e}"
                )
        return found


def _difference(case: str, data: Data, dtype: str, *, channels_last: bool) -> Difference:
    images, labels = data.images[: CASES[case].batch_size], data.labels[: CASES[case].batch_size]
    model, network = CASES[case].build(), CASES[case].theirs(nn).to(getattr(torch, dtype))
    _convert(model, np.dtype(dtype))
    copy_weights(model, network)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = normalised(torch.from_numpy(images)).to(getattr(torch, dtype))
    if channels_last:
        x, network = x.contiguous(memory_format=torch.channels_last), network.to(memory_format=torch.channels_last)
    loss = functional.cross_entropy(network(x), torch.from_numpy(labels))
    loss.backward()

    ours = loss_and_grads(model, SoftmaxCrossEntropy(), x.contiguous().numpy(), labels)
    theirs = [parameter.grad.contiguous().numpy() for parameter in network.parameters()]
    mine = [gradient for _, gradient in arrays_for_pytorch(model, ours.grads)]
    floor = 1e-2 * np.sqrt(sum(np.square(gradient).sum() for gradient in theirs))
    norm = np.linalg.norm
    worst = max(norm((a - b).ravel()) / (norm(b.ravel()) + floor) for a, b in zip(mine, theirs, strict=True))
    return Difference(abs(ours.loss - loss.item()) / abs(loss.item()), float(worst))


def _convert(model: Sequential, dtype: Any) -> None:
    """The network's arrays in another precision, and its dropout off."""
    for _, layer in model.leaves():
        layer.params = {key: array.astype(dtype) for key, array in layer.params.items()}
        layer.state = {key: array.astype(dtype) for key, array in layer.state.items()}
        if isinstance(layer, Dropout):
            layer.p = 0.0
