"""``scratchnet trace``."""

import argparse
import html
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from scratchnet.cli.common import (
    Failure,
    Misuse,
    add_model_argument,
    load,
    number,
    print_json,
    recipe_of,
    write_file,
)
from scratchnet.cli.predict import read_digit
from scratchnet.inspection import Trace, trace
from scratchnet.inspection.text import html_page
from scratchnet.models import NUM_CLASSES
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "trace",
        help="step through a network's forward and backward pass on one picture",
        description="Follow one picture through the network and its gradient back: for each layer the formula, shapes, "
        "flops, memory, statistics of the values, gradient norms, and how much a step would change the weights. The "
        "picture is prepared as predict does it.",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture file with one digit")
    add_model_argument(parser)
    parser.add_argument(
        "--label",
        type=number(int, 0, NUM_CLASSES - 1),
        metavar="K",
        help="the digit it shows, which the loss and its gradient are about (default: the network's own answer)",
    )
    parser.add_argument(
        "--lr",
        type=number(float, 0, above=True),
        metavar="X",
        help="for update/weight (default: the one the network was trained with, where its file says so, else 0.01)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--html", metavar="FILE", help="also write a page with a picture of every layer's output and gradient"
    )
    parser.add_argument("--figure", metavar="FILE.png", help="also write these pictures as one figure")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.figure and not args.figure.lower().endswith(".png"):
        raise Misuse(f"--figure writes PNG: its name must end in .png, got {args.figure}")
    loaded = load(args.model_file)
    try:
        image = read_digit(args.image)
    except (OSError, ValueError) as error:
        raise Failure(f"{args.image}: {error}") from error
    labels = None if args.label is None else np.array([args.label])
    recipe = None if args.lr else recipe_of(loaded)
    result = trace(loaded.model, loaded.prepare(image), labels, lr=recipe.lr if recipe else args.lr)
    if recipe:
        result = replace(result, lr_from="the highest it was trained with")
    title = one_line(f"{Path(args.image).name} through {loaded.name}")
    written = []
    if args.html:
        page = html_page(title, f"<h1>{html.escape(title)}</h1>{result._repr_html_()}").encode()
        write_file(args.html, lambda file: file.write(page))
        written.append(args.html)
    if args.figure:
        write_file(args.figure, lambda file: _save(result, title, file))
        written.append(args.figure)
    if args.json:
        print_json({"model": loaded.name, "file": args.image, **result.to_dict()})
    else:
        print(f"{title}\n{result}")
        for path in written:
            print(f"wrote {one_line(path)}")
    if not _finite(result):
        raise Failure(f"{loaded.name}: not all values are finite; some of its weights must be far too large")
    return 0


def _finite(result: Trace) -> bool:
    values = (result.input, *(layer.values for layer in result.layers), result.dlogits)
    return math.isfinite(result.loss) and all(part.finite for part in values)


def _save(result: Trace, title: str, file: BinaryIO) -> None:
    from scratchnet import viz

    viz.save(viz.trace(result, title=title), file)
