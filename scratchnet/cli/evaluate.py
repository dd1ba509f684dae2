"""``scratchnet evaluate``."""

import argparse
from typing import Any

import numpy as np

from scratchnet import metrics
from scratchnet.cli.common import (
    add_data_arguments,
    add_model_argument,
    add_workers_argument,
    inference_engine,
    load,
    open_data,
    print_json,
    write_figures,
)
from scratchnet.losses import softmax
from scratchnet.models import NUM_CLASSES
from scratchnet.rng import Purpose, stream
from scratchnet.train import evaluate
from scratchnet.typing import Array
from scratchnet.untrusted import one_line

TOP_K = (2, 3)
PAIRS = 10  # most confused pairs that are printed


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure a trained network on a test set",
        description="Loss, accuracy with its 95 % interval, top-k accuracy, calibration (ECE, Brier score), precision, "
        "recall and F1 of each class, the confusion matrix and the most confused pairs.",
    )
    add_model_argument(parser)
    add_data_arguments(parser)
    parser.add_argument("--split", choices=("test", "train"), default="test", help="which part of the data (default test)")
    add_workers_argument(parser)
    parser.add_argument(
        "--plots",
        metavar="DIR",
        help="also write reliability.png, classes.png, confusion.png, confused.png and mistakes.png to this folder",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    loaded = load(args.model_file)
    source = open_data(args)
    data = source.load(args.split)
    with inference_engine(loaded, args.workers, len(data.images)) as engine:
        result = evaluate(engine, data.images, data.labels)
    probs = softmax(result.logits.astype(np.float64))
    values = {
        "model": loaded.name,
        "dataset": source.name,
        "split": args.split,
        "images": len(data.images),
        **_measures(data.labels, probs, result.loss),
    }
    title = one_line(f"{loaded.name} on {'SYNTHETIC digits (not MNIST)' if source.notice else source.name}")
    written = write_figures(args.plots, lambda: _figures(data.images, data.labels, probs, title)) if args.plots else []
    if args.json:
        print_json(values)
        return 0
    _print(values)
    for path in written:
        print(f"wrote {one_line(str(path))}")
    return 0


def _measures(labels: Array, probs: Array, loss: float) -> dict[str, Any]:
    """All figures, ready for JSON."""
    predictions = probs.argmax(axis=1)
    right = labels == predictions
    confusion = metrics.confusion_matrix(labels, predictions, NUM_CLASSES)
    scores = metrics.class_scores(confusion)
    bins = metrics.reliability(labels, probs)
    return {
        "accuracy": metrics.accuracy(labels, predictions),
        "accuracy_95": list(metrics.bootstrap_interval(right, rng=stream(0, Purpose.EVALUATION))),
        "accuracy_95_wilson": list(metrics.wilson_interval(int(right.sum()), len(right))),
        "errors": int((~right).sum()),
        "top_k": {str(k): metrics.top_k_accuracy(labels, probs, k) for k in TOP_K},
        "loss": loss,
        "brier": metrics.brier_score(labels, probs),
        "ece": bins.ece,
        "mce": bins.mce,
        "reliability": [
            {"from": low, "to": high, "answers": int(n), "confidence": c if n else None, "accuracy": a if n else None}
            for low, high, n, c, a in zip(
                bins.edges[:-1].tolist(),
                bins.edges[1:].tolist(),
                bins.counts,
                bins.confidence.tolist(),
                bins.accuracy.tolist(),
                strict=True,
            )
        ],
        "precision": scores.precision.tolist(),
        "recall": scores.recall.tolist(),
        "f1": scores.f1.tolist(),
        "support": scores.support.tolist(),
        "macro": {name: float(getattr(scores, name).mean()) for name in ("precision", "recall", "f1")},
        "confusion": confusion.tolist(),
        "confused_pairs": [pair._asdict() for pair in metrics.confused_pairs(confusion, PAIRS)],
    }


def _print(values: dict[str, Any]) -> None:
    low, high = values["accuracy_95"]
    print(
        f"{one_line(values['model'])} on {one_line(values['dataset'])}, {values['split']} split, {values['images']} images"
    )
    print(f"accuracy {values['accuracy']:.2%}   loss {values['loss']:.4f}")
    print(f"95 % interval of the accuracy {low:.2%} .. {high:.2%} (bootstrap), {values['errors']} errors")
    print("right among the first " + ", ".join(f"{k}: {value:.2%}" for k, value in values["top_k"].items()))
    print(f"calibration: ECE {values['ece']:.2%}, worst bin {values['mce']:.1%}, Brier score {values['brier']:.4f}\n")
    print("class  precision  recall      F1  images")
    for k, row in enumerate(zip(values["precision"], values["recall"], values["f1"], values["support"], strict=True)):
        print("{:5d}  {:9.2%}  {:6.2%}  {:6.2%}  {:6d}".format(k, *row))
    macro = values["macro"]
    print(f" mean  {macro['precision']:9.2%}  {macro['recall']:6.2%}  {macro['f1']:6.2%}  {values['images']:6d}")
    confusion = values["confusion"]
    width = max(4, len(str(max(map(max, confusion)))) + 1)
    print("\nconfusion matrix: row = true class, column = predicted class")
    print("     " + "".join(f"{k:{width}d}" for k in range(NUM_CLASSES)))
    for k, counts in enumerate(confusion):
        print(f"{k:4d} " + "".join(f"{count:{width}d}" for count in counts))
    pairs = [f"{p['true']} as {p['predicted']} ({p['images']})" for p in values["confused_pairs"]]
    if pairs:
        print(f"\nmost often mistaken: {', '.join(pairs)}")


def _figures(images: Array, labels: Array, probs: Array, title: str) -> dict[str, Any]:
    from scratchnet import viz

    confusion = metrics.confusion_matrix(labels, probs.argmax(axis=1), NUM_CLASSES)
    return {
        "reliability.png": viz.reliability(metrics.reliability(labels, probs), title=title),
        "classes.png": viz.classes(metrics.class_scores(confusion), title=title),
        "confusion.png": viz.confusion(confusion, title=title),
        "confused.png": viz.confused(images, labels, probs, title=title),
        "mistakes.png": viz.mistakes(images, labels, probs, title=title),
    }
