"""``scratchnet predict``."""

import argparse
import sys
from typing import Any

import numpy as np

from scratchnet import picture_file
from scratchnet.cli.common import (
    Failure,
    Loaded,
    Misuse,
    add_model_argument,
    add_workers_argument,
    inference_engine,
    load,
    print_json,
)
from scratchnet.losses import softmax
from scratchnet.typing import Array
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "predict",
        help="name the digit in pictures of your own",
        description="Name the handwritten digit in each picture: PNG, JPEG, WebP, GIF, BMP, TIFF or PPM, any size up to 50 "
        "million pixels, dark on light or light on dark. It is prepared as MNIST was: cut to the ink, fitted into 20 x 20, "
        "centred in 28 x 28 by mass.",
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="picture files")
    parser.add_argument("--image", action="append", default=[], metavar="FILE", help="the same, as an option")
    add_model_argument(parser)
    add_workers_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    paths = args.images + args.image
    if not paths:
        raise Misuse("predict: name at least one picture file")
    loaded = load(args.model_file)
    digits: list[Array] = []
    results: list[dict[str, Any]] = []
    for path in paths:
        try:
            digits.append(read_digit(path))
            results.append({"file": path})
        except (OSError, ValueError) as error:
            results.append({"file": path, "error": one_line(error)})
    if digits:
        with inference_engine(loaded, args.workers, len(digits)) as engine, np.errstate(over="ignore", invalid="ignore"):
            rows = iter(probabilities(loaded, engine.logits(np.stack(digits))))
        for result in results:
            if "error" not in result:
                result.update(named(next(rows)))
    if args.json:
        print_json({"model": loaded.name, "predictions": results})
    for result in results:
        if "error" in result:
            print(f"scratchnet: error: {one_line(result['file'])}: {result['error']}", file=sys.stderr)
        elif not args.json:
            print(sentence(result))
    return 1 if any("error" in result for result in results) else 0


def probabilities(loaded: Loaded, logits: Array) -> Array:
    """What a network's outputs (N, 10) say; Failure if they are no numbers."""
    if not np.isfinite(logits).all():
        raise Failure(f"{loaded.name}: its answer is not finite; some of its weights must be far too large")
    return softmax(logits.astype(np.float64))


def named(probs: Array) -> dict[str, Any]:
    """The digit that the probabilities (10,) name, and the runner-up."""
    best, second = (int(k) for k in np.argsort(-probs)[:2])
    return {
        "digit": best,
        "probability": float(probs[best]),
        "runner_up": second,
        "runner_up_probability": float(probs[second]),
        "probabilities": [float(p) for p in probs],
    }


def sentence(result: dict[str, Any]) -> str:
    """A file's result as one line."""
    then = f"then {result['runner_up']}, {result['runner_up_probability']:.1%}"
    return f"{one_line(result['file'])}: {result['digit']}  ({result['probability']:.1%}; {then})"


def read_digit(path: str) -> Array:
    """The digit in a picture file, as MNIST would have it: uint8 (28, 28).

    Errors    OSError if the file can't be read; UnreadablePicture if it is no picture or no digit can be made out
    """
    try:
        return picture_file.read_digit(path)
    except FileNotFoundError:
        raise Failure("no such file") from None
    except IsADirectoryError:
        raise Failure("a folder; name the picture files in it") from None
