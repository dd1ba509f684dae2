"""From a recipe to a trained network: what the commands that train have in common.

with engine_for(recipe, images, labels) as engine:
    for epoch in train_epochs(steps_for(recipe, engine)):
        ...
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchnet import models
from scratchnet.engine import Prepare, ShardedEngine
from scratchnet.engine.batch import chunks
from scratchnet.layers import NearestNeighbors, Sequential
from scratchnet.optim import Optimizer
from scratchnet.preprocess import Normalization, prepare
from scratchnet.recipes import Recipe
from scratchnet.train import Step, steps_per_epoch, train_steps
from scratchnet.typing import Array


def engine_for(
    recipe: Recipe,
    images: Array,
    labels: Array,
    *,
    normalization: Normalization | None = None,
    workers: int | None = None,
) -> ShardedEngine:
    """The recipe's fresh model with its training images, uint8 (N, 28, 28), ready to be trained.

    ``engine.task.model`` is the model. One that learns by heart, knn, has already done so.
    """
    network = functools.partial(prepare, normalization=normalization or Normalization())
    model = models.build(recipe.model, seed=recipe.seed)
    memorise(model, images, labels, network)
    return ShardedEngine(
        model,
        recipe.build_loss(),
        images,
        labels,
        prepare=network,
        augment=recipe.build_augment(),
        ema=recipe.ema,
        shards=recipe.shards,
        workers=workers,
    )


def steps_for(
    recipe: Recipe,
    engine: ShardedEngine,
    optimizer: Optimizer | None = None,
    *,
    start: int = 0,
    detect_anomaly: bool = False,
) -> Iterator[Step]:
    """The recipe's training; no steps at all for a model without weights.

    To go on with one that was interrupted, give the optimizer as it was after ``start`` steps (see checkpoint.py).
    """
    if not engine.task.model.params:
        return iter(())
    steps = steps_per_epoch(len(engine), recipe.batch_size) * recipe.epochs
    return train_steps(
        engine,
        optimizer or recipe.build_optimizer(),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        schedule=recipe.build_schedule(steps),
        seed=recipe.seed,
        start=start,
        detect_anomaly=detect_anomaly,
    )


def memorise(model: Sequential, images: Array, labels: Array, prepare: Prepare) -> None:
    """Let a model that ends in NearestNeighbors remember these images; all others stay as they are."""
    last = model.layers[-1] if model.layers else None
    if isinstance(last, NearestNeighbors):
        before = Sequential(*model.layers[:-1])
        last.remember(np.concatenate([before(prepare(images[part])) for part in chunks(len(images))]), labels)


def metadata_for(recipe: Recipe, normalization: Normalization | None = None) -> dict[str, Any]:
    """What a model file of this recipe says of itself (see serialize.save_model)."""
    return {
        "name": recipe.model,
        "input_shape": list(models.INPUT_SHAPE),
        "num_classes": models.NUM_CLASSES,
        "normalization": (normalization or Normalization()).to_dict(),
        "loss": recipe.loss,
        "weights": f"average with decay {recipe.ema:g} (see engine/average.py)" if recipe.ema else "of the last step",
        "provenance": {"recipe": recipe.to_dict()},
    }
