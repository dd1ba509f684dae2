"""Comparing one argument's gradient with what is measured, entry by entry."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet.gradcheck.kinks import examine, measure
from scratchnet.gradcheck.numeric import NotFinite, along_direction, along_entry, index_of
from scratchnet.gradcheck.protocol import Trial, read_gradient
from scratchnet.gradcheck.report import ArgumentResult, two_numbers
from scratchnet.gradcheck.slopes import Prober, measure_together
from scratchnet.gradcheck.subject import Subject
from scratchnet.typing import Array, Rng

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # right means: |analytic - numeric| <= RELATIVE * max |numeric| + ABSOLUTE
SUSPICIOUS = 1e-3  # a gap between left and right slope of this part of max |numeric| is looked at, even if the mean fits
LARGEST_JACOBIAN = 2_000_000  # numbers; the slopes of every output, kept for the diagnosis


class Objective:
    """The number whose gradient is measured, as a function of one of the arrays.

    It is sum(out * dout) minus what that is at x itself: the same slopes, and 0 at x. So digits are not lost in a large sum
    of outputs that do not depend on the entry. ``before`` and ``last`` are the changes of all outputs in the last two calls.
    """

    def __init__(self, subject: Subject, trial: Trial, name: str, seed: int) -> None:
        self.subject, self.trial, self.name, self.seed = subject, trial, name, seed
        self.before = self.last = np.zeros(0)

    def __call__(self, moved: Array) -> float:
        out, _ = self.subject.forward({**self.subject.copies(), self.name: moved}, self.seed)
        with np.errstate(all="ignore"):  # nan is found by the caller
            change = np.asarray(out - self.trial.out)
            self.before, self.last = self.last, change
            return float(np.sum(change * self.trial.dout))


def check_argument(
    name: str, f: Objective, x: Array, gradient: Any, max_entries: int | None, h: float, rng: Rng
) -> ArgumentResult:
    """Measure f's gradient (f is 0 at x), and compare."""
    sampled = max_entries is not None and x.size > max_entries
    indices = np.sort(rng.choice(x.size, max_entries, replace=False)) if sampled else np.arange(x.size)
    title = f.subject.label(name)
    analytic, message, called = read_gradient(name, title, gradient, x)
    result = ArgumentResult(name, analytic, np.full(x.shape, np.nan), size=x.size, message=message, called=called)
    result.title = title if name in f.subject.called else ""
    try:
        gaps = _measure(result, f, x, indices, sampled, h, rng)
        result.scale = float(np.abs(result.numeric.flat[indices]).max())
        if analytic is not None and analytic.shape == x.shape and bool(np.isfinite(analytic).all()):
            _compare(result, f, x, analytic, indices, gaps, h)
            if sampled:
                _check_direction(result, f, x, h, rng)
            else:
                _check_kinks(result, f, x, h)
    except NotFinite as error:
        result.message = result.message or f"{title} can't be measured: {error}"
    return result


def _measure(result: ArgumentResult, f: Objective, x: Array, indices: Array, sampled: bool, h: float, rng: Rng) -> Array:
    """Fill in the numeric gradient, and the Jacobian if there is room; returns the gaps between left and right slopes."""
    gaps = np.zeros(x.size)
    keep = not sampled and x.size * np.size(f.trial.out) <= LARGEST_JACOBIAN
    if not sampled:
        prober = Prober(f.subject, np.asarray(f.trial.out), np.asarray(f.trial.dout), f.name, f.seed)
        slopes = measure_together(prober, h, rng, keep)
        if slopes is not None:
            result.numeric.flat[:] = (slopes.left + slopes.right) / 2
            result.jacobian = slopes.jacobian
            gaps[:] = np.abs(slopes.right - slopes.left)
            return gaps
    jacobian = np.zeros((x.size, np.size(f.trial.out))) if keep else None
    for i in indices:
        sides = measure(along_entry(f, x, i, f.name), h)
        result.numeric.flat[i], gaps[i] = sides.mean, sides.gap
        if jacobian is not None:
            jacobian[i] = (f.last - f.before).ravel() / (2 * h)
    result.jacobian = jacobian
    return gaps


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
        odd = errors[i] > tolerance and gaps[i] > tolerance  # with equal slopes on both sides there is nothing to look at
        if odd or gaps[i] > SUSPICIOUS * result.scale + 100 * ABSOLUTE:
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
            f"{result.label}: the {result.checked} checked entries are right, but not all of the other {rest}: along "
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
            f"{result.label}: wrong at kinks (ties, say, each of which gets all the gradient): when the "
            f"{len(result.kinks)} entries at kinks, the first at {next(iter(result.kinks))}, move together, yours is "
            f"{yours}, numeric {numeric}"
        )
        result.called = "ties all get the gradient"
