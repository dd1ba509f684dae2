"""scratchnet and PyTorch side by side on this machine's processor.

    python -m benchmarks.vs_pytorch                      # everything
    python -m benchmarks.vs_pytorch --quick --cases S,K  # a first look

README.md beside this file says what is measured and how.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from benchmarks import command, environment
from benchmarks.data import Data, load
from benchmarks.intervals import Ratio, ratio_of_medians
from benchmarks.networks import CASES
from benchmarks.ours import INFER_UNIT, SHARDS, Ours, default_workers
from benchmarks.rounds import TURN_SECONDS, Contender, ContenderFailed, interleaved
from scratchnet.machine import available_cores
from scratchnet.typing import Array

ROUNDS, QUICK_ROUNDS = 15, 5
WHATS = ("train", "train-ddp", "train-in-process", "infer", "whole-run")
TURN_IMAGES = 12_800  # what "train" goes through again and again; both batch sizes divide it
QUICK_RUN = 12_000, 2_000  # training and test images of a whole run with --quick
INFER_BATCHES = (100, 250, 1000)


@dataclass
class Entrant:
    """A contender in the shape in which it was fastest: what it is asked for, and what that is worth in images."""

    name: str
    contender: Contender
    amount: int
    images: int  # of one turn
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table: images/s (rounds,) of scratchnet and of PyTorch at its best, and what the others did."""

    case: str
    what: str
    ours: Array
    theirs: Array
    settings: dict[str, Any]

    def ratio(self) -> Ratio:
        return ratio_of_medians(self.ours, self.theirs)

    def to_dict(self) -> dict[str, Any]:
        ratio = self.ratio()
        return {
            "case": self.case,
            "what": self.what,
            "scratchnet": float(np.median(self.ours)),
            "pytorch": float(np.median(self.theirs)),
            "ratio": ratio.value,
            "low": ratio.low,
            "high": ratio.high,
            "rounds": len(self.ours),
            "settings": self.settings,
        }


# --- Getting ready ---------------------------------------------------------------------------------------------------------


def fastest(name: str, contender: Contender, case: str, what: str, choices: Sequence[dict[str, Any]]) -> Entrant:
    """Set the contender up with the settings in which it is fastest: the best of three short turns each, tried in turn."""
    seconds: dict[int, list[float]] = {}
    amounts: dict[int, int] = {}
    for _ in range(3 if len(choices) > 1 else 0):
        for number, settings in enumerate(choices):
            contender.ask("set_up", case, what, **settings)
            if number not in amounts:
                amounts[number] = contender.amount_for(TURN_SECONDS / 2)
            seconds.setdefault(number, []).append(contender.turn(amounts[number]) / amounts[number])
    best = min(seconds, key=lambda number: min(seconds[number]), default=0)
    contender.ask("set_up", case, what, **choices[best])
    amount = contender.amount_for(TURN_SECONDS)
    unit = INFER_UNIT if what == "infer" else CASES[case].batch_size
    return Entrant(name, contender, amount, amount * unit, dict(choices[best]))


def formats(*, training: bool, pool_first: bool, unfused: bool = False) -> list[dict[str, Any]]:
    """The settings that PyTorch may choose from."""
    name, values = ("fused", (False,) if unfused else (False, True)) if training else ("infer_batch", INFER_BATCHES)
    pool = {"pool_first": True} if pool_first else {}
    return [{"channels_last": last, name: value, **pool} for last, value in product((False, True), values)]


def thread_counts(asked: Sequence[str]) -> list[int | None]:
    """PyTorch's thread counts to try; None is its own choice."""
    counts = {"default": None, "cores": available_cores()}
    return [counts[text] if text in counts else int(text) for text in asked]


# --- Measuring -------------------------------------------------------------------------------------------------------------


