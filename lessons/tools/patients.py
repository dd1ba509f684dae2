"""Ten trainings, each with one mistake in it: the patients of lesson 12. Do that lesson before you read this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from scratchnet.engine import loss_and_grads
from scratchnet.inspection import Checkup, doctor
from scratchnet.layers import Dense, Flatten, Layer, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy, softmax
from scratchnet.optim import Optimizer
from scratchnet.preprocess import prepare as prepare_rightly
from scratchnet.typing import Array, Cache, Grads, Pair, Params, Rng

BATCH = 50
HELD_OUT = 400  # images for validation

Data = tuple[Array, Array]


# --- what is right ---------------------------------------------------------------------------------------------------------


def as_they_are(images: Array, labels: Array, rng: Rng) -> Data:
    """No new order before the split."""
    return images, labels


def split_rightly(images: Array, labels: Array, val_size: int, rng: Rng) -> tuple[Data, Data]:
    order = rng.permutation(len(images))
    val, train = order[:val_size], order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


def he_normal(rng: Rng, shape: tuple[int, ...]) -> Array:
    return (rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)


def downhill(params: Params, grads: Grads, lr: float) -> None:
    for name, array in params.items():
        array -= lr * grads[name]


# --- what is wrong ---------------------------------------------------------------------------------------------------------


def prepare_as_bytes(images: Array) -> Array:
    return images[:, None].astype(np.float32)


def shuffle_apart(images: Array, labels: Array, rng: Rng) -> Data:
    images = images[rng.permutation(len(images))]
    labels = labels[rng.permutation(len(labels))]
    return images, labels


def split_with_leak(images: Array, labels: Array, val_size: int, rng: Rng) -> tuple[Data, Data]:
    order = rng.permutation(len(images))
    val = order[:val_size]
    return (images[order], labels[order]), (images[val], labels[val])


def zeros(rng: Rng, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape, np.float32)


def uphill(params: Params, grads: Grads, lr: float) -> None:
    for name, array in params.items():
        array += lr * grads[name]


def forgetful_relu() -> Pair:
    """A ReLU that keeps its mask where the next one finds it, and not in the cache."""
    memory: dict[str, Array] = {}

    def relu_forward(x: Array) -> tuple[Array, Cache]:
        memory["mask"] = x > 0
        return x * memory["mask"], None

    def relu_backward(dout: Array, cache: Cache) -> Array:
        return dout * memory["mask"]

    return relu_forward, relu_backward


def _softmax_forward(x: Array) -> tuple[Array, Cache]:
    probs = softmax(x)
    return probs, probs


def _softmax_backward(dout: Array, cache: Cache) -> Array:
    probs = cache
    return probs * (dout - (dout * probs).sum(axis=1, keepdims=True))


class Softmax(Layer):
    """Probabilities as a layer."""

    functions: Pair = (_softmax_forward, _softmax_backward)


# --- the patients ----------------------------------------------------------------------------------------------------------


class Step(Optimizer):
    """An optimizer whose step is a plain function of (params, grads, lr)."""

    def __init__(self, lr: float, function: Callable[[Params, Grads, float], None]) -> None:
        super().__init__(lr)
        self.function = function

    def step(self, params: Params, grads: Grads, lr: float | None = None) -> None:
        self.function(params, grads, self.lr if lr is None else lr)


class History(NamedTuple):
    """The loss of each step, and at the end the fraction of training and validation images that are named right."""

    losses: list[float]
    train_accuracy: float
    val_accuracy: float


@dataclass(frozen=True)
class Patient:
    """A training: data, network, steps. The settings that are not given are right."""

    number: int
    bug: str  # as the doctor calls it
    prepare: Callable[[Array], Array] = prepare_rightly
    shuffled: Callable[[Array, Array, Rng], Data] = as_they_are
    split: Callable[[Array, Array, int, Rng], tuple[Data, Data]] = split_rightly
    init: Callable[[Rng, tuple[int, ...]], Array] = he_normal
    relu: Pair = ReLU.functions
    step: Callable[[Params, Grads, float], None] = downhill
    lr: float = 0.1
    softmax_at_the_end: bool = False
    by_class: bool = False  # training images sorted by class, and never shuffled

    def mended(self, **settings: Any) -> Patient:
        """The same patient with something put right."""
        return replace(self, **settings)

    def data(self, images: Array, labels: Array) -> tuple[Data, Data]:
        """((training images, labels), (validation images, labels))."""
        rng = np.random.default_rng(1)
        train, val = self.split(*self.shuffled(images, labels, rng), HELD_OUT * len(images) // 2000, rng)
        order = np.argsort(train[1], kind="stable") if self.by_class else slice(None)
        return (train[0][order], train[1][order]), val

    def network(self) -> Sequential:
        rng = np.random.default_rng(2)

        def small(rng: Rng, shape: tuple[int, ...]) -> Array:
            return self.init(rng, shape) * np.float32(0.1)  # scores near 0: a first loss near ln 10

        layers = [
            Flatten(),
            Dense(784, 32, rng=rng, init=self.init),
            ReLU(functions=self.relu),
            Dense(32, 32, rng=rng, init=self.init),
            ReLU(functions=self.relu),
            Dense(32, 10, rng=rng, init=small),
        ]
        return Sequential(*layers, *([Softmax()] if self.softmax_at_the_end else []))

    def train(self, images: Array, labels: Array, steps: int) -> History:
        """Train it, ``steps`` batches of 50."""
        (x, y), (val_x, val_y) = self.data(images, labels)
        model, loss, optimizer = self.network(), SoftmaxCrossEntropy(), Step(self.lr, self.step)
        losses = []
        with np.errstate(all="ignore"):
            for batch in self._batches(len(x), steps):
                result = loss_and_grads(model, loss, self.prepare(x[batch]), y[batch])
                losses.append(result.loss)
                optimizer.step(model.params, result.grads)
            right = [float((model(self.prepare(a)).argmax(axis=1) == b).mean()) for a, b in ((x, y), (val_x, val_y))]
        return History(losses, *right)

    def _batches(self, n: int, steps: int) -> Iterator[Array]:
        rng, order = np.random.default_rng(3), np.arange(n)
        for step in range(steps):
            at = step % (n // BATCH)
            if at == 0 and not self.by_class:
                order = rng.permutation(n)
            yield order[at * BATCH : (at + 1) * BATCH]

    def examine(self, images: Array, labels: Array) -> Checkup:
        """What the doctor says of it, before training."""
        train, val = self.data(images, labels)
        optimizer = Step(self.lr, self.step)
        return doctor(
            self.network(),
            *train,
            val=val,
            prepare=self.prepare,
            optimizer=optimizer,
            batch_size=BATCH,
            shuffle=not self.by_class,
        )


def ward() -> list[Patient]:
    """The ten."""
    return [
        Patient(1, "lr-too-small", lr=5e-4),
        Patient(2, "uphill-steps", step=uphill),
        Patient(3, "labels-sorted", by_class=True),
        Patient(4, "inputs-unscaled", prepare=prepare_as_bytes),
        Patient(5, "leakage", split=split_with_leak),
        Patient(6, "equal-units", init=zeros),
        Patient(7, "double-softmax", softmax_at_the_end=True),
        Patient(8, "labels-uninformative", shuffled=shuffle_apart),
        Patient(9, "lr-too-large", lr=3.0),
        Patient(10, "wrong-gradient", relu=forgetful_relu()),
    ]
