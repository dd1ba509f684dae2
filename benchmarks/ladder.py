"""From loops to fast, step by step: what each of scratchnet's ideas is worth, and how near the end the processor's limit is.

    python -m benchmarks.ladder

README.md beside this file says what is measured and how; steps.py has the steps' code.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, environment
from benchmarks.data import Data, load
from benchmarks.intervals import ratio_of_medians
from benchmarks.networks import CASES, flops_of
from benchmarks.ours import Ours, default_workers
from benchmarks.rounds import TURN_SECONDS, Contender, Worker, interleaved
from benchmarks.steps import BATCH_LAST, LOOPS, TEXTBOOK, Step, on
from scratchnet.engine import loss_and_grads
from scratchnet.layers import Dropout, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.machine import available_cores, one_blas_thread
from scratchnet.preprocess import prepare
from scratchnet.typing import Array

ROUNDS = 15
TRAINING_IMAGES = 12_800
STEPS: dict[str, Step] = {"loops": LOOPS, "textbook im2col": TEXTBOOK, "batch-last im2col": BATCH_LAST}
RUNGS = (*STEPS, "half im2col", "shards")
CLIMBED = ("S", "K", "P")  # cases
LOOP_BATCH = 2  # images: loops take a second or so for each
SGEMM_SIZE = 1024
TOLERANCE = 1e-9


def prepare_c_order(images: Array) -> Array:
    """``prepare``, in memory as (N, C, H, W)."""
    return np.ascontiguousarray(prepare(images))


class Rung(Ours):
    """Training, in process, by one of the STEPS or by the package's own layers (a step of no changes)."""

    def __init__(self, data: Data, name: str) -> None:
        super().__init__(data, None)
        self._step = STEPS.get(name, {})
        self._loops = name == "loops"
        self._prepare = prepare_c_order if name in ("loops", "textbook im2col") else prepare

    def set_up(self, case: str, what: str) -> None:
        batch_size = LOOP_BATCH if self._loops else CASES[case].batch_size
        self.use(functools.partial(built, case, self._step), batch_size, what)
        self.warm_up = 0.0 if self._loops else Worker.warm_up

    def check(self, case: str) -> float:
        """The largest relative difference of its gradients from the package's, in float64.

        Errors    ArithmeticError if that is above TOLERANCE
        """
        images, labels = self.data.images[:LOOP_BATCH], self.data.labels[:LOOP_BATCH]
        x = self._prepare(images).astype(np.float64)
        model = CASES[case].build()
        for _, layer in model.leaves():
            layer.params = {key: array.astype(np.float64) for key, array in layer.params.items()}
            if isinstance(layer, Dropout):
                layer.p = 0.0
        wanted, found = (
            loss_and_grads(network, SoftmaxCrossEntropy(), x, labels) for network in (model, on(model, self._step))
        )
        worst = abs(found.loss - wanted.loss) / abs(wanted.loss)
        for key, gradient in wanted.grads.items():
            worst = max(worst, float(np.abs(found.grads[key] - gradient).max() / np.abs(gradient).max()))
        if not worst <= TOLERANCE:
            raise ArithmeticError(f"{case}: this step's gradients differ from the package's by {worst:.1e}")
        return worst


def built(case: str, step: Step) -> Sequential:
    return on(CASES[case].build(), step)


class Sgemm(Worker):
    """float32 matrix products of SGEMM_SIZE cubed; unit: one product."""

    def __init__(self, data: None, one_thread: bool) -> None:
        if one_thread:
            one_blas_thread()
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.random((SGEMM_SIZE, SGEMM_SIZE), np.float32) for _ in range(2))
        self._out = np.empty_like(self._a)

    def work(self, amount: int) -> None:
        for _ in range(amount):
            np.matmul(self._a, self._b, out=self._out)


