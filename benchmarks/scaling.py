"""How scratchnet's speed and cost grow: with workers, batch size, image size and channels.

    python -m benchmarks.scaling

README.md beside this file says what is measured and how. PyTorch is not needed.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import command, environment
from benchmarks.data import Data, load
from benchmarks.intervals import Ratio, ratio_of_medians
from benchmarks.networks import CASES, training_flops
from benchmarks.ours import SHARDS, Ours, default_workers
from benchmarks.rounds import TURN_SECONDS, Contender, interleaved
from scratchnet.layers import Conv2d, Dense, GlobalAvgPool, MaxPool2d, ReLU, Sequential
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array

ROUNDS = 9
TRAINING_IMAGES = 8192
WORKERS = (0, 1, 2, 4)
BATCH_SIZES = (16, 32, 64, 128, 256, 512, 1024)
IMAGE_SIZES = (14, 28, 56)
CHANNELS = (8, 16, 32, 64)
PLAIN = {"image_size": 28, "channels": 16, "batch_size": 64}
TABLES = ("workers", "batch", "image", "channels")


@dataclass(frozen=True)
class Setting:
    """One line of a table: a network on images of some size, and how it is trained."""

    network: str  # a case, or "plain"
    batch_size: int
    workers: int
    image_size: int = 28
    channels: int = 0  # of "plain"

    def build(self) -> Sequential:
        if self.network == "plain":
            return plain(self.channels)
        return CASES[self.network].build()

    def flops_per_image(self) -> int:
        return training_flops(self.build(), (1, self.image_size, self.image_size))


def plain(channels: int) -> Sequential:
    """Two convolutions that fit images of any size."""
    rng = stream(0, Purpose.INIT)
    return Sequential(
        Conv2d(1, channels, 3, pad=1, rng=rng),
        MaxPool2d(2),
        ReLU(),
        Conv2d(channels, 2 * channels, 3, pad=1, rng=rng),
        ReLU(),
        GlobalAvgPool(),
        Dense(2 * channels, 10, rng=rng),
    )


def resized(images: Array, size: int) -> Array:
    """(N, 28, 28) -> (N, size, size) by leaving pixels out or repeating them; 28 and size must divide each other.

    Errors    ValueError if they don't
    """
    own = images.shape[1]
    if own % size and size % own:
        raise ValueError(f"resized: {size} neither divides {own} nor is a multiple of it")
    if size <= own:
        return np.ascontiguousarray(images[:, :: own // size, :: own // size])
    return images.repeat(size // own, axis=1).repeat(size // own, axis=2)


class Scaled(Ours):
    """Training by ShardedEngine in one setting."""

    def __init__(self, data: Data, setting: Setting) -> None:
        super().__init__(data._replace(images=resized(data.images, setting.image_size)), setting.workers)
        self.use(setting.build, setting.batch_size, "train")


def measured(settings: Sequence[Setting], data: Data, rounds: int, label: str) -> list[Array]:
    """Images/s (rounds,) in each setting; all share their rounds."""
    with contextlib.ExitStack() as started:
        turns = {}
        for number, setting in enumerate(settings):
            contender = started.enter_context(Contender(str(setting), Scaled, data, (setting,)))
            turns[str(number)] = contender, contender.amount_for(TURN_SECONDS)
        seconds = interleaved(turns, rounds, progress=label)
        return [turns[str(n)][1] * setting.batch_size / seconds[str(n)] for n, setting in enumerate(settings)]


# --- The tables ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """What a table varies: its name, the values, and the setting for each. Ratios are to the value ``to``."""

    title: str
    name: str
    values: Sequence[int]
    setting: Callable[[int], Setting]
    to: int


def tables_for(asked: Sequence[str], cases: Sequence[str]) -> list[Table]:
    """In the order of TABLES; workers and batch sizes for each case."""
    workers = default_workers()
    made = []
    for case in cases if "workers" in asked else ():
        vary = functools.partial(_with_workers, case)
        made.append(Table(f"{case}: workers ({SHARDS} shards)", "workers", WORKERS, vary, to=1))
    for case in cases if "batch" in asked else ():
        vary = functools.partial(_with_batch, case, workers)
        made.append(Table(f"{case}: batch size ({workers} workers)", "batch size", BATCH_SIZES, vary, to=64))
    if "image" in asked:
        title = f"image size (conv3x3-{PLAIN['channels']}, conv3x3-{2 * PLAIN['channels']}; {workers} workers)"
        made.append(Table(title, "image size", IMAGE_SIZES, functools.partial(_with_image, workers), to=28))
    if "channels" in asked:
        title = f"channels c (conv3x3-c, conv3x3-2c; {workers} workers)"
        made.append(Table(title, "channels", CHANNELS, functools.partial(_with_channels, workers), to=16))
    return made


def _with_workers(case: str, workers: int) -> Setting:
    return Setting(case, CASES[case].batch_size, workers)


def _with_batch(case: str, workers: int, batch_size: int) -> Setting:
    return Setting(case, batch_size, workers)


def _with_image(workers: int, image_size: int) -> Setting:
    return Setting("plain", PLAIN["batch_size"], workers, image_size, PLAIN["channels"])


def _with_channels(workers: int, channels: int) -> Setting:
    return Setting("plain", PLAIN["batch_size"], workers, PLAIN["image_size"], channels)


def fill(table: Table, data: Data, rounds: int) -> list[dict[str, Any]]:
    """Measure a table's rows."""
    settings = [table.setting(value) for value in table.values]
    speeds = measured(settings, data, rounds, table.title)
    base = speeds[list(table.values).index(table.to)]
    rows = []
    for value, setting, speed in zip(table.values, settings, speeds, strict=True):
        ratio = Ratio(1.0, 1.0, 1.0) if value == table.to else ratio_of_medians(speed, base)
        median, flops = float(np.median(speed)), setting.flops_per_image()
        rows.append(
            {
                "case": setting.network,
                "what": table.name,
                "value": value,
                "scratchnet": median,
                "milliseconds_per_image": 1000 / median,
                "ratio": ratio.value,
                "low": ratio.low,
                "high": ratio.high,
                "flops_per_image": flops,
                "flops_per_second": flops * median,
                "settings": {**vars(setting), "shards": SHARDS, "rounds": rounds, "ratio_to": table.to},
            }
        )
    return rows


