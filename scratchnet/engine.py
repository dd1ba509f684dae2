"""Running a network over data: a loss and its gradients for one batch, and the outputs for many images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

from scratchnet.layers.base import Layer, require
from scratchnet.losses import Loss
from scratchnet.typing import Array, Grads, Params, Rng

Prepare = Callable[[Array], Array]
"""uint8 images (N, H, W) -> what the network takes (N, C, H, W)."""


def one_blas_thread() -> AbstractContextManager[object]:
    """Within this context a matrix product runs on one core.

    A convolution is many small products. Sharing each among threads gains about a quarter on an idle machine, and loses a
    factor of ten on a busy one, where every product waits for the thread that was sent to sleep.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


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
    """
    logits, cache = model.forward(x, train=True, rng=rng)
    value, loss_cache = loss.forward(logits, targets)
    correct = int((logits.argmax(axis=1) == targets).sum()) if targets.ndim == 1 else 0
    _, grads = model.backward(loss.backward(dloss, loss_cache), cache, need_dx=False)
    return BatchResult(value, correct, grads, model.observe(cache))


def logits_of(model: Layer, images: Array, prepare: Prepare, *, batch_size: int = 500) -> Array:
    """The network's outputs (N, K) for uint8 images (N, H, W), in evaluation mode, a batch at a time.

    Errors    ValueError if there are no images
    """
    require(len(images) > 0, f"no images: got shape {images.shape}")
    batches = range(0, len(images), batch_size)
    return np.concatenate([model(prepare(images[i : i + batch_size])) for i in batches])
