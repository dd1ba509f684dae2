"""Checks that need steps: is the gradient right, can the network learn a batch by heart, does the learning rate fit.

Each works on a copy of the network.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchnet.engine import loss_and_grads
from scratchnet.inspection.case import Case
from scratchnet.inspection.checkup import PROBLEM, WARNING, Finding, NotExamined, Passed, Verdict
from scratchnet.inspection.text import number, percent
from scratchnet.layers import Layer
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import Adam, Optimizer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Params

BATCH = 32  # images to learn by heart
PROBE = 16  # images that a gradient is measured on
STEPS = 25  # of a trial with the optimizer
DECADES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # learning rates to compare the user's with


# --- the gradient ----------------------------------------------------------------------------------------------------


def gradient(case: Case) -> Iterator[Verdict]:
    """Each param's gradient against the measured slope along it: going up it, the loss must rise as fast as it claims."""
    model = case.copy_of_model()
    _to_float64(model)
    x, labels = case.sample[0][:PROBE].astype(np.float64), case.sample[1][:PROBE]
    try:
        result = loss_and_grads(model, case.loss, x, labels, rng=case.rng())
    except (ValueError, TypeError) as error:
        yield NotExamined("wrong-gradient", f"the network does not run in float64: {error}")
        return

    def loss_at(param: Array, value: Array) -> float:
        before = param.copy()
        param[...] = value
        logits, _ = model.forward(x, train=True, rng=case.rng())
        param[...] = before
        return case.loss.forward(logits, labels)[0]

    slopes: dict[str, float] = {}  # measured slope / claimed slope
    unclear = []
    for name, param in model.params.items():
        g = result.grads[name].astype(np.float64)
        claimed = float(np.linalg.norm(g))
        if claimed < 1e-9:
            continue  # nothing to compare; a gradient of 0 is another check's
        direction, size = g / claimed, max(float(np.linalg.norm(param)), 1.0)
        ratio = _settled(
            [
                (loss_at(param, param + h * direction) - loss_at(param, param - h * direction)) / (2 * h) / claimed
                for h in (1e-7 * size, 1e-6 * size, 1e-5 * size)
            ]
        )
        if ratio is None:
            unclear.append(name)
        else:
            slopes[name] = ratio
    yield from _judge_slopes(slopes, unclear)


def _settled(ratios: list[float]) -> float | None:
    """The ratio if it is 1, or if two steps agree on it; None if rounding or kinks leave it open."""
    for ratio in ratios:
        if abs(ratio - 1) < 0.05:
            return ratio
    for a, b in itertools.pairwise(ratios):
        if abs(a - b) <= 0.02 * max(abs(a), abs(b)) or max(abs(a), abs(b)) < 1e-3:
            return b
    return None


def _judge_slopes(slopes: dict[str, float], unclear: list[str]) -> Iterator[Verdict]:
    uphill = [name for name, ratio in slopes.items() if ratio < -0.05]
    wrong = [name for name, ratio in slopes.items() if ratio >= -0.05 and abs(ratio - 1) >= 0.05]
    right = [name for name in slopes if name not in uphill and name not in wrong]
    for name, names in (("wrong-sign", uphill), ("wrong-gradient", wrong)):
        if not names:
            continue
        told = ", ".join(f"{k} {slopes[k]:.3g}" for k in names)
        yield Finding(
            name,
            PROBLEM,
            ", ".join(names),
            "Measured slope of the loss along the gradient, as a multiple of what the gradient claims (1 is right): "
            f"{told}. "
            + (
                "It is negative: a step against this gradient makes the loss rise."
                if name == "wrong-sign"
                else _multiple(slopes[names[0]])
            ),
            _where_to_look(names, right) + " gradcheck.check(layer, shape=...) shows the wrong entries.",
        )
    if not uphill and not wrong:
        if unclear:
            yield NotExamined(
                "wrong-gradient", f"the slope along the gradient of {', '.join(unclear)} can't be measured well"
            )
        elif slopes:
            yield Passed(
                "wrong-gradient", f"along the gradient of each of {len(slopes)} arrays the loss rises as fast as it claims"
            )


