"""Checks of the network: its weights, what comes out of its layers, what comes back to them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from scratchnet import layers
from scratchnet.init import fans
from scratchnet.inspection.case import Case, key, place
from scratchnet.inspection.checkup import NOTE, PROBLEM, WARNING, Finding, NotExamined, Passed, Verdict
from scratchnet.inspection.facts import written
from scratchnet.inspection.text import count, number, percent
from scratchnet.layers import Layer
from scratchnet.layers.base import Stage
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.typing import Array

LINEAR = (
    layers.Dense,
    layers.Conv2d,
    layers.Flatten,
    layers.AvgPool2d,
    layers.GlobalAvgPool,
    layers.BatchNorm1d,
    layers.BatchNorm2d,
    layers.Dropout,
)
SQUASHING = {layers.Sigmoid: (0.0, 1.0), layers.Tanh: (-1.0, 1.0)}


def weights_finite(case: Case) -> Iterator[Verdict]:
    """NaN or infinity among the weights."""
    name = "weights-not-finite"
    bad = {k: int((~np.isfinite(a)).sum()) for k, a in {**case.model.params, **case.model.state}.items()}
    bad = {k: n for k, n in bad.items() if n}
    if bad:
        told = ", ".join(
            f"{k} ({count(n)} of {count(({**case.model.params, **case.model.state})[k].size)})" for k, n in bad.items()
        )
        yield Finding(
            name,
            PROBLEM,
            f"weights {next(iter(bad))}" + (" and others" if len(bad) > 1 else ""),
            f"NaN or infinity in {told}. Whatever goes in, NaN comes out, and no step can mend it.",
            "Start again from fresh or saved weights, with a smaller learning rate (a tenth), and stop at the first "
            "loss that is "
            "not finite: train_steps does.",
        )
    else:
        yield Passed(name, "all weights are finite")


def output_finite(case: Case) -> Iterator[Verdict]:
    """Finite weights and inputs, but NaN or infinity comes out."""
    name = "output-not-finite"
    for stage in case.seen.stages:
        bad = int((~np.isfinite(stage.out)).sum())
        if bad:
            largest = float(np.abs(stage.x).max())
            yield Finding(
                name,
                PROBLEM,
                place(stage),
                f"It is the first layer that puts out NaN or infinity: {count(bad)} of {count(stage.out.size)} values. "
                "The largest "
                f"value that goes in is {number(largest)}.",
                "Huge inputs: the weights of the layers before it are too large, look at their initialisation and at "
                "the learning "
                "rate. Ordinary inputs: look at this layer's forward for a division by 0, log of 0, or exp of large "
                "numbers.",
            )
            return
    if not math.isfinite(case.seen.loss):
        logits = case.seen.logits
        yield Finding(
            name,
            PROBLEM,
            repr(case.loss),
            f"The network's output is finite, {number(float(logits.min()))} .. {number(float(logits.max()))}, but the "
            "loss of it "
            f"is {case.seen.loss}.",
            "A loss of your own: a log of a probability that was rounded to 0? losses.softmax_cross_entropy_forward "
            "shows how to "
            "take the log before that can happen.",
        )
        return
    yield Passed(name, "no layer puts out NaN or infinity, and the loss is finite")


def units_differ(case: Case) -> Iterator[Verdict]:
    """Hidden layers whose units all have the same weights."""
    name, hidden = "equal-units", case.learning[:-1]
    found = False
    for stage in hidden:
        w = _by_unit(stage.layer.params["w"])
        if len(w) > 1 and bool((w == w[0]).all()):
            found, value = True, float(w.ravel()[0])
            same = (
                f"all its weights are {number(value)}" if bool((w == value).all()) else "all its units have the same weights"
            )
            yield Finding(
                name,
                PROBLEM,
                place(stage),
                f"{same[0].upper()}{same[1:]}: {len(w)} units compute the same, get the same gradient, and stay the "
                "same. The "
                "layer is worth a single unit"
                + (", and with zeros nothing comes back to the layers below." if not value else "."),
                "Start from random weights: init.he_normal before ReLU, init.xavier_normal before tanh and sigmoid. "
                "Only biases "
                "start from 0.",
            )
    if hidden and not found:
        yield Passed(name, "the units of each hidden layer differ")


def nonlinear(case: Case) -> Iterator[Verdict]:
    """Two layers with weights and nothing nonlinear between them."""
    name, before, found = "missing-activation", None, False
    for stage in case.seen.stages:
        idle = bool(stage.out.any() and np.array_equal(stage.out, stage.x))  # as a ReLU that sees nothing negative
        acts_linear = isinstance(stage.layer, LINEAR) or idle
        if not acts_linear or isinstance(stage.layer, layers.Residual) or _starts_a_way(stage.name):
            before = None
        if "w" not in stage.layer.params or isinstance(stage.layer, layers.Composite):
            continue
        if before is not None and isinstance(stage.layer, LINEAR):
            found = True
            yield Finding(
                name,
                WARNING,
                f"layers {before.name} and {stage.name}",
                f"Between {written(before.layer)} and {written(stage.layer)} nothing is nonlinear"
                f"{_idle(case, before, stage)}: a linear function of a linear function is linear, so the two can do no "
                "more than "
                "one layer could. Nothing fails; the network is only weaker than it looks, down to a plain softmax "
                "regression.",
                "Put an activation between them, such as ReLU().",
            )
        before = stage if isinstance(stage.layer, LINEAR) else None
    if len(case.learning) > 1 and not found:
        yield Passed(name, "between any two layers with weights there is something nonlinear")


def _starts_a_way(name: str) -> bool:
    """Whether a stage is the first in the body or shortcut of a Residual."""
    parts = name.split(".")
    return (
        "body" in parts[-1:]
        or "shortcut" in parts[-1:]
        or (parts[-1:] == ["0"] and parts[-2:-1] in (["body"], ["shortcut"]))
    )


def _idle(case: Case, before: Stage, after: Stage) -> str:
    names = [stage.name for stage in case.seen.stages]
    between = case.seen.stages[names.index(before.name) + 1 : names.index(after.name)]
    idle = [stage for stage in between if not isinstance(stage.layer, LINEAR)]
    return f" ({place(idle[0])}, changes none of the sample's values)" if idle else ""


def output_layer(case: Case) -> Iterator[Verdict]:
    """Logits that are no logits: probabilities, or the output of an activation."""
    if not isinstance(case.loss, SoftmaxCrossEntropy):
        return
    logits, last = case.seen.logits, case.seen.stages[-1]
    sums = logits.sum(axis=1)
    if logits.min() >= 0 and bool(np.allclose(sums, 1, atol=1e-3)):
        k = logits.shape[1]
        best = math.log(math.e + k - 1) - 1
        yield Finding(
            "double-softmax",
            PROBLEM,
            place(last),
            f"Every row of the output is positive and sums to 1 ({number(float(sums.min()), 5)} .. "
            f"{number(float(sums.max()), 5)}): "
            "these are probabilities already. SoftmaxCrossEntropy takes logits and applies softmax itself; applied "
            "twice, the "
            f"loss can't fall below {best:.2f} even where every answer is right and sure, and gradients are small.",
            "Leave out the softmax at the end of the network; take losses.softmax(logits) where you want to read "
            "probabilities.",
        )
    elif isinstance(last.layer, (layers.ReLU, layers.Sigmoid, layers.Tanh)):
        yield Finding(
            "output-activation",
            PROBLEM,
            place(last),
            f"The last layer is an activation: the logits are cut to {number(float(logits.min()))} .. "
            f"{number(float(logits.max()))}. "
            "Softmax wants numbers of any sign and size: now no class can be made much less likely than the others"
            + (", and where all are 0 no gradient comes back." if isinstance(last.layer, layers.ReLU) else "."),
            "End the network with its last Dense layer.",
        )
    else:
        yield Passed(
            "double-softmax", f"the output is logits, {number(float(logits.min()))} .. {number(float(logits.max()))}"
        )


def initial_loss(case: Case) -> Iterator[Verdict]:
    """A loss above what always saying the same probabilities for all classes would cost."""
    name = "initial-loss"
    if not isinstance(case.loss, SoftmaxCrossEntropy):
        yield NotExamined(name, f"{case.loss!r} has no value to expect; softmax cross-entropy has ln K")
        return
    logits = case.seen.logits
    value, _ = case.loss.without_smoothing().forward(logits.astype(np.float64), case.seen.labels)
    k = logits.shape[1]
    chance, spread = math.log(k), float(logits.std(axis=1).mean())
    told = f"the loss is {number(value)}; giving all {k} classes the same probability costs ln {k} = {chance:.3f}"
    confident = (
        f"its logits have a standard deviation of {number(spread)} within an image, where about 1 leaves all classes open"
    )
    if value > 10 * chance:
        yield Finding(
            name,
            PROBLEM,
            "the loss on training images",
            f"{told[0].upper()}{told[1:]}. The network is confidently wrong: {confident}.{_odd_weights(case)}",
            "Fresh weights: they are too large, take init.he_normal or xavier_normal (std of about sqrt(2 / fan_in)), "
            "and check "
            "the inputs' scale. Trained weights: labels or inputs are not those it was trained with, or the learning "
            "rate was "
            "too large.",
        )
    elif value > 2.5 * chance:
        yield Finding(
            name,
            NOTE,
            "the loss on training images",
            f"{told[0].upper()}{told[1:]}. High, but training can cope: {confident}.",
            "Smaller initial weights in the last layer would save the first steps.",
        )
    else:
        usual = f"{value / chance:.1f} times that; fresh weights may have up to 2.5 times"
        yield Passed(name, f"{told}: " + ("it has learned" if value < 0.7 * chance else usual))


def dead_relus(case: Case) -> Iterator[Verdict]:
    """Units that are 0 for every image: they put out nothing and get no gradient."""
    name, least = "dead-relus", (0.0, "")
    relus = [stage for stage in case.seen.stages if isinstance(stage.layer, layers.ReLU)]
    found = False
    for stage in relus:
        dead = (stage.out == 0).all(axis=tuple(i for i in range(stage.out.ndim) if i != 1))
        share = float(dead.mean())
        told = (
            f"at most {percent(share)} of a layer's units, in {place(stage)}" if share else "every unit is on for some image"
        )
        least = max(least, (share, told))
        if share >= 0.3:
            found = True
            what = "channels" if stage.out.ndim == 4 else "units"
            yield Finding(
                name,
                PROBLEM if share >= 0.5 else WARNING,
                place(stage),
                f"{count(int(dead.sum()))} of {count(len(dead))} {what} are 0 for each of {len(stage.out)} images"
                f"{_bias_before(case, stage)}. A unit that is always 0 gets no gradient, so it never comes back.",
                "Fresh weights: start biases from 0 and weights from init.he_normal. Trained ones: the learning rate "
                "was too large "
                "at some step; train again with a smaller one, or take LeakyReLU.",
            )
    if relus and not found:
        yield Passed(name, least[1])


def _bias_before(case: Case, relu: Stage) -> str:
    """What the biases are of the last layer with weights before this one."""
    names = [stage.name for stage in case.seen.stages]
    before = [s for s in case.seen.stages[: names.index(relu.name)] if "b" in s.layer.params and s in case.learning]
    if not before:
        return ""
    b = before[-1].layer.params["b"]
    told = f"{number(float(np.median(b)))} in the median, {number(float(b.min()))} at least"
    return f"; the biases before it ({key(before[-1], 'b')}) are {told}"


def saturation(case: Case) -> Iterator[Verdict]:
    """Sigmoids and tanhs that sit on their flat ends."""
    name, most = "saturated-units", (0.0, "")
    squashing = [(s, ends) for s in case.seen.stages for kind, ends in SQUASHING.items() if isinstance(s.layer, kind)]
    found = False
    for stage, (low, high) in squashing:
        margin = 0.01 * (high - low)
        share = float(((stage.out < low + margin) | (stage.out > high - margin)).mean())
        most = max(most, (share, f"at most {percent(share)} of the values, in {place(stage)}"))
        if share >= 0.4:
            found = True
            yield Finding(
                name,
                PROBLEM if share >= 0.6 else WARNING,
                place(stage),
                f"{percent(share)} of its values are within 1 % of its ends {low:g} and {high:g}: what goes in has a "
                "standard "
                f"deviation of {number(float(stage.x.std()))}. There the curve is flat, and the gradient that passes is "
                "almost "
                f"0.{_odd_weights(case)}",
                "Smaller weights before it (init.xavier_normal), inputs of std 1, or BatchNorm before it.",
            )
    if squashing and not found:
        yield Passed(name, most[1])


def batch_norm(case: Case) -> Iterator[Verdict]:
    """Running statistics that are not those of the data, so that evaluation is another function than training."""
    name = "running-statistics"
    norms = [s for s in case.seen.stages if isinstance(s.layer, layers.BatchNorm1d | layers.BatchNorm2d)]
    if not norms:
        return
    labels = case.seen.labels
    fresh = [s for s in norms if _untouched(s.layer.params, 1, 0)]
    if len(fresh) == len(norms):
        yield NotExamined(name, "the BatchNorm layers are not trained yet")
        return
    untouched = [s for s in norms if _untouched(s.layer.state, 0, 1)]
    logits = case.model(case.seen.x)
    trained, evaluated = (float(np.mean(out.argmax(axis=1) == labels)) for out in (case.seen.logits, logits))
    told = f"{percent(trained)} right with each batch's own statistics, {percent(evaluated)} with the running ones"
    if untouched or evaluated < trained - 0.1:
        why = f"{place(untouched[0])} still has running mean 0 and variance 1, though it was trained. " if untouched else ""
        yield Finding(
            name,
            PROBLEM,
            place((untouched or norms)[0]),
            f"{why}On the same {len(labels)} training images the network names {told}: evaluation does not use the "
            "statistics "
            "that training used.",
            "After each training step call model.update_state(result.observed) (train_steps does); with few steps a larger "
            "momentum helps. Evaluate with model(x), train with forward(x, train=True).",
        )
    else:
        yield Passed(name, told)


def _untouched(arrays: dict[str, Array], first: float, second: float) -> bool:
    """Whether the two arrays still are what BatchNorm starts from."""
    one, two = arrays.values()
    return bool((one == first).all() and (two == second).all())


def gradient_flow(case: Case) -> Iterator[Verdict]:
    """Gradients that are 0, or shrink or grow on their way down."""
    if len(case.learning) == 0:
        return
    backs = case.seen.backs
    lost = [stage for stage in case.learning if not backs[stage.name].grads["w"].any()]
    last_w = case.learning[-1].layer.params["w"]
    if not last_w.any() and all(stage is not case.learning[-1] for stage in lost):
        yield Passed("no-gradient", "the last layer's weights are 0, so gradients reach the others from the second step on")
        return
    if lost and case.seen.loss > 1e-6:
        above = "it and the layers below" if len(lost) > 1 else "it"
        yield Finding(
            "no-gradient",
            PROBLEM,
            place(lost[-1]),
            f"The gradient of {', '.join(key(s, 'w') for s in lost)} is exactly 0 for every weight, over "
            f"{len(case.seen.x)} images: "
            f"{above} can't learn." + ("" if lost[-1].x.any() else " What goes into it is 0 for each of them."),
            (
                "Look at what stands above: ReLUs that are all dead, weights that are all 0, or a backward that returns "
                "zeros "
                "(gradcheck.check tells)."
                if lost[-1].x.any()
                else "Look at what stands below: ReLUs that are all dead, or weights that are all 0."
            ),
        )
        return
    if not lost:
        yield Passed("no-gradient", "a gradient reaches every layer with weights")
    if lost or len(case.learning) < 2:
        return
    first, last = case.learning[0], case.learning[-1]
    low, high = (float(np.linalg.norm(backs[stage.name].dout)) for stage in (first, last))
    told = f"|dout| is {high:.1e} at {place(last)}, and {low:.1e} at {place(first)}"
    each = (high / low) ** (1 / (len(case.learning) - 1))
    by = f" (a factor of {max(each, 1 / each):.0f} at each layer with weights)" if len(case.learning) > 2 else ""
    if low < 1e-3 * high:
        yield Finding(
            "vanishing-gradients",
            PROBLEM,
            place(first),
            f"The gradient dies on its way down: {told}, {high / low:,.0f} times less{by}. The first layers "
            f"stand still while the last one learns.{_odd_weights(case)}",
            "Weights from init.he_normal before ReLU, xavier_normal before tanh, so that each layer keeps the size of "
            "what passes; "
            "ReLU in place of sigmoid; BatchNorm or Residual in deep networks.",
        )
    elif low > 1e3 * high:
        yield Finding(
            "exploding-gradients",
            PROBLEM,
            place(first),
            f"The gradient grows on its way down: {told}, {low / high:,.0f} times more{by}. A step that is right "
            f"for the last layer throws the first one away.{_odd_weights(case)}",
            "Smaller initial weights (init.he_normal), BatchNorm or Residual in deep networks.",
        )
    else:
        yield Passed("vanishing-gradients", told)


def _odd_weights(case: Case) -> str:
    """The layer whose weights are furthest from the size that He's initialisation gives them, if they are far."""
    sizes = [(0.0, 0.0, 0.0, case.seen.stages[0])]
    for stage in case.learning:
        w = stage.layer.params["w"]
        if w.ndim in (2, 4) and w.std() > 0:
            he = math.sqrt(2 / fans(w.shape)[0])
            sizes.append((abs(math.log(float(w.std()) / he)), float(w.std()), he, stage))
    far, std, he, stage = max(sizes, key=lambda size: size[0])
    if far < math.log(3):
        return ""
    return f" The weights of {place(stage)} have a std of {number(std)}; init.he_normal gives {number(he)}."


CHECKS = (nonlinear, output_layer, initial_loss, dead_relus, saturation, batch_norm, gradient_flow)


def _by_unit(w: Array) -> Array:
    """A row for each unit: columns of a Dense weight (D, M), filters of a convolution's (F, C, KH, KW)."""
    return w.T if w.ndim == 2 else w.reshape(len(w), -1)


def outputs(model: Layer, x: Array) -> int:
    """K, the number of classes a network scores.

    Errors    ValueError if its output is not (N, K)
    """
    out = model(x)
    if out.ndim != 2:
        raise ValueError(f"doctor: the network must put out (N, K), one score a class; it puts out {out.shape}")
    return out.shape[1]
