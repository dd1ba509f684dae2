"""Operations in which each output depends on its own input alone (ReLU, sigmoid, dropout): is the local derivative right?"""

from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.evidence import Evidence, close
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.signs.factor import dropout_factors
from scratchnet.typing import Array


def find(e: Evidence) -> Iterator[Finding]:
    for name in e.wrong:
        slopes = diagonal(e, name)
        if slopes is None or np.abs(e.dout).min() == 0:
            continue
        yours = (e.a(name).ravel() / e.dout.ravel()).reshape(slopes.shape)  # your local derivative
        on = np.abs(slopes) > 1e-7
        if not on.all() or _few_values(slopes):
            yield from _mask(e, name, yours, slopes)
        else:
            yield from _smooth(e, name, yours, slopes)


def diagonal(e: Evidence, name: str) -> Array | None:
    """The measured local derivatives, in the argument's shape, if nothing else is in the Jacobian."""
    jacobian = e.measured(name)
    if jacobian is None or e.out.shape != e.arrays[name].shape or e.out.size < 2:
        return None
    slopes = np.diag(jacobian)
    return slopes.reshape(e.out.shape) if close(jacobian, np.diag(slopes)) else None


def _few_values(slopes: Array) -> bool:
    """Are there two slopes only (ReLU: 0 and 1; leaky ReLU: 0.01 and 1)?"""
    high, low = slopes.max(), slopes.min()
    return bool((np.isclose(slopes, high) | np.isclose(slopes, low)).all() and high - low > 1e-6 and slopes.size > 2)


def _mask(e: Evidence, name: str, yours: Array, slopes: Array) -> Iterator[Finding]:
    what, x = e.label(name), e.arrays[name]
    high = float(max(slopes.max(), slopes.min(), key=abs))  # of -relu(x) it is -1
    on = np.isclose(slopes, high)
    off = ~on
    low = float(min(slopes[off], key=abs, default=0))
    leaked = off & ~np.isclose(yours, slopes, atol=1e-6)
    blocked = on & ~np.isclose(yours, high)
    if not (leaked | blocked).any():
        return  # a difference too small to be a mask's
    stopped = f"{leaked.sum()} of {off.sum()} entries that forward stops get a gradient" * bool(leaked.any())
    passing = f"{blocked.sum()} of {on.sum()} that forward lets pass get a wrong one" * bool(blocked.any())
    counted = "; ".join(text for text in (stopped, passing) if text)
    behind = _constant(yours[off])
    if behind is not None and abs(behind) > abs(low) + 1e-6 and np.isclose(yours[on], low, atol=1e-6).all():
        yield Finding("mask inverted", f"your {what} is on exactly where it should be off: {counted}", 0.96, (name,))
        return
    everywhere = _constant(yours)
    if everywhere is not None and abs(everywhere) > 1e-9:
        passes = f"your {what} is {everywhere:.4g} * dout everywhere; it should be {low:.3g} * dout in {off.sum()} entries"
        yield Finding("mask missing", passes, 0.95, (name,))
        return
    for words, value in ((name, x), ("out", e.out), (f"|{name}|", np.abs(x)), ("|out|", np.abs(e.out))):
        if close(yours[on], (value * high)[on]) or close(yours[on], value[on]):
            yield Finding("value instead of mask", f"where it passes your {what} is dout * {words}, not dout", 0.96, (name,))
            return
    passed = np.abs(yours) > abs(low) + 1e-9
    for words, array in (("dout", e.dout), ("-dout", -e.dout)):
        if np.array_equal(passed, array > 0):
            told = f"your {what} passes where {words} > 0, whatever the input was: {counted}"
            yield Finding("mask of the wrong array", told, 0.97, (name,))
            return
    if close(yours, np.trunc(slopes)) and not close(slopes, np.trunc(slopes)):
        said = f"your local derivatives are the right ones with their fractions cut off: {low:.3g} has become 0"
        yield Finding("integer arithmetic", said, 0.8, (name,))
        yield Finding("mask of the wrong array", counted, 0.7, (name,))
        yield Finding("derivative at the wrong value", counted, 0.65, (name,))
        return
    values = {float(v) for v in np.unique(np.round(yours, 9))}
    if len(values) <= 3:
        if values <= {0.0, round(high, 9), round(low, 9)}:
            limit = _threshold(x, passed)
            told = f"your {what} passes where {name} > {limit:.3g}: {counted}" if limit is not None else counted
            yield Finding("mask of the wrong array", told, 0.9 if limit is not None else 0.85, (name,))
        elif not blocked.any() and behind is not None:
            said = f"where it is off your {what} is {behind:.3g} * dout instead of {low:.3g} * dout"
            yield Finding("derivative at the wrong value", said, 0.7, (name,))
            yield Finding("mask missing", said, 0.6, (name,))
        elif not leaked.any() and not dropout_factors(e):
            yield Finding("derivative at the wrong value", counted, 0.5, (name,))
    elif not leaked.any():
        yield Finding("value instead of mask", f"where it passes your {what} is not dout: {counted}", 0.6, (name,))
        yield Finding("wrong operand", counted, 0.5, (name,))
    elif leaked[off].all():
        yield Finding("mask missing", counted, 0.7, (name,))
    else:
        yield Finding("mask of the wrong array", counted, 0.55, (name,))


def _constant(values: Array) -> float | None:
    return float(values.flat[0]) if values.size and np.ptp(values) <= 1e-6 * max(1.0, abs(float(values.flat[0]))) else None


def _threshold(x: Array, passed: Array) -> float | None:
    """t if an entry passes exactly where x > t."""
    if not passed.any() or passed.all():
        return None
    below, above = float(x[~passed].max()), float(x[passed].min())
    return (below + above) / 2 if below < above else None


def _smooth(e: Evidence, name: str, yours: Array, slopes: Array) -> Iterator[Finding]:
    what, x, out = e.label(name), e.arrays[name], e.out
    if close(yours, np.ones_like(yours)):
        yield Finding("local derivative missing", f"your {what} is dout itself", 0.96, (name,))
        return
    for words, value in (("out", out), (name, x)):
        if close(yours, value):
            said = f"your {what} is dout * {words}: {words} stands where the derivative belongs"
            yield Finding("derivative at the wrong value", said, 0.9, (name,))
            return
    for words, derivative in (
        (f"{name} * (1 - {name})", x * (1 - x)),
        (f"1 - {name}**2", 1 - x * x),
        ("out * (1 - out)", out * (1 - out)),
        ("1 - out**2", 1 - out * out),
        ("1 - out", 1 - out),
    ):
        if close(yours, derivative) and not close(yours, slopes):
            said = f"your local derivative is {words}, and that is not this function's"
            yield Finding("derivative at the wrong value", said, 0.96, (name,))
            return
    ratio = yours / slopes
    if np.ptp(ratio) > 1e-5 * np.abs(ratio).max():
        said = f"your local derivative is {ratio.min():.3g} to {ratio.max():.3g} times the right one, depending on the entry"
        yield Finding("derivative at the wrong value", said, 0.75, (name,))