def _multiple(ratio: float) -> str:
    if abs(ratio) < 0.05:
        return "The loss hardly changes along it: these are other numbers than the gradient."
    for n, what in (
        (PROBE, "N, the images of this check: is the mean over the batch missing?"),
        (2, "2: is a factor doubled?"),
    ):
        if abs(ratio * n - 1) < 0.05:
            return f"It is too large by a factor of {what}"
        if abs(ratio / n - 1) < 0.05:
            return f"It is too small by a factor of {n}" + (
                " = N: was it divided by the batch twice?" if n == PROBE else "."
            )
    return f"It is too {'large' if ratio < 1 else 'small'}, or only partly right."


def _where_to_look(names: list[str], right: list[str]) -> str:
    layer = [n.rpartition(".")[0] for n in names]
    if not right:
        return "All gradients are wrong alike: look at the loss's backward first, then at the last layer's."
    last = layer[-1]
    if any(n.rpartition(".")[0] == last for n in right):
        return f"Look at the backward of layer {last}: its dx and other gradients may be right, this one is not."
    return f"Those above layer {last} are right: look at its backward, and at the dx of the layers right above it."


def _to_float64(model: Layer) -> None:
    """Give every layer float64 arrays in place of its own."""
    layers = [layer for _, layer in model.leaves()] if hasattr(model, "leaves") else [model]
    for layer in layers:
        layer.params = {name: array.astype(np.float64) for name, array in layer.params.items()}
        layer.state = {name: array.astype(np.float64) for name, array in layer.state.items()}


# --- learning by heart -----------------------------------------------------------------------------------------------


def overfit(case: Case) -> Iterator[Verdict]:
    """A few images, again and again: a network that can't learn these by heart can't learn anything."""
    name, (x, labels) = "cannot-overfit", case.sample
    x, labels = x[:BATCH], labels[:BATCH]
    if len(np.unique(labels)) < 2:
        yield NotExamined(name, "the sample has one class only")
        return
    start = math.nan
    tried: list[str] = []
    for lr in (1e-3, 1e-2):
        model, optimizer = case.copy_of_model(), Adam(lr)
        for step in range(151):
            result = loss_and_grads(model, case.loss, x, labels, rng=case.rng(step))
            share = max(result.correct, int((model(x).argmax(axis=1) == labels).sum())) / len(x)
            start = result.loss if step == 0 and not tried else start
            if share >= 0.97:
                after = (
                    f"after {step} steps of Adam, loss {number(start)} -> {number(result.loss)}"
                    if step
                    else "from the start"
                )
                yield Passed(name, f"{round(share * len(x))} of {len(x)} images are named right {after}")
                return
            if not math.isfinite(result.loss):
                break
            optimizer.step(model.params, result.grads)
            model.update_state(result.observed)
        tried.append(f"lr {lr:g}: {percent(share)} right, loss {number(result.loss)}")
    yield Finding(
        name,
        PROBLEM,
        f"{len(x)} training images",
        f"The same {len(x)} images over and over, 150 steps of Adam on a copy of the network, and it can't learn them by "
        "heart "
        f"({'; '.join(tried)}; at the start the loss was {number(start)}). More data or patience will not help.",
        "Something between images and weights is cut or wrong: see the other findings. If there is none: "
        "gradcheck.check each "
        "layer of your own, and try with a wider network.",
    )


# --- the learning rate -----------------------------------------------------------------------------------------------


class Trial(NamedTuple):
    """A few steps with the user's optimizer on a copy: the loss before and after on the same images, and the median of
    |change of w| / |w|, step by step."""

    start: float
    end: float
    ratio: float

    @property
    def gain(self) -> float:
        """By how much the loss fell; minus infinity if it is not finite any more."""
        return self.start - self.end if math.isfinite(self.end) else -math.inf

    def __str__(self) -> str:
        return f"loss {number(self.start)} -> {number(self.end)}"


