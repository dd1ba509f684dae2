"""A loss and its gradients for one batch, and a network's outputs for many images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchnet.arguments import (
    is_number,
    kind_of,
    require,
    require_finite,
    require_function,
    require_integers,
    require_numbers,
)
from scratchnet.layers.base import Layer, require_layer
from scratchnet.losses import Loss, require_loss
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Grads, Params, Rng

Prepare = Callable[[Array], Array]
"""uint8 images (N, H, W) -> what the network takes (N, C, H, W)."""

Augment = Callable[[Array, Rng], Array]
"""uint8 images (N, H, W) and random numbers -> changed images, for training alone."""

CHUNK = 64
"""Images that go through a network at once when it is not trained: few enough that activations stay near the processor."""


class BatchResult(NamedTuple):
    """What one batch gives: its mean loss, how many images were named right, the gradients and BatchNorm's statistics."""

    loss: float
    correct: int
    grads: Grads
    observed: Params


def loss_and_grads(
    model: Layer, loss: Loss, x: Array, targets: Array, *, rng: Rng | None = None, dloss: float = 1.0
) -> BatchResult:
    """One forward and one backward pass in training mode. Nothing is changed: neither weights nor running statistics.

    After ``optimizer.step(model.params, result.grads)`` a network with BatchNorm also wants
    ``model.update_state(result.observed)``; one with Dropout wants an ``rng`` here.

    Shapes    x as the model takes it, targets (N,) labels or (N, K) -> gradients keyed and shaped like model.params
    Errors    ValueError or TypeError if x does not fit the model, the targets do not fit its output, or functions of your
              own return something else than a loss and gradients of the params' shapes
    """
    require_layer("loss_and_grads: model", model)
    require_loss("loss_and_grads: loss", loss)
    logits, cache = model.forward(x, train=True, rng=rng)
    value, loss_cache = loss.forward(logits, targets)
    require(is_number(value), f"{type(loss).__name__}: forward must return the mean loss, one number, got {kind_of(value)}")
    correct = int((logits.argmax(axis=1) == targets).sum()) if targets.ndim == 1 else 0
    _, grads = model.backward(loss.backward(dloss, loss_cache), cache, need_dx=False)
    for key, w in model.params.items():
        if np.shape(grads[key]) != w.shape:
            raise ValueError(f"the gradient of {key} must have its shape, {w.shape}, got {np.shape(grads[key])}")
    return BatchResult(value, correct, grads, model.observe(cache))


def chunks(n: int) -> Iterator[slice]:
    """0 .. n in parts of CHUNK."""
    return (slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))


def logits_of(model: Layer, images: Array, prepare: Prepare) -> Array:
    """The network's outputs (N, K) for uint8 images (N, H, W), in evaluation mode, CHUNK at a time.

    Errors    ValueError if there are no images, or numbers among them that are not finite
    """
    require_layer("logits_of: model", model)
    require_function("logits_of: prepare", prepare)
    check_images("logits_of", images)
    return np.concatenate([model(prepare(images[part])) for part in chunks(len(images))])


def check_images(function: str, images: Array) -> None:
    """Refuse what is no array of images, one at least, or holds NaN or infinity."""
    require_numbers(f"{function}: images", images)
    require(images.ndim > 0 and len(images) > 0, f"{function}: no images: got shape {images.shape}")
    require_finite(f"{function}: images", images)


def require_batch(function: str, batch: Array, n: int) -> None:
    """Refuse what is no array (N,) of indices of n images; a mask of bools would be read as zeros and ones.

    Errors    TypeError or ValueError
    """
    require_integers(f"{function}: batch", batch)
    require(batch.ndim == 1 and len(batch) > 0, f"{function}: batch must be indices (N,), one at least, got {batch.shape}")
    low, high = batch.min(), batch.max()
    require(low >= 0 and high < n, f"{function}: batch must be indices of the {n} images there are, got {low} .. {high}")


@dataclass(frozen=True)
class Task:
    """What is to be trained on what: all that is needed to work on a part of a batch, wherever that happens."""

    model: Layer
    loss: Loss
    images: Array
    targets: Array
    prepare: Prepare
    augment: Augment | None = None

    def inputs(self, indices: Array, rng: Rng) -> Array:
        """What the network takes for these images, in training."""
        images = self.images[indices]
        return self.prepare(images if self.augment is None else self.augment(images, rng))

    def work(self, indices: Array, *, of: int, seed: int, step: int, shard: int = 0) -> BatchResult:
        """Loss and gradients of the images at ``indices``, one shard of a batch ``of`` so many.

        Its random numbers depend on the step and the shard alone, not on who does the work. The gradients are weighted by
        the shard's share of the batch, so that the shards' sum is the batch's; loss and statistics are the shard's means.
        """
        rng = stream(seed, Purpose.STEP, step=step, shard=shard)
        x = self.inputs(indices, rng)
        with np.errstate(over="ignore", invalid="ignore"):  # who asked looks at the loss: it says it once and better
            return loss_and_grads(self.model, self.loss, x, self.targets[indices], rng=rng, dloss=len(indices) / of)
