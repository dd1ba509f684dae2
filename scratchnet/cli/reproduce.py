"""``scratchnet reproduce``."""

import argparse
import functools
import time
from pathlib import Path
from typing import Any

from scratchnet import results, runs
from scratchnet.cli.common import Failure, add_data_arguments, add_workers_argument, number, open_data
from scratchnet.datasets.mnist import Dataset
from scratchnet.datasets.split import split
from scratchnet.files import atomic_write
from scratchnet.fitting import engine_for, metadata_for, steps_for
from scratchnet.machine import processor_name
from scratchnet.models import MODELS
from scratchnet.recipes import RECIPES, Recipe
from scratchnet.results import Run
from scratchnet.serialize import save_model
from scratchnet.train import evaluate, train_epochs

TABLE, JSON = "results.md", "results.json"
QUICK = 10  # --quick trains so many times fewer epochs


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "reproduce",
        help="train all models and print the table of their accuracies",
        description="Train every model by its recipe, once for each seed, and evaluate each on the test set, once. Writes "
        f"{TABLE}, {JSON} and the weights to a folder, after every run: what is done already is not done again.",
    )
    parser.add_argument(
        "--models", nargs="+", choices=RECIPES, default=list(MODELS), metavar="M", help=f"some of {', '.join(RECIPES)}"
    )
    parser.add_argument("--seeds", type=number(int, 1), metavar="N", help="seeds 0 .. N-1 (default 5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help=f"train {QUICK} times fewer epochs: does everything work?")
    add_data_arguments(parser)
    add_workers_argument(parser)
    parser.add_argument("--out", metavar="DIR", help="default runs/reproduce, with --quick runs/reproduce-quick")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folder = Path(args.out or ("runs/reproduce-quick" if args.quick else "runs/reproduce"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"can't write to the output folder {folder}: {error.strerror}") from error
    with runs.held(folder):  # two that add to one table lose each other's rows
        return _fill(folder, args)


def _fill(folder: Path, args: argparse.Namespace) -> int:
    """Make the runs that the folder's table lacks."""
    done = results.read(folder / JSON)
    source = open_data(args)
    train, test = source.load("train"), source.load("test")
    for name in dict.fromkeys(args.models):
        for seed in range(args.seeds or (1 if args.quick else 5)):
            recipe = _recipe(name, seed, quick=args.quick)
            if recipe.val_size >= len(train.images):
                recipe = recipe.replace(val_size=len(train.images) // 6)
            if any(r.recipe == name and r.dataset == source.name and r.made_by(recipe) for r in done):
                print(f"{name}, seed {seed}: done before", flush=True)
                continue
            result = _run(name, recipe, train, test, source.name, folder, args.workers)
            done = [r for r in done if (r.recipe, r.seed) != (name, seed)] + [result]
            results.write(folder / JSON, done)
            _write_table(folder / TABLE, done, source.notice)
            print(f"{name}, seed {seed}: test accuracy {result.test_accuracy:.2%}, {result.seconds:.1f} s", flush=True)
    print(f"\n{(folder / TABLE).read_text(encoding='utf-8')}")
    return 0


def _recipe(name: str, seed: int, *, quick: bool) -> Recipe:
    recipe = RECIPES[name].replace(seed=seed)
    return recipe.replace(epochs=-(-recipe.epochs // QUICK)) if quick else recipe


def _run(name: str, recipe: Recipe, train: Dataset, test: Dataset, dataset: str, folder: Path, workers: int | None) -> Run:
    """Train, look at the validation images, and then, once, at the test images."""
    indices, held_out = split(train.labels, recipe.val_size, seed=recipe.seed)
    with engine_for(recipe, train.images[indices], train.labels[indices], workers=workers) as engine:
        validate = functools.partial(evaluate, engine, train.images[held_out], train.labels[held_out])
        model, started, epochs = engine.task.model, time.perf_counter(), 0
        for epoch in train_epochs(steps_for(recipe, engine)):
            epochs = epoch.epoch
        seconds, processes = time.perf_counter() - started, max(1, engine.workers)
        result = Run(
            recipe=name,
            seed=recipe.seed,
            settings=recipe.to_dict(),
            dataset=dataset,
            parameters=sum(array.size for array in model.params.values()),
            epochs=epochs,
            seconds=round(seconds, 2),
            val_accuracy=validate().accuracy if len(held_out) else None,
            test_accuracy=evaluate(engine, test.images, test.labels).accuracy,
            machine=f"{processor_name()}, {processes} process{'es' if processes > 1 else ''}",
        )
    metadata = metadata_for(recipe)
    metadata["provenance"]["metrics"] = {"dataset": dataset, "test_accuracy": result.test_accuracy, **runs.versions()}
    with engine.averaged():
        save_model(folder / f"{name}-{recipe.seed}.npz", model, metadata)
    return result


def _write_table(path: Path, done: list[Run], notice: str) -> None:
    text = results.markdown(done) + (f"\n{notice}\n" if notice else "")
    with atomic_write(path) as file:
        file.write(text.encode())
