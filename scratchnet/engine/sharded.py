"""The engines: who works on a batch. ``Engine`` in this process, ``ShardedEngine`` on all cores.

A batch is cut into shards. Each shard's loss and gradients are computed on their own, by whichever process, and added up
in the order of the shards. So the number of shards decides what is computed, down to the rounding; the number of workers
only decides how fast: the same seed and shards give bitwise the same weights on 0, 1, 2 or 4 workers.

Why processes: one batch of a small CNN is hundreds of short NumPy calls. Threads take turns at Python's lock between them,
and a BLAS that shares each small product among cores spends more time on sharing than on multiplying. Processes have a
core each and meet twice a step (board.py says what for). The weights lie in memory that all of them see, so nothing is sent
anywhere.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import io
import math
import multiprocessing
import pickle
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import FunctionType, TracebackType
from typing import Any, Self

import numpy as np

from scratchnet.arguments import (
    is_number,
    is_whole,
    require,
    require_finite,
    require_function,
    require_numbers,
)
from scratchnet.engine.average import WeightAverage
from scratchnet.engine.batch import Augment, BatchResult, Prepare, Task, check_images, chunks, logits_of, require_batch
from scratchnet.engine.board import Board, LentState, Update, wanted
from scratchnet.engine.flat import Binding, is_finite, statistics
from scratchnet.engine.shared import SharedArrays
from scratchnet.engine.workers import Run, Workers
from scratchnet.layers.base import Layer, require_layer
from scratchnet.losses import Loss, require_loss
from scratchnet.machine import available_cores, keep_freed_memory, one_blas_thread
from scratchnet.optim import Optimizer
from scratchnet.typing import Array

WORK, UPDATE, OPTIMIZER, INFER = 1, 2, 3, 4  # commands
START_METHODS = ("spawn", "forkserver", "fork")


class Engine:
    """A network, its loss and its training data, in this process: a batch is one piece, and BLAS uses its own threads.

    images uint8 (n, H, W) and targets (n,) may be left out by those who only want ``logits``. ``prepare`` turns images into
    what the network takes; ``augment(images, rng)`` changes training images before that. With ``ema``, the weights' average
    over about the last 1 / (1 - ema) steps is kept beside them (see average.py).

    Errors    TypeError or ValueError if an argument is of another kind, images or targets are not finite, there are not as
              many targets as images, or ema is not in 0 .. 1 (1 excluded)
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        images: Array | None = None,
        targets: Array | None = None,
        *,
        prepare: Prepare,
        augment: Augment | None = None,
        ema: float = 0.0,
    ) -> None:
        images = np.empty((0, 1, 1), np.uint8) if images is None else images
        targets = np.empty(0, np.int64) if targets is None else targets
        require_layer("engine: model", model)
        require_loss("engine: loss", loss)
        require_function("engine: prepare", prepare)
        if augment is not None:
            require_function("engine: augment", augment)
        for name, array in (("images", images), ("targets", targets)):
            require_numbers(f"engine: {name}", array)
            require(array.ndim > 0, f"engine: {name} must be one for each image, got a single number")
            require_finite(f"engine: {name}", array)
        require(is_number(ema) and 0 <= ema < 1, f"engine: ema must be in 0 .. 1 (1 excluded), got {ema!r}")
        require(len(images) == len(targets), f"engine: {len(images)} images and {len(targets)} targets; wanted as many")
        self.task = Task(model, loss, images, targets, prepare, augment)
        self.average = WeightAverage(model, ema) if ema else None
        self.shards = 1
        self._statistics_finite = True
        keep_freed_memory()

    def __len__(self) -> int:
        """How many training images there are."""
        return len(self.task.images)

    def loss_and_grads(self, batch: Array, *, seed: int, step: int) -> BatchResult:
        """Loss and gradients of the training images at the indices ``batch`` (N,).

        The random numbers of dropout and augmentation come from the seed and the step. The arrays that are returned are
        good until the next call.

        Errors    TypeError or ValueError if ``batch`` holds no indices of its images, or the data do not fit the network
        """
        require_batch("engine", batch, len(self))
        return self.task.work(batch, of=len(batch), seed=seed, step=step)

    def step(self, optimizer: Optimizer, batch: Array, lr: float, *, seed: int, step: int) -> tuple[float, int]:
        """A training step: the loss of a batch, how many images were named right, and the change that follows from it.

        A loss that is not finite changes nothing.
        """
        result = self.loss_and_grads(batch, seed=seed, step=step)
        if math.isfinite(result.loss):
            with np.errstate(over="ignore", invalid="ignore"):  # is_finite says it
                optimizer.step(self.task.model.params, result.grads, lr)
            self._keep(result, step)
        return result.loss, result.correct

    def is_finite(self) -> bool:
        """Are all weights, and BatchNorm's running statistics, still finite after the last step?"""
        return self._statistics_finite and all(map(is_finite, self.task.model.params.values()))

    def _keep(self, result: BatchResult, step: int) -> None:
        """What follows after the weights have changed."""
        with np.errstate(over="ignore", invalid="ignore"):
            self.task.model.update_state(result.observed)
        self._statistics_finite = not result.observed or all(map(is_finite, statistics(self.task.model).values()))
        if self.average:
            self.average.update(step)

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Within this context the network has its averaged weights, if an average is kept; then its own again.

        with engine.averaged():
            save_model("my.npz", model, metadata)
        """
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def logits(self, images: Array) -> Array:
        """The network's outputs (N, K) for any uint8 images (N, H, W), in evaluation mode.

        Errors    ValueError if there are no images
        """
        return logits_of(self.task.model, images, self.task.prepare)

    def close(self) -> None:
        """End what was started; ``with`` does it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ShardedEngine(Engine):
    """``shards`` parts of each batch, worked on by ``workers`` processes, this one among them, with one BLAS thread each.

        with ShardedEngine(model, loss, images, labels, prepare=prepare) as engine:
            for step in train_steps(engine, optimizer, ...):

    A script does that under ``if __name__ == "__main__":``, for the processes import it too (a notebook need not).

    While it is open, the params and state of the network and of the optimizer lie in memory that the processes share; change
    them in place, as optimizers do, and an optimizer's settings not at all (``lr`` is an argument of each step). BatchNorm
    normalises within a shard. A batch smaller than ``shards`` has fewer of them.

    workers: None for as many as there are cores to use, at most ``shards``; 0 or 1 to work in this process alone.
    start_method: "spawn" (everywhere), "forkserver" or "fork" (not on Windows).

    Errors    ValueError if shards, workers or start_method can't be, or what is to be worked on can't be sent to another
              process; from the methods WorkerDied, or what went wrong in a worker, after which the engine is closed
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        images: Array | None = None,
        targets: Array | None = None,
        *,
        prepare: Prepare,
        augment: Augment | None = None,
        ema: float = 0.0,
        shards: int = 4,
        workers: int | None = None,
        start_method: str = "spawn",
    ) -> None:
        super().__init__(model, loss, images, targets, prepare=prepare, augment=augment, ema=ema)
        require(is_whole(shards) and shards >= 1, f"ShardedEngine: shards must be at least 1, got {shards!r}")
        self.shards, self.workers = shards, _how_many(workers, shards)
        self.closed = False
        self._lent: LentState | None = None
        self._optimizer: Optimizer | None = None
        with contextlib.ExitStack() as started:  # what is done here is undone in reverse order
            started.enter_context(one_blas_thread())
            if self.workers > 1:
                arrays = self._start(started, start_method)
            else:
                arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in wanted(self.task, shards).items()}
                arrays |= {"images": self.task.images, "targets": self.task.targets}
            started.callback(Binding(model, arrays["params"], arrays["state"], copy=True).release)
            self._board = Board(self.task, arrays)
            self.task = self._board.task
            self._started = started.pop_all()

    def _start(self, started: contextlib.ExitStack, start_method: str) -> dict[str, Array]:
        """Start the other processes; the arrays that they and we see."""
        there = [method for method in START_METHODS if method in multiprocessing.get_all_start_methods()]
        require(
            start_method in there, f"ShardedEngine: start_method must be one of {', '.join(there)}, got {start_method!r}"
        )
        context = multiprocessing.get_context(start_method)
        empty = dataclasses.replace(self.task, images=self.task.images[:0], targets=self.task.targets[:0])
        # What a new process is sent must be little: where it ends before it has read more than a pipe holds, its parent
        # would wait for ever.
        data = {"images": self.task.images, "targets": self.task.targets, "task": np.frombuffer(_sendable(empty), np.uint8)}
        shared = SharedArrays(
            context, {name: (a.shape, a.dtype) for name, a in data.items()} | wanted(self.task, self.shards)
        )
        arrays = shared.arrays()
        for name, array in data.items():
            arrays[name][...] = array
        self._others = Workers(context, self.workers - 1, _set_up, self.workers, shared)
        started.callback(self._others.close)
        return arrays

    def loss_and_grads(self, batch: Array, *, seed: int, step: int) -> BatchResult:
        require_batch("engine", batch, len(self))
        with self._in_use():
            self._work(batch, seed, step)
            self._board.add_up(slice(None))
            return self._board.result()

    def step(self, optimizer: Optimizer, batch: Array, lr: float, *, seed: int, step: int) -> tuple[float, int]:
        if self.workers <= 1:
            return super().step(optimizer, batch, lr, seed=seed, step=step)
        require_batch("engine", batch, len(self))
        with self._in_use():
            if optimizer is not self._optimizer:
                self._adopt(optimizer)
            self._work(batch, seed, step)
            result = self._board.result()
            if math.isfinite(result.loss):
                self._board.arrays["lr"][0] = lr
                self._others.run(UPDATE, self._update)
                optimizer.t += 1
                self._keep(result, step)
            return result.loss, result.correct

    def is_finite(self) -> bool:
        if self.workers <= 1:
            return super().is_finite()
        return self._statistics_finite and bool(self._board.arrays["finite"][: self.workers].all())

    def _work(self, batch: Array, seed: int, step: int) -> None:
        """Loss and gradients of each shard."""
        self._board.post(batch, seed, step)
        if self.workers > 1:
            self._others.run(WORK, lambda: _do_shards(self._board, 0, self.workers))
        else:
            _do_shards(self._board, 0, 1)

    def _adopt(self, optimizer: Optimizer) -> None:
        """Make a new optimizer known to all processes."""
        if self._lent is not None:
            self._lent.release()
        self._lent, self._optimizer = LentState(self._board, optimizer), optimizer
        self._update = Update(self._board, optimizer, 0, self.workers)
        bare = copy.copy(optimizer)
        bare.state = {}
        self._others.run(OPTIMIZER, functools.partial(self._others.send, bare))

    def logits(self, images: Array) -> Array:
        check_images("engine", images)
        if self.workers <= 1:
            return super().logits(images)
        with self._in_use():
            parts = list(chunks(len(images)))
            outputs: list[Any] = [None] * len(parts)
            self._others.run(INFER, lambda: self._infer(images, parts, outputs))
            return np.concatenate(outputs)

    def _infer(self, images: Array, parts: list[slice], outputs: list[Any]) -> None:
        """Deal the chunks out like cards, work on our own, and gather the others' outputs."""
        pipes = [channel.pipe for channel in self._others.channels]
        for index, pipe in enumerate(pipes, start=1):
            pipe.send([images[part] for part in parts[index :: self.workers]])
        outputs[:: self.workers] = _outputs(self.task, [images[part] for part in parts[:: self.workers]])
        for index, pipe in enumerate(pipes, start=1):
            message = pipe.recv()
            if isinstance(message, Exception):
                raise message
            outputs[index :: self.workers] = message

    def close(self) -> None:
        """End the workers, and give the network its own arrays back with the values of now."""
        self.closed = True
        if self._lent is not None:
            self._lent.release()
            self._lent = None
        self._started.close()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """After an error, or Ctrl-C, nobody knows which worker has done what: the engine is closed."""
        if self.closed:
            raise RuntimeError("ShardedEngine: it is closed; make a new one")
        try:
            yield
        except (EOFError, ConnectionError) as error:  # the pipe of a worker that is no more
            traceback.clear_frames(error.__traceback__)  # what was being sent: Python 3.13 complains of it much later
            with contextlib.closing(self):
                self._others.fail()
            raise
        except BaseException:
            self.close()
            raise