def learning_rate(case: Case) -> Iterator[Verdict]:
    """A trial with the user's optimizer; if it does not go well, with other learning rates too."""
    if case.optimizer is None:
        yield NotExamined("learning-rate", "give optimizer= to have its learning rate tried")
        return
    lr, kind = case.optimizer.lr, type(case.optimizer).__name__
    if lr == 0:
        best_lr, best = _best(case)
        why = f"The learning rate is 0: no step changes anything. At lr {best_lr:g}: {best}."
        yield Finding("lr-too-small", PROBLEM, f"{kind}, lr 0", why, f"Try lr {best_lr:g}, then three times more and less.")
        return
    mine = _trial(case, lr)
    chance = math.log(case.num_classes) if isinstance(case.loss, SoftmaxCrossEntropy) else mine.start
    trained = mine.start < 0.7 * chance
    told = f"{STEPS} steps of {kind} at lr {lr:g}: {mine}, update/weight {mine.ratio:.1e} a step"
    uphill = "" if mine.gain > 0 or trained else _uphill(case)
    if uphill:
        yield Finding(
            "uphill-steps",
            PROBLEM,
            kind,
            f"{told}. {uphill} However small the step, it goes the wrong way.",
            "The optimizer adds what it should subtract, w -= lr * g; or the gradient has the wrong sign.",
        )
        return
    if trained:
        if not mine.end <= chance:
            better, tried = _gentler(case, lr, chance)
            yield _too_large(kind, lr, told, f"The network had learned, and these steps throw it away. {tried}", better)
        else:
            yield Passed("learning-rate", f"{told}; whether lr is too small can't be told of a network that has learned")
        return
    if mine.gain > 0.3 * mine.start:
        yield Passed("learning-rate", told)
        return
    decay = case.optimizer.weight_decay
    free = _trial(case, lr, weight_decay=0.0) if decay else mine
    if free.gain > max(2 * mine.gain, 0.1 * mine.start):
        yield Finding(
            "weight-decay-too-large",
            PROBLEM,
            f"{kind}, weight_decay {decay:g}",
            f"{told}. The same steps without weight decay: {free}. It pulls the weights to 0 faster than the data can "
            "form them.",
            "Leave weight decay at 0 until the network learns, then try 1e-4 to 1e-3.",
        )
        return
    best_lr, best = _best(case)
    if best.gain < 0.1 * mine.start and math.isfinite(mine.end):
        yield NotExamined("learning-rate", f"{told}; no other learning rate does better, so it is not to blame")
    elif best_lr < lr and mine.gain < 0.3 * best.gain:
        yield _too_large(kind, lr, told, f"At lr {best_lr:g}: {best}.", best_lr)
    elif best_lr > lr and mine.gain < 0.1 * best.gain:
        yield Finding(
            "lr-too-small",
            PROBLEM,
            f"{kind}, lr {lr:g}",
            f"{told}: hardly anything happens. At lr {best_lr:g}: {best}. The update/weight ratio is usually 1e-3 to 1e-2.",
            f"Try lr {best_lr:g}, then three times more and less.",
        )
    else:
        yield Passed("learning-rate", told)


def _best(case: Case) -> tuple[float, Trial]:
    """Of many learning rates the one that lowers the loss most."""
    tried = {lr: _trial(case, lr) for lr in DECADES}
    return max(tried.items(), key=lambda item: item[1].gain)


def _gentler(case: Case, lr: float, chance: float) -> tuple[float | None, str]:
    """The largest of the smaller learning rates at which a trained network stays about as good; and how it did."""
    for other in sorted((other for other in DECADES if other < lr), reverse=True):
        trial = _trial(case, other)
        if trial.end <= max(1.5 * trial.start, 0.02 * chance):
            return other, f"At lr {other:g}: {trial}."
    return None, f"Smaller ones, down to lr {DECADES[0]:g}, harm it too."


def _too_large(kind: str, lr: float, told: str, more: str, better: float | None) -> Finding:
    remedy = "It is not the learning rate alone: see the other findings, and gradcheck.check layers of your own."
    if better is not None:
        remedy = f"Try lr {better:g}, then three times more and less; raise it slowly at the start (one_cycle)."
    return Finding(
        "lr-too-large",
        PROBLEM,
        f"{kind}, lr {lr:g}",
        f"{told}. {more} The update/weight ratio is usually 1e-3 to 1e-2; steps that are too long jump over the valley.",
        remedy,
    )