def in_text(table: Table, rows: Sequence[dict[str, Any]]) -> str:
    header = (table.name, "images/s", "ms/image", f"to {table.to}", "95 % interval", "MFLOP/image", "GFLOP/s")
    cells = [
        [
            str(row["value"]),
            command.short(row["scratchnet"]),
            f"{row['milliseconds_per_image']:.3f}",
            f"{row['ratio']:.2f}",
            "" if row["value"] == table.to else f"{row['low']:.2f} .. {row['high']:.2f}",
            f"{row['flops_per_image'] / 1e6:.2f}",
            f"{row['flops_per_second'] / 1e9:.1f}",
        ]
        for row in rows
    ]
    return f"{table.title}\n\n{command.table(header, cells)}"


def grammar() -> command.Parser:
    parser = command.parser("scaling", "How speed grows with workers, batch, image size, channels.", rounds=ROUNDS)
    parser.add_argument(
        "--cases",
        type=command.list_of(tuple(CASES)),
        default=["S", "K", "P"],
        metavar="C,C",
        help="some of S,K,P,R for workers and batch sizes (default S,K,P)",
    )
    parser.add_argument(
        "--what", type=command.list_of(TABLES), default=list(TABLES), metavar="W,W", help=f"some of {','.join(TABLES)}"
    )
    return parser


def measure(args: Any) -> None:
    data, machine = load(args.data_dir), environment.describe()
    args.rounds = args.rounds or ROUNDS
    head = f"{environment.sentence(machine)}. Data: {data.name}. Medians of {args.rounds} rounds."
    print(head, flush=True)
    rows, texts = [], [head]
    for table in tables_for(args.what, args.cases):
        found = fill(table, data.first(TRAINING_IMAGES, 0), args.rounds)
        texts.append(in_text(table, found))
        print(f"\n{texts[-1]}", flush=True)
        rows += found
    for row in rows:
        row["settings"].update(data=data.name, machine=machine)
    command.save(args, rows, "\n\n".join(texts))


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