def _how_many(workers: int | None, shards: int) -> int:
    if workers is None:
        return min(available_cores(), shards)
    require(is_whole(workers) and workers >= 0, f"ShardedEngine: workers must be 0 or more, got {workers!r}")
    return min(workers, shards)


def _do_shards(board: Board, index: int, workers: int) -> None:
    """What process ``index`` of so many does of the first half of a step."""
    for shard in range(index, len(board.arrays["grads"]), workers):
        board.work_on(shard)


def _outputs(task: Task, parts: list[Array]) -> list[Array]:
    """The logits of each part."""
    with np.errstate(over="ignore", invalid="ignore"):
        return [task.model(task.prepare(images)) for images in parts]


def _set_up(index: int, workers: int, shared: SharedArrays) -> Run:
    """In a worker: the network, bound to the shared memory, and what to do for each command."""
    one_blas_thread()
    keep_freed_memory()
    arrays = shared.arrays()
    board = Board(pickle.loads(arrays.pop("task").data), arrays)
    Binding(board.task.model, board.arrays["params"], board.arrays["state"], copy=False)
    update: Update | None = None

    def run(command: int, pipe: Connection) -> None:
        nonlocal update
        if command == WORK:
            _do_shards(board, index, workers)
        elif command == UPDATE:
            assert update is not None
            update()
        elif command == OPTIMIZER:
            update = Update(board, pipe.recv(), index, workers)
        else:
            pipe.send(_outputs(board.task, pipe.recv()))

    return run


class _Pickler(pickle.Pickler):
    """Refuses what the other process could not find: the classes and functions of a script or notebook."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type | FunctionType) and thing.__module__ == "__main__":
            raise ValueError(
                f"{thing.__qualname__} is defined in a script or notebook, where worker processes can't find it: "
                "put it into a module of its own, or use workers=0"
            )
        return NotImplemented


def _sendable(task: Task) -> bytes:
    """The task as bytes.

    Errors    ValueError if it has parts that can't be sent to another process
    """
    file = io.BytesIO()
    try:
        _Pickler(file).dump(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"this can't be sent to worker processes ({error}); workers=0 works in this process") from error
    return file.getvalue()
