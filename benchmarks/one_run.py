"""One run of a recipe in a process of its own, by scratchnet or by PyTorch: prints one line of JSON. time_to_99.py starts
these; by hand:

    python -m benchmarks.one_run scratchnet --recipe lenet5 --seed 0
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import command
from benchmarks.data import Data, load
from scratchnet import models
from scratchnet.datasets.split import split
from scratchnet.recipes import RECIPES, Recipe
from scratchnet.train import steps_per_epoch

PROBE_STEPS = 60
KNOWN = {  # what PyTorch's side below knows how to do
    "model",
    "epochs",
    "batch_size",
    "optimizer",
    "lr",
    "weight_decay",
    "schedule",
    "label_smoothing",
    "val_size",
    "seed",
}


class Outcome(NamedTuple):
    """``training`` is from arrays in memory to the trained network, in seconds; ``accuracy`` the test set's."""

    training: float
    accuracy: float


def recipe_for(name: str, seed: int, epochs: int | None) -> Recipe:
    """The named recipe, ready for one run.

    Errors    Misuse if there is none of that name; ValueError if it wants what PyTorch's side can't do
    """
    if name not in RECIPES:
        raise command.Misuse(f"--recipe: there is no {name!r}, there are {', '.join(RECIPES)}")
    recipe = RECIPES[name].replace(seed=seed, **({"epochs": epochs} if epochs else {}))
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if field.name not in KNOWN and value != field.default:
            raise ValueError(f"recipe {name!r} has {field.name} {value!r}, which this benchmark can't do in PyTorch")
    return recipe


def scratchnet_run(recipe: Recipe, data: Data) -> Outcome:
    """As ``scratchnet train`` does it, without its validation, files and plots."""
    from scratchnet.engine import ShardedEngine
    from scratchnet.preprocess import prepare
    from scratchnet.train import evaluate, train_steps

    started = time.perf_counter()
    indices, _ = split(data.labels, recipe.val_size, seed=recipe.seed)
    model = models.build(recipe.model, seed=recipe.seed)
    steps = recipe.epochs * steps_per_epoch(len(indices), recipe.batch_size)
    images, labels = data.images[indices], data.labels[indices]
    with ShardedEngine(model, recipe.build_loss(), images, labels, prepare=prepare) as engine:
        for _ in train_steps(
            engine,
            recipe.build_optimizer(),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            schedule=recipe.build_schedule(steps),
            seed=recipe.seed,
        ):
            pass
        training = time.perf_counter() - started
        return Outcome(training, evaluate(engine, data.test_images, data.test_labels).accuracy)


def pytorch_run(recipe: Recipe, data: Data, *, channels_last: bool, stop_after: int | None = None) -> Outcome:
    """The same network from the same initial weights, optimizer, schedule and images, as PyTorch's users would write it."""
    import torch
    from torch.nn import functional

    from benchmarks.theirs import bulk_loader, normalised, optimizer_for, translated

    started = time.perf_counter()
    torch.manual_seed(recipe.seed)
    indices, _ = split(data.labels, recipe.val_size, seed=recipe.seed)
    network = translated(models.build(recipe.model, seed=recipe.seed))
    order = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=order)
    optimizer = optimizer_for(recipe, network)
    schedule = recipe.build_schedule(recipe.epochs * steps_per_epoch(len(indices), recipe.batch_size))
    images, labels = torch.from_numpy(data.images[indices]), torch.from_numpy(data.labels[indices])
    loader = bulk_loader(images, labels, recipe.batch_size, shuffle=True)
    step = 0
    for _ in range(recipe.epochs):
        for x, y in loader:
            for group in optimizer.param_groups:
                group["lr"] = schedule(step)
            optimizer.zero_grad()
            logits = network(normalised(x).contiguous(memory_format=order))
            functional.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing).backward()
            optimizer.step()
            step += 1
            if step == stop_after:
                return Outcome(time.perf_counter() - started, 0.0)
    training = time.perf_counter() - started
    network.eval()
    test_images, test_labels = torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels)
    right = 0
    with torch.inference_mode():
        for x, y in bulk_loader(test_images, test_labels, 250, shuffle=False):
            right += int((network(normalised(x).contiguous(memory_format=order)).argmax(1) == y).sum())
    return Outcome(training, right / len(test_labels))


def faster_format(recipe: Recipe, data: Data) -> bool:
    """Is channels_last the faster one in a few steps of this recipe? The better of three short runs each, in turn."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(4):
        for last, found in seconds.items():
            taken = pytorch_run(recipe, data, channels_last=last, stop_after=PROBE_STEPS).training
            if number:  # the first one is for waking up
                found.append(taken)
    return min(seconds[True]) < min(seconds[False])


def grammar() -> command.Parser:
    parser = command.Parser(prog="python -m benchmarks.one_run", description="One run of a recipe, as one line of JSON.")
    parser.add_argument("who", choices=("scratchnet", "pytorch", "probe"), help="probe: which memory format suits PyTorch")
    parser.add_argument("--recipe", default="fast99", metavar="NAME", help="default fast99")
    parser.add_argument("--seed", type=command.whole_number(0), default=0, metavar="S")
    parser.add_argument("--epochs", type=command.whole_number(1), metavar="N", help="instead of the recipe's")
    parser.add_argument("--data-dir", metavar="D")
    parser.add_argument("--channels-last", action="store_true", help="PyTorch's memory format")
    return parser


def measure(args: argparse.Namespace) -> None:
    recipe, data = recipe_for(args.recipe, args.seed, args.epochs), load(args.data_dir)
    result: dict[str, Any]
    if args.who == "scratchnet":
        result = scratchnet_run(recipe, data)._asdict()
    elif args.who == "pytorch":
        result = pytorch_run(recipe, data, channels_last=args.channels_last)._asdict()
    else:
        result = {"channels_last": faster_format(recipe, data)}
    print(json.dumps(result), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(measure, grammar(), argv)


if __name__ == "__main__":
    sys.exit(main())
