"""The folder of a training run: what it holds, and how it is written.

model.npz       weights, architecture, preprocessing, provenance (see serialize.py)
config.json     every setting of the run; `scratchnet train --config` takes it
history.csv     one line an epoch
metrics.json    data set, seed, test accuracy, seconds, versions
curves.png  confusion.png  mistakes.png
"""

import csv
import io
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scratchnet
from scratchnet.files import atomic_write
from scratchnet.recipes import ConfigError
from scratchnet.train import Epoch
from scratchnet.untrusted import MOST_JSON, one_line, parse_json

MODEL, CONFIG, HISTORY, METRICS = "model.npz", "config.json", "history.csv", "metrics.json"
PLOTS = ("curves.png", "confusion.png", "mistakes.png")


class RunError(ValueError):
    """A folder that can't be used for a run."""


def create(out: str | os.PathLike[str] | None, model: str, *, overwrite: bool = False) -> Path:
    """Make the run's folder: ``out``, or runs/<date>-<time>-<model> if not given. It is writable, or this raises.

    To overwrite means that the old run's files are removed first, so that two runs are never mixed.

    Errors    RunError if ``out`` holds a run already and is not to be overwritten, or is not a folder that can be written to
    """
    if out is None:
        stem = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{model}"
        folder = next(f for i in range(1, 1000) if not (f := stem if i == 1 else Path(f"{stem}-{i}")).exists())
    else:
        folder = Path(out)
        if (folder / MODEL).exists() and not overwrite:
            raise RunError(f"{folder} holds a run already; choose another --out, or say --overwrite to replace it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
        for name in (MODEL, CONFIG, HISTORY, METRICS, *PLOTS) if overwrite else ():
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        why = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise RunError(f"can't write to the output folder {folder}: {why}") from error
    return folder


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Indented JSON; NaN is refused, since JSON has none."""
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    with atomic_write(path) as file:
        file.write(text.encode())


def read_config(path: str | Path) -> dict[str, Any]:
    """The settings in a config file: a JSON object such as {"model": "cnn", "lr": 0.05}. A run's config.json is one.

    Errors    ConfigError that names the file if it is not that or can't be read
    """
    try:
        with open(path, "rb") as file:
            settings = parse_json(file.read(MOST_JSON + 1).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not a JSON file: {one_line(error)}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: found a JSON {type(settings).__name__}, wanted an object of settings")
    return settings


def write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    """One line an epoch, counted from 1; empty where there is no validation."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Epoch._fields)
    for row in epochs:
        writer.writerow([row.epoch, *("" if value is None else f"{value:.6g}" for value in row[1:])])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def model_file(path: str | os.PathLike[str]) -> Path:
    """A model file, or the one in a run's folder."""
    path = Path(path)
    return path / MODEL if path.is_dir() else path


def versions() -> dict[str, str]:
    """What the run was computed with."""
    return {"scratchnet": scratchnet.__version__, "numpy": np.__version__, "python": platform.python_version()}
