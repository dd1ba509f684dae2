"""The engines: who works on a batch. ``Engine`` in this process, ``ShardedEngine`` on all cores.

A batch is cut into shards. Each shard's loss and gradients are computed on their own, by whichever process, and added up
in the order of the shards. So the number of shards decides what is computed, down to the rounding; the number of workers
only decides how fast: the same seed and shards give bitwise the same weights on 0, 1, 2 or 4 workers.

Why processes: one batch of a small CNN is hundreds of short NumPy calls. Threads take turns at Python's lock between them,
and a BLAS that shares each small product among cores spends more time on sharing than on multiplying. Processes have a
core each and meet twice a step. The weights lie in memory that all of them see, so nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import multiprocessing
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from types import FunctionType, TracebackType
from typing import Any

import numpy as np

from scratchnet.engine.batch import Augment, BatchResult, Prepare, Task, chunks, logits_of
from scratchnet.engine.board import Board, wanted
from scratchnet.engine.flat import Binding
from scratchnet.engine.shared import SharedArrays
from scratchnet.engine.workers import Run, Workers
from scratchnet.layers.base import Layer, require
from scratchnet.losses import Loss
from scratchnet.machine import available_cores, keep_freed_memory, one_blas_thread
from scratchnet.typing import Array

TRAIN, INFER = 1, 2  # commands
START_METHODS = ("spawn", "forkserver", "fork")


class Engine:
    """A network, its loss and its training data, in this process: a batch is one piece, and BLAS uses its own threads.

    images uint8 (n, H, W) and targets (n,) may be left out by those who only want ``logits``. ``prepare`` turns images into
    what the network takes; ``augment(images, rng)`` changes training images before that.

    Errors    ValueError if there are not as many targets as images
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
    ) -> None:
        images = np.empty((0, 1, 1), np.uint8) if images is None else images
        targets = np.empty(0, np.int64) if targets is None else targets
        require(len(images) == len(targets), f"engine: {len(images)} images and {len(targets)} targets; wanted as many")
        self.task = Task(model, loss, images, targets, prepare, augment)
        keep_freed_memory()

    def __len__(self) -> int:
        """How many training images there are."""
        return len(self.task.images)

    def loss_and_grads(self, batch: Array, *, seed: int, step: int) -> BatchResult:
        """Loss and gradients of the training images at the indices ``batch`` (N,).

        The random numbers of dropout and augmentation come from the seed and the step. The arrays that are returned are
        good until the next call.
        """
        return self.task.work(batch, of=len(batch), seed=seed, step=step)

    def logits(self, images: Array) -> Array:
        """The network's outputs (N, K) for any uint8 images (N, H, W), in evaluation mode.

        Errors    ValueError if there are no images
        """
        return logits_of(self.task.model, images, self.task.prepare)

    def close(self) -> None:
        """End what was started; ``with`` does it."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ShardedEngine(Engine):
    """``shards`` parts of each batch, worked on by ``workers`` processes, with one BLAS thread each.

        with ShardedEngine(model, loss, images, labels, prepare=prepare) as engine:
            for step in train_steps(engine, optimizer, ...):

    While it is open, the network's params and state lie in memory that the workers share; change them in place, as
    optimizers do. BatchNorm normalises within a shard. A batch smaller than ``shards`` has fewer of them.

    workers: None for as many as there are cores to use, at most ``shards``; 0 to work in this process.
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
        shards: int = 4,
        workers: int | None = None,
        start_method: str = "spawn",
    ) -> None:
        super().__init__(model, loss, images, targets, prepare=prepare, augment=augment)
        require(isinstance(shards, int) and shards >= 1, f"ShardedEngine: shards must be at least 1, got {shards!r}")
        self.shards, self.workers = shards, _how_many(workers, shards)
        self.closed = False
        with contextlib.ExitStack() as started:  # what is done here is undone in reverse order
            if self.workers:
                arrays = self._start(started, start_method)
            else:
                started.enter_context(one_blas_thread())
                arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in wanted(self.task, shards).items()}
                arrays |= {"images": self.task.images, "targets": self.task.targets}
            started.callback(Binding(model, arrays["params"], arrays["state"], copy=True).release)
            self._board = Board(self.task, arrays)
            self.task = self._board.task
            self._started = started.pop_all()

    def _start(self, started: contextlib.ExitStack, start_method: str) -> dict[str, Array]:
        """Start the workers; the arrays that they and we see."""
        there = [method for method in START_METHODS if method in multiprocessing.get_all_start_methods()]
        require(
            start_method in there, f"ShardedEngine: start_method must be one of {', '.join(there)}, got {start_method!r}"
        )
        context = multiprocessing.get_context(start_method)
        data = {"images": self.task.images, "targets": self.task.targets}
        shared = SharedArrays(
            context, {name: (a.shape, a.dtype) for name, a in data.items()} | wanted(self.task, self.shards)
        )
        arrays = shared.arrays()
        for name, array in data.items():
            arrays[name][...] = array
        empty = dataclasses.replace(self.task, images=data["images"][:0], targets=data["targets"][:0])
        self._pool = Workers(context, self.workers, _set_up, self.workers, shared, _sendable(empty))
        started.callback(self._pool.close)
        return arrays

    def loss_and_grads(self, batch: Array, *, seed: int, step: int) -> BatchResult:
        with self._in_use():
            self._board.post(batch, seed, step)
            if self.workers:
                self._pool.run(TRAIN)
            else:
                for shard in range(self.shards):
                    self._board.work_on(shard)
            return self._board.total()

    def logits(self, images: Array) -> Array:
        if not self.workers or len(images) == 0:
            return super().logits(images)
        with self._in_use():
            parts = list(chunks(len(images)))
            outputs: list[Any] = [None] * len(parts)
            self._pool.run(INFER, lambda: self._hand_out(images, parts, outputs))
            return np.concatenate(outputs)

    def _hand_out(self, images: Array, parts: list[slice], outputs: list[Any]) -> None:
        """Give every worker a chunk, and another one for each that comes back as logits, until all are back."""
        pipes = [channel.pipe for channel in self._pool.channels]
        todo = iter(enumerate(parts))
        for pipe in pipes:
            _send_next(pipe, todo, images)
        while pipes:
            for pipe in [pipe for pipe in wait(pipes) if isinstance(pipe, Connection)]:
                message = pipe.recv()
                if isinstance(message, Exception):
                    raise message
                if message is None:
                    pipes.remove(pipe)
                else:
                    outputs[message[0]] = message[1]
                    _send_next(pipe, todo, images)

    def close(self) -> None:
        """End the workers, and give the network its own arrays back with the values of now."""
        self.closed = True
        self._started.close()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """After an error, or Ctrl-C, nobody knows which worker has done what: the engine is closed."""
        if self.closed:
            raise RuntimeError("ShardedEngine: it is closed; make a new one")
        try:
            yield
        except (EOFError, ConnectionError):  # the pipe of a worker that is no more
            with contextlib.closing(self):
                self._pool.fail()
            raise
        except BaseException:
            self.close()
            raise


