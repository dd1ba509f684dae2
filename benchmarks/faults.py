"""What befalls training runs in a classroom, done to them on purpose: are they lost, and do they end as they would have?

    python -m benchmarks.faults                 # 200 interrupted runs, and the other faults: some minutes
    python -m benchmarks.faults --runs 20       # a tenth of it

Each run trains a random small network on a few synthetic digits, with random settings, and is interrupted at random moments
by a random fault. It is begun again, on another number of workers perhaps, with ``--resume``, until it ends. Then all its
files must be those of a run that was never interrupted, byte for byte but for times; and on the way there no file was
damaged, nobody waited for ever, and no process or temporary file was left.

Needs fork, so no Windows. A disk that is really full, and a folder that is really read-only, are file systems of their own,
and need Linux' ``unshare``; where it is not allowed these two are left out, and that is said.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import errno
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: a process with threads does not fork well

import numpy as np

from benchmarks import command
from benchmarks.broken_disk import BrokenDisk
from scratchnet import checkpoint, cli, files
from scratchnet.checkpoint import Checkpoints
from scratchnet.datasets import idx, synthetic
from scratchnet.engine import ShardedEngine
from scratchnet.recipes import SCHEDULES
from scratchnet.serialize import load_model

RUNS = 200
TRAIN, TEST = 120, 40  # images
PLOTS = False  # really drawn
END_OF_PNG = b"IEND\xaeB`\x82"
LIMIT = 300.0  # seconds after which a run hangs
SHM = Path("/dev/shm")
OF_A_RUN = ("model.npz", "config.json", "history.csv", "metrics.json", "curves.png", "confusion.png", "mistakes.png")
DAMAGED = "one of two checkpoints damaged"
MODELS = ("softmax", "svm", "mlp", "lenet5", "cnn", "cnn-small", "tiny")  # the last two have BatchNorm, cnn dropout


# --- what a run leaves -----------------------------------------------------------------------------------------------------


def outcome(folder: Path) -> dict[str, Any]:
    """All that a finished run's folder holds, but for times and the number of workers.

    Errors    ValueError if there are other files than a finished run has, or one is damaged
    """
    names = sorted(os.listdir(folder))
    if names != sorted(OF_A_RUN):
        raise ValueError(f"{folder} holds {', '.join(names)}")
    check_files(folder)
    saved = load_model(folder / "model.npz")
    found: dict[str, Any] = {key: array.tobytes() for key, array in {**saved.model.params, **saved.model.state}.items()}
    saved.metadata["provenance"]["metrics"] = _timeless(saved.metadata["provenance"]["metrics"])
    found["metadata"] = saved.metadata
    found["metrics.json"] = _timeless(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    return found | {name: (folder / name).read_bytes() for name in OF_A_RUN[1:] if name != "metrics.json"}


def _timeless(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metrics.items() if key not in ("seconds", "workers")}


def check_files(folder: Path) -> None:
    """Errors    ValueError if a file of a run is not whole; those that are not there yet are none"""
    for path in folder.iterdir():
        try:
            if path.name == "model.npz":
                load_model(path)
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix == ".csv":
                with open(path, encoding="utf-8", newline="") as file:
                    rows = list(csv.reader(file, strict=True))
                if len({len(row) for row in rows}) != 1:
                    raise ValueError("its rows have different lengths")
            elif path.suffix == ".png" and not path.read_bytes().endswith(END_OF_PNG):
                raise ValueError("it has no end")
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
    checkpoints = Checkpoints(folder)
    checkpoints.load()
    if checkpoints.damaged:
        raise ValueError(checkpoints.damaged[0])


def quick_plot(folder: Path, model: str, history: Any, images: Any, labels: Any, result: Any, source: Any) -> None:
    """Files that differ where the plots would, for ``scratchnet train``; drawing takes longer than all the rest."""
    shown = hashlib.sha256(repr((model, history, source.name)).encode() + result.logits.tobytes()).digest()
    for name in ("confusion.png", "mistakes.png", "curves.png"):
        with files.atomic_write(folder / name) as file:
            file.write(shown * 100 + END_OF_PNG)


# --- processes -------------------------------------------------------------------------------------------------------------


def work(arguments: Sequence[object]) -> int:
    """``scratchnet`` with these arguments, in a process that does nothing else."""
    checkpoint.SHARE = np.inf  # these runs are too short for 1 %
    if not PLOTS:
        setattr(cli.train, "_plot", quick_plot)  # noqa: B010 - mypy does not like functions that are assigned to
    return cli.main([str(argument) for argument in arguments])


class Hang(RuntimeError):
    """A process that did not come to its end."""


class Process:
    """``scratchnet`` with these arguments in a process of its own, which has imported everything already; ``before`` is
    called in it first."""

    def __init__(self, arguments: Sequence[object], log: Path, before: Callable[[], object] | None = None) -> None:
        self.log = log
        self.status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            status = 99
            try:
                os.setsid()
                output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(output, 1)
                os.dup2(output, 2)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                sys.modules["__main__"] = ModuleType("__main__")  # workers need not import this file
                if before:
                    before()
                status = work(arguments)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)

    def wait(self, seconds: float = LIMIT) -> int | None:
        """Its exit status, negative for a signal; None if it goes on after so many seconds."""
        end = time.monotonic() + seconds
        pause = 0.0005
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                break
            else:
                time.sleep(pause)
                pause = min(0.01, 1.5 * pause)
        return self.status

    def finish(self) -> int:
        """Its exit status.

        Errors    Hang
        """
        status = self.wait()
        if status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()
            raise Hang(f"still at work after {LIMIT:g} s: {self.text()[-300:]}")
        return status

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def relatives(self) -> list[int]:
        """Processes that it or its children started, as far as the system tells: all of its session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, _, _, session = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:4]
                if int(session) == self.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return [pid for pid in found if pid != self.pid]

    def workers(self) -> list[int]:
        """Its worker processes."""
        found = []
        for pid in self.relatives():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def orphans(self, seconds: float = 20.0) -> list[int]:
        """Who is still there so long after its end."""
        end = time.monotonic() + seconds
        while (left := self.relatives()) and time.monotonic() < end:
            time.sleep(0.02)
        return left


