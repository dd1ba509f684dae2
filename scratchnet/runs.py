"""The folder of a training run: what it holds, and how it is written.

model.npz       weights, architecture, preprocessing, provenance (see serialize.py)
config.json     every setting of the run; `scratchnet train --config` takes it
history.csv     one line an epoch
metrics.json    data set, seed, test accuracy, seconds, versions
curves.png  confusion.png  mistakes.png
checkpoint-a.npz  checkpoint-b.npz      until the run is finished (see checkpoint.py)
.lock                                   while somebody writes
"""

import contextlib
import csv
import io
import itertools
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scratchnet
from scratchnet import checkpoint
from scratchnet.checkpoint import Checkpoints
from scratchnet.files import atomic_write, locked, remove_leftovers
from scratchnet.recipes import ConfigError
from scratchnet.train import Epoch
from scratchnet.untrusted import MOST_JSON, json_kind, one_line, parse_json

MODEL, CONFIG, HISTORY, METRICS = "model.npz", "config.json", "history.csv", "metrics.json"
PLOTS = ("curves.png", "confusion.png", "mistakes.png")
LOCK = ".lock"


class RunError(ValueError):
    """A folder that can't be used for a run."""


@contextlib.contextmanager
def create(out: str | os.PathLike[str] | None, model: str, *, overwrite: bool = False) -> Iterator[Path]:
    """Make the run's folder, ``out`` or else runs/<date>-<time>-<model>, and keep it for this process (see ``held``).

    To overwrite means that the old run's files are removed first, so that two runs are never mixed.

    Errors    RunError if ``out`` holds a run already and is not to be overwritten, if another process writes to it, or if it
              is not a folder that can be written to
    """
    folder = _new_folder(model) if out is None else Path(out)
    with _in_the_way(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        if not overwrite:
            if Checkpoints(folder):
                raise RunError(
                    f"{folder} holds a run that was interrupted: --resume goes on with it, --overwrite replaces it"
                )
            if (folder / MODEL).exists():
                raise RunError(f"{folder} holds a run already; choose another --out, or say --overwrite to replace it")
        with _in_the_way(folder):
            for name in (*checkpoint.FILES, MODEL, CONFIG, HISTORY, METRICS, *PLOTS) if overwrite else ():
                (folder / name).unlink(missing_ok=True)
        yield folder


@contextlib.contextmanager
def reopen(folder: Path) -> Iterator[None]:
    """A run's folder again, kept for this process.

    Errors    RunError if there is none, and those of ``held``
    """
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run folder")
    with held(folder):
        yield


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder for this process alone, and tidy up what one left that was killed.

    Errors    RunError if another process has it, or it is not a folder that can be written to
    """
    with contextlib.ExitStack() as stack:
        with _in_the_way(folder):
            try:
                stack.enter_context(locked(folder / LOCK))
            except BlockingIOError:
                raise RunError(f"another run is writing to {folder}: wait for it, or choose another folder") from None
            remove_leftovers(folder)
        yield


def _new_folder(model: str) -> Path:
    """A folder that was not there before, whatever the clock says, and whoever else makes one at this moment."""
    stem = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{model}"
    with _in_the_way(stem):
        for number in itertools.count(1):
            folder = stem if number == 1 else Path(f"{stem}-{number}")
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                if not folder.exists():  # it is ``runs`` that is no folder
                    raise
    raise AssertionError


@contextlib.contextmanager
def _in_the_way(folder: Path) -> Iterator[None]:
    """Say of an error that the folder can't be written to."""
    try:
        yield
    except OSError as error:
        why = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise RunError(f"can't write to the output folder {folder}: {why}") from error


def is_finished(folder: Path) -> bool:
    """Does the folder hold a run that came to its end?"""
    try:
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        return isinstance(metrics, dict) and not metrics["interrupted"] and not Checkpoints(folder)
    except (OSError, ValueError, KeyError):
        return False


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
        raise ConfigError(f"{path}: found a JSON {json_kind(settings)}, wanted an object of settings")
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
