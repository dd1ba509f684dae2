"""``scratchnet models``."""

import argparse
import inspect
from typing import Any

import numpy as np

from scratchnet import models, results
from scratchnet.cli.common import Misuse, print_json
from scratchnet.inspection import Summary, summary
from scratchnet.inspection.text import count, table
from scratchnet.layers import NearestNeighbors
from scratchnet.models import INPUT_SHAPE, MODELS

MNIST_TRAINING_IMAGES = 55_000  # what is left of them after validation; knn keeps them all


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "models",
        help="list the models: layers, output shapes, parameters, flops, accuracy",
        description="The models that train knows, with the accuracy on MNIST's test set that their recipes gave "
        "(mean over seeds, see reproduce). Name some to see their layers.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MODELS)}: show its layers and output shapes")
    parser.add_argument("--json", action="store_true", help="print JSON, layers and all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    unknown = [name for name in args.names if name not in MODELS]
    if unknown:
        raise Misuse(f"models: unknown model {', '.join(map(repr, unknown))}, there are {', '.join(MODELS)}")
    summaries = {name: _summary(name) for name in args.names or MODELS}
    accuracies = {row.recipe: row.test_accuracy for row in results.summarise(results.shipped())}
    if args.json:
        print_json({name: _as_json(name, told, accuracies.get(name)) for name, told in summaries.items()})
    elif args.names:
        blocks = (
            f"{n}: {_what(n)}\naccuracy on MNIST's test set: {_percent(accuracies.get(n))}\n{told}"
            for n, told in summaries.items()
        )
        print("\n\n".join(blocks))
    else:
        head = ("model", "parameters", "flops", "accuracy", "")
        rows = [(n, count(t.params), count(t.flops), _percent(accuracies.get(n)), _what(n)) for n, t in summaries.items()]
        print(table([head, *rows], "<>>><"))
    return 0


def _summary(name: str) -> Summary:
    """The model's layers; knn with a memory of MNIST's size, blank."""
    model = models.build(name)
    last = model.layers[-1]
    if isinstance(last, NearestNeighbors):
        blank = np.zeros((MNIST_TRAINING_IMAGES, last.in_features), np.float32)
        last.remember(blank, np.zeros(MNIST_TRAINING_IMAGES, int))
    return summary(model, INPUT_SHAPE)


def _what(name: str) -> str:
    """The first sentence of what the model's function says of it."""
    return (inspect.getdoc(MODELS[name]) or "").split("\n\n")[0].replace("\n", " ")


def _percent(accuracy: float | None) -> str:
    return "not measured" if accuracy is None else f"{100 * accuracy:.2f} %"


def _as_json(name: str, told: Summary, accuracy: float | None) -> dict[str, Any]:
    layers = [
        {"name": r.name, "layer": r.layer, "output": list(r.out_shape), "parameters": r.params, "flops": r.flops}
        for r in told.rows
    ]
    return {
        "what": _what(name),
        "parameters": told.params,
        "flops": told.flops,
        "test_accuracy": accuracy,
        "layers": layers,
    }
