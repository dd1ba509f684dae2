"""Checkpoints: a training between two steps, on disk, from where it can go on as if it had never been interrupted.

What training changes is little: the weights, BatchNorm's running statistics, what the optimizer keeps of earlier steps, the
average of the weights, and how many steps were taken. Chance is not part of it: the order of the images, dropout and
augmentation draw from streams that depend on the seed and the number of the step alone (see rng.py), so whoever goes on
draws what would have been drawn. The end is bitwise the same, on any number of workers, on the same machine and NumPy.

    progress = Progress(Checkpoints("my-run"), engine, optimizer)
    steps = train_steps(engine, optimizer, ..., start=progress.step)
    for epoch in progress.epochs(steps, validate):       # begun again after a crash, it yields the epochs that are left
        print(epoch)

A checkpoint is a plain .npz file, like a model. Two files take turns, so that the one before is whole while the next one is
written, and until it has been read back.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scratchnet import npz
from scratchnet.arguments import is_number, require
from scratchnet.engine import Engine
from scratchnet.engine.flat import statistics
from scratchnet.files import atomic_write
from scratchnet.optim import Optimizer
from scratchnet.train import Epoch, Evaluation, Step, train_epochs
from scratchnet.typing import Array, Params
from scratchnet.untrusted import one_line

FILES = ("checkpoint-a.npz", "checkpoint-b.npz")
FORMAT = 1
SECONDS = 10.0  # between two checkpoints,
SHARE = 0.01  # or more, so that no more of the time goes into them
DIGITS = 64  # of a SHA-256 checksum

_NUMBER = int | float
_STEP = (int, int, bool, _NUMBER, int, int, _NUMBER)
_EPOCH = (int, _NUMBER, _NUMBER, _NUMBER | None, _NUMBER | None, _NUMBER)


class CheckpointError(ValueError):
    """A checkpoint that can't be used; the message names it and says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A training after ``step`` steps, which is also the number of the next one.

    arrays    all that training changes, as ``changing`` names it
    epochs    those that ended;  steps    those of the epoch under way, which will be part of its means
    seconds   that training took so far
    run       what it is a training of, as whoever goes on wants to know it; anything JSON knows
    """

    step: int
    arrays: Params
    epochs: list[Epoch] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    run: dict[str, Any] = field(default_factory=dict)


def changing(engine: Engine, optimizer: Optimizer) -> Params:
    """All arrays that a training step changes, by name ("params.0.w", "optimizer.velocity.0.w"): themselves, no copies."""
    model = engine.task.model
    arrays = {f"params.{key}": array for key, array in model.params.items()}
    arrays |= {f"statistics.{key}": array for key, array in statistics(model).items()}
    if engine.average:
        arrays |= {f"average.{key}": array for key, array in engine.average.values.items()}
    for slot, state in optimizer.state.items():
        for key, w in model.params.items():
            arrays[f"optimizer.{slot}.{key}"] = state.setdefault(key, np.zeros_like(w))  # as its first step does
    return arrays


def restore(checkpoint: Checkpoint, engine: Engine, optimizer: Optimizer) -> None:
    """Make a fresh engine and optimizer what they were when the checkpoint was taken.

    Errors    CheckpointError if it is one of another network, optimizer or average
    """
    wanted, found = changing(engine, optimizer), checkpoint.arrays
    for name in sorted(wanted.keys() | found.keys()):
        here, there = (_kind(arrays[name]) if name in arrays else "not there" for arrays in (wanted, found))
        if here != there:
            raise CheckpointError(f"the checkpoint is of another training: {name} is {there} in it, and {here} in this one")
    for name, array in wanted.items():
        array[...] = found[name]
    optimizer.t = checkpoint.step


class Checkpoints:
    """The checkpoints in a folder. ``damaged`` says what ``load`` could not use."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._next, self._last = (Path(folder) / name for name in FILES)
        self.damaged: list[str] = []

    def __bool__(self) -> bool:
        """Is there any?"""
        return self._next.exists() or self._last.exists()

    def save(self, checkpoint: Checkpoint) -> None:
        """Write it in the place of the one before the last one, and read it back.

        Errors    OSError, or CheckpointError if it does not read back; the last one is then still there
        """
        content = _to_bytes(checkpoint)
        with atomic_write(self._next) as file:
            file.write(content)
        if self._next.read_bytes() != content:
            raise CheckpointError(f"{self._next} reads back other than it was written")
        self._next, self._last = self._last, self._next

    def load(self) -> Checkpoint | None:
        """The newest one that is whole, or None if there is none at all.

        Errors    CheckpointError if there are some, and all are damaged
        """
        self.damaged, whole = [], {}
        for path in (self._next, self._last):
            try:
                whole[path] = _from_bytes(path.read_bytes())
            except FileNotFoundError:
                pass
            except OSError as error:
                self.damaged.append(f"{path}: can't be read: {error.strerror}")
            except CheckpointError as error:
                self.damaged.append(f"{path} {error}")
        newest = max(whole, key=lambda path: whole[path].step, default=None)
        if newest is None:
            if self.damaged:
                raise CheckpointError(f"there is no checkpoint to go on from: {'; '.join(self.damaged)}")
            return None
        if newest == self._next:  # the next one must not take its place
            self._next, self._last = self._last, self._next
        return whole[newest]

    def remove(self) -> None:
        """Remove them all."""
        self._next.unlink(missing_ok=True)
        self._last.unlink(missing_ok=True)