def _uphill(case: Case) -> str:
    """What a tiny step does to the loss of its own batch, in float64, if it makes it rise; else ""."""
    assert case.optimizer is not None
    x, labels = _batch(case, 0)
    losses, lr = [], case.optimizer.lr
    for _ in range(2):  # the first step is to find out how long one is, the second is that much shorter
        model, optimizer = case.copy_of_model(), copy.deepcopy(case.optimizer)
        _to_float64(model)
        before = loss_and_grads(model, case.loss, x.astype(np.float64), labels, rng=case.rng())
        ratio = max(_step(optimizer, model, before.grads, lr), default=0.0)
        losses = [before.loss, loss_and_grads(model, case.loss, x.astype(np.float64), labels, rng=case.rng()).loss]
        if not ratio:
            return ""
        short, lr = lr, lr * 1e-6 / ratio
    if not losses[1] > losses[0]:
        return ""
    return (
        f"One step with a learning rate of {short:.1e}, on the batch it was taken for: {losses[0]:.9g} -> {losses[1]:.9g}."
    )


def _trial(case: Case, lr: float, *, weight_decay: float | None = None) -> Trial:
    model, optimizer = case.copy_of_model(), copy.deepcopy(case.optimizer)
    assert optimizer is not None
    if weight_decay is not None:
        optimizer.weight_decay = weight_decay
    ratios: list[float] = []
    with np.errstate(all="ignore"):
        start = _loss_on_sample(case, model)
        for step in range(STEPS):
            x, labels = _batch(case, step)
            result = loss_and_grads(model, case.loss, x, labels, rng=case.rng(step))
            if not math.isfinite(result.loss):
                return Trial(start, math.nan, math.inf)
            ratios += _step(optimizer, model, result.grads, lr)
            model.update_state(result.observed)
        end = _loss_on_sample(case, model)
    return Trial(start, end, float(np.median(ratios)) if ratios else 0.0)


def _step(optimizer: Optimizer, model: Layer, grads: Params, lr: float) -> list[float]:
    """One step; |change of w| / |w| of every weight."""
    before = {key: w.copy() for key, w in model.params.items() if key.rpartition(".")[2] == "w"}
    optimizer.step(model.params, grads, lr)
    after = model.params
    norms = {key: float(np.linalg.norm(w)) for key, w in before.items()}
    return [float(np.linalg.norm(after[key] - w)) / norms[key] for key, w in before.items() if norms[key]]


def _loss_on_sample(case: Case, model: Layer) -> float:
    """In training mode: running statistics would lag behind after so few steps."""
    x, labels = case.sample
    logits, _ = model.forward(x, train=True, rng=case.rng())
    return case.loss.without_smoothing().forward(logits, labels)[0]


def _batch(case: Case, step: int) -> tuple[Array, Array]:
    """The batch that the user's loop would take at this step."""
    n = len(case.train.images)
    size = min(case.batch_size, n)
    batches = n // size
    order = stream(case.seed, Purpose.SHUFFLE, step=1 + step // batches).permutation(n) if case.shuffle else np.arange(n)
    chosen = order[step % batches * size :][:size]
    return case.train.x(chosen), case.train.labels[chosen]


# --- generalisation --------------------------------------------------------------------------------------------------


def generalisation(case: Case) -> Iterator[Verdict]:
    """Far more right on training images than on held-out ones."""
    x, labels = case.train.sample(1000, stream(case.seed, Purpose.SPLIT, step=4))
    if not case.held_out or len(labels) < 100:
        return
    own = float(np.mean(case.model(x).argmax(axis=1) == labels))
    guessing, least = float(np.bincount(labels).max() / len(labels)), 0.1 + 3 * math.sqrt(0.25 / len(labels))
    if own - guessing <= least:
        told = (
            f"{percent(own)} of {len(labels)} training images are named right, {percent(guessing)} by always saying the same"
        )
        yield NotExamined("generalisation-gap", f"{told}: nothing is learned yet that could fail to carry over")
        return
    for split in case.held_out:
        x, labels = split.sample(1000, stream(case.seed, Purpose.SPLIT, step=5))
        other = float(np.mean(case.model(x).argmax(axis=1) == labels))
        told = f"{percent(own)} of {len(labels)} training images and {percent(other)} of {split.name} images are named right"
        if own - other > 0.1 + 3 * math.sqrt(0.25 / len(labels)):
            yield Finding(
                "generalisation-gap",
                WARNING,
                f"{split.name} images",
                f"{told}: what was learned does not carry over.",
                "Unless another finding explains it (scale-differs, labels-uninformative): more data or augmentation, "
                "dropout, weight "
                "decay, a smaller network, or stop earlier.",
            )
        else:
            yield Passed(f"generalisation-gap ({split.name})", told)
