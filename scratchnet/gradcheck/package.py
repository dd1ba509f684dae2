"""Every layer and every loss of the package, with inputs that show mistakes.

Odd sizes that are all different, windows that overlap, more than one image, with and without padding: what is wrong with a
backward pass often cancels out where H = W, N = 1, pad = 0 or stride = kernel_size.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchnet.gradcheck.check import check
from scratchnet.gradcheck.inputs import generic
from scratchnet.gradcheck.report import Report
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    NearestNeighbors,
    RandomFourierFeatures,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.losses import Loss, MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy
from scratchnet.typing import Array


@dataclass(frozen=True)
class Case:
    """One call of ``check``."""

    target: Layer | Loss
    args: tuple[Array, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        evaluation = ", in evaluation" if not self.keywords.get("train", True) else ""
        return f"{self.target!r}{evaluation}"


def cases(seed: int = 0) -> list[Case]:
    """Everything in the package that has a gradient."""
    rng = np.random.default_rng(seed)
    images, small_images, features = (3, 2, 7, 6), (3, 2, 5, 4), (5, 4)
    image_layers = [
        Conv2d(2, 4, (3, 2), rng=rng),
        Conv2d(2, 4, (3, 2), pad=1, rng=rng),
        Conv2d(2, 4, (3, 4), pad=2, rng=rng),
        Conv2d(2, 4, (2, 3), pad=(2, 1), rng=rng),
        Conv2d(2, 4, 3, stride=2, pad=(1, 2), rng=rng),
        Conv2d(2, 4, (2, 3), stride=(2, 1), pad=(3, 0), rng=rng),
        MaxPool2d(2),
        MaxPool2d((3, 2), stride=(2, 1)),
        MaxPool2d(3, stride=1),
        AvgPool2d(2),
        AvgPool2d((3, 2), stride=(2, 1)),
        GlobalAvgPool(),
        Flatten(),
        BatchNorm2d(2),
        Dropout(0.4),
    ]
    networks = [
        Residual(Conv2d(2, 2, 3, pad=1, rng=rng)),
        Residual(
            Sequential(Conv2d(2, 4, 3, stride=2, pad=1, rng=rng), BatchNorm2d(4), Tanh(), Conv2d(4, 6, 3, pad=1, rng=rng)),
            shortcut=Conv2d(2, 6, 1, stride=2, rng=rng),
        ),
        Sequential(
            Conv2d(2, 4, 3, pad=1, rng=rng),
            MaxPool2d((3, 2), stride=(2, 1)),
            BatchNorm2d(4),
            ReLU(),
            Flatten(),
            Dropout(0.3),
            Dense(24, 2, rng=rng),
        ),
    ]
    by_heart = NearestNeighbors(4, 3, k=2)
    by_heart.remember(generic((6, 4), rng), np.array([0, 1, 2, 0, 1, 2]))
    feature_layers = [
        Dense(4, 3, rng=rng),
        RandomFourierFeatures(4, 5, 0.5, rng=rng),
        by_heart,
        ReLU(),
        LeakyReLU(0.1),
        Sigmoid(),
        Tanh(),
        BatchNorm1d(4),
        Dropout(0.4),
    ]
    logits, labels = generic((5, 4), rng), np.array([3, 0, 2, 0, 1])
    return [
        *(Case(layer, keywords={"shape": images}) for layer in image_layers),
        *(Case(network, keywords={"shape": small_images}) for network in networks),
        *(Case(layer, keywords={"shape": features}) for layer in feature_layers),
        Case(BatchNorm2d(2), keywords={"shape": images, "train": False}),
        Case(BatchNorm1d(4), keywords={"shape": features, "train": False}),
        Case(Dropout(0.4), keywords={"shape": features, "train": False}),
        Case(SoftmaxCrossEntropy(), (logits, labels)),
        Case(SoftmaxCrossEntropy(label_smoothing=0.1), (logits, labels)),
        Case(MulticlassHinge(), (logits, labels)),
        Case(MulticlassHinge(margin=2.5), (logits, labels)),
        Case(MeanSquaredError(), (logits, generic((5, 4), rng))),
    ]


def check_all(seed: int = 0) -> list[tuple[str, Report]]:
    """(name, report) for every layer and loss of the package; takes a few seconds."""
    return [(case.name, check(case.target, *case.args, **case.keywords, seed=seed)) for case in cases(seed)]
