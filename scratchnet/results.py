"""The table of accuracies: the runs that ``scratchnet reproduce`` made, and what they come to.

A table file is JSON: {"runs": [{"recipe": .., "seed": .., "test_accuracy": .., ..}, ..]}, each run a ``Run``. The package's
own, results.json, holds the runs that README shows.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from scratchnet.files import atomic_write
from scratchnet.layers.base import require
from scratchnet.recipes import RECIPES, Recipe
from scratchnet.untrusted import one_line, parse_json


class ResultsError(ValueError):
    """A table file that can't be used; the message names it."""


@dataclass(frozen=True)
class Run:
    """One training and its one look at the test set. ``settings`` is the recipe as it was used, seed and all."""

    recipe: str
    seed: int
    settings: dict[str, Any]
    dataset: str
    parameters: int
    epochs: int
    seconds: float
    val_accuracy: float | None
    test_accuracy: float
    machine: str

    def made_by(self, recipe: Recipe) -> bool:
        """Was it this recipe, seed and all? A setting that there was not yet is no difference."""
        now = recipe.to_dict()
        return all(name in now and now[name] == value for name, value in self.settings.items())


@dataclass(frozen=True)
class Row:
    """What the runs of one recipe come to: means over the seeds, and the sample standard deviation if there are several.

    Of the seconds it is the median: a machine may have been busy during one of the runs.
    """

    recipe: str
    parameters: int
    epochs: int
    seeds: tuple[int, ...]
    seconds: float
    val_accuracy: float | None
    test_accuracy: float
    deviation: float | None
    lowest: float


def shipped() -> list[Run]:
    """The runs that README shows."""
    return _parse((resources.files("scratchnet") / "results.json").read_text(encoding="utf-8"), "results.json")


def read(path: Path) -> list[Run]:
    """The runs of a table file; none if it is not there.

    Errors    ResultsError if it is something else
    """
    return _parse(path.read_text(encoding="utf-8"), str(path)) if path.exists() else []


def write(path: Path, runs: Iterable[Run]) -> None:
    """Write a table file, whole or not at all."""
    text = json.dumps({"runs": [dataclasses.asdict(run) for run in runs]}, indent=1, allow_nan=False) + "\n"
    with atomic_write(path) as file:
        file.write(text.encode())


def summarise(runs: Iterable[Run]) -> list[Row]:
    """A row a recipe, in the order of RECIPES."""
    of: dict[str, list[Run]] = {}
    for run in runs:
        of.setdefault(run.recipe, []).append(run)
    return [_row(name, of[name]) for name in sorted(of, key=_place)]


def markdown(runs: Iterable[Run], names: Iterable[str] = ()) -> str:
    """The table as README shows it, and below it the machines. ``names`` are rows that are there though nothing was run."""
    runs = list(runs)
    rows = {row.recipe: _line(row) for row in summarise(runs)}
    rows |= {name: f"| `{name}` | | | | | | not measured | |" for name in names if name not in rows}
    machines = "; ".join(dict.fromkeys(run.machine for run in runs))
    lines = [
        "| model | parameters | epochs | seeds | training | validation | test accuracy | lowest |",
        "|---|--:|--:|---|--:|--:|--:|--:|",
        *(rows[name] for name in sorted(rows, key=_place)),
        *(["", f"Trained on {machines}."] if runs else []),
    ]
    return "\n".join(lines) + "\n"


def _place(name: str) -> int:
    names = list(RECIPES)
    return names.index(name) if name in names else len(names)


def _row(name: str, runs: list[Run]) -> Row:
    tests = [run.test_accuracy for run in runs]
    validations = [run.val_accuracy for run in runs if run.val_accuracy is not None]
    return Row(
        recipe=name,
        parameters=runs[0].parameters,
        epochs=runs[0].epochs,
        seeds=tuple(sorted(run.seed for run in runs)),
        seconds=statistics.median(run.seconds for run in runs),
        val_accuracy=statistics.fmean(validations) if validations else None,
        test_accuracy=statistics.fmean(tests),
        deviation=statistics.stdev(tests) if len(tests) > 1 else None,
        lowest=min(tests),
    )


def _line(row: Row) -> str:
    parameters = f"{row.parameters:,}".replace(",", " ")
    validation = "" if row.val_accuracy is None else f"{row.val_accuracy:.2%}"
    deviation = "" if row.deviation is None else f" ± {100 * row.deviation:.2f}"
    cells = (
        f"`{row.recipe}`",
        parameters,
        str(row.epochs or ""),
        ", ".join(map(str, row.seeds)),
        f"{row.seconds:.0f} s",
        validation.replace("%", " %"),
        f"{100 * row.test_accuracy:.2f}{deviation} %",
        f"{100 * row.lowest:.2f} %",
    )
    return f"| {' | '.join(cells)} |"


def _parse(text: str, where: str) -> list[Run]:
    try:
        values = parse_json(text)
        require(isinstance(values, dict) and isinstance(values.get("runs"), list), 'wanted an object with a list of "runs"')
        return [Run(**run) for run in values["runs"]]
    except (ValueError, TypeError) as error:
        raise ResultsError(f"{where}: not a table of results: {one_line(error)}") from error
