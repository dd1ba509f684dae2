"""The training loop, as generators: the caller's own loop prints, plots, stops early or saves.

    engine = Engine(model, loss, images, labels, prepare=prepare)
    for step in train_steps(engine, optimizer, ...):
        print(step.loss)

There are no callbacks: what you want to happen between two steps stands between two steps.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchnet import anomaly
from scratchnet.arguments import is_whole, kind_of, require, require_function
from scratchnet.engine import Engine
from scratchnet.metrics import accuracy
from scratchnet.optim import Optimizer, Schedule
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array


@dataclass(frozen=True)
class Step:
    """One training step: ``index`` counts in its epoch, ``last`` says if it ends it; ``correct`` of ``size`` images were
    named right before the step."""

    epoch: int
    index: int
    last: bool
    loss: float
    correct: int
    size: int
    lr: float


class Epoch(NamedTuple):
    """One pass over the training data; ``epoch`` counts from 1, as people do.

    Training figures are means over its steps, so of a network that was changing; validation figures are of the network at
    its end.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float


class Evaluation(NamedTuple):
    """A network on labelled images: mean loss, the fraction named right, and the logits (N, K)."""

    loss: float
    accuracy: float
    logits: Array


class TrainingDiverged(ArithmeticError):
    """The loss, a weight or a statistic became infinite or NaN; the message says where first, and the usual causes."""


UPDATE = "The loss is finite, its gradient or the step is too large: a smaller learning rate usually helps"


def steps_per_epoch(n: int, batch_size: int) -> int:
    """How many batches n images make; the last one may be smaller."""
    require(is_whole(n) and n >= 0, f"steps_per_epoch: n must be an integer of at least 0, got {n!r}")
    positive = is_whole(batch_size) and batch_size >= 1
    require(positive, f"steps_per_epoch: batch_size must be an integer of at least 1, got {batch_size!r}")
    return math.ceil(n / batch_size)


def train_steps(
    engine: Engine,
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int,
    schedule: Schedule,
    seed: int,
    start: int = 0,
    detect_anomaly: bool = False,
) -> Iterator[Step]:
    """Train the engine's network on its images, one batch at a time. Every epoch visits each image once, in a new order.

    ``schedule(step)`` is the learning rate, in place of the optimizer's own; step counts on over all epochs.
    ``constant(lr)`` keeps it; ``cosine`` and ``one_cycle`` want to know ``epochs * steps_per_epoch(n, batch_size)``.

    ``start`` is how many steps were taken before, by a training that was interrupted (see checkpoint.py).

    The same arguments give bitwise the same weights on the same machine.

    ``detect_anomaly`` works on every step twice, the first time in this process and looking at every number that each layer
    gives, forward and backward: the first NaN or infinity is an error that names the layer, before a weight is changed.
    Without it, one in the loss or the weights is noticed at the step that makes it.

    Errors    ValueError if there is nothing to train on, or a last batch of one image meets BatchNorm1d; TrainingDiverged at
              the first step whose loss is not finite, before that step changes a weight, or that makes a weight not finite
    """
    _check_engine("train_steps", engine)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"train_steps: optimizer must be one, such as Momentum(0.1), got {kind_of(optimizer)}")
    require_function("train_steps: schedule", schedule)
    n = len(engine)
    require(n > 0, "train_steps: the engine has no training images")
    whole = is_whole(epochs, batch_size) and epochs >= 1 and batch_size >= 1
    require(whole, f"train_steps: epochs {epochs} and batch_size {batch_size} must be positive")
    batches = steps_per_epoch(n, batch_size)
    there = is_whole(start) and 0 <= start <= epochs * batches
    require(there, f"train_steps: start must be in 0 .. {epochs * batches}, got {start!r}")
    for epoch in range(start // batches, epochs):
        order = stream(seed, Purpose.SHUFFLE, step=epoch).permutation(n)
        for index in range(max(0, start - epoch * batches), batches):
            step = epoch * batches + index
            batch = order[index * batch_size : (index + 1) * batch_size]
            lr = schedule(step)
            find = functools.partial(anomaly.find, engine.task, batch, seed=seed, step=step, shards=engine.shards)
            if detect_anomaly and (found := anomaly.in_optimizer(optimizer) or find()):
                raise TrainingDiverged(f"{_place(epoch, index, lr)}: {found}")
            loss, correct = engine.step(optimizer, batch, lr, seed=seed, step=step)
            if not math.isfinite(loss):  # so nothing has changed yet, and the step can be looked at
                first = find() or "it is finite when worked on again"
                raise TrainingDiverged(f"{_place(epoch, index, lr)}: the loss is {loss}. First, {first}")
            if not engine.is_finite():
                names = ", ".join(anomaly.not_finite(engine.task.model))
                raise TrainingDiverged(f"{_place(epoch, index, lr)}: {names} became NaN or infinite. {UPDATE}")
            yield Step(epoch, index, index == batches - 1, loss, correct, len(batch), lr)


def _place(epoch: int, index: int, lr: float) -> str:
    return f"training diverged at step {index + 1} of epoch {epoch + 1}, with learning rate {lr:.3g}"


def epoch_summary(steps: list[Step], validation: Evaluation | None = None) -> Epoch:
    """The mean loss and accuracy of an epoch's steps, weighted by their images, beside the validation figures.

    Errors    ValueError if there is no step
    """
    require(
        isinstance(steps, list) and len(steps) > 0, f"epoch_summary: steps must be a list of steps, got {kind_of(steps)}"
    )
    size = sum(step.size for step in steps)
    return Epoch(
        epoch=steps[-1].epoch + 1,
        train_loss=sum(step.loss * step.size for step in steps) / size,
        train_accuracy=sum(step.correct for step in steps) / size,
        val_loss=validation.loss if validation else None,
        val_accuracy=validation.accuracy if validation else None,
        lr=steps[-1].lr,
    )


def train_epochs(steps: Iterable[Step], validate: Callable[[], Evaluation] | None = None) -> Iterator[Epoch]:
    """``train_steps``, an epoch at a time: gathers its steps, and calls ``validate`` after the last one of each epoch.

    for epoch in train_epochs(train_steps(...), lambda: evaluate(engine, images, labels)):
        print(epoch.val_accuracy)
    """
    if validate is not None:
        require_function("train_epochs: validate", validate)
    gathered: list[Step] = []
    for step in steps:
        gathered.append(step)
        if step.last:
            yield epoch_summary(gathered, validate() if validate else None)
            gathered = []


def evaluate(engine: Engine, images: Array, labels: Array) -> Evaluation:
    """The engine's network on any uint8 images (N, H, W) with labels (N,), in evaluation mode and with the averaged weights
    if the engine keeps an average: mean loss (never smoothed), accuracy and logits.

    Errors    TrainingDiverged if the loss is not finite; ValueError or TypeError if images or labels do not fit
    """
    _check_engine("evaluate", engine)
    with np.errstate(over="ignore", invalid="ignore"), engine.averaged():
        logits = engine.logits(images)
        value, _ = engine.task.loss.without_smoothing().forward(logits.astype(np.float64), labels)
    if not math.isfinite(value):
        raise TrainingDiverged(f"the loss on {len(images)} images is {value}: the network's weights are useless")
    return Evaluation(value, accuracy(labels, logits.argmax(axis=1)), logits)


def _check_engine(function: str, engine: Engine) -> None:
    if not isinstance(engine, Engine):
        raise TypeError(f"{function}: engine must be an Engine or ShardedEngine, got {kind_of(engine)}")
