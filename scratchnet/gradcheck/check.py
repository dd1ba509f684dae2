"""The gradient check: what backward returns against what is measured."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet.gradcheck.kinks import examine, measure
from scratchnet.gradcheck.numeric import NotFinite, along_direction, along_entry, index_of
from scratchnet.gradcheck.protocol import Trial, read_gradient, try_out
from scratchnet.gradcheck.report import ArgumentResult, Report, two_numbers
from scratchnet.gradcheck.subject import Malformed, Subject, label, of_layer, of_loss, of_pair
from scratchnet.layers.base import Layer, require
from scratchnet.losses import Loss
from scratchnet.typing import Array, Pair, Rng

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # right means: |analytic - numeric| <= RELATIVE * max |numeric| + ABSOLUTE
SUSPICIOUS = 1e-3  # a gap between left and right slope of this part of max |numeric| is looked at, even if the mean fits


def check(
    target: Layer | Loss | Pair,
    *args: Any,
    shape: tuple[int, ...] | None = None,
    options: dict[str, Any] | None = None,
    train: bool = True,
    vary_fresh: bool = True,
    seed: int = 0,
    h: float = 1e-5,
    max_entries: int | None = 1000,
) -> Report:
    """Compare what backward returns with numeric gradients, entry by entry, in float64.

    target        and its args:
                  a layer             its input x, or ``shape=(N, C, H, W)`` to draw one
                  a loss              the network's output and the labels (labels have no gradient)
                  (forward, backward) what forward takes: every positional argument gets a gradient, the ``options`` get
                                      none: ``check((conv2d_forward, conv2d_backward), x, w, b, options={"pad": 1})``
    train         False checks a layer as it is in evaluation
    vary_fresh    a layer's parameters that still are all 0 or all 1 get random values; otherwise a forgotten gamma or b
                  would pass
    max_entries   of a larger array only so many entries are measured, and one random direction for all others together;
                  None measures all

    Objective     sum(out * dout) with a random dout; a loss times a random number
    Right is      |analytic - numeric| <= 1e-6 * max |numeric| + 1e-9. At a kink (see kinks.py) any subgradient is right, but
                  a gradient that is at kinks in more than half of its entries does not pass: nothing was proved
    Copies        everything is copied and copies are cast to float64; no argument is changed, neither are layers
    Randomness    every forward gets the same random numbers from ``rng``

    The code under check may do anything wrong: that is in the report. What it raises, it raises.

    Errors        ValueError if the arguments make no check: integers that should get a gradient, nan, nothing to check
    """
    require(h > 0, f"check: h must be positive, got {h}")
    require(max_entries is None or max_entries > 0, f"check: max_entries must be positive or None, got {max_entries}")
    rng = np.random.default_rng(seed)
    subject = _subject(target, args, shape, options or {}, train, vary_fresh, rng)
    report = Report(subject.title)
    try:
        trial = try_out(subject, rng, seed)
        report.problems += trial.problems
        for name, x in subject.arrays.items():
            objective = _objective(subject, trial, name, seed)
            result = _check_argument(name, objective, x, trial.gradients.get(name), max_entries, h, rng)
            report.results[name] = result
            if result.message:
                report.problems.append(result.message)
    except Malformed as error:
        report.problems.append(str(error))
    return report


def _subject(
    target: Any,
    args: tuple[Any, ...],
    shape: tuple[int, ...] | None,
    options: dict[str, Any],
    train: bool,
    vary: bool,
    rng: Rng,
) -> Subject:
    if isinstance(target, type):
        raise ValueError(f"check: {target.__name__} is a class; make an instance, as in {target.__name__}()")
    is_object = isinstance(target, (Layer, Loss))
    require(
        is_object or (isinstance(target, tuple) and len(target) == 2 and all(callable(f) for f in target)),
        "check: the first argument must be a layer, a loss, or a pair in brackets: check((forward, backward), x, w, b)",
    )
    require(not (is_object and options), f"check: options are for pairs; {target!r} has its own")
    require(shape is None or isinstance(target, Layer), "check: shape draws a layer's input; give arrays here")
    if isinstance(target, Layer):
        return of_layer(target, args, shape, train, vary, rng)
    return of_loss(target, args) if isinstance(target, Loss) else of_pair(target, args, options)


def _objective(subject: Subject, trial: Trial, name: str, seed: int) -> Callable[[Array], float]:
    """The number whose gradient is measured, as a function of one of the arrays.

    It is sum(out * dout) minus what that is at x itself: the same slopes, and 0 at x. So digits are not lost in a large sum
    of outputs that do not depend on the entry.
    """

    def objective(moved: Array) -> float:
        out, _ = subject.forward({**subject.copies(), name: moved}, seed)
        with np.errstate(all="ignore"):  # nan is found by the caller
            return float(np.sum((out - trial.out) * trial.dout))

    return objective


def _check_argument(
    name: str, f: Callable[[Array], float], x: Array, gradient: Any, max_entries: int | None, h: float, rng: Rng
) -> ArgumentResult:
    """Measure f's gradient (f is 0 at x), and compare."""
    sampled = max_entries is not None and x.size > max_entries
    indices = np.sort(rng.choice(x.size, max_entries, replace=False)) if sampled else np.arange(x.size)
    analytic, message = read_gradient(name, gradient, x)
    result = ArgumentResult(name, analytic, np.full(x.shape, np.nan), size=x.size, message=message)
    try:
        gaps = np.zeros(x.size)
        for i in indices:
            sides = measure(along_entry(f, x, i, name), h)
            result.numeric.flat[i], gaps[i] = sides.mean, sides.gap
        result.scale = float(np.abs(result.numeric.flat[indices]).max())
        if analytic is not None and analytic.shape == x.shape and bool(np.isfinite(analytic).all()):
            _compare(result, f, x, analytic, indices, gaps, h)
            if sampled:
                _check_direction(result, f, x, h, rng)
            else:
                _check_kinks(result, f, x, h)
    except NotFinite as error:
        result.message = result.message or f"{label(name)} can't be measured: {error}"
    return result


