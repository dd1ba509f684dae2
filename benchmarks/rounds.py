"""Measuring fairly: every contender is a process of its own that lives as long as the comparison and waits, blocked, while
another one's turn is timed. In each round everybody has one turn, in an order that is drawn anew.

So whatever changes on the machine during the minutes of a comparison (its clock, its temperature, its other users) meets
all alike, and nobody's threads, memory pools or caches are in anybody's process but their own.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from scratchnet.typing import Array

TURN_SECONDS = 0.5
SETTLE_SECONDS = 0.06  # OpenBLAS's threads look for work for some 30 ms after the last product before they sleep
PATIENCE_SECONDS = 5.0


class ContenderFailed(RuntimeError):
    """A contender met an error; the message is its own."""


class Worker:
    """What runs in a contender's process. ``work(amount)`` does that many units (steps, images, ...) of what was set up."""

    warm_up = 0.1  # the part of a turn that is done before the clock is started, so that threads and caches are awake

    def set_up(self, *arguments: Any, **settings: Any) -> None:
        """Get ready for turns of this kind."""

    def work(self, amount: int) -> None:
        raise NotImplementedError

    def turn(self, amount: int) -> float:
        """Seconds that ``work(amount)`` takes."""
        if self.warm_up:
            self.work(math.ceil(amount * self.warm_up))
        started = time.perf_counter()
        self.work(amount)
        return time.perf_counter() - started

    def close(self) -> None:
        """End what was started."""


class Contender:
    """One or several processes that do what they are asked at the same time.

    make(data, *arguments) -> Worker is called in each process, with its own element of ``arguments``; it must be importable.
    """

    def __init__(self, name: str, make: Callable[..., Worker], data: Any, *arguments: tuple[Any, ...]) -> None:
        self.name = name
        self._processes, self._pipes = [], []
        context = multiprocessing.get_context("spawn")
        with self._or_the_end():
            for own in arguments:
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, make, own), name=name)
                with _interrupts_held():
                    process.start()
                there.close()
                self._processes.append(process)
                self._pipes.append(here)
            for pipe in self._pipes:  # not with the arguments: who is killed while it starts would block its parent for ever
                pipe.send(data)
            self._answers()

    def turn(self, amount: int) -> float:
        """Seconds until all have done their ``work(amount)``."""
        return max(self.ask_all("turn", amount))

    def ask(self, method: str, *arguments: Any, **settings: Any) -> Any:
        """``ask_all``; the first process's answer counts."""
        return self.ask_all(method, *arguments, **settings)[0]

    def ask_all(self, method: str, *arguments: Any, **settings: Any) -> list[Any]:
        """Call the worker's method in every process; their answers.

        Errors    ContenderFailed if it raised there, or a process ended; the contender is then of no more use
        """
        with self._or_the_end():
            for pipe in self._pipes:
                pipe.send((method, arguments, settings))
            return self._answers()

    @contextlib.contextmanager
    def _or_the_end(self) -> Iterator[None]:
        """After an error nobody knows what the processes are doing: they are ended."""
        try:
            yield
        except (EOFError, ConnectionError) as error:
            self.kill()
            raise ContenderFailed(f"{self.name}: its process ended") from error
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> list[Any]:
        answers, waiting = {}, list(self._pipes)
        while waiting:
            for pipe in wait(waiting):
                assert isinstance(pipe, Connection)
                good, answers[pipe] = pipe.recv()
                if not good:
                    raise ContenderFailed(f"{self.name}: {answers[pipe]}")
                waiting.remove(pipe)
        return [answers[pipe] for pipe in self._pipes]

    def amount_for(self, seconds: float, *, least: int = 1) -> int:
        """How many units take about that long."""
        amount = least
        while True:
            taken = self.turn(amount)
            if taken >= seconds / 4:
                return max(least, round(amount * seconds / taken))
            amount = max(2 * amount, math.ceil(amount * seconds / 3 / max(taken, 1e-4)))

    def close(self) -> None:
        """Let it end by itself."""
        for pipe in self._pipes:
            pipe.close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        for process in self._processes:
            if process.is_alive():
                process.kill()
        for process in self._processes:
            process.join()

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started in here does not hear Ctrl-C, which goes to all processes of a terminal: the parent decides."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, make: Callable[..., Worker], arguments: tuple[Any, ...]) -> None:
    """The life of a contender's process: it ends when its pipe does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for where _interrupts_held can do nothing
    worker = None
    try:
        worker = make(pipe.recv(), *arguments)
        pipe.send((True, None))
        while True:
            method, arguments, settings = pipe.recv()
            pipe.send((True, getattr(worker, method)(*arguments, **settings)))
    except (EOFError, ConnectionError):
        pass
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        with contextlib.suppress(OSError):
            pipe.send((False, f"{error} ({type(error).__name__}, {Path(where.filename).name}:{where.lineno})"))
    finally:
        if worker is not None:
            with contextlib.suppress(Exception):
                worker.close()


def interleaved(
    turns: Mapping[str, tuple[Contender, int]], rounds: int, *, seed: int = 0, progress: str = ""
) -> dict[str, Array]:
    """Seconds of each turn, (rounds,) by name. ``turns`` says who is asked for how much; each round has its own order."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    order, shuffle = list(turns), random.Random(seed)
    for _ in counted(rounds, progress):
        shuffle.shuffle(order)
        for name in order:
            contender, amount = turns[name]
            time.sleep(SETTLE_SECONDS)
            seconds[name].append(contender.turn(amount))
    return {name: np.array(values) for name, values in seconds.items()}


def counted(rounds: int, label: str) -> Iterator[int]:
    """0 .. rounds-1, told on a terminal's standard error."""
    show = sys.stderr.isatty() and label
    for number in range(rounds):
        if show:
            print(f"\r{label}: round {number + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
        yield number
    if show:
        print("\r" + " " * (len(label) + 30) + "\r", end="", file=sys.stderr, flush=True)
