"""What several commands share."""

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from scratchnet.datasets.door import CHOICES, Source, open_source
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.files import atomic_write
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.trained import Loaded as Loaded
from scratchnet.trained import load as load

FEW = 2000  # images that one process has done before others have started


class Misuse(ValueError):
    """The command was called with something that can't be meant; exit status 2."""


class Failure(RuntimeError, ValueError):
    """The command could not do what was asked; exit status 1."""


def add_data_dir_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="D",
        help="folder of the data files (default: $SCRATCHNET_DATA, data_cache/ or the user's cache)",
    )


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        default="auto",
        metavar="NAME|PATH",
        help=f"{', '.join(CHOICES)}, or a folder, .npz or .csv file (default auto: MNIST, or synthetic digits "
        "if MNIST is neither here nor to be had)",
    )
    add_data_dir_argument(parser)


def open_data(args: argparse.Namespace) -> Source:
    """The data set that --dataset and --data-dir name; says it loudly if it is only a stand-in for MNIST."""
    source = open_source(args.dataset, args.data_dir, progress=sys.stderr.isatty())
    if source.notice:
        rule = "*" * 78
        print(f"{rule}\n{source.notice}\n{rule}", file=sys.stderr, flush=True)
    return source


def add_model_argument(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--model-file",
        metavar="F",
        help="a model.npz or the folder of a run (default: the cnn that comes with scratchnet)",
    )


def add_workers_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=number(int, 0),
        metavar="N",
        help="processes to share the work among; 0 works in this one (default: the cores there are). Results are the same",
    )


def inference_engine(loaded: Loaded, workers: int | None, images: int) -> Engine:
    """An engine for so many images; by default processes are started only where they save more time than they take."""
    few = workers is None and images < FEW
    return ShardedEngine(loaded.model, SoftmaxCrossEntropy(), prepare=loaded.prepare, workers=0 if few else workers)


def print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, indent=2, allow_nan=False))


def write_file(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is whole or not there at all; Failure, naming it, if it can't be."""
    try:
        with atomic_write(path) as file:
            write(file)
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from error


def number(kind: Callable[[str], Any], low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], Any]:
    """An argparse type: a finite number from ``low`` (``above`` it, if so said) to ``high``."""

    def parse(text: str) -> Any:
        wanted = "a whole number" if kind is int else "a number"
        bound = f"{'above' if above else 'of at least'} {low:g}" + (f" and at most {high:g}" if high < math.inf else "")
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and (value > low if above else value >= low) and value <= high):
            raise argparse.ArgumentTypeError(f"found {text!r}, wanted {wanted} {bound}")
        return value

    return parse
