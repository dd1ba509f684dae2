"""What a network gives, told without running it: the same as when it runs, and nothing beyond the bound."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    NearestNeighbors,
    RandomFourierFeatures,
    ReLU,
    Residual,
    Sequential,
)
from scratchnet.models import MODELS, build
from scratchnet.models.shapes import INPUT_SHAPE, MOST_VALUES, NUM_CLASSES, output_shape

RNG = np.random.default_rng(0)
two = st.tuples(st.integers(1, 4), st.integers(1, 4))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_ten_logits(name):
    assert output_shape(build(name), INPUT_SHAPE) == (NUM_CLASSES,)


@given(
    kernel=two,
    stride=two,
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    window=two,
    size=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    kind=st.sampled_from([MaxPool2d, AvgPool2d]),
)
def test_the_same_as_running_it(kernel, stride, pad, window, size, kind):
    body = Sequential(Conv2d(size[0], 2, kernel, stride=stride, pad=pad, rng=RNG), BatchNorm2d(2), ReLU())
    model = Sequential(
        body, Residual(Sequential(Conv2d(2, 2, 1, rng=RNG), Dropout())), kind(window, stride), Residual(Sequential(), ReLU())
    )
    try:
        out = model(np.zeros((1, *size), np.float32))
    except ValueError:
        with pytest.raises(ValueError, match="larger than the image"):
            output_shape(model, size)
        return
    assert output_shape(model, size) == out.shape[1:]
    features = math.prod(out.shape[1:])
    tail = Sequential(model, Flatten(), BatchNorm1d(features), RandomFourierFeatures(features, 3, 1, rng=RNG))
    assert output_shape(tail, size) == (3,)
    assert output_shape(Sequential(model, GlobalAvgPool(), NearestNeighbors(2, 7, num_examples=2)), size) == (7,)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Flatten(), Dense(783, 10, rng=RNG)], r"layer 1 of Sequential, Dense: Dense takes \(783,\), got \(784,\)"),
        ([Dense(784, 10, rng=RNG)], r"got \(1, 28, 28\)"),
        ([Conv2d(2, 1, 3, rng=RNG)], "Conv2d takes 2 channels"),
        ([Flatten(), Conv2d(1, 1, 1, rng=RNG)], r"takes \(C, H, W\)"),
        ([BatchNorm1d(1)], "BatchNorm1d of 1, got"),
        ([BatchNorm2d(2)], "BatchNorm2d of 2, got"),
        ([Residual(Sequential(MaxPool2d()))], r"body gives \(1, 14, 14\), shortcut \(1, 28, 28\)"),
        ([Conv2d(1, 1, 1, pad=10_000, rng=RNG)], f"makes .* values of one image.*at most {MOST_VALUES}"),
        ([Conv2d(1, 1, (1, 600), pad=(0, 600), rng=RNG)], "makes .* values of one image"),
        ([Conv2d(1, 1300, 1, rng=RNG)], "makes 1019200 values"),
        ([Flatten(), NearestNeighbors(784, 10**9, num_examples=1)], "makes 1000000000 values"),
    ],
)
def test_what_does_not_fit_or_is_too_much_is_named(layers, message):
    with pytest.raises(ValueError, match=message):
        output_shape(Sequential(*layers), INPUT_SHAPE)