def _send_next(pipe: Connection, todo: Iterator[tuple[int, slice]], images: Array) -> None:
    """A worker's next chunk, or None if there is none left."""
    number, part = next(todo, (None, None))
    pipe.send(None if part is None else (number, images[part]))


def _how_many(workers: int | None, shards: int) -> int:
    if workers is None:
        cores = available_cores()
        return min(cores, shards) if cores > 1 and shards > 1 else 0  # one worker would only be a detour
    require(isinstance(workers, int) and workers >= 0, f"ShardedEngine: workers must be 0 or more, got {workers!r}")
    return min(workers, shards)


def _set_up(index: int, workers: int, shared: SharedArrays, sent: bytes) -> Run:
    """In a worker: the network, bound to the shared memory, and what to do for each command."""
    one_blas_thread()
    keep_freed_memory()
    board = Board(pickle.loads(sent), shared.arrays())
    task = board.task
    Binding(task.model, board.arrays["params"], board.arrays["state"], copy=False)

    def run(command: int, pipe: Connection) -> None:
        if command == TRAIN:
            for shard in range(index, len(board.arrays["grads"]), workers):
                board.work_on(shard)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                for number, images in iter(pipe.recv, None):
                    pipe.send((number, task.model(task.prepare(images))))
                pipe.send(None)

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
