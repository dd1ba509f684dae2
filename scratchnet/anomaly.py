"""Where does the first NaN or infinity of a training step come from?

In a network every number is computed from others, so one that is not finite soon makes all of them so. To know that the loss
is NaN helps little; to know the first layer that made such a number of finite ones does. ``find`` works on a step once more,
layer by layer, and looks at everything in the order in which it is computed: the data, each layer's weights and output, the
loss, then backwards each layer's gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchnet.engine.batch import Task, require_batch
from scratchnet.layers.base import Layer, Stage, StageBack, walk
from scratchnet.layers.compose import Composite
from scratchnet.optim import Optimizer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array

DATA = "look at the images, and at what prepare and augment make of them"
WEIGHTS = "made so, or by the step before: a smaller learning rate usually helps"
FORWARD = (
    "its input and weights are finite, but numbers have grown too large (a smaller learning rate, initial weights or inputs "
    "help), or it divides by 0 or takes log(0)"
)
LOSS = "its input is finite, but has grown too large (a smaller learning rate helps), or it takes log(0)"
BACKWARD = (
    "all before it is finite, but gradients have grown too large (a smaller learning rate helps), or the derivative divides "
    "by 0"
)


STATE = "gradients have grown too large, or their squares: a smaller learning rate usually helps"


class Anomaly(NamedTuple):
    """The first numbers that are not finite: where they are, what they are, and what the usual causes are."""

    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.why}"


def find(task: Task, batch: Array, *, seed: int, step: int, shards: int = 1) -> Anomaly | None:
    """Work on a step as the engine does, with the same random numbers, and say what is not finite first; None if all is.

    Nothing is changed. It costs a step, and a look at every number besides.

    Shapes    batch (N,), indices of the task's images; in ``shards`` parts, as the engine cuts it
    Errors    ValueError or TypeError if it holds no indices, or others
    """
    require_batch("anomaly", batch, len(task.images))
    parts = [part for part in np.array_split(batch, shards) if len(part)]
    with np.errstate(all="ignore"):
        for shard, part in enumerate(parts):
            for anomaly in _in_order(task, part, seed=seed, step=step, shard=shard, share=len(part) / len(batch)):
                return anomaly
    return None


def in_optimizer(optimizer: Optimizer) -> Anomaly | None:
    """What an optimizer remembers that is not finite: squares of large gradients, after which Adam stands still for ever."""
    for slot, arrays in optimizer.state.items():
        for anomaly in _bad(f"{type(optimizer).__name__}'s {slot}", arrays, STATE):
            return anomaly
    return None


def _in_order(task: Task, indices: Array, *, seed: int, step: int, shard: int, share: float) -> Iterator[Anomaly]:
    """All that is not finite in one shard, the first one first."""
    rng = stream(seed, Purpose.STEP, step=step, shard=shard)
    x, targets = task.inputs(indices, rng), task.targets[indices]
    yield from _bad("the data", {"x": x, "targets": targets}, DATA)

    found: list[Anomaly] = []
    logits, cache = walk(task.model.stages(x, train=True, rng=rng), lambda stage: found.extend(_forward(stage)))
    yield from found
    value, loss_cache = task.loss.forward(logits, targets)
    name = type(task.loss).__name__
    yield from _bad(f"forward of the loss, {name}", {"loss": np.asarray(value)}, LOSS)
    dlogits = task.loss.backward(share, loss_cache)
    yield from _bad(f"backward of the loss, {name}", {"dlogits": dlogits}, BACKWARD)

    walk(task.model.stages_back(dlogits, cache, need_dx=False), lambda back: found.extend(_backward(back)))
    yield from found


def _forward(stage: Stage) -> Iterator[Anomaly]:
    own = {} if isinstance(stage.layer, Composite) else {**stage.layer.params, **stage.layer.state}
    yield from _bad(f"the weights of {_layer(stage)}", own, WEIGHTS)
    observed = {} if isinstance(stage.layer, Composite) else stage.layer.observe(stage.cache)
    yield from _bad(f"forward of {_layer(stage)}", {"out": stage.out, **observed}, FORWARD)


def _backward(back: StageBack) -> Iterator[Anomaly]:
    arrays = {f"d{key}": g for key, g in back.grads.items()}
    yield from _bad(f"backward of {_layer(back)}", arrays if back.dx is None else {"dx": back.dx, **arrays}, BACKWARD)


def _layer(stage: Stage | StageBack) -> str:
    name = type(stage.layer).__name__
    return f"layer {stage.name}, {name}" if stage.name else name


def _bad(place: str, arrays: dict[str, Array], why: str) -> Iterator[Anomaly]:
    """An anomaly for each array that is not finite."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            yield Anomaly(place, f"{name} has {_counted(array)}", why)


def _counted(array: Array) -> str:
    """3 NaN and 1 infinite of 12 numbers"""
    kinds = {"NaN": int(np.isnan(array).sum()), "infinite": int(np.isinf(array).sum())}
    return " and ".join(f"{n} {kind}" for kind, n in kinds.items() if n) + f" of {array.size} numbers"


def not_finite(model: Layer) -> list[str]:
    """The names of a network's params and state that hold NaN or infinity."""
    return [name for name, array in {**model.params, **model.state}.items() if not np.isfinite(array).all()]
