"""The memory that parent and workers share: the data, the weights, the next step, and what came of its shards."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from scratchnet.engine.batch import BatchResult, Task
from scratchnet.engine.flat import Layout, write
from scratchnet.typing import Array

Wanted = dict[str, tuple[tuple[int, ...], Any]]


class Board:
    """Arrays that every process sees, and the two sides of a step: ``work_on`` a shard, and the ``total`` of all shards."""

    def __init__(self, task: Task, arrays: dict[str, Array]) -> None:
        self.arrays = arrays
        self.task = dataclasses.replace(task, images=arrays["images"], targets=arrays["targets"])
        grads, observed = Layout(task.model.params), Layout(task.model.state)
        self._grads = [grads.views(vector) for vector in arrays["grads"]]
        self._observed = [observed.views(vector) for vector in arrays["observed"]]
        self._sum = np.empty(grads.size, grads.dtype), np.empty(observed.size, observed.dtype)
        self._total = grads.views(self._sum[0]), observed.views(self._sum[1])

    def post(self, batch: Array, seed: int, step: int) -> None:
        """Write down the next step."""
        self.arrays["step"][:] = len(batch), seed, step
        self.arrays["batch"][: len(batch)] = batch

    def work_on(self, shard: int) -> None:
        """Do this shard of the step that is written down, if the batch has so many."""
        parts = self._parts()
        if shard < len(parts):
            size, seed, step = (int(number) for number in self.arrays["step"])
            result = self.task.work(parts[shard], of=size, seed=seed, step=step, shard=shard)
            self.arrays["loss"][shard], self.arrays["correct"][shard] = result.loss, result.correct
            write(self._grads[shard], result.grads)
            write(self._observed[shard], result.observed)

    def total(self) -> BatchResult:
        """The whole batch's result, always added up in the order of the shards."""
        share = [len(part) / self.arrays["step"][0] for part in self._parts()]
        grads, observed = self._sum
        np.copyto(grads, self.arrays["grads"][0])
        observed[:] = share[0] * self.arrays["observed"][0]
        for shard in range(1, len(share)):
            grads += self.arrays["grads"][shard]
            observed += share[shard] * self.arrays["observed"][shard]
        loss = sum(s * value for s, value in zip(share, self.arrays["loss"].tolist(), strict=False))
        return BatchResult(float(loss), int(self.arrays["correct"][: len(share)].sum()), *self._total)

    def _parts(self) -> list[Array]:
        """The images of each shard; a batch smaller than the number of shards has fewer."""
        size = int(self.arrays["step"][0])
        return [part for part in np.array_split(self.arrays["batch"][:size], len(self._grads)) if len(part)]


def wanted(task: Task, shards: int) -> Wanted:
    """Names, shapes and dtypes of a board's arrays, but for the data's own."""
    params, state = Layout(task.model.params), Layout(task.model.state)
    return {
        "batch": ((len(task.images),), np.int64),  # which images; the first "size" of them
        "step": ((3,), np.uint64),  # size, seed, step
        "params": ((params.size,), params.dtype),
        "state": ((state.size,), state.dtype),
        "grads": ((shards, params.size), params.dtype),
        "observed": ((shards, state.size), state.dtype),
        "loss": ((shards,), np.float64),
        "correct": ((shards,), np.int64),
    }
