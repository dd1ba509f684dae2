"""The memory that all processes share: the data, the weights, the next step, and what came of it.

A step has two halves, with everybody waiting for everybody in between. In the first, each process works on its shards of
the batch: one row of gradients a shard. In the second, each takes its part of the long vector of all weights, adds up that
part of the rows in the order of the shards, and lets the optimizer change it. Optimizers change each weight by itself, so
parts come out bitwise as the whole would.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from typing import Any

import numpy as np

from scratchnet.engine.batch import BatchResult, Task
from scratchnet.engine.flat import Layout, is_finite, statistics, write
from scratchnet.layers.base import require
from scratchnet.optim import Optimizer
from scratchnet.typing import Array, Params

Wanted = dict[str, tuple[tuple[int, ...], Any]]

MAX_SLOTS = 2  # arrays that an optimizer keeps for each weight; Adam has two
LINE = 16  # numbers in a cache line: parts begin at one, so that no two processes write to the same


class Board:
    """The shared arrays, and what a process does with them."""

    def __init__(self, task: Task, arrays: dict[str, Array]) -> None:
        self.arrays = arrays
        self.task = dataclasses.replace(task, images=arrays["images"], targets=arrays["targets"])
        self.params, self._statistics = Layout(task.model.params), Layout(statistics(task.model))
        self._grads = [self.params.views(row) for row in arrays["grads"]]
        self._observed = [self._statistics.views(row) for row in arrays["observed"]]

    def post(self, batch: Array, seed: int, step: int) -> None:
        """Write down the next step."""
        self.arrays["step"][:] = len(batch), seed, step
        self.arrays["batch"][: len(batch)] = batch

    def work_on(self, shard: int) -> None:
        """The first half: this shard of the step that is written down, if the batch has so many."""
        parts = self._parts()
        if shard < len(parts):
            size, seed, step = (int(number) for number in self.arrays["step"])
            result = self.task.work(parts[shard], of=size, seed=seed, step=step, shard=shard)
            self.arrays["loss"][shard], self.arrays["correct"][shard] = result.loss, result.correct
            write(self._grads[shard], result.grads)
            write(self._observed[shard], result.observed)

    def add_up(self, part: slice) -> None:
        """Add this part of all shards' gradients to the first one's, in the order of the shards."""
        total, *others = self.arrays["grads"][: len(self._parts()), part]
        for row in others:
            total += row

    def result(self) -> BatchResult:
        """The whole batch's result; its gradients are right once all their parts have been added up."""
        sizes = [len(part) for part in self._parts()]
        share, count = np.array(sizes) / sum(sizes), len(sizes)
        loss = float(share @ self.arrays["loss"][:count])
        observed = share.astype(self._statistics.dtype) @ self.arrays["observed"][:count]
        correct = int(self.arrays["correct"][:count].sum())
        return BatchResult(loss, correct, self._grads[0], self._statistics.views(observed))

    def _parts(self) -> list[Array]:
        """The images of each shard; a batch smaller than the number of shards has fewer."""
        size, shards = int(self.arrays["step"][0]), len(self._grads)
        each, one_more = divmod(size, shards)  # as np.array_split, which takes as long as a small layer
        ends = [shard * each + min(shard, one_more) for shard in range(shards + 1)]
        return [self.arrays["batch"][start:stop] for start, stop in itertools.pairwise(ends) if stop > start]


class Update:
    """The second half of a step: part ``index`` of ``count`` of all weights."""

    def __init__(self, board: Board, optimizer: Optimizer, index: int, count: int) -> None:
        size = board.params.size
        start, stop = (min(size, -(-size * i // count // LINE) * LINE) for i in (index, index + 1))
        self._board, self._part, self._index = board, slice(start, stop), index
        self._params = board.params.part(board.arrays["params"], start, stop)
        self._grads = board.params.part(board.arrays["grads"][0], start, stop)
        self._optimizer = copy.copy(optimizer)
        self._optimizer.state = {
            slot: board.params.part(vector, start, stop)
            for slot, vector in zip(optimizer.slots, board.arrays["slots"], strict=False)
        }

    def __call__(self) -> None:
        self._board.add_up(self._part)
        with np.errstate(over="ignore", invalid="ignore"):
            self._optimizer.step(self._params, self._grads, float(self._board.arrays["lr"][0]))
        self._board.arrays["finite"][self._index] = all(map(is_finite, self._params.values()))


class LentState:
    """An optimizer's state, moved into shared memory until ``release`` moves it back."""

    def __init__(self, board: Board, optimizer: Optimizer) -> None:
        require(len(optimizer.slots) <= MAX_SLOTS, f"{type(optimizer).__name__}: more than {MAX_SLOTS} slots")
        self._optimizer = optimizer
        shared: dict[str, Params] = {}
        for slot, vector in zip(optimizer.slots, board.arrays["slots"], strict=False):
            vector[:] = 0
            shared[slot] = board.params.views(vector)
            for key, array in optimizer.state[slot].items():
                shared[slot][key][...] = array
        optimizer.state = shared

    def release(self) -> None:
        state = self._optimizer.state
        self._optimizer.state = {slot: {key: view.copy() for key, view in views.items()} for slot, views in state.items()}


def wanted(task: Task, shards: int) -> Wanted:
    """Names, shapes and dtypes of a board's arrays, but for the data's own."""
    params, state, observed = (Layout(of) for of in (task.model.params, task.model.state, statistics(task.model)))
    return {
        "batch": ((len(task.images),), np.int64),  # which images; as many as "step" says
        "step": ((3,), np.uint64),  # size of the batch, seed, step
        "params": ((params.size,), params.dtype),
        "state": ((state.size,), state.dtype),
        "grads": ((shards, params.size), params.dtype),
        "observed": ((shards, observed.size), observed.dtype),
        "loss": ((shards,), np.float64),
        "correct": ((shards,), np.int64),
        "lr": ((1,), np.float64),
        "finite": ((shards,), np.bool_),  # of each process's part of the weights, after the step; there are at most so many
        "slots": ((MAX_SLOTS, params.size), params.dtype),
    }
