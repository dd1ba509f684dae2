"""The training loop, as generators: the caller's own loop prints, plots, stops early or saves.

    for step in train_steps(model, loss, optimizer, images, labels, ...):
        print(step.loss)

There are no callbacks: what you want to happen between two steps stands between two steps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchnet.engine import Prepare, logits_of, loss_and_grads
from scratchnet.layers.base import Layer, require
from scratchnet.losses import Loss
from scratchnet.metrics import accuracy
from scratchnet.optim import Optimizer, Schedule
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array


@dataclass(frozen=True)
class Step:
    """One training step: ``index`` counts in its epoch, ``correct`` of ``size`` images were named right before the step."""

    epoch: int
    index: int
    loss: float
    correct: int
    size: int
    lr: float


class Epoch(NamedTuple):
    """One pass over the training data. Training figures are means over its steps, so of a network that was changing."""

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
    """The loss became infinite or NaN."""


def steps_per_epoch(n: int, batch_size: int) -> int:
    """How many batches n images make; the last one may be smaller."""
    return math.ceil(n / batch_size)


def train_steps(
    model: Layer,
    loss: Loss,
    optimizer: Optimizer,
    images: Array,
    labels: Array,
    *,
    prepare: Prepare,
    epochs: int,
    batch_size: int,
    schedule: Schedule,
    seed: int,
) -> Iterator[Step]:
    """Train, one batch at a time: images uint8 (N, H, W), labels (N,). Every epoch visits each image once, in a new order.

    The same arguments give bitwise the same weights on the same machine.

    Errors    ValueError if images and labels do not fit or are empty; TrainingDiverged at the first step whose loss is not
              finite, before that step changes a weight
    """
    n = len(images)
    require(n > 0 and len(labels) == n, f"train_steps: {n} images and {len(labels)} labels; wanted as many, and some")
    require(epochs >= 1 and batch_size >= 1, f"train_steps: epochs {epochs} and batch_size {batch_size} must be positive")
    step = 0
    for epoch in range(epochs):
        order = stream(seed, Purpose.SHUFFLE, step=epoch).permutation(n)
        for index in range(steps_per_epoch(n, batch_size)):
            batch = order[index * batch_size : (index + 1) * batch_size]
            lr = schedule(step)
            rng = stream(seed, Purpose.STEP, step=step)
            result = loss_and_grads(model, loss, prepare(images[batch]), labels[batch], rng=rng)
            if not math.isfinite(result.loss):
                raise TrainingDiverged(
                    f"the loss is {result.loss} at step {index + 1} of epoch {epoch + 1}: training diverged; "
                    f"a smaller learning rate than {lr:.3g} usually helps"
                )
            optimizer.step(model.params, result.grads, lr)
            model.update_state(result.observed)
            yield Step(epoch, index, result.loss, result.correct, len(batch), lr)
            step += 1


def epoch_summary(steps: list[Step], validation: Evaluation | None = None) -> Epoch:
    """The mean loss and accuracy of an epoch's steps, weighted by their images, beside the validation figures."""
    size = sum(step.size for step in steps)
    return Epoch(
        epoch=steps[-1].epoch,
        train_loss=sum(step.loss * step.size for step in steps) / size,
        train_accuracy=sum(step.correct for step in steps) / size,
        val_loss=validation.loss if validation else None,
        val_accuracy=validation.accuracy if validation else None,
        lr=steps[-1].lr,
    )


def train_epochs(
    model: Layer,
    loss: Loss,
    optimizer: Optimizer,
    images: Array,
    labels: Array,
    *,
    prepare: Prepare,
    epochs: int,
    batch_size: int,
    schedule: Schedule,
    seed: int,
    validation: tuple[Array, Array] | None = None,
) -> Iterator[Epoch]:
    """``train_steps``, an epoch at a time; ``validation`` is (images, labels) to evaluate after each."""
    steps: list[Step] = []
    last = steps_per_epoch(len(images), batch_size) - 1
    for step in train_steps(
        model,
        loss,
        optimizer,
        images,
        labels,
        prepare=prepare,
        epochs=epochs,
        batch_size=batch_size,
        schedule=schedule,
        seed=seed,
    ):
        steps.append(step)
        if step.index == last:
            yield epoch_summary(steps, evaluate(model, loss, *validation, prepare=prepare) if validation else None)
            steps = []


def evaluate(model: Layer, loss: Loss, images: Array, labels: Array, *, prepare: Prepare) -> Evaluation:
    """Mean loss (never smoothed) and accuracy on uint8 images (N, H, W) with labels (N,), in evaluation mode."""
    logits = logits_of(model, images, prepare)
    value, _ = loss.without_smoothing().forward(logits.astype(np.float64), labels)
    return Evaluation(value, accuracy(labels, logits.argmax(axis=1)), logits)
