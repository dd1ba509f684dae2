"""What all models take and give, x (N, 1, 28, 28) -> logits (N, 10), and what a network gives, told without running it."""

from __future__ import annotations

from math import prod

from scratchnet import layers
from scratchnet.layers import Layer
from scratchnet.layers.base import require
from scratchnet.layers.conv import output_size

INPUT_SHAPE = (1, 28, 28)
NUM_CLASSES = 10

Shape = tuple[int, ...]

MOST_VALUES = 1_000_000  # that a network from a file may make of one image in one layer; a ResNet makes 50 000


def output_shape(layer: Layer, x: Shape) -> Shape:
    """The shape that one image of shape x (without the batch) leaves the network in. Nothing is computed or allocated.

    Errors    ValueError that names the layer if its input does not fit, or if it makes more than MOST_VALUES
    """
    if isinstance(layer, layers.Sequential):
        for i, child in enumerate(layer.layers):
            try:
                x = output_shape(child, x)
            except ValueError as error:
                raise ValueError(f"layer {i} of Sequential, {type(child).__name__}: {error}") from error
        return x
    if isinstance(layer, layers.Residual):
        outs = [output_shape(child, x) for child in layer.children.values()]
        body, shortcut = outs if len(outs) == 2 else (outs[0], x)
        require(body == shortcut, f"body gives {body}, shortcut {shortcut}")
        return body
    out, made = _of_leaf(layer, x)
    require(made <= MOST_VALUES, f"makes {made} values of one image, {x} -> {out}; wanted at most {MOST_VALUES}")
    return out


def _of_leaf(layer: Layer, x: Shape) -> tuple[Shape, int]:
    """The output's shape, and the number of values in the largest array on the way to it."""
    kind = type(layer).__name__
    if isinstance(layer, layers.Dense | layers.RandomFourierFeatures | layers.NearestNeighbors):
        require(x == (layer.in_features,), f"{kind} takes ({layer.in_features},), got {x}")
        out: Shape = (layer.num_classes if isinstance(layer, layers.NearestNeighbors) else layer.out_features,)
        return out, prod(out)
    if isinstance(layer, layers.BatchNorm1d | layers.BatchNorm2d):
        require(len(x) == layer.ndim - 1 and x[0] == layer.num_features, f"{kind} of {layer.num_features}, got {x}")
        return x, prod(x)
    if isinstance(layer, layers.Conv2d | layers.MaxPool2d | layers.AvgPool2d | layers.GlobalAvgPool):
        require(len(x) == 3, f"{kind} takes (C, H, W), got {x}")
    if isinstance(layer, layers.Conv2d):
        require(x[0] == layer.in_channels, f"{kind} takes {layer.in_channels} channels, got {x}")
        (_, kw), (ph, _) = layer.kernel_size, layer.pad
        out = layer.out_channels, *output_size(x[1:], layer.kernel_size, layer.stride, layer.pad)
        padded = x[0] * (x[1] + 2 * layer.pad[0]) * (x[2] + 2 * layer.pad[1])
        return out, max(prod(out), padded, (x[1] + 2 * ph) * kw * x[0] * out[2])  # the last: im2col's
    if isinstance(layer, layers.MaxPool2d | layers.AvgPool2d):
        out = x[0], *output_size(x[1:], layer.kernel_size, layer.stride, (0, 0))
        return out, prod(x)
    if isinstance(layer, layers.GlobalAvgPool):
        return x[:1], prod(x)
    if isinstance(layer, layers.Flatten):
        return (prod(x),), prod(x)
    return x, prod(x)  # elementwise
