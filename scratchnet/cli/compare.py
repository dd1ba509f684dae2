"""``scratchnet compare``."""

import argparse
import functools
from typing import Any

import numpy as np

from scratchnet.cli.common import (
    Loaded,
    Misuse,
    add_data_arguments,
    add_workers_argument,
    inference_engine,
    load,
    model_name,
    open_data,
    print_json,
    write_file,
)
from scratchnet.metrics import McNemar, bootstrap_interval, mcnemar
from scratchnet.rng import Purpose, stream
from scratchnet.train import evaluate
from scratchnet.typing import Array
from scratchnet.untrusted import one_line

SIGNIFICANT = 0.05


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "compare",
        help="say whether one of two networks is better, or their difference may be chance",
        description="Two networks on the same test set: accuracies with 95 % intervals, the 2 x 2 table of who is right, "
        "and McNemar's test, which looks at the images on which only one of them is. It speaks of these two networks; to "
        "compare two recipes, train each with several seeds.",
    )
    parser.add_argument("a", type=model_name, metavar="A", help="a model.npz or the folder of a run")
    parser.add_argument(
        "b", type=model_name, metavar="B", nargs="?", help="another one (default: the network that comes with scratchnet)"
    )
    add_data_arguments(parser)
    parser.add_argument("--split", choices=("test", "train"), default="test", help="which part of the data (default test)")
    add_workers_argument(parser)
    parser.add_argument("--figure", metavar="FILE.png", help="also write the images that only one of them names right")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.figure and not args.figure.lower().endswith(".png"):
        raise Misuse(f"--figure writes PNG: its name must end in .png, got {args.figure}")
    networks = [load(args.a), load(args.b)]
    source = open_data(args)
    data = source.load(args.split)
    a, b = (_predictions(loaded, args.workers, data.images, data.labels) for loaded in networks)
    right_a, right_b = a == data.labels, b == data.labels
    test = mcnemar(right_a, right_b)
    values = {
        "a": _figures_of(networks[0].name, right_a),
        "b": _figures_of(networks[1].name, right_b),
        "dataset": source.name,
        "split": args.split,
        "images": len(data.images),
        "difference": float(right_a.mean() - right_b.mean()),
        "difference_95": _interval(right_a.astype(int) - right_b),
        "mcnemar": test._asdict(),
        "same_answer": float(np.mean(a == b)),
    }
    if args.figure:
        from scratchnet import viz

        names = one_line(networks[0].name), one_line(networks[1].name)
        title = one_line(f"two networks on {source.name}, {args.split} split")
        figure = viz.disagreements(data.images, data.labels, a, b, names=names, title=title)
        write_file(args.figure, functools.partial(viz.save, figure))
    if args.json:
        print_json(values)
        return 0
    _print(values, test)
    if args.figure:
        print(f"wrote {one_line(args.figure)}")
    return 0


def _predictions(loaded: Loaded, workers: int | None, images: Array, labels: Array) -> Array:
    with inference_engine(loaded, workers, len(images)) as engine:
        return evaluate(engine, images, labels).logits.argmax(axis=1)


def _interval(values: Array) -> list[float]:
    return list(bootstrap_interval(values, rng=stream(0, Purpose.EVALUATION)))


def _figures_of(name: str, right: Array) -> dict[str, Any]:
    return {"model": name, "accuracy": float(right.mean()), "accuracy_95": _interval(right)}


def _print(values: dict[str, Any], test: McNemar) -> None:
    print(
        f"{one_line(values['dataset'])}, {values['split']} split, {values['images']} images; intervals are 95 %, bootstrap\n"
    )
    for key in ("a", "b"):
        low, high = values[key]["accuracy_95"]
        print(f"{key.upper()}  {values[key]['accuracy']:7.2%}  ({low:.2%} .. {high:.2%})  {one_line(values[key]['model'])}")
    low, high = (100 * limit for limit in values["difference_95"])
    print(f"A - B  {100 * values['difference']:+.2f} points  ({low:+.2f} .. {high:+.2f})\n")
    print(f"{'':9}{'B right':>9}{'B wrong':>9}")
    print(f"{'A right':9}{test.both_right:9d}{test.only_a:9d}")
    print(f"{'A wrong':9}{test.only_b:9d}{test.both_wrong:9d}\n")
    print(f"McNemar: exact p = {test.exact_p:.2g}; with continuity correction chi2 = {test.chi2:.2f}, p = {test.p:.2g}")
    print(_verdict(test))


def _verdict(test: McNemar) -> str:
    decide = test.only_a + test.only_b
    if decide == 0:
        return "they are right on the same images: these say nothing about which is better"
    split = f"{decide} images tell them apart, {test.only_a} for A and {test.only_b} for B"
    if test.exact_p < SIGNIFICANT:
        better = "A" if test.only_a > test.only_b else "B"
        return f"{split}: by chance alone that would be rare; {better} is better"
    return f"{split}: that may well be chance; which is better is not shown"
