"""Where a training step's time goes: each layer's forward and backward, and what stands around them.

    python -m benchmarks.profile

README.md beside this file says how to read it. PyTorch is not needed.
"""

from __future__ import annotations

import functools
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from benchmarks import command, environment
from benchmarks.data import Data, load
from benchmarks.ladder import SGEMM_SIZE, Sgemm
from benchmarks.networks import CASES, flops_by_layer
from benchmarks.ours import LR, MOMENTUM, SHARDS
from scratchnet.engine import ShardedEngine
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.machine import available_cores
from scratchnet.optim import Momentum, constant
from scratchnet.preprocess import prepare
from scratchnet.train import train_steps

STEPS = 300
WARM_UP = 20  # steps that are not counted
TRAINING_IMAGES = 12_800
SMALL = 0.03  # of a step
PRODUCTS = 20  # matrix products that one core's peak is measured with


class Clock:
    """How long the calls of some functions take."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def on(self, owner: Any, name: str, what: str) -> None:
        """From now on, time the calls of ``owner.name``."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds[what].append(time.perf_counter() - start)
            return result

        setattr(owner, name, call)

    def median(self, what: str) -> float:
        return float(np.median(self.seconds[what])) if self.seconds[what] else 0.0


def profile(case: str, data: Data, steps: int) -> list[dict[str, Any]]:
    """Medians over the steps, of this process's part of them: its shard, while the others work on theirs."""
    clock, model, batch_size = Clock(), CASES[case].build(), CASES[case].batch_size
    workers = min(available_cores(), SHARDS)
    engine = ShardedEngine(
        model, SoftmaxCrossEntropy(), data.images, data.labels, prepare=prepare, shards=SHARDS, workers=workers
    )
    with engine:
        run = train_steps(engine, Momentum(LR, MOMENTUM), epochs=10**9, batch_size=batch_size, schedule=constant(LR), seed=0)
        for _ in islice(run, WARM_UP):
            pass
        clock.on(engine, "step", "step")
        clock.on(engine._board, "work_on", "shard")
        if workers > 1:
            clock.on(engine, "_update", "update")
        for index, layer in enumerate(model.layers):  # the other processes have layers of their own, without a clock
            clock.on(layer, "forward", f"{index} forward")
            clock.on(layer, "backward", f"{index} backward")
        for _ in islice(run, steps):
            pass
    images = batch_size / SHARDS * (SHARDS // workers)
    rows, flops = [], flops_by_layer(CASES[case].build())
    for index, layer in enumerate(model.layers):
        forward, backward = (clock.median(f"{index} {way}") * (SHARDS // workers) for way in ("forward", "backward"))
        row = {"what": f"{index} {type(layer).__name__}", "forward": forward, "backward": backward}
        for way, count in zip(("forward", "backward"), flops[index], strict=True):
            row[f"{way}_flops_per_second"] = images * count / row[way] if count else 0.0
        rows.append(row | {"seconds": forward + backward})
    step, shard, update = (clock.median(what) for what in ("step", "shard", "update"))
    shard *= SHARDS // workers
    rows.append({"what": "images, loss, gradients to shared memory", "seconds": shard - sum(r["seconds"] for r in rows)})
    rows.append({"what": "adding gradients up, optimizer", "seconds": update})
    rows.append({"what": "waiting for the slowest process", "seconds": step - shard - update})
    rows.append({"what": "step", "seconds": step})
    settings = {"steps": steps, "workers": workers, "batch_size": batch_size}
    return [{"case": case, **row, "of_step": row["seconds"] / step, "settings": settings} for row in rows]


def one_core() -> float:
    """Floating-point operations a second of sgemm with one thread."""
    sgemm, seconds = Sgemm(None, one_thread=True), []
    for _ in range(PRODUCTS):
        start = time.perf_counter()
        sgemm.work(1)
        seconds.append(time.perf_counter() - start)
    return 2 * SGEMM_SIZE**3 / float(np.median(seconds))


HEADER = ("case", "what", "forward, ms", "backward, ms", "together, ms", "of the step", "GFLOP/s forward", "backward")


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    times = [f"{1e3 * row[key]:.2f}" if key in row else "" for key in ("forward", "backward", "seconds")]
    speeds = [row.get(f"{way}_flops_per_second") for way in ("forward", "backward")]
    return [row["case"], row["what"], *times, f"{row['of_step']:.0%}", *(f"{s / 1e9:.0f}" if s else "" for s in speeds)]


def small_ones_together(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A case's rows, the layers that take less than SMALL of the step in one row."""
    small = [row for row in rows if "forward" in row and row["of_step"] < SMALL]
    if len(small) < 2:
        return rows
    sums = {key: sum(row[key] for row in small) for key in ("forward", "backward", "seconds", "of_step")}
    others = [row for row in rows if row not in small]
    layers = sum("forward" in row for row in others)
    return [*others[:layers], {"case": rows[0]["case"], "what": f"{len(small)} other layers", **sums}, *others[layers:]]


def grammar() -> command.Parser:
    parser = command.parser("profile", "Where a training step's time goes, layer by layer.", rounds=None)
    cases = list(CASES)
    parser.add_argument("--cases", type=command.list_of(cases), default=cases, metavar="C,C", help="some of S,K,P,R")
    parser.add_argument(
        "--steps", type=command.whole_number(1), default=STEPS, metavar="N", help=f"steps that are timed (default {STEPS})"
    )
    return parser


def measure(args: Any) -> None:
    data, machine = load(args.data_dir), environment.describe()
    head = f"{environment.sentence(machine)}. Data: {data.name}. Medians of {args.steps} steps."
    print(f"{head}\n", flush=True)
    rows: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    for case in args.cases:
        found = profile(case, data.first(TRAINING_IMAGES, 0), args.steps)
        print("\n".join("  ".join(cells(row)) for row in found), flush=True)
        rows += found
        shown += small_ones_together(found)
    peak = one_core()
    for row in rows:
        row["settings"].update(data=data.name, machine=machine, sgemm_of_one_core=peak)
    below = f"sgemm of {SGEMM_SIZE} cubed on one core, the others idle: {peak / 1e9:.0f} GFLOP/s."
    text = f"{command.table(HEADER, [cells(row) for row in shown], texts=(0, 1))}\n\n{below}"
    print(f"\n{text}")
    command.save(args, rows, f"{head}\n\n{text}")


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
