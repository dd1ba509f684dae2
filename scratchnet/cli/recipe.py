"""``scratchnet recipe``."""

import argparse
from pathlib import Path
from typing import Any

from scratchnet import runs
from scratchnet.cli.common import Failure, print_json
from scratchnet.recipes import RECIPES
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "recipe",
        help="show how a model is trained, or write it to a config file",
        description="Every setting of a recipe, as JSON. Change what you like and train with it: "
        "scratchnet recipe cnn -o my.json, then scratchnet train --config my.json. Without a name: which recipes there are.",
    )
    parser.add_argument("name", nargs="?", choices=RECIPES, metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("-o", "--out", metavar="FILE", help="write it to this config file, which must not exist yet")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.name is None:
        print("\n".join(RECIPES))
        return 0
    settings = RECIPES[args.name].to_dict()
    if args.out is None:
        print_json(settings)
        return 0
    path = Path(args.out)
    if path.exists():
        raise Failure(f"{path} exists already; choose another name")
    runs.write_json(path, settings)
    print(one_line(f"wrote {path}: scratchnet train --config {path}"))
    return 0