class Comparison:
    """Contenders that are started when they are first needed, and the rows that come of them."""

    def __init__(self, data: Data, started: contextlib.ExitStack, args: Any) -> None:
        self.data, self._started = data, started
        self.rounds, self.threads = args.rounds, args.threads
        self.pool_first, self.unfused = args.pool_first, args.unfused
        self.workers = default_workers()
        self.processes = max(1, self.workers)  # of PyTorch, that share a batch
        self.turn_data = data.first(TURN_IMAGES, len(data.test_images))
        self.run_data = data.first(*QUICK_RUN) if args.quick else data
        if args.run_images:
            self.run_data = data.first(args.run_images, args.run_images // 6 or 1)
        self._contenders: dict[str, Contender] = {}

    def _contender(self, name: str, make: Any, data: Data, *arguments: Any) -> Contender:
        if name not in self._contenders:
            self._contenders[name] = self._started.enter_context(Contender(name, make, data, arguments))
        return self._contenders[name]

    def check(self, case: str) -> dict[str, Any]:
        """Both compute the same: the differences found.

        Errors    ContenderFailed if they are too large
        """
        from benchmarks.checks import Checker

        with Contender("check", Checker, self.turn_data, ()) as checker:
            found: dict[str, Any] = checker.ask("compare", case)
        return found

    def _formats(self, *, training: bool) -> list[dict[str, Any]]:
        return formats(training=training, pool_first=self.pool_first, unfused=self.unfused)

    def sharded(self, data: Data, kind: str = "") -> Contender:
        return self._contender(f"scratchnet{kind}", Ours, data, self.workers)

    def pytorch(self, data: Data, kind: str = "") -> list[Contender]:
        """One for each thread count, the same only once."""
        from benchmarks.theirs import Theirs

        found: dict[int, Contender] = {}
        for threads in thread_counts(self.threads):
            if threads in found:
                continue
            contender = self._contender(f"torch{kind} {threads or 'default'}", Theirs, data, threads)
            found.setdefault(contender.ask("threads"), contender)
        return [found[number] for number in found]

    def turns(self, case: str, whats: Sequence[str]) -> list[Row]:
        """The rows for training and inference; all contenders of a kind of work share their rounds."""
        rows = []
        if {"train", "train-ddp", "train-in-process"} & set(whats):
            rows += self._train(case, whats)
        if "infer" in whats:
            ours = fastest("scratchnet", self.sharded(self.turn_data), case, "infer", [{}])
            theirs = [
                fastest("torch", c, case, "infer", self._formats(training=False)) for c in self.pytorch(self.turn_data)
            ]
            speeds = self._speeds([ours, *theirs], f"{case} infer")
            rows.append(self._row(case, "infer", ours, theirs, speeds))
        return rows

    def _train(self, case: str, whats: Sequence[str]) -> list[Row]:
        ours = in_process = None
        theirs, ddp = [], []
        if {"train", "train-ddp"} & set(whats):
            ours = fastest("scratchnet", self.sharded(self.turn_data), case, "train", [{}])
        if "train-in-process" in whats:
            contender = self._contender("scratchnet in process", Ours, self.turn_data, None)
            in_process = fastest("scratchnet in process", contender, case, "train", [{}])
        if {"train", "train-in-process"} & set(whats):
            theirs = [fastest("torch", c, case, "train", self._formats(training=True)) for c in self.pytorch(self.turn_data)]
        if "train-ddp" in whats:
            ddp = [self._ddp(case)]
        entrants = [*([ours] if ours else []), *([in_process] if in_process else []), *theirs, *ddp]
        speeds = self._speeds(entrants, f"{case} train")
        rows = []
        if ours and "train" in whats:
            rows.append(self._row(case, "train", ours, theirs, speeds))
        if ours and ddp:
            rows.append(self._row(case, "train-ddp", ours, ddp, speeds))
        if in_process:
            rows.append(self._row(case, "train-in-process", in_process, theirs, speeds))
        return rows

    def _ddp(self, case: str) -> Entrant:
        """PyTorch's processes, with the exchange of gradients that is faster."""
        from benchmarks.theirs import ranks

        largest = max(sum(a.size for a in c.build().params.values()) for c in CASES.values())
        if "torch-ddp" not in self._contenders:
            group = self._started.enter_context(ranks(self.turn_data, self.processes, largest))
            self._contenders["torch-ddp"] = group
            self._exchanges = ["shared memory"]
            if all(group.ask_all("connect")):
                self._exchanges.append("gloo")
        group = self._contenders["torch-ddp"]
        choices = [
            {"exchange": exchange, **settings}
            for exchange, settings in product(self._exchanges, self._formats(training=True))
        ]
        entrant = fastest("torch-ddp", group, case, "train", choices)
        if not all(group.ask_all("checksums_agree")):
            raise ContenderFailed("torch-ddp: its processes have different weights, so gradients were not exchanged")
        return entrant

    def whole_run(self, case: str) -> Row:
        """One epoch and the test set, from uint8 arrays to the accuracy; PyTorch as it was fastest in shorter turns."""
        ours = self.sharded(self.run_data, " whole run")
        ours.ask("set_up", case, "whole-run")
        images = len(self.run_data.images)
        entrants = [
            Entrant("scratchnet", ours, 1, images, {"images": images, "test_images": len(self.run_data.test_images)})
        ]
        for contender in self.pytorch(self.run_data, " whole run"):
            training = fastest("torch", contender, case, "train", self._formats(training=True)).settings
            testing = fastest("torch", contender, case, "infer", self._formats(training=False)).settings
            settings = training | {"infer_batch": testing["infer_batch"]}
            contender.ask("set_up", case, "whole-run", **settings)
            entrants.append(Entrant("torch", contender, 1, images, settings))
        speeds = self._speeds(entrants, f"{case} whole run")
        for entrant in entrants:
            entrant.settings["test_accuracy"] = entrant.contender.ask("accuracy")
        return self._row(case, "whole-run", entrants[0], entrants[1:], speeds)

    def _speeds(self, entrants: Sequence[Entrant], label: str) -> dict[int, Array]:
        """Images/s (rounds,) of each entrant, by its id."""
        turns = {str(i): (entrant.contender, entrant.amount) for i, entrant in enumerate(entrants)}
        seconds = interleaved(turns, self.rounds, progress=label)
        return {id(entrant): entrant.images / seconds[str(i)] for i, entrant in enumerate(entrants)}

    def _row(self, case: str, what: str, ours: Entrant, theirs: Sequence[Entrant], speeds: dict[int, Array]) -> Row:
        """Ours against the best of theirs."""
        best = max(theirs, key=lambda entrant: float(np.median(speeds[id(entrant)])))
        settings: dict[str, Any] = {
            "scratchnet": {**ours.settings, **self._how(what)},
            "pytorch": self._settings_of(best),
            "batch_size": CASES[case].batch_size,
        }
        others = [{**self._settings_of(o), "speed": float(np.median(speeds[id(o)]))} for o in theirs if o is not best]
        if others:
            settings["pytorch_otherwise"] = others
        return Row(case, what, speeds[id(ours)], speeds[id(best)], settings)

    def _settings_of(self, entrant: Entrant) -> dict[str, Any]:
        threads = entrant.contender.ask("threads")
        processes = {"processes": self.processes} if entrant.name == "torch-ddp" else {}
        return {**entrant.settings, "threads": threads, **processes}

    def _how(self, what: str) -> dict[str, Any]:
        if what == "train-in-process":
            return {"workers": 0, "shards": 1, "blas_threads": "default"}
        return {"workers": self.workers, "shards": SHARDS, "blas_threads": 1}


# --- Telling ---------------------------------------------------------------------------------------------------------------

HEADER = ("case", "what", "scratchnet, images/s", "PyTorch, images/s", "ratio", "95 % interval", "PyTorch's settings")


def cells(row: Row) -> list[str]:
    """A row of the table."""
    ratio = row.ratio()
    return [
        row.case,
        row.what,
        command.short(float(np.median(row.ours))),
        command.short(float(np.median(row.theirs))),
        f"{ratio.value:.2f}",
        f"{ratio.low:.2f} .. {ratio.high:.2f}",
        in_words(row.settings["pytorch"]),
    ]


def in_words(settings: dict[str, Any]) -> str:
    """PyTorch's settings in the space of a table cell."""
    words = ["channels_last" if settings["channels_last"] else "contiguous"]
    words += ["pool first"] if settings.get("pool_first") else []
    words += ["fused SGD"] if settings.get("fused") else []
    words += [f"batches of {settings['infer_batch']}"] if "infer_batch" in settings else []
    words += [f"{settings['processes']} processes, {settings['exchange']}"] if "exchange" in settings else []
    words += [f"{settings['threads']} thread" + "s" * (settings["threads"] != 1)]
    words += [f"test {settings['test_accuracy']:.2%}"] if "test_accuracy" in settings else []
    return ", ".join(words)


def grammar() -> command.Parser:
    parser = command.parser("vs_pytorch", "Compare scratchnet and PyTorch on this machine.", rounds=ROUNDS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, and whole runs on fewer images")
    parser.add_argument(
        "--cases",
        type=command.list_of(tuple(CASES)),
        default=list(CASES),
        metavar="C,C",
        help="some of S,K,P,R (default all)",
    )
    parser.add_argument(
        "--what", type=command.list_of(WHATS), default=list(WHATS), metavar="W,W", help=f"some of {','.join(WHATS)}"
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=["default", "cores"],
        metavar="T,T",
        help="PyTorch's thread counts, the best one is compared with: default, cores or numbers (default: default,cores)",
    )
    parser.add_argument(
        "--pool-first", action="store_true", help="PyTorch's networks too pool before ReLU, not as its examples do"
    )
    parser.add_argument("--unfused", action="store_true", help="PyTorch's optimizer as it is unless one asks for fused=True")
    parser.add_argument(
        "--run-images",
        type=command.whole_number(1),
        metavar="N",
        help="training images of a whole run (default all of them)",
    )
    return parser


def _threads(text: str) -> list[str]:
    for name in text.split(","):
        if name not in ("default", "cores"):
            command.whole_number(1)(name)
    return text.split(",")


def measure(args: Any) -> None:
    command.needs_pytorch()
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else ROUNDS)
    data, machine = load(args.data_dir), environment.describe()
    print(f"{environment.sentence(machine)}\nData: {data.name}. {args.rounds} rounds.\n", flush=True)
    rows: list[Row] = []
    for case in args.cases:
        with contextlib.ExitStack() as started:
            comparison = Comparison(data, started, args)
            print(f"{case}: {CASES[case].title}, batch size {CASES[case].batch_size}", flush=True)
            for dtype, difference in comparison.check(case).items():
                print(f"  the same in {dtype}: loss to {difference.loss:.0e}, gradients to {difference.gradients:.0e}")
            found = comparison.turns(case, args.what)
            found += [comparison.whole_run(case)] if "whole-run" in args.what else []
            for row in found:
                row.settings.update(data=data.name, machine=machine)
                print("  " + "  ".join(cells(row)[1:]), flush=True)
            rows += found
    text = command.table(HEADER, [cells(row) for row in rows], texts=(0, 1, 6))
    print(f"\n{text}")
    notes = f"{environment.sentence(machine)}. Data: {data.name}. Medians of {args.rounds} rounds."
    command.save(args, [row.to_dict() for row in rows], f"{notes}\n\n{text}")


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
