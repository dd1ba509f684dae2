"""What the doctor examines: a network, its data, and passes through it that several checks look at."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from scratchnet.engine import Prepare
from scratchnet.inspection.facts import own_params, written
from scratchnet.layers import Layer
from scratchnet.layers.base import Stage, StageBack, walk
from scratchnet.losses import Loss
from scratchnet.optim import Optimizer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Cache, Rng

SAMPLE = 256  # images that a pass is looked at on


class Split(NamedTuple):
    """Labelled images: as they are stored, and how they become what the network takes."""

    name: str
    images: Array
    labels: Array
    prepare: Prepare | None

    def x(self, indices: Array | slice) -> Array:
        """These images, as the network takes them."""
        images = self.images[indices]
        if self.prepare is not None:
            return self.prepare(images)
        return images if np.issubdtype(images.dtype, np.floating) else images.astype(np.float32)

    def sample(self, size: int, rng: Rng) -> tuple[Array, Array]:
        """Some of the images, drawn without replacement, and their labels."""
        chosen = np.sort(rng.permutation(len(self.images))[:size])
        return self.x(chosen), self.labels[chosen]


class Pass(NamedTuple):
    """One forward and backward pass over a batch, in training mode."""

    x: Array
    labels: Array
    stages: list[Stage]
    backs: dict[str, StageBack]
    logits: Array
    loss: float
    cache: Cache


@dataclass(frozen=True)
class Case:
    """The doctor's patient. Checks read it and change nothing: what trains, trains a copy."""

    model: Layer
    train: Split
    held_out: tuple[Split, ...]  # validation and test, those that were given
    loss: Loss
    optimizer: Optimizer | None
    batch_size: int
    shuffle: bool
    seed: int
    num_classes: int = field(default=0)

    def rng(self, step: int = 0) -> Rng:
        """Random numbers for drawing samples and for dropout; the same for the same seed and step."""
        return stream(self.seed, Purpose.STEP, step=step)

    def copy_of_model(self) -> Layer:
        return copy.deepcopy(self.model)

    @cached_property
    def sample(self) -> tuple[Array, Array]:
        """(x, labels) of up to SAMPLE training images."""
        return self.train.sample(SAMPLE, stream(self.seed, Purpose.SHUFFLE))

    @cached_property
    def seen(self) -> Pass:
        """The pass over the sample."""
        x, labels = self.sample
        stages: list[Stage] = []
        backs: list[StageBack] = []
        logits, cache = walk(self.model.stages(x, train=True, rng=self.rng()), stages.append)
        loss, loss_cache = self.loss.forward(logits, labels)
        walk(self.model.stages_back(self.loss.backward(1.0, loss_cache), cache, need_dx=False), backs.append)
        return Pass(x, labels, stages, {stage.name: stage for stage in backs}, logits, loss, cache)

    @cached_property
    def learning(self) -> list[Stage]:
        """The stages whose layers have weights (params called w), first to last."""
        return [stage for stage in self.seen.stages if "w" in own_params(stage.layer)]


def place(stage: Stage | StageBack) -> str:
    """How a finding names a layer: layer 3, Conv2d(16, 32, 5, pad=2)."""
    return f"layer {stage.name}, {written(stage.layer)}" if stage.name else written(stage.layer)


def key(stage: Stage | StageBack, param: str) -> str:
    """The param's name in the whole network."""
    return f"{stage.name}.{param}" if stage.name else param
