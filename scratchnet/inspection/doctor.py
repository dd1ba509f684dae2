"""The doctor: examines a network and its data, and says what is wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from scratchnet.arguments import is_whole, kind_of, require, require_function
from scratchnet.engine import Prepare
from scratchnet.inspection import data_checks, network_checks, training_checks
from scratchnet.inspection.case import Case, Split
from scratchnet.inspection.checkup import Checkup, Finding, NotExamined, Verdict
from scratchnet.layers import Layer
from scratchnet.layers.base import require_layer
from scratchnet.losses import Loss, SoftmaxCrossEntropy, require_loss
from scratchnet.optim import Optimizer
from scratchnet.typing import Array

Check = Callable[[Case], Iterable[Verdict]]


def doctor(
    model: Layer,
    images: Array,
    labels: Array,
    *,
    val: tuple[Array, Array] | None = None,
    test: tuple[Array, Array] | None = None,
    prepare: Prepare | None = None,
    eval_prepare: Prepare | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int = 0,
) -> Checkup:
    """Examine a classifier, trained or not, and the data it learns from. The model and the data stay as they are.

        print(doctor(model, images, labels, val=(val_images, val_labels), prepare=prepare, optimizer=Momentum(lr=0.1)))

    It looks at the data (scale, labels, order, splits), at one pass through the network (weights, values, gradients), and at
    short trainings of copies (can it learn one batch by heart; does the optimizer's learning rate fit).

    model      its output is (N, K), a score a class
    images     as your training takes them: what ``prepare`` turns into input, or input itself if there is no ``prepare``
    val, test  (images, labels) that are held out, prepared by ``eval_prepare``, or ``prepare`` if that is not given
    optimizer  as you train; without it the learning rate is not examined
    shuffle    whether your loop draws a new order each epoch, as train_steps does; otherwise the order of the data matters
    seed       of the samples drawn: the same arguments give the same checkup

    The findings' names: data-not-finite, labels-out-of-range, inputs-unscaled, constant-images, missing-classes,
    class-imbalance, labels-sorted, labels-uninformative, contradictory-labels, leakage, scale-differs; weights-not-finite,
    output-not-finite, equal-units, missing-activation, double-softmax, output-activation, initial-loss, dead-relus,
    saturated-units, running-statistics, no-gradient, vanishing-gradients, exploding-gradients; wrong-sign, wrong-gradient,
    cannot-overfit, uphill-steps, lr-too-large, lr-too-small, weight-decay-too-large,
    generalisation-gap.

    Errors    ValueError if images and labels do not fit each other, or the images the network
    """
    require_layer("doctor: model", model)
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"doctor: optimizer must be one, such as Momentum(0.1), got {kind_of(optimizer)}")
    if loss is not None:
        require_loss("doctor: loss", loss)
    for name, function in (("prepare", prepare), ("eval_prepare", eval_prepare)):
        if function is not None:
            require_function(f"doctor: {name}", function)
    for name, pair in (("val", val), ("test", test)):
        two = pair is None or (isinstance(pair, tuple | list) and len(pair) == 2)
        require(two, f"doctor: {name} must be a pair (images, labels), got {kind_of(pair)}")
    whole = is_whole(seed) and 0 <= seed < 2**64
    require(whole, f"doctor: seed must be an integer in 0 .. 2**64 - 1, got {seed!r}")
    train = _split("training", images, labels, prepare)
    held_out = [
        _split(name, *given, eval_prepare or prepare)
        for name, given in (("validation", val), ("test", test))
        if given is not None
    ]
    require(is_whole(batch_size) and batch_size >= 1, f"doctor: batch_size must be positive, got {batch_size!r}")
    with np.errstate(all="ignore"):  # what is not finite is said, not warned of
        k = network_checks.outputs(model, train.x(np.arange(1)))
        case = Case(model, train, tuple(held_out), loss or SoftmaxCrossEntropy(), optimizer, batch_size, shuffle, seed, k)
        verdicts = tuple(_examine(case))
    data = f"{len(train.images):,} training images" + "".join(f", {len(s.images):,} {s.name} images" for s in held_out)
    size = sum(array.size for array in model.params.values())
    return Checkup(f"{type(model).__name__}, {size:,} parameters; {data}", verdicts)


def _examine(case: Case) -> Iterator[Verdict]:
    """All checks in an order that has causes before consequences; what can't be made any more is said."""
    fatal = [*data_checks.finite(case), *data_checks.label_range(case), *network_checks.weights_finite(case)]
    yield from fatal
    if _found(fatal):
        names = {v.name for v in fatal if isinstance(v, Finding)}
        if not names & {"data-not-finite", "labels-out-of-range"}:
            yield from _made(case, data_checks.CHECKS)
        yield NotExamined("everything else", f"mend {' and '.join(sorted(names))} first")
        return
    yield from _made(case, data_checks.CHECKS)
    finite = list(network_checks.output_finite(case))
    yield from finite
    if _found(finite):
        yield NotExamined("everything else", "mend output-not-finite first")
        return
    yield from network_checks.units_differ(case)
    slopes = list(training_checks.gradient(case))
    yield from slopes
    yield from _made(case, network_checks.CHECKS)
    yield from training_checks.overfit(case)
    if _found(slopes):
        yield NotExamined("learning-rate", "no learning rate fits a wrong gradient: mend that first")
    else:
        yield from training_checks.learning_rate(case)
    yield from training_checks.generalisation(case)


def _made(case: Case, checks: Iterable[Check]) -> Iterator[Verdict]:
    for check in checks:
        yield from check(case)


def _found(verdicts: list[Verdict]) -> bool:
    return any(isinstance(verdict, Finding) for verdict in verdicts)


def _split(name: str, images: Array, labels: Array, prepare: Prepare | None) -> Split:
    images, labels = np.asarray(images), np.asarray(labels)
    require(
        images.ndim >= 2 and len(images) > 0 and labels.shape == (len(images),),
        f"doctor: {name} images (N, ...) and labels (N,) want one N > 0, got {images.shape} and {labels.shape}",
    )
    require(images.dtype.kind in "uif", f"doctor: {name} images must be numbers, got {images.dtype}")
    require(labels.dtype.kind in "ui", f"doctor: {name} labels must be integers, got {labels.dtype}")
    return Split(name, images, labels, prepare)