def _tolerance(scale: float) -> float:
    return RELATIVE * scale + ABSOLUTE


def _compare(
    result: ArgumentResult, f: Callable[[Array], float], x: Array, analytic: Array, indices: Array, gaps: Array, h: float
) -> None:
    """Fill in the result: the errors of the entries in ``indices``, with a closer look at the odd ones."""
    tolerance = _tolerance(result.scale)
    errors = np.zeros(x.size)
    result.kinks = {}
    for i in indices:
        errors[i] = abs(analytic.flat[i] - result.numeric.flat[i])
        if errors[i] > tolerance or gaps[i] > SUSPICIOUS * result.scale + 100 * ABSOLUTE:
            slope = examine(along_entry(f, x, i, result.name), float(analytic.flat[i]), tolerance, h)
            result.numeric.flat[i], errors[i] = slope.numeric, slope.error
            if slope.kink:
                result.kinks[index_of(i, x)] = slope.kink.left, slope.kink.right
    worst = int(errors.argmax())
    result.checked, result.wrong = len(indices), int((errors > tolerance).sum())
    result.wrong_at_kinks = sum(errors[np.ravel_multi_index(index, x.shape)] > tolerance for index in result.kinks)
    result.max_error, result.worst = float(errors[worst]), index_of(worst, x)
    if 2 * len(result.kinks) > len(indices):
        result.doubt = "that proves nothing: choose inputs without zeros and ties"

    scale = float(np.abs(result.numeric.flat[indices]).max())
    if scale < result.scale / 2:  # a jump of f near an entry had been taken for a steep slope: too much was tolerated
        result.scale = scale
        _compare(result, f, x, analytic, indices, gaps, h)


def _check_direction(result: ArgumentResult, f: Callable[[Array], float], x: Array, h: float, rng: Rng) -> None:
    """Compare the slope when all entries move at once, each by about h: it also sees those that were not measured."""
    if result.analytic is None or result.status == "WRONG":
        return
    direction = rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.5, x.shape) / np.sqrt(x.size)
    expected = float((result.analytic * direction).sum())
    tolerance = _tolerance(max(result.scale, float(np.abs(result.analytic).max())))
    slope = examine(along_direction(f, x, direction, result.name), expected, tolerance, h * float(np.sqrt(x.size)))
    rest = x.size - result.checked
    if slope.kink:
        result.doubt = f"of the other {rest} some are at kinks: choose inputs without zeros and ties, or max_entries=None"
    elif slope.error > tolerance:
        yours, numeric = two_numbers(expected, slope.numeric)
        result.message = (
            f"{label(result.name)}: the {result.checked} checked entries are right, but not all of the other {rest}: along "
            f"a random direction yours {yours}, numeric {numeric}"
        )


def _check_kinks(result: ArgumentResult, f: Callable[[Array], float], x: Array, h: float) -> None:
    """Compare the slope when all entries at kinks move together.

    One by one they may be right, and all the same too much: when two pixels of a pooling window tie, one of them may get the
    gradient, or each a half. Not each of them all of it: moving both by h moves the maximum by h, not by 2h.
    """
    if result.analytic is None or result.status == "WRONG" or len(result.kinks) < 2:
        return
    together = np.zeros(x.shape)
    for index in result.kinks:
        together[index] = 1.0
    expected = float((result.analytic * together).sum())
    tolerance = _tolerance(result.scale) * len(result.kinks)
    slope = examine(along_direction(f, x, together, result.name), expected, tolerance, h)
    if slope.error > tolerance:
        yours, numeric = two_numbers(expected, slope.numeric)
        result.message = (
            f"{label(result.name)}: wrong at kinks (ties, say, each of which gets all the gradient): when the "
            f"{len(result.kinks)} entries at kinks, the first at {next(iter(result.kinks))}, move together, yours is "
            f"{yours}, numeric {numeric}"
        )
