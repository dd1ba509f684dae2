"""``scratchnet evaluate``."""

import argparse
from typing import Any

from scratchnet.cli.common import (
    add_data_arguments,
    add_model_argument,
    add_workers_argument,
    inference_engine,
    load,
    open_data,
    print_json,
)
from scratchnet.metrics import class_scores, confusion_matrix
from scratchnet.models import NUM_CLASSES
from scratchnet.train import evaluate


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure a trained network on a test set",
        description="Loss, accuracy, precision, recall and F1 of each class, and the confusion matrix.",
    )
    add_model_argument(parser)
    add_data_arguments(parser)
    parser.add_argument("--split", choices=("test", "train"), default="test", help="which part of the data (default test)")
    add_workers_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    loaded = load(args.model_file)
    source = open_data(args)
    data = source.load(args.split)
    with inference_engine(loaded, args.workers, len(data.images)) as engine:
        result = evaluate(engine, data.images, data.labels)
    confusion = confusion_matrix(data.labels, result.logits.argmax(axis=1), NUM_CLASSES)
    scores = class_scores(confusion)
    if args.json:
        print_json(
            {
                "model": loaded.name,
                "dataset": source.name,
                "split": args.split,
                "images": len(data.images),
                "accuracy": result.accuracy,
                "loss": result.loss,
                "precision": scores.precision.tolist(),
                "recall": scores.recall.tolist(),
                "f1": scores.f1.tolist(),
                "support": scores.support.tolist(),
                "confusion": confusion.tolist(),
            }
        )
        return 0
    print(f"{loaded.name} on {source.name}, {args.split} split, {len(data.images)} images")
    print(f"accuracy {result.accuracy:.2%}   loss {result.loss:.4f}\n")
    print("class  precision  recall      F1  images")
    for k, (precision, recall, f1, support) in enumerate(zip(*scores, strict=True)):
        print(f"{k:5d}  {precision:9.2%}  {recall:6.2%}  {f1:6.2%}  {support:6d}")
    width = max(4, len(str(confusion.max())) + 1)
    print("\nconfusion matrix: row = true class, column = predicted class")
    print("     " + "".join(f"{k:{width}d}" for k in range(NUM_CLASSES)))
    for k, row in enumerate(confusion):
        print(f"{k:4d} " + "".join(f"{count:{width}d}" for count in row))
    return 0