def dies(thing: object, name: str, count: int) -> Callable[[], None]:
    """For ``before``: the process is killed when it calls ``thing.name`` for the time after ``count``."""

    def arrange() -> None:
        original, calls = getattr(thing, name), 0

        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > count:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **named)

        setattr(thing, name, counted)

    return arrange


# --- faults ----------------------------------------------------------------------------------------------------------------


@dataclass
class Lab:
    """Where runs are made, and what chance there is."""

    folder: Path
    rng: random.Random
    seconds: float = 1.0  # of the run that is not interrupted
    steps: int = 1

    def start(self, arguments: Sequence[object], before: Callable[[], object] | None = None) -> Process:
        return Process(arguments, self.folder / "log", before)

    def moment(self) -> float:
        return self.rng.uniform(0, self.seconds)


def killed(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL at any moment."""
    process = lab.start(arguments)
    if process.wait(lab.moment()) is None:
        os.kill(process.pid, signal.SIGKILL)
        process.finish()
    return process


def killed_in_a_step(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL before a step."""
    process = lab.start(arguments, dies(ShardedEngine, "step", lab.rng.randrange(lab.steps)))
    process.finish()
    return process


def killed_while_it_writes(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL before a file is on the disk, or before it is in its place."""
    name = lab.rng.choice(["fsync", "replace"])
    process = lab.start(arguments, dies(os, name, lab.rng.randrange(min(20, lab.steps + 8))))
    process.finish()
    return process


def all_killed(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL of the run and its workers at once."""
    process = lab.start([*arguments, "--workers", 3])
    if process.wait(lab.moment()) is None:
        for pid in (process.pid, *process.workers()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.finish()
    return process


def interrupted(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """Ctrl-C."""
    process = lab.start(arguments)
    if process.wait(lab.moment()) is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.finish()
    return process


def worker_killed(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL of a worker: the run must notice, keep what there is and end."""
    process, workers = lab.start([*arguments, "--workers", 3]), []
    while process.status is None and not workers:
        process.wait(0.01)
        workers = process.workers()
    if process.wait(lab.moment()) is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(lab.rng.choice(workers), signal.SIGKILL)
        process.finish()
    return process


def _disk(number: int) -> Callable[[Lab, Sequence[object], Path], Process]:
    def broken(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
        disk = BrokenDisk(int(10 ** lab.rng.uniform(2, 6.5)), number)
        process = lab.start(arguments, lambda: setattr(files, "open", disk.open))
        process.finish()
        return process

    return broken


def damaged(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """SIGKILL, and then one of two checkpoints loses its end, or a byte of it changes."""
    process = killed_in_a_step(lab, arguments, run)
    there = [path for name in checkpoint.FILES if (path := run / name).exists()]
    if len(there) == 2:
        path = lab.rng.choice(there)
        content = bytearray(path.read_bytes())
        place = lab.rng.randrange(len(content))
        content[place] ^= 0xFF
        path.write_bytes(content if lab.rng.random() < 0.5 else content[:place])
    return process


def clock_set_back(lab: Lab, arguments: Sequence[object], run: Path) -> Process:
    """The clock stands at 1970, as where its battery is empty; files are of tomorrow; and SIGKILL."""
    for index, path in enumerate(sorted(run.iterdir()) if run.exists() else []):
        os.utime(path, (time.time() + 86400 - index, time.time() + 86400 - index))
    kill = dies(ShardedEngine, "step", lab.rng.randrange(lab.steps))
    process = lab.start(arguments, lambda: (kill(), setattr(time, "time", lambda: 3600.0)))
    process.finish()
    return process


INTERRUPTIONS: dict[str, Callable[[Lab, Sequence[object], Path], Process]] = {
    "SIGKILL at a random moment": killed,
    "SIGKILL at a random step": killed_in_a_step,
    "SIGKILL while a file is written": killed_while_it_writes,
    "SIGKILL of the run and its workers": all_killed,
    "SIGKILL of a worker": worker_killed,
    "Ctrl-C": interrupted,
    "full disk (ENOSPC after k bytes)": _disk(errno.ENOSPC),
    "EIO from the disk after k bytes": _disk(errno.EIO),
    DAMAGED: damaged,
    "clock set back": clock_set_back,
}
SHARES = (50, 20, 25, 20, 25, 20, 15, 10, 10, 5)  # of 200 runs


# --- runs ------------------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What came of a fault."""

    injected: int = 0
    runs: int = 0
    equal: int = 0
    damaged: int = 0
    hangs: int = 0
    orphans: int = 0
    notes: list[str] = field(default_factory=list)

    def compare(self, injected: int, run: Path, whole: Path, what: str) -> None:
        self.injected += injected
        same = outcome(run) == outcome(whole)
        self.runs += 1
        self.equal += same
        if not same:
            self.notes.append(f"another end: {what}")

    @property
    def bad(self) -> bool:
        return bool(self.runs != self.equal or self.damaged or self.hangs or self.orphans)


def random_settings(rng: random.Random) -> list[object]:
    model = rng.choice(MODELS)
    settings: dict[str, object] = {
        "model": model,
        "epochs": rng.randint(1, 3),
        "batch-size": rng.choice([16, 24, 32]),
        "optimizer": rng.choice(["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]),
        "lr": 0.002,
        "schedule": rng.choice(SCHEDULES),
        "weight-decay": rng.choice([0, 1e-3]),
        "ema": rng.choice([0, 0.9, 0.99]),
        "val-size": rng.choice([0, 30]),
        "shards": rng.randint(2, 5),
        "seed": rng.randrange(1000),
        "checkpoint-every": rng.choice([0, 0, 0.05, "epoch"]),
    }
    if model not in ("svm",):
        settings["label-smoothing"] = rng.choice([0, 0.1])
    for name, high in {"shift": 2, "rotation": 10, "scale": 0.1, "shear": 0.2, "elastic": 1, "erase": 0.5}.items():
        settings[name] = round(rng.uniform(0, high), 2) if rng.random() < 0.4 else 0
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def make_digits(folder: Path) -> None:
    """Synthetic digits in MNIST's layout."""
    folder.mkdir()
    images, labels = synthetic.make(TRAIN + TEST)
    for part, chosen in (("train", slice(TRAIN)), ("t10k", slice(TRAIN, None))):
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", images[chosen])
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", labels[chosen].astype(np.uint8))


def steps_in(settings: list[object]) -> int:
    value = dict(zip(settings[::2], settings[1::2], strict=True))
    return int(value["--epochs"]) * -(-(TRAIN - int(value["--val-size"])) // int(value["--batch-size"]))  # type: ignore[call-overload]


def one_run(lab: Lab, digits: Path, name: str, row: Row) -> None:
    """A run that is interrupted by the fault once to three times, beside the same run that is not."""
    settings = [*random_settings(lab.rng), "--dataset", digits]
    whole, run = lab.folder / "whole", lab.folder / "run"
    for folder in (whole, run):
        shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    finished(lab.start(["train", *settings, "--out", whole, "--workers", lab.rng.choice([0, 0, 2])]))
    lab.seconds, lab.steps = time.monotonic() - begun, steps_in(settings)

    wanted, times = lab.rng.choice([1, 1, 2, 3]), 0
    while not is_whole(run):
        has_checkpoint = run.exists() and bool(Checkpoints(run))
        arguments = ["train", *(["--resume", run] if has_checkpoint else [*settings, "--out", run])]
        if times < wanted:
            process = INTERRUPTIONS[name](lab, arguments, run)
            if not is_whole(run):
                times += 1
            elif times == 0:  # it was quicker than the fault: once more
                shutil.rmtree(run)
        else:
            process = finished(lab.start([*arguments, "--workers", lab.rng.choice([0, 0, 0, 2, 3])]))
        row.orphans += len(process.orphans())
        if run.exists() and name != DAMAGED:
            check_files(run)
    row.compare(times, run, whole, " ".join(map(str, settings)))


def finished(process: Process) -> Process:
    """Errors    RuntimeError if it did not come to a good end"""
    if process.finish() != 0:
        raise RuntimeError(f"failed: {process.text()[-300:]}")
    return process


def is_whole(run: Path) -> bool:
    """Has the run come to its end, whatever was done to it?"""
    return run.exists() and sorted(set(os.listdir(run)) - {".lock"}) == sorted(OF_A_RUN)


def two_in_one_folder(lab: Lab, digits: Path, row: Row) -> None:
    """Two runs are started in one folder at once: one is told so, and the other is as it would have been."""
    settings = [*random_settings(lab.rng), "--dataset", digits]
    whole, run = lab.folder / "whole", lab.folder / "run"
    for folder in (whole, run):
        shutil.rmtree(folder, ignore_errors=True)
    finished(lab.start(["train", *settings, "--out", whole]))
    two = [Process(["train", *settings, "--out", run], lab.folder / f"log{index}") for index in range(2)]
    refused = [process.text() for process in two if process.finish() == 1]
    row.orphans += sum(len(process.orphans()) for process in two)
    if len(refused) != 1 or not ("another run is writing to" in refused[0] or "holds a run" in refused[0]):
        raise RuntimeError(f"wanted one of two to be refused: {[process.text() for process in two]}")
    row.compare(1, run, whole, " ".join(map(str, settings)))


ON_A_DISK_OF_ITS_OWN = """
mount -t tmpfs -o size=$SIZE none disk
train() { "$PYTHON" -c "$START; $WORK" train "$@" > log 2>&1; }
go_on() {
    if ls disk/run/checkpoint-?.npz > none 2>&1; then train --resume disk/run; else train $SETTINGS --out disk/run; fi
}
if [ $FAULT = full ]; then
    go_on; cat log > said
    mount -o remount,size=64m disk
else
    "$PYTHON" -c "$START; $KILL; $WORK" train $SETTINGS --out disk/run > log 2>&1
    mount -o remount,ro disk
    go_on; cat log > said
    mount -o remount,rw disk
fi
go_on
cp -r disk/run .
"""


def on_a_real_disk(lab: Lab, digits: Path, fault: str, row: Row) -> None:
    """A disk that is "full", or "read-only" when an interrupted run is to go on; then it is neither, and it goes on."""
    settings = [*random_settings(lab.rng), "--dataset", digits]
    whole, run, disk = (lab.folder / name for name in ("whole", "run", "disk"))
    for folder in (whole, run, disk):
        shutil.rmtree(folder, ignore_errors=True)
    disk.mkdir()
    finished(lab.start(["train", *settings, "--out", whole]))
    used = sum(path.stat().st_size for path in whole.iterdir()) // 1024
    environment = {
        "FAULT": fault,
        "SIZE": f"{lab.rng.randint(2, used) if fault == 'full' else 65536}k",
        "PYTHON": sys.executable,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "SETTINGS": " ".join(map(str, settings)),
        "START": f"import sys; from benchmarks import faults; faults.PLOTS = {PLOTS}",
        "KILL": f"faults.dies(faults.ShardedEngine, 'step', {lab.rng.randrange(steps_in(settings))})()",
        "WORK": "sys.exit(faults.work(sys.argv[1:]))",
    }
    subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ON_A_DISK_OF_ITS_OWN],
        cwd=lab.folder,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    said = (lab.folder / "said").read_text(encoding="utf-8").splitlines()[-1]
    if not said.startswith("scratchnet: error: "):
        raise RuntimeError(f"wanted one line that says it: {said}")
    row.compare(1, run, whole, environment["SETTINGS"])


def in_shared_memory() -> list[str]:
    """What multiprocessing has there: semaphores, and files that are shared."""
    return [path.name for kind in ("sem.mp-*", "pym-*", "psm_*") for path in SHM.glob(kind)]


def left_in_memory(before: set[str], seconds: float = 20.0) -> list[str]:
    """What was not there before, and no process uses, so long after the last run; that of other programs, too."""
    end = time.monotonic() + seconds
    while True:
        new, used = set(in_shared_memory()) - before, ""
        for maps in Path("/proc").glob("[0-9]*/maps") if new else ():
            with contextlib.suppress(OSError):
                used += maps.read_text(encoding="utf-8", errors="replace")
        left = sorted(name for name in new if f"{SHM}/{name}" not in used)
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.5)


@contextlib.contextmanager
def judged(row: Row) -> Iterator[None]:
    """Write down what goes wrong."""
    try:
        yield
    except (Hang, subprocess.TimeoutExpired) as error:
        row.hangs += 1
        row.runs += 1
        row.notes.append(str(error))
    except ValueError as error:
        row.damaged += 1
        row.runs += 1
        row.notes.append(str(error))
    except RuntimeError as error:
        row.runs += 1
        row.notes.append(str(error))


def main(args: argparse.Namespace) -> None:
    if not hasattr(os, "fork"):
        raise RuntimeError("this needs fork, which this system does not have")
    global PLOTS
    PLOTS = args.plots
    shared = set(in_shared_memory())
    with tempfile.TemporaryDirectory() as temporary:
        lab, digits = Lab(Path(temporary), random.Random(args.seed)), Path(temporary) / "digits"
        make_digits(digits)
        faults = _plan(lab, digits, args.runs)
        rows = {name: Row() for name, _ in faults}
        lab.rng.shuffle(faults)
        for done, (name, fault) in enumerate(faults, start=1):
            with judged(rows[name]):
                fault(rows[name])
            if done % 10 == 0:
                print(f"{done} of {len(faults)} runs", file=sys.stderr, flush=True)
    header = ["fault", "injected", "runs", "bitwise equal", "damaged files", "hangs", "orphans"]
    numbers = {name: (r.injected, r.runs, r.equal, r.damaged, r.hangs, r.orphans) for name, r in rows.items()}
    numbers["all"] = tuple(map(sum, zip(*numbers.values(), strict=True)))  # type: ignore[assignment]
    text = command.table(header, [[name, *map(str, row)] for name, row in numbers.items()])
    leaks = left_in_memory(shared)
    print(f"{text}\n\nshared memory left behind, by whomever: {', '.join(leaks) or 'none'}; --seed {args.seed}")
    for name, row in rows.items():
        for note in row.notes:
            print(f"{name}: {note}")
    command.save(args, [{"fault": name, **vars(row)} for name, row in rows.items()], text)
    if any(row.bad for row in rows.values()):
        raise RuntimeError("something was lost, see above")


def _plan(lab: Lab, digits: Path, runs: int) -> list[tuple[str, Callable[[Row], None]]]:
    """The faults in the order of the table, each as often as it is to be injected."""
    shares: dict[str, tuple[int, Callable[[Row], None]]] = {
        name: (share, functools.partial(one_run, lab, digits, name))
        for name, share in zip(INTERRUPTIONS, SHARES, strict=True)
    }
    shares["two runs started in one folder"] = 10, functools.partial(two_in_one_folder, lab, digits)
    if _can_mount():
        for fault in ("full", "read-only"):
            shares[f"{fault} disk (a real one)"] = 10, functools.partial(on_a_real_disk, lab, digits, fault)
    else:
        print("no disk can be mounted here: one that is really full or read-only was left out")
    return [(name, fault) for name, (share, fault) in shares.items() for _ in range(max(1, round(share * runs / RUNS)))]


def _can_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    test = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def parser() -> command.Parser:
    grammar = command.parser("faults", "Interrupt and disturb training runs, and see how they end.", rounds=None)
    grammar.add_argument(
        "--runs", type=command.whole_number(1), default=RUNS, metavar="N", help=f"that are interrupted (default {RUNS})"
    )
    grammar.add_argument("--plots", action="store_true", help="also draw each run's plots, which takes five times as long")
    grammar.add_argument("--seed", type=command.whole_number(0), default=0, metavar="S", help="of all chance (default 0)")
    return grammar


if __name__ == "__main__":
    sys.exit(command.run(main, parser(), None))
