"""The networks that are compared: each as it is written in scratchnet, and in PyTorch beside it.

Where PyTorch's pools after ReLU, as its examples do, ours pools before it: the maximum of values that ReLU has cut is the
maximum cut by ReLU, so the function is the same, and ``checks.py`` sees to it that it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnet.layers import BatchNorm2d, Composite, Conv2d, Dense, Dropout, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Params, Rng


@dataclass(frozen=True)
class Case:
    """A network for 28 x 28 digits, ``ours(rng)`` and ``theirs(torch.nn)``, and the batch size that it is trained with."""

    title: str
    batch_size: int
    ours: Callable[[Rng], Sequential]
    theirs: Callable[[Any], Any]

    def build(self, seed: int = 0) -> Sequential:
        """Our network with fresh weights, the same for the same seed."""
        return self.ours(stream(seed, Purpose.INIT))


# --- S: two small convolutions and two dense layers ------------------------------------------------------------------------


def s_ours(rng: Rng) -> Sequential:
    return Sequential(
        Conv2d(1, 8, 5, pad=2, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Conv2d(8, 16, 5, pad=2, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Dense(784, 128, rng=rng),
        ReLU(),
        Dense(128, 10, rng=rng),
    )


def s_theirs(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


# --- K: Keras' example simple_mnist_convnet --------------------------------------------------------------------------------


def k_ours(rng: Rng) -> Sequential:
    return Sequential(
        Conv2d(1, 32, 3, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Conv2d(32, 64, 3, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Dropout(0.5),
        Dense(1600, 10, rng=rng),
    )


def k_theirs(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, 10),
    )


# --- P: PyTorch's example mnist --------------------------------------------------------------------------------------------


def p_ours(rng: Rng) -> Sequential:
    return Sequential(
        Conv2d(1, 32, 3, rng=rng),
        ReLU(),
        Conv2d(32, 64, 3, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Dropout(0.25),
        Flatten(),
        Dense(9216, 128, rng=rng),
        ReLU(),
        Dropout(0.5),
        Dense(128, 10, rng=rng),
    )


def p_theirs(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


# --- R: four convolutions with BatchNorm -----------------------------------------------------------------------------------


def r_ours(rng: Rng) -> Sequential:
    return Sequential(
        Conv2d(1, 32, 5, pad=2, rng=rng),
        BatchNorm2d(32),
        MaxPool2d(2),
        ReLU(),
        Conv2d(32, 64, 3, pad=1, rng=rng),
        BatchNorm2d(64),
        ReLU(),
        Conv2d(64, 64, 3, pad=1, rng=rng),
        BatchNorm2d(64),
        MaxPool2d(2),
        ReLU(),
        Conv2d(64, 128, 3, pad=1, rng=rng),
        BatchNorm2d(128),
        MaxPool2d(2),
        ReLU(),
        Flatten(),
        Dense(1152, 10, rng=rng),
    )


def r_theirs(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1152, 10),
    )


CASES: dict[str, Case] = {
    "S": Case("conv5x5-8, conv5x5-16, fc128", 64, s_ours, s_theirs),
    "K": Case("Keras' simple_mnist_convnet", 128, k_ours, k_theirs),
    "P": Case("PyTorch's mnist example", 64, p_ours, p_theirs),
    "R": Case("four convolutions with BatchNorm", 128, r_ours, r_theirs),
}


# --- From one to the other -------------------------------------------------------------------------------------------------

PYTORCH_NAMES = {
    "w": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
}


def arrays_for_pytorch(model: Composite, arrays: Params) -> list[tuple[str, Array]]:
    """Our arrays (params, gradients or state), layer by layer, as (PyTorch's name in its layer, array in PyTorch's shape).

    PyTorch keeps the weights of a dense layer as (outputs, inputs), we as (inputs, outputs).
    """
    layers = dict(model.leaves())
    found = []
    for key, array in arrays.items():
        layer, _, name = key.rpartition(".")
        turned = array.T if isinstance(layers[layer], Dense) and name == "w" else array
        found.append((PYTORCH_NAMES[name], np.ascontiguousarray(turned)))
    return found


def copy_weights(model: Composite, network: Any) -> None:
    """Give PyTorch's network our weights and running statistics."""
    import torch

    params = [(name.rpartition(".")[2], tensor) for name, tensor in network.named_parameters()]
    buffers = [(name.rpartition(".")[2], tensor) for name, tensor in network.named_buffers() if tensor.is_floating_point()]
    with torch.no_grad():
        for arrays, tensors in ((model.params, params), (model.state, buffers)):
            for (name, array), (their_name, tensor) in zip(arrays_for_pytorch(model, arrays), tensors, strict=True):
                assert name == their_name, f"{name} stands where PyTorch has {their_name}"
                tensor.copy_(torch.from_numpy(array))


# --- What they cost --------------------------------------------------------------------------------------------------------


def flops_by_layer(model: Sequential, input_shape: tuple[int, ...] = (1, 28, 28)) -> list[tuple[int, int]]:
    """Floating-point operations of one image in each layer, forward and backward, by the usual count: 2 for
    each multiply-add of the direct convolutions and dense products, forward, for dw, and for dx but in the first layer that
    learns.

    What else is done (activations, pooling, the loss, the optimizer, copies) counts as nothing.
    """
    x, counts, first = np.zeros((1, *input_shape), np.float32), [], True
    for layer in model.layers:
        x = layer.forward(x)[0]
        forward = 0
        if isinstance(layer, Conv2d | Dense):
            places = int(np.prod(x.shape[2:])) if isinstance(layer, Conv2d) else 1
            forward = 2 * layer.params["w"].size * places
        counts.append((forward, forward if first else 2 * forward))
        first = first and not layer.params
    return counts


def training_flops(model: Sequential, input_shape: tuple[int, ...] = (1, 28, 28)) -> int:
    """``flops_by_layer`` of all layers, forward and backward."""
    return sum(map(sum, flops_by_layer(model, input_shape)))


@functools.cache
def flops_of(case: str) -> int:
    """``training_flops`` of a case."""
    return training_flops(CASES[case].build())
