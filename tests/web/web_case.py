"""What the tests of the page share: networks with every kind of layer, and how the interface writes things."""

import base64
import io

import numpy as np

from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.preprocess import Normalization

METADATA = {"input_shape": [1, 28, 28], "num_classes": 10, "normalization": Normalization().to_dict()}


def every_layer():
    """A network that has each of the package's layers, with odd sizes, strides, pads and overlaps; weights are random."""
    rng = np.random.default_rng(0)
    model = Sequential(
        Conv2d(1, 3, (5, 4), stride=(2, 1), pad=(1, 2), rng=rng),  # (3, 13, 29)
        BatchNorm2d(3),
        LeakyReLU(0.1),
        MaxPool2d(3, 2),  # (3, 6, 14), overlapping
        Residual(Sequential(Conv2d(3, 3, 3, pad=1, rng=rng), ReLU(), Residual(Sigmoid()))),
        Residual(Sequential(Conv2d(3, 4, 3, pad=1, rng=rng)), Conv2d(3, 4, 1, rng=rng)),
        AvgPool2d(2),  # (4, 3, 7)
        Conv2d(4, 5, 2, rng=rng),  # (5, 2, 6)
        Tanh(),
        Flatten(),
        Dropout(0.5),
        Dense(60, 12, rng=rng),
        BatchNorm1d(12),
        ReLU(),
        Dense(12, 10, rng=rng),
    )
    for key, array in {**model.params, **model.state}.items():
        if "running_var" in key:
            array[...] = rng.uniform(0.5, 2, array.shape)
        elif not key.endswith("w"):
            array[...] = rng.normal(0.2, 0.5, array.shape)
    return model


def pooled():
    """Convolution, global average pooling, a dense layer."""
    rng = np.random.default_rng(1)
    return Sequential(Conv2d(1, 4, 3, pad=1, rng=rng), ReLU(), GlobalAvgPool(), Dense(4, 10, rng=rng))


def deep_linear():
    """Dense layers alone: a large step makes the numbers grow beyond all bounds."""
    rng = np.random.default_rng(2)
    inner = [Dense(32, 32, rng=rng) for _ in range(8)]
    return Sequential(Flatten(), Dense(784, 32, rng=rng), *inner, Dense(32, 10, rng=rng))


def png(picture, side=96):
    """The bytes of a picture file."""
    file = io.BytesIO()
    picture.convert("RGB").resize((side, side)).save(file, "PNG")
    return file.getvalue()


def unpack(packed):
    """{"shape", "data"} -> array, as the documentation says."""
    return np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(packed["shape"])