def climb(case: str, data: Data, rounds: int) -> list[dict[str, Any]]:
    """The rungs of one case, from the slowest."""
    cores = available_cores()
    with contextlib.ExitStack() as started:
        turns: dict[str, tuple[Contender, int]] = {}
        for name in RUNGS:
            make, argument = (Ours, default_workers()) if name == "shards" else (Rung, name)
            contender = started.enter_context(Contender(name, make, data, (argument,)))
            if name in STEPS:
                contender.ask("check", case)
            contender.ask("set_up", case, "train")
            turns[name] = contender, contender.amount_for(TURN_SECONDS)
        products = {"sgemm, one process": 1, "sgemm, side by side": cores}
        for name, processes in products.items():
            one_thread = name == "sgemm, side by side"
            contender = started.enter_context(Contender(name, Sgemm, None, *[(one_thread,)] * processes))
            turns[name] = contender, contender.amount_for(TURN_SECONDS)
        seconds = interleaved(turns, rounds, progress=case)

    def per_second(name: str, each: float) -> Array:
        return turns[name][1] * each / seconds[name]

    peaks = {n: float(np.median(per_second(n, p * 2 * SGEMM_SIZE**3))) for n, p in products.items()}
    peak = max(peaks.values())
    speeds = {name: per_second(name, LOOP_BATCH if name == "loops" else CASES[case].batch_size) for name in RUNGS}
    rows = []
    for below, name in zip((None, *RUNGS), RUNGS, strict=False):
        speed = float(np.median(speeds[name]))
        row = {"case": case, "what": name, "scratchnet": speed, "to_first": speed / float(np.median(speeds[RUNGS[0]]))}
        if below:
            ratio = ratio_of_medians(speeds[name], speeds[below])
            row |= {"ratio": ratio.value, "low": ratio.low, "high": ratio.high}
        row |= {"flops_per_image": flops_of(case), "of_peak": speed * flops_of(case) / peak, "peak": peak}
        rows.append({**row, "settings": {"rounds": rounds, "workers": default_workers(), "cores": cores, "sgemm": peaks}})
    return rows


HEADER = ("case", "step", "images/s", "to the step before", "95 % interval", "to loops", "of the sgemm peak")


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    ratio = [f"{row['ratio']:.2f}", f"{row['low']:.2f} .. {row['high']:.2f}"] if "ratio" in row else ["", ""]
    of_peak = f"{row['of_peak']:.1%}" if row["of_peak"] >= 0.001 else f"{row['of_peak']:.0e}"
    return [row["case"], row["what"], command.short(row["scratchnet"]), *ratio, command.short(row["to_first"]), of_peak]


def peak_in_words(rows: Sequence[dict[str, Any]]) -> str:
    """What the last column is a part of."""
    texts = []
    for row in {row["case"]: row for row in rows}.values():
        one, beside = row["settings"]["sgemm"].values()
        texts.append(f"{row['case']}: {one / 1e9:.0f} GFLOP/s in one process, {beside / 1e9:.0f} side by side")
    return f"sgemm of {SGEMM_SIZE} cubed in the same rounds: {'; '.join(texts)}."


def grammar() -> command.Parser:
    parser = command.parser("ladder", "Loops, im2col, batch-last, half im2col, shards: one after the other.", rounds=ROUNDS)
    parser.add_argument(
        "--cases", type=command.list_of(CLIMBED), default=list(CLIMBED), metavar="C,C", help="some of S,K,P (default all)"
    )
    return parser


def measure(args: Any) -> None:
    data, machine = load(args.data_dir), environment.describe()
    args.rounds = args.rounds or ROUNDS
    head = f"{environment.sentence(machine)}. Data: {data.name}. Medians of {args.rounds} rounds."
    print(f"{head}\n", flush=True)
    rows = []
    for case in args.cases:
        rows += climb(case, data.first(TRAINING_IMAGES, 0), args.rounds)
        print("\n".join("  ".join(cells(row)) for row in rows if row["case"] == case), flush=True)
    for row in rows:
        row["settings"].update(data=data.name, machine=machine)
    text = f"{command.table(HEADER, [cells(row) for row in rows], texts=(0, 1))}\n\n{peak_in_words(rows)}"
    print(f"\n{text}")
    command.save(args, rows, f"{head}\n\n{text}")


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
