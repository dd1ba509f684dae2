"""``scratchnet robustness``."""

import argparse
import functools
import sys
from typing import Any, NamedTuple

import numpy as np

from scratchnet.cli.common import (
    Loaded,
    Misuse,
    add_data_arguments,
    add_model_argument,
    add_workers_argument,
    inference_engine,
    load,
    number,
    open_data,
    print_json,
    write_file,
)
from scratchnet.corruptions import CORRUPTIONS, Corruption, photograph
from scratchnet.datasets import synthetic
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.layers import Flatten, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.metrics import wilson_interval
from scratchnet.picture import SIZE, UnreadablePicture, digit_from_picture
from scratchnet.rng import Purpose, stream
from scratchnet.train import evaluate
from scratchnet.typing import Array
from scratchnet.untrusted import one_line

CLEAN, SYNTHETIC = "as they are", "synthetic digits"
PICTURES = 200  # reading a picture takes some 40 ms
MANY = 64  # pictures that are worth other processes


class Variant(NamedTuple):
    """A test set that was changed: what is done to which images."""

    name: str
    images: Array
    labels: Array
    corruption: Corruption | None


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "robustness",
        help="measure a network on shifted, rotated, noisy, thick, thin, inverted and synthetic digits",
        description="The accuracy on the test set, on changed versions of it, and on the synthetic digits; and on pictures "
        "of the same digits, dark ink on a page in uneven light, which are prepared as predict does it.",
    )
    add_model_argument(parser)
    add_data_arguments(parser)
    parser.add_argument(
        "--images", type=number(int, 1), metavar="N", help="images of the test set, evenly spread (default all)"
    )
    parser.add_argument(
        "--pictures",
        type=number(int, 0),
        default=PICTURES,
        metavar="N",
        help=f"pictures of each kind, evenly spread over the test set; 0 for none (default {PICTURES})",
    )
    add_workers_argument(parser)
    parser.add_argument("--figure", metavar="FILE.png", help="also write the table as a figure with an example of each")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.figure and not args.figure.lower().endswith(".png"):
        raise Misuse(f"--figure writes PNG: its name must end in .png, got {args.figure}")
    loaded = load(args.model_file)
    source = open_data(args)
    data = source.load("test")
    chosen = _spread(len(data.images), args.images or len(data.images))
    images, labels = data.images[chosen], data.labels[chosen]
    drawn = synthetic.make(len(images), split="test")
    variants = [
        Variant(CLEAN, images, labels, None),
        *(Variant(name, images, labels, corruption) for name, corruption in CORRUPTIONS.items()),
        Variant(SYNTHETIC, *drawn, None),
    ]
    rows, examples = _measure(loaded, variants, args.pictures, args.workers)
    values = {"model": loaded.name, "dataset": source.name, "images": len(images), "rows": rows}
    if args.figure:
        from scratchnet import viz

        title = one_line(f"{loaded.name} on {source.name}, {len(images)} images of each kind")
        if shown := rows[0]["pictures"]:
            title += f"\n{shown} of each as pictures; a picture that can't be read counts as wrong"
        prepared = [np.nan if row["picture_accuracy"] is None else row["picture_accuracy"] for row in rows]
        figure = viz.robustness(
            [row["name"] for row in rows],
            examples,
            np.array([row["accuracy"] for row in rows]),
            np.array(prepared) if args.pictures else None,
            title=title,
        )
        write_file(args.figure, functools.partial(viz.save, figure))
    if args.json:
        print_json(values)
        return 0
    _print(values)
    if args.figure:
        print(f"wrote {one_line(args.figure)}")
    return 0


def _measure(
    loaded: Loaded, variants: list[Variant], pictures: int, workers: int | None
) -> tuple[list[dict[str, Any]], Array]:
    """A row of the table for each variant, and an image of each."""
    from tqdm import tqdm

    rows, examples = [], []
    few = workers is None and pictures < MANY
    with (
        inference_engine(loaded, workers, len(variants[0].images)) as network,
        ShardedEngine(
            Sequential(Flatten()), SoftmaxCrossEntropy(), prepare=read_pictures, workers=0 if few else workers
        ) as reader,
        tqdm(variants, unit="kind", disable=None, leave=False, file=sys.stderr) as bar,
    ):
        for step, variant in enumerate(bar, start=1):
            rng = stream(0, Purpose.EVALUATION, step=step)
            changed = variant.corruption(variant.images, rng=rng) if variant.corruption else variant.images
            accuracy = evaluate(network, changed, variant.labels).accuracy
            low, high = wilson_interval(round(accuracy * len(changed)), len(changed))
            row = {"name": variant.name, "accuracy": accuracy, "accuracy_95": [low, high]}
            row |= _as_pictures(network, reader, variant, pictures, step)
            rows.append(row)
            examples.append(changed[0])
    return rows, np.stack(examples)


def _as_pictures(network: Engine, reader: Engine, variant: Variant, pictures: int, step: int) -> dict[str, Any]:
    """The same for pictures of some of the digits; one that can't be read counts as wrong."""
    chosen = _spread(len(variant.images), pictures)
    if not len(chosen):
        return {"pictures": 0, "unreadable": 0, "picture_accuracy": None, "picture_accuracy_95": None}
    pages = photograph(variant.images[chosen], variant.corruption, rng=stream(0, Purpose.EVALUATION, step=step, shard=1))
    read = reader.logits(pages).reshape(-1, SIZE, SIZE)
    readable = np.isfinite(read).all(axis=(1, 2))
    right = 0
    if readable.any():
        answers = network.logits(read[readable].astype(np.uint8)).argmax(axis=1)
        right = int((answers == variant.labels[chosen][readable]).sum())
    return {
        "pictures": len(chosen),
        "unreadable": int((~readable).sum()),
        "picture_accuracy": right / len(chosen),
        "picture_accuracy_95": list(wilson_interval(right, len(chosen))),
    }


def read_pictures(pictures: Array) -> Array:
    """The digits in pictures, as MNIST would show them; NaN where none can be made out.

    An engine takes this for the preparation of a network that does nothing, so that all cores read.

    Shapes    uint8 (N, H, W) -> float32 (N, 1, 28, 28) in 0 .. 255
    """
    digits = np.full((len(pictures), 1, SIZE, SIZE), np.nan, np.float32)
    for digit, picture in zip(digits, pictures, strict=True):
        try:
            digit[0] = digit_from_picture(picture)
        except UnreadablePicture:
            continue
    return digits


def _spread(n: int, count: int) -> Array:
    """``count`` of n indices, evenly spread; all of them if there are not more."""
    return np.unique(np.linspace(0, n - 1, min(count, n)).astype(int))


def _print(values: dict[str, Any]) -> None:
    pictures = values["rows"][0]["pictures"]
    network, dataset = one_line(values["model"]), one_line(values["dataset"])
    print(f"{network} on {dataset}, test split, {values['images']} images; 95 % intervals (Wilson)\n")
    print(f"{'':22}straight into the network" + (f"    as {pictures} pictures, prepared first" if pictures else ""))
    for row in values["rows"]:
        text = f"{row['name']:22}{_with_interval(row['accuracy'], row['accuracy_95'])}"
        if pictures:
            text += f"    {_with_interval(row['picture_accuracy'], row['picture_accuracy_95'])}"
        if row["unreadable"]:
            text += f"  {row['unreadable']} unreadable, counted as wrong"
        print(text.rstrip())


def _with_interval(accuracy: float, interval: list[float]) -> str:
    return f"{accuracy:7.2%} ({interval[0]:6.2%} .. {interval[1]:6.2%})".ljust(28)
