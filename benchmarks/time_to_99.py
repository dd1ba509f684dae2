"""How long until a network is trained: the recipe fast99 (>= 99 % of MNIST's test set) in scratchnet and in PyTorch.

    python -m benchmarks.time_to_99                              # ten seeds
    python -m benchmarks.time_to_99 --recipe lenet5 --seeds 3

README.md beside this file says what is measured and how.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, environment
from benchmarks.data import load
from benchmarks.intervals import ratio_of_medians
from benchmarks.one_run import recipe_for
from benchmarks.rounds import SETTLE_SECONDS, counted

SEEDS = 10
WHO = ("scratchnet", "pytorch")
TIMES = {"training": "training", "total": "process start to result"}


def run_alone(who: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What one_run says, and in ``total`` the seconds from the start of its process to its end.

    Errors    RuntimeError with the run's own message if it fails
    """
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.one_run", who, *arguments], capture_output=True, text=True, check=False
    )
    total = time.perf_counter() - started
    if run.returncode:
        raise RuntimeError(run.stderr.strip().rpartition("\n")[2] or f"{who}: the run ended with status {run.returncode}")
    found: dict[str, Any] = json.loads(run.stdout.strip().rpartition("\n")[2])
    return found | {"total": total}


def run_seeds(seeds: int, arguments: Sequence[str], channels_last: bool, recipe: str) -> list[dict[str, Any]]:
    """A pair of runs for each seed, in an order that is drawn anew; their results by who."""
    shuffle, pairs = random.Random(0), []
    for seed in counted(seeds, recipe):
        pair: dict[str, Any] = {"seed": seed}
        for who in shuffle.sample(WHO, len(WHO)):
            time.sleep(SETTLE_SECONDS)
            more = ["--channels-last"] if who == "pytorch" and channels_last else []
            pair[who] = run_alone(who, [*arguments, "--seed", str(seed), *more])
        pairs.append(pair)
        print("  ".join(seed_cells(pair)), flush=True)
    return pairs


def column(pairs: Sequence[dict[str, Any]], who: str, what: str) -> Any:
    """(seeds,) of one figure."""
    return np.array([pair[who][what] for pair in pairs])


def summary(pairs: Sequence[dict[str, Any]], recipe: str) -> list[dict[str, Any]]:
    """Median seconds and their ratio (above 1: scratchnet is faster), once for each of TIMES; and the mean accuracies."""
    rows: list[dict[str, Any]] = []
    for what in TIMES:
        ours, theirs = (column(pairs, who, what) for who in WHO)
        ratio = ratio_of_medians(theirs, ours)
        rows.append(
            {
                "case": recipe,
                "what": what,
                "scratchnet": float(np.median(ours)),
                "pytorch": float(np.median(theirs)),
                "ratio": ratio.value,
                "low": ratio.low,
                "high": ratio.high,
            }
        )
    ours, theirs = (float(column(pairs, who, "accuracy").mean()) for who in WHO)
    return [*rows, {"case": recipe, "what": "mean test accuracy", "scratchnet": ours, "pytorch": theirs}]


def seed_cells(pair: dict[str, Any]) -> list[str]:
    cells = [str(pair["seed"])]
    for who in WHO:
        cells += [f"{pair[who]['training']:.2f}", f"{pair[who]['total']:.2f}", f"{pair[who]['accuracy']:.2%}"]
    return cells


SEED_HEADER = (
    "seed",
    "scratchnet: training, s",
    "start to result, s",
    "test accuracy",
    "PyTorch: training, s",
    "start to result, s",
    "test accuracy",
)
SUMMARY_HEADER = ("median of the seeds", "scratchnet, s", "PyTorch, s", "ratio", "95 % interval")


def in_text(pairs: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> str:
    """Both tables and the accuracies."""
    times = [
        [
            TIMES[row["what"]],
            f"{row['scratchnet']:.2f}",
            f"{row['pytorch']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['low']:.2f} .. {row['high']:.2f}",
        ]
        for row in rows
        if row["what"] in TIMES
    ]
    accuracies = rows[-1]
    return (
        f"{command.table(SEED_HEADER, [seed_cells(pair) for pair in pairs])}\n\n{command.table(SUMMARY_HEADER, times)}\n\n"
        f"Mean test accuracy: scratchnet {accuracies['scratchnet']:.3%}, PyTorch {accuracies['pytorch']:.3%}."
    )


def grammar() -> command.Parser:
    parser = command.parser("time_to_99", "Train a recipe in scratchnet and in PyTorch, and look at the clock.", rounds=None)
    parser.add_argument("--seeds", type=command.whole_number(1), default=SEEDS, metavar="N", help=f"default {SEEDS}")
    parser.add_argument("--recipe", default="fast99", metavar="NAME", help="a recipe of scratchnet (default fast99)")
    parser.add_argument("--epochs", type=command.whole_number(1), metavar="N", help="instead of the recipe's")
    return parser


def measure(args: Any) -> None:
    recipe = recipe_for(args.recipe, 0, args.epochs)
    command.needs_pytorch()
    arguments = ["--recipe", args.recipe]
    arguments += ["--epochs", str(args.epochs)] if args.epochs else []
    arguments += ["--data-dir", args.data_dir] if args.data_dir else []
    data, machine = load(args.data_dir), environment.describe()
    channels_last = run_alone("probe", arguments)["channels_last"]
    head = (
        f"{environment.sentence(machine)}. Data: {data.name}. Recipe {args.recipe}: model {recipe.model}, {recipe.epochs} "
        f"epochs, batch size {recipe.batch_size}. PyTorch's faster memory format: "
        f"{'channels_last' if channels_last else 'contiguous'}."
    )
    print(f"{head}\n", flush=True)
    pairs = run_seeds(args.seeds, arguments, channels_last, args.recipe)
    rows = summary(pairs, args.recipe)
    text = in_text(pairs, rows)
    print(f"\n{text}")
    settings = {"recipe": recipe.to_dict(), "channels_last": channels_last, "data": data.name, "machine": machine}
    for row in rows:
        row |= {"seeds": pairs, "settings": settings}
    command.save(args, rows, f"{head}\n\n{text}")


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
