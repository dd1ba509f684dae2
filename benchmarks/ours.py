"""scratchnet as a contender."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from benchmarks.data import Data
from benchmarks.networks import CASES
from benchmarks.rounds import Worker
from scratchnet.engine import Engine, Prepare, ShardedEngine
from scratchnet.layers import Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.machine import available_cores
from scratchnet.optim import Momentum, constant
from scratchnet.preprocess import prepare
from scratchnet.train import Step, evaluate, train_steps
from scratchnet.typing import Array

LR, MOMENTUM = 0.01, 0.9
SHARDS = 4
FOR_EVER = 10**9  # epochs
INFER_UNIT = 500  # images


def default_workers() -> int:
    """As many as ShardedEngine starts when nobody says how many."""
    cores = available_cores()
    return min(cores, SHARDS) if cores > 1 else 0


class Ours(Worker):
    """``workers`` None is the engine in process, where BLAS uses its own threads; else ShardedEngine with so many."""

    def __init__(self, data: Data, workers: int | None) -> None:
        self.data, self.workers = data, workers
        self._prepare: Prepare = prepare
        self._engine: Engine | None = None

    def set_up(self, case: str, what: str) -> None:
        """``what`` is "train" (unit: one step), "infer" (unit: INFER_UNIT images) or "whole-run" (unit: one run)."""
        self.use(CASES[case].build, CASES[case].batch_size, what)

    def use(self, build: Callable[[], Sequential], batch_size: int, what: str) -> None:
        """The same for any network."""
        self.close()
        self._build, self._batch_size, self.what = build, batch_size, what
        self.warm_up = 0.0 if what == "whole-run" else Worker.warm_up
        if what != "whole-run":
            self._engine = self._new_engine(build())
        if what == "train":
            self._steps = self._training(self._engine, FOR_EVER)

    def work(self, amount: int) -> None:
        if self.what == "train":
            for _ in islice(self._steps, amount):
                pass
        elif self.what == "infer":
            infer(self._engine.logits, self.data.test_images, amount * INFER_UNIT)
        else:
            self._whole_run()

    def accuracy(self) -> float:
        """On the test set, after the last whole run."""
        return self._accuracy

    def _whole_run(self) -> None:
        """From uint8 arrays in memory to a network that is trained for one epoch and tested, workers started and ended."""
        with self._new_engine(self._build()) as engine:
            for _ in self._training(engine, 1):
                pass
            self._accuracy = evaluate(engine, self.data.test_images, self.data.test_labels).accuracy

    def _new_engine(self, model: Sequential) -> Engine:
        make: Callable[..., Engine] = Engine
        if self.workers is not None:
            make = functools.partial(ShardedEngine, shards=SHARDS, workers=self.workers)
        return make(model, SoftmaxCrossEntropy(), self.data.images, self.data.labels, prepare=self._prepare)

    def _training(self, engine: Any, epochs: int) -> Iterator[Step]:
        optimizer = Momentum(LR, MOMENTUM)
        return train_steps(engine, optimizer, epochs=epochs, batch_size=self._batch_size, schedule=constant(LR), seed=0)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def infer(logits: Callable[[Array], Any], images: Array, count: int) -> None:
    """The network's outputs for ``count`` images: all that there are, again and again."""
    while count > 0:
        logits(images[:count])
        count -= len(images)
