"""``scratchnet explain``."""

import argparse
import functools
from pathlib import Path
from typing import Any

import numpy as np

from scratchnet import explain
from scratchnet.cli.common import Failure, Loaded, Misuse, add_model_argument, load, number, print_json, write_file
from scratchnet.cli.predict import named, probabilities, read_digit, sentence
from scratchnet.explain.gradcam import has_convolution
from scratchnet.models import NUM_CLASSES
from scratchnet.typing import Array
from scratchnet.untrusted import one_line

METHODS = ("saliency", "smooth-grad", "integrated-gradients", "grad-cam", "occlusion")


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "explain",
        help="draw why a network names a digit as it does",
        description="Draw which pixels of a picture a network's answer rests on, by several methods side by side, with the "
        "probabilities. The picture is prepared as predict does it.",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture file with one digit")
    add_model_argument(parser)
    parser.add_argument(
        "--label",
        type=number(int, 0, NUM_CLASSES - 1),
        metavar="K",
        help="the digit whose score is explained (default: the network's answer); another one shows what speaks for that",
    )
    parser.add_argument(
        "--method",
        action="append",
        choices=METHODS,
        metavar="M",
        help=f"{', '.join(METHODS)}; may be given more than once (default: all; grad-cam wants a convolution)",
    )
    parser.add_argument("-o", "--out", required=True, metavar="FILE.png", help="the figure to write")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.out.lower().endswith(".png"):
        raise Misuse(f"--out writes PNG: its name must end in .png, got {args.out}")
    loaded = load(args.model_file)
    methods = list(dict.fromkeys(args.method or [m for m in METHODS if m != "grad-cam" or has_convolution(loaded.model)]))
    try:
        image = read_digit(args.image)
    except (OSError, ValueError) as error:
        raise Failure(f"{args.image}: {error}") from error
    x = loaded.prepare(image)
    with np.errstate(over="ignore", invalid="ignore"):
        logits = loaded.model(x)
    probs = probabilities(loaded, logits)[0]
    answer = {"file": args.image, **named(probs)}
    label = answer["digit"] if args.label is None else args.label
    maps = {method: _map(method, loaded, x, label) for method in methods}

    from scratchnet import viz

    title = one_line(f"{Path(args.image).name} through {loaded.name}: what speaks for {label}?")
    figure = viz.explanations(image, maps, probs, label, title=title)
    write_file(args.out, functools.partial(viz.save, figure))
    facts: dict[str, Any] = {"label": label, "logit": float(logits[0, label])}
    if "integrated-gradients" in maps:
        total, rise = explain.completeness(loaded.model, x, maps["integrated-gradients"][None], label)
        facts["integrated_gradients"] = {"sum": float(total[0]), "rise": float(rise[0])}
    if args.json:
        print_json({"model": loaded.name, **answer, **facts, "methods": methods, "figure": args.out})
        return 0
    print(sentence(answer))
    print(f"explained: {label}, logit {facts['logit']:.2f}, by {', '.join(methods)}")
    if not args.method and "grad-cam" not in methods:
        print("grad-cam is left out: the network has no convolution")
    if "integrated_gradients" in facts:
        sums = facts["integrated_gradients"]
        print(f"integrated gradients add up to {sums['sum']:.2f}; the logit rises by {sums['rise']:.2f} from blank paper")
    print(f"wrote {one_line(args.out)}")
    return 0


def _map(method: str, loaded: Loaded, x: Array, label: int) -> Array:
    """What the method gives for the one image of x."""
    model = loaded.model
    if method == "smooth-grad":  # the same noise each time, so that the same picture gives the same figure
        return explain.smooth_grad(model, x, label, rng=np.random.default_rng(0))[0]
    if method == "grad-cam":
        return explain.grad_cam(model, x, label).heat[0]
    if method == "occlusion":
        return explain.occlusion(model, x, label)[0]
    if method == "integrated-gradients":
        return explain.integrated_gradients(model, x, label)[0]
    return explain.saliency(model, x, label)[0]