class Progress:
    """A training that is kept on disk while it goes on, and goes on from what was kept: ``begun``, or else the newest of the
    ``checkpoints``. ``step`` is how many steps were taken, ``history`` has the epochs that ended.

    The first checkpoint is saved at once, others ``every`` so many seconds, or more where saving would take more than SHARE
    of the time; None: at the end of each epoch. When ``stop`` is set, one is saved after the step under way, and
    KeyboardInterrupt raised. ``report`` is told of one that can't be written, and training goes on; without it, and with the
    first one, that is an error.

    Errors    CheckpointError if what was kept is damaged, or of another training; OSError; ValueError if ``every`` can't be
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        engine: Engine,
        optimizer: Optimizer,
        *,
        begun: Checkpoint | None = None,
        run: dict[str, Any] | None = None,
        every: float | None = SECONDS,
        stop: threading.Event | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        fits = every is None or (is_number(every) and every >= 0)
        require(fits, f"Progress: every must be seconds, at least 0, or None, got {every!r}")
        begun = begun or checkpoints.load()
        if begun:
            restore(begun, engine, optimizer)
        start = begun or Checkpoint(0, {}, run=run or {})
        self.step, self.history, self._steps = start.step, list(start.epochs), list(start.steps)
        self._started = time.perf_counter() - start.seconds
        self._checkpoints, self._engine, self._optimizer, self._run = checkpoints, engine, optimizer, start.run
        self._every, self._stop, self._report, self._reported = every, stop, report, ""
        if not begun or checkpoints.damaged:  # at once in the damaged one's place, so that there are two again
            self._save()

    @property
    def seconds(self) -> float:
        """That training took, without those between an interruption and going on."""
        return time.perf_counter() - self._started

    def epochs(self, steps: Iterable[Step], validate: Callable[[], Evaluation] | None = None) -> Iterator[Epoch]:
        """The epochs that ``train_epochs`` makes of the steps from ``self.step`` on, and of those of before."""
        for epoch in train_epochs(itertools.chain(tuple(self._steps), self._followed(steps)), validate):
            self.history.append(epoch)
            yield epoch

    def _save(self) -> None:
        arrays = changing(self._engine, self._optimizer)
        now = Checkpoint(self.step, arrays, self.history, self._steps, self.seconds, self._run)
        self._checkpoints.save(now)

    def _try_to_save(self) -> None:
        try:
            self._save()
        except (OSError, CheckpointError) as error:
            if self._report is None:
                raise
            if str(error) != self._reported:  # a full disk is full for a while
                self._report(str(error))
            self._reported = str(error)

    def _followed(self, steps: Iterable[Step]) -> Iterator[Step]:
        ended, took = time.monotonic(), 0.0
        for step in steps:
            self._steps.append(step)
            yield step
            self.step += 1
            if step.last:  # its epoch is in the history by now
                self._steps.clear()
            stopped = self._stop is not None and self._stop.is_set()
            now = time.monotonic()
            if stopped or (step.last if self._every is None else now - ended >= max(self._every, took / SHARE)):
                self._try_to_save()
                ended = time.monotonic()
                took = ended - now
            if stopped:
                raise KeyboardInterrupt


def checksum(arrays: Params) -> str:
    """SHA-256 of arrays, their names, dtypes and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ravel(array).view(np.uint8).data)
    return digest.hexdigest()


def _kind(array: Array) -> str:
    return f"{array.dtype} {array.shape}"


def _to_bytes(checkpoint: Checkpoint) -> bytes:
    """An .npz file, with the SHA-256 of all that comes before as the archive's comment, which is its end."""
    about = {
        "format": FORMAT,
        "step": checkpoint.step,
        "epochs": checkpoint.epochs,
        "steps": [list(vars(step).values()) for step in checkpoint.steps],
        "seconds": checkpoint.seconds,
        "run": checkpoint.run,
    }
    text = np.array(json.dumps(about, allow_nan=False))
    content = npz.write({**checkpoint.arrays, "about": text}, comment=bytes(DIGITS))[:-DIGITS]
    return content + hashlib.sha256(content).hexdigest().encode()


def _from_bytes(content: bytes) -> Checkpoint:
    """Errors    CheckpointError that says what is wrong, but not where"""
    if hashlib.sha256(content[:-DIGITS]).hexdigest().encode() != content[-DIGITS:]:
        raise CheckpointError("is damaged: its checksum is not that of its content")
    try:
        arrays = npz.read(content)
        about = json.loads(str(arrays.pop("about")))
        require(about["format"] == FORMAT, f"it has format {about['format']!r}, this version reads {FORMAT}")
        for rows, kinds in ((about["steps"], _STEP), (about["epochs"], _EPOCH)):
            fit = all(len(row) == len(kinds) and all(map(isinstance, row, kinds)) for row in rows)
            require(fit, "its history is not one")
        require(isinstance(about["step"], int) and isinstance(about["run"], dict), "it does not say which run it is of")
        epochs, steps = [Epoch(*row) for row in about["epochs"]], [Step(*row) for row in about["steps"]]
        return Checkpoint(about["step"], arrays, epochs, steps, float(about["seconds"]), about["run"])
    except Exception as error:  # its checksum is right: nothing broke it, somebody made it so
        raise CheckpointError(f"is no checkpoint that can be used: {one_line(error)}") from error
