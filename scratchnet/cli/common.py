"""What several commands share."""

import argparse
import contextlib
import functools
import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scratchnet.datasets.door import CHOICES, Source, open_source
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.files import atomic_write
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.recipes import LOSSES, ConfigError, Recipe, recipe_from
from scratchnet.runs import read_config
from scratchnet.train import TrainingDiverged
from scratchnet.trained import DEFAULT, shipped
from scratchnet.trained import Loaded as Loaded
from scratchnet.trained import load as load

NOT_IN_RECIPE = ("dataset", "data_dir")  # settings that a config file may hold beside the recipe's
FEW = 2000  # images that one process has done before others have started


class Misuse(ValueError):
    """The command was called with something that can't be meant, whatever the files hold; exit status 2."""


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
    say_stand_in(source)
    return source


def say_stand_in(source: Source) -> None:
    """Say it loudly if a data set is only a stand-in."""
    if source.notice:
        rule = "*" * 78
        print(f"{rule}\n{source.notice}\n{rule}", file=sys.stderr, flush=True)


def model_name(text: str) -> str:
    """An argparse type: what names a network."""
    if not text:
        raise argparse.ArgumentTypeError("found '', wanted a model file, the folder of a run or the name of a network")
    return text


def add_model_argument(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--model-file",
        type=model_name,
        metavar="F",
        help="a model.npz, the folder of a run, or the name of a network that comes with scratchnet: "
        f"{', '.join(shipped())} (default {DEFAULT})",
    )


def recipe_of(loaded: Loaded) -> Recipe | None:
    """How a model file says its network was trained; None if it says nothing usable."""
    settings = loaded.told("recipe")
    try:
        return recipe_from(settings, loaded.name) if settings else None
    except ConfigError:
        return None


def require_images_to_train_on(args: argparse.Namespace, val_size: int, images: int) -> None:
    """Refuse a validation split that leaves no image to train on, and name where its size comes from."""
    leaves = f"leaves nothing of {images} training images to train on"
    if val_size >= images and args.val_size is None and args.config and "val_size" in read_config(args.config):
        raise ConfigError(f"{args.config}: val_size {val_size} {leaves}")
    if val_size >= images:
        raise Misuse(f"--val-size {val_size} {leaves}")


def add_workers_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=number(int, 0),
        metavar="N",
        help="processes to share the work among; 0 works in this one (default: the cores there are). Results are the same",
    )


@contextlib.contextmanager
def inference_engine(loaded: Loaded, workers: int | None, images: int) -> Iterator[Engine]:
    """An engine for so many images; by default processes are started only where they save more time than they take.

    Errors    Failure, naming the network, if its loss is not finite
    """
    few = workers is None and images < FEW
    loss = LOSSES.get(str(loaded.metadata.get("loss")), SoftmaxCrossEntropy)()
    try:
        with ShardedEngine(loaded.model, loss, prepare=loaded.prepare, workers=0 if few else workers) as engine:
            yield engine
    except TrainingDiverged as error:
        raise Failure(f"{loaded.name}: {error}") from error


def print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, indent=2, allow_nan=False))


def write_figures(folder: str, draw: Callable[[], dict[str, Any]]) -> list[Path]:
    """Write the figures that ``draw`` returns by their file names into a folder, which is made if need be; their paths."""
    from scratchnet import viz

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise Failure(f"can't write to the folder {folder}: {why}") from error
    paths = []
    for name, figure in draw().items():
        path = Path(folder) / name
        write_file(path, functools.partial(viz.save, figure))
        paths.append(path)
    return paths


def write_file(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is whole or not there at all; Failure, naming it, if it can't be."""
    try:
        with atomic_write(path) as file:
            write(file)
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from error


@contextlib.contextmanager
def interrupts_between_steps() -> Iterator[threading.Event]:
    """Ctrl-C, or SIGTERM, sets the event, and a second one interrupts at once: what is saved is as a whole step left it."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def number(kind: Callable[[str], Any], low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], Any]:
    """An argparse type: a finite number from ``low`` (``above`` it, if so said) to ``high``."""

    def parse(text: str) -> Any:
        wanted = "a whole number" if kind is int else "a number"
        bound = f"{'above' if above else 'of at least'} {low:g}" + (f" and at most {high}" if high < math.inf else "")
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and (value > low if above else value >= low) and value <= high):
            raise argparse.ArgumentTypeError(f"found {text!r}, wanted {wanted} {bound}")
        return value

    return parse
