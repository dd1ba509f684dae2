"""``scratchnet doctor``."""

import argparse
import functools
import inspect
from typing import Any

from scratchnet import models
from scratchnet.cli.common import (
    Loaded,
    Misuse,
    add_data_arguments,
    add_model_argument,
    load,
    number,
    open_data,
    print_json,
    recipe_of,
)
from scratchnet.datasets.split import split
from scratchnet.inspection import doctor
from scratchnet.models import MODELS
from scratchnet.optim import OPTIMIZERS
from scratchnet.preprocess import Normalization, prepare
from scratchnet.recipes import RECIPES, Recipe
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="examine a network and its data: what is wrong, how that shows, what to do",
        description="Examine a trained network, or a fresh one as train would begin with it, together with its data: scale, "
        "labels, splits, weights, dead and saturated units, gradients, learning rate, and whether it can learn a batch "
        "by heart. "
        "Nothing is changed. Exit status 0 means healthy, 1 that there is a problem or a warning (the report is on stdout).",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", choices=MODELS, help="a fresh network of this kind, with its recipe")
    add_model_argument(which)
    add_data_arguments(parser)
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="what to try the learning rate with (default: the recipe's)")
    parser.add_argument("--lr", type=number(float, 0, above=True), metavar="X", help="learning rate (default: the recipe's)")
    parser.add_argument("--batch-size", type=number(int, 1), metavar="N", help="images a step (default: the recipe's)")
    parser.add_argument(
        "--seed", type=number(int, 0, 2**63), metavar="S", help="of fresh weights, validation split and samples (default: 0)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.model:
        recipe, lr_from = _settings(RECIPES[args.model], args, "as its recipe has it")
        network = functools.partial(prepare, normalization=Normalization())
        loaded = Loaded(models.build(args.model, seed=recipe.seed), network, f"{args.model}, fresh weights", {})
    else:
        loaded = load(args.model_file)
        own = recipe_of(loaded)
        said = "the highest it was trained with" if own else "assumed: the file does not say how it was trained"
        recipe, lr_from = _settings(own or Recipe(), args, said)
    if not loaded.model.params:
        raise Misuse(f"doctor: {loaded.name} has no weights to examine")
    source = open_data(args)
    train, test = source.load("train"), source.load("test")
    size = min(recipe.val_size, len(train.images) // 6)
    kept, held_out = split(train.labels, size, seed=recipe.seed)
    checkup = doctor(
        loaded.model,
        train.images[kept],
        train.labels[kept],
        val=(train.images[held_out], train.labels[held_out]) if size else None,
        test=(test.images, test.labels),
        prepare=loaded.prepare,
        loss=recipe.build_loss(),
        optimizer=recipe.build_optimizer(),
        batch_size=recipe.batch_size,
        shuffle=True,
        seed=recipe.seed,
    )
    if args.json:
        tried = {"optimizer": recipe.optimizer, "lr": recipe.lr, "lr_from": lr_from}
        print_json({"model": loaded.name, "dataset": source.name, **tried, **checkup.to_dict()})
    else:
        tried_with = f"steps are tried with {recipe.optimizer} at lr {recipe.lr:g} ({lr_from})"
        print(f"{one_line(loaded.name)} on {one_line(source.name)}; {tried_with}\n{checkup}")
    return 0 if checkup.healthy else 1


def _settings(recipe: Recipe, args: argparse.Namespace, otherwise: str) -> tuple[Recipe, str]:
    """The recipe with the command line's settings, and where its learning rate comes from: ``otherwise``, if unchanged.

    Another optimizer brings its own default learning rate along, if it has one.
    """
    names = ("optimizer", "lr", "batch_size", "seed")
    chosen = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    kind = OPTIMIZERS[args.optimizer or recipe.optimizer]
    default = inspect.signature(kind).parameters["lr"].default
    if "lr" in chosen:
        lr_from = "as given"
    elif chosen.get("optimizer", recipe.optimizer) == recipe.optimizer:
        lr_from = otherwise
    elif default is not inspect.Parameter.empty:
        chosen["lr"], lr_from = default, f"{kind.__name__}'s default"
    else:
        lr_from = f"that of {recipe.optimizer}, since {args.optimizer} has no default; --lr sets another"
    return recipe.replace(**chosen), lr_from
