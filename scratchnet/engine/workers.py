"""Worker processes: started once, told what to do through shared memory, watched while they do it.

The parent puts a command into shared memory, lets each worker's ``go`` semaphore through, and does its own part. A worker
does its part, puts the results into shared memory and lets its ``done`` semaphore through. Whoever waits does so in two
stages: first it asks again and again, because the others need only a fraction of a millisecond longer, then it sleeps until
it is woken.

Nobody outlives the others: the parent has a thread that notices when a worker ends, a worker one that notices when the
parent does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from ctypes import c_int
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Semaphore
from typing import Any, NamedTuple

STOP = 0  # the command that ends a worker; all others are the caller's
SPIN_SECONDS = 0.0005  # how long it asks before it sleeps
GUARD = 'a script has to start workers under if __name__ == "__main__":'
PATIENCE_SECONDS = 2.0  # how long a worker that was told to stop may take

Run = Callable[[int, Connection], None]
"""What a worker does for a command; the connection is for what does not lie in shared memory."""


class WorkerDied(RuntimeError):
    """A worker process ended, or was ended, while it was needed."""


class Channel(NamedTuple):
    """What connects a worker with its parent; each holds one end of the pipe."""

    command: Any  # c_int in shared memory, the same for all workers
    failures: Any  # c_int, how many workers have an error to report
    go: Semaphore
    done: Semaphore
    pipe: Connection


class Workers:
    """``count`` processes beside this one, numbered from 1, that run ``setup(index, *arguments)`` once, and what it
    returned for each command.

    Errors    RuntimeError if a process that is just being started asks for workers of its own
    """

    def __init__(self, context: BaseContext, count: int, setup: Callable[..., Run], *arguments: Any) -> None:
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError(f"a worker imports the script that started it: {GUARD}")
        self.processes: list[BaseProcess] = []
        self.channels: list[Channel] = []
        self._died, self._worked = threading.Event(), False
        self._command, self._failures = context.RawValue(c_int, STOP), context.Value(c_int, 0)
        watcher = threading.Thread(target=_watch, args=(self.processes, self.channels, self._died), daemon=True)
        self.close = weakref.finalize(self, _stop, self.processes, self.channels, self._died, self._command, watcher)
        with _interrupts_held():
            for index in range(1, count + 1):  # number 0 is the parent
                here, there = context.Pipe()
                mine = Channel(self._command, self._failures, context.Semaphore(0), context.Semaphore(0), here)
                process = context.Process(  # type: ignore[attr-defined]
                    target=_worker,
                    args=(mine._replace(pipe=there), index, setup, arguments),
                    name=f"worker {index}",
                    daemon=True,
                )
                process.start()
                there.close()
                self.processes.append(process)
                self.channels.append(mine)
        watcher.start()

    def run(self, command: int, own_part: Callable[[], None]) -> None:
        """Let every worker do the command, and ``own_part`` here; come back when all are done.

        Errors    WorkerDied, or the error that a worker met
        """
        self._command.value = command
        for channel in self.channels:
            channel.go.release()
        own_part()
        for channel in self.channels:
            _wait_for(channel.done)
        if self._failures.value or self._died.is_set():
            self.fail()
        self._worked = True

    def send(self, thing: Any) -> None:
        """Send the same thing to all."""
        for channel in self.channels:
            channel.pipe.send(thing)

    def fail(self) -> None:
        """Raise what went wrong in a worker, if anything did."""
        for channel in self.channels:
            with contextlib.suppress(EOFError, OSError):
                while channel.pipe.poll():
                    message = channel.pipe.recv()
                    if isinstance(message, Exception):
                        raise message
        ended = wait([process.sentinel for process in self.processes], PATIENCE_SECONDS)
        for process in self.processes:
            if process.sentinel in ended:
                process.join()  # its files are closed a moment before it is gone
                code = process.exitcode or 0
                how = f"was ended by signal {-code}" if code < 0 else f"ended with exit status {code}"
                hint = "" if self._worked or code != 1 else f"; {GUARD}"
                raise WorkerDied(f"{process.name} (process {process.pid}) {how}: its part of the work is lost{hint}")


def _watch(processes: list[BaseProcess], channels: list[Channel], died: threading.Event) -> None:
    """Wake whoever waits for a worker that has ended."""
    wait([process.sentinel for process in processes])
    died.set()
    for channel in channels:
        channel.done.release()


def _stop(
    processes: list[BaseProcess], channels: list[Channel], died: threading.Event, command: Any, watcher: threading.Thread
) -> None:
    """Tell all workers to end, and end those that don't."""
    command.value = STOP
    for channel in channels:
        channel.go.release()
    if died.is_set():  # an error is on its way to somebody who waits for it: no time to be patient
        for process in processes:
            process.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
    for channel in channels:
        channel.pipe.close()
    if watcher.is_alive() and watcher is not threading.current_thread():
        watcher.join()  # else the semaphores could be its to destroy, and Python may end while it does


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started in here is born deaf to Ctrl-C, which goes to all processes of a terminal at once."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _worker(channel: Channel, index: int, setup: Callable[..., Run], arguments: tuple[Any, ...]) -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run = setup(index, *arguments)
    except Exception as error:
        _report(channel, error)
        run = _nothing
    while True:
        _wait_for(channel.go)
        command = channel.command.value
        if command == STOP:
            return
        try:
            run(command, channel.pipe)
        except Exception as error:
            _report(channel, error)
        channel.done.release()


def _nothing(command: int, pipe: Connection) -> None:
    """What a worker does that could not be set up: its error is already on the way."""


def _wait_for(semaphore: Semaphore) -> None:
    """Ask for a while, giving the core to whoever wants it; then sleep."""
    yield_core = getattr(os, "sched_yield", lambda: time.sleep(0))
    deadline = time.perf_counter() + SPIN_SECONDS
    while time.perf_counter() < deadline:
        if semaphore.acquire(block=False):
            return
        yield_core()
    semaphore.acquire()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _report(channel: Channel, error: Exception) -> None:
    """Send the error to the parent, with the place where it happened as a note."""
    try:
        error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
        pickle.loads(pickle.dumps(error))
    except Exception:  # it can't travel
        error = RuntimeError(f"{type(error).__name__}: {error}")
    with channel.failures.get_lock():
        channel.failures.value += 1
    channel.pipe.send(error)
