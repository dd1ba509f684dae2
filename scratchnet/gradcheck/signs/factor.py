"""The gradient is right up to a factor: a constant, or one for each row or channel."""

import math
from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.evidence import Evidence, close
from scratchnet.gradcheck.finding import Finding
from scratchnet.typing import Array


def find(e: Evidence) -> Iterator[Finding]:
    for name in e.wrong:
        a, n = e.a(name), e.n(name)
        if np.abs(n).max() <= 1e-9:
            continue
        if close(a, 0 * n):
            yield Finding("gradient zero", f"your {e.label(name)} is 0 everywhere", 0.9, (name,))
        elif (ratio := proportional(a, n)) is not None:
            yield from _constant(e, name, ratio)
            yield from _whole_numbers(e, name, a, n)
        else:
            yield from _along_one_axis(e, name)
            yield from _whole_numbers(e, name, a, n)


def proportional(a: Array, n: Array) -> float | None:
    """c if a = c * n."""
    norm = float((n * n).sum())
    if norm == 0:
        return None
    c = float((a * n).sum()) / norm
    return c if close(a, c * n) else None


def _constant(e: Evidence, name: str, ratio: float) -> Iterator[Finding]:
    said = _said(e.label(name), ratio)
    if _is(ratio, -1):
        yield Finding("sign flipped", said, 0.95, (name,))
        return
    if ratio < 0:
        yield Finding("sign flipped", said, 0.6, (name,))
        ratio = -ratio
    known = dropout_factors(e)
    for factor, words in known:
        if _is(ratio, factor):
            yield Finding("dropout scale wrong", f"{said}, which is {words}", 0.93, (name,))
    counts = _counts(e)
    n = counts["N"]
    if n > 1:
        for power, if_small, if_large in ((1, 0.9, 0.9 if e.scalar else 0.85), (2, 0.55, 0.55)):
            words = words_of_n(n, power)
            if _is(ratio, 1 / n**power):
                yield Finding("extra 1/N", f"{said}: {words} times too small", if_small, (name,))
            if _is(ratio, n**power):
                yield Finding("1/N missing", f"{said}: {words} times too large", if_large, (name,))
    if e.scalar and _is(ratio, e.arrays[name].size) and e.arrays[name].size != n:
        yield Finding("1/N missing", f"{said}, which is the number of all values", 0.8, (name,))
    for words, count in _positions(e):
        if count > 1 and _is(ratio, 1 / count):
            yield Finding("mean over positions instead of sum", f"{said}: {words} = {count} times too small", 0.91, (name,))
    for words, count in _windows(e, name):
        if count > 1 and _is(ratio, count):
            yield Finding("window mean missing", f"{said}: {words} = {count} times too large", 0.91, (name,))
        elif count > 1 and _is(ratio, 1 / count):
            yield Finding("divided by the wrong count", f"{said}: divided by {words} = {count} once more", 0.7, (name,))
    if _is(ratio, 2):
        yield Finding("factor 2 too many", said, 0.85, (name,))
    elif _is(ratio, 0.5):
        yield Finding("factor 2 missing", said, 0.85, (name,))
    if (window := _measured_window(e)) is not None and _is(ratio, math.isqrt(window)):
        said_side = f"{said}: divided by {math.isqrt(window)}, the window's side, where {window}, its size, is meant"
        yield Finding("divided by the wrong count", said_side, 0.92, (name,))
    yield from _ratio_of_counts(ratio, counts, said, name, e.scalar)
    for setting, value in e.settings.items():
        if value not in (0, 1, 2) and any(_is(ratio, f) for f in (value, 1 / value, 1 - value)):
            yield Finding("constant factor", f"{said}; your {setting} is {value:g}", 0.65, (name,))
            break
    else:
        yield Finding("constant factor", said, 0.45, (name,))


def words_of_n(n: int, power: int) -> str:
    return f"N = {n}" + (" squared" if power == 2 else "")


def _ratio_of_counts(ratio: float, counts: dict[str, int], said: str, name: str, scalar: bool) -> Iterator[Finding]:
    """One size stands where another belongs: the ratio is p / q with p and q sizes."""
    for p, over in counts.items():
        for q, under in counts.items():
            if over != under and _is(ratio, over / under):
                words = f"{said}, as if divided by {q} = {under} where {p} = {over} is meant"
                one_is_batch = "N" in (p, q) or "N" in p
                yield Finding("divided by the wrong count", words, 0.72 if one_is_batch and scalar else 0.6, (name,))
                return
    for p, over in counts.items():
        if p != "N" and over > 2 and (_is(ratio, over) or _is(ratio, 1 / over)):
            yield Finding("divided by the wrong count", f"{said}, and {p} is {over}", 0.5, (name,))
            return


def _said(what: str, ratio: float) -> str:
    if _is(ratio, -1):
        return f"your {what} is exactly minus the numeric one"
    part = round(1 / abs(ratio))
    as_part = f" ({'-' * (ratio < 0)}1/{part} of)" if part > 1 and _is(abs(ratio), 1 / part) else ""
    return f"your {what} is exactly {ratio:.6g} times{as_part} the numeric one"


def _is(ratio: float, value: float) -> bool:
    return math.isclose(ratio, value, rel_tol=1e-5)


def _counts(e: Evidence) -> dict[str, int]:
    """The sizes that people divide by."""
    x = next(iter(e.arrays.values()))
    counts = {"N": batch_size(e)}
    if x.ndim == 2:
        counts["the number of columns"] = x.shape[1]
        counts["N times the number of columns"] = x.size
        counts["N - 1"] = x.shape[0] - 1
    if x.ndim == 4:
        counts.update(
            {
                "H": x.shape[2],
                "W": x.shape[3],
                "C": x.shape[1],
                "H*W": x.shape[2] * x.shape[3],
                "N*H*W": x.size // x.shape[1],
            }
        )
    if e.out.ndim == 4:
        counts.update({"OH*OW": e.out.shape[2] * e.out.shape[3], "F": e.out.shape[1]})
    if e.out.ndim == 2:
        counts["the number of outputs"] = e.out.shape[1]
    for name, array in list(e.arrays.items())[1:]:
        if array.ndim == 4:
            counts["KH*KW"] = array.shape[2] * array.shape[3]
            counts["C*KH*KW"] = array[0].size
        elif array.ndim == 2 and e.scalar:
            counts[f"the columns of {name}"] = array.shape[1]
    for setting in ("stride", "kernel_size", "size", "k"):
        if setting in e.settings:
            counts[f"{setting}**2"] = int(e.settings[setting] ** 2)
    if (window := _measured_window(e)) is not None:
        counts["the window's size"] = window
    return {words: count for words, count in counts.items() if count >= 1}


def batch_size(e: Evidence) -> int:
    """N: a loss on weights has it in its labels, everything else in the first axis of the first argument."""
    x = next(iter(e.arrays.values()))
    labels = [c for c in e.constants.values() if c.ndim == 1 and c.dtype.kind in "iu" and c.size > 1]
    if e.scalar and labels:
        return len(labels[0])
    return x.shape[0] if x.ndim else 1


def _positions(e: Evidence) -> list[tuple[str, int]]:
    if e.out.ndim != 4:
        return []
    n, _, h, w = e.out.shape
    channels_last = e.out.shape[1] * e.out.shape[2]
    return [("OH*OW", h * w), ("N*OH*OW", n * h * w), ("OH*OW", channels_last), ("N*OH*OW", n * channels_last)]


def _windows(e: Evidence, name: str) -> list[tuple[str, int]]:
    """How many values one output takes the mean of."""
    x = e.arrays[name]
    found = []
    if x.ndim == 4 and e.out.ndim == 2:
        found.append(("H*W", x.shape[2] * x.shape[3]))
    elif (window := _measured_window(e)) is not None:
        found.append(("the window's size", window))
    for array in e.arrays.values():
        if array.ndim == 4 and array is not x:
            found.append(("KH*KW", array.shape[2] * array.shape[3]))
    return found


def _measured_window(e: Evidence) -> int | None:
    """k if every output is the mean of k entries of x, as measured."""
    name = next(iter(e.arrays))
    jacobian = e.measured(name)
    if jacobian is None or e.scalar or len(e.arrays) != 1:
        return None
    counts = (np.abs(jacobian) > 1e-7).sum(axis=0)
    k = int(counts[0])
    if k > 1 and (counts == k).all() and close(jacobian.sum(axis=0), np.ones(e.out.size)):
        return k
    return None


def dropout_factors(e: Evidence) -> list[tuple[float, str]]:
    """The factors that a wrong scale gives, if this is dropout: each output is its own input times 0 or 1/keep."""
    name = next(iter(e.arrays))
    jacobian = e.measured(name)
    if jacobian is None or len(e.arrays) != 1:
        return []
    diagonal = np.diag(jacobian)
    on = diagonal[np.abs(diagonal) > 1e-7]
    if not 0 < on.size < diagonal.size or not close(jacobian, np.diag(diagonal)) or np.ptp(on) > 1e-6 * on.mean():
        return []
    scale = float(on.mean())
    if _is(scale, 1):  # dropout without a scale: forward keeps the values as they are
        shares = [(s, v) for s, v in e.settings.items() if 0 < v < 1]
        return [(1 / v, f"1/{s}") for s, v in shares] + [(f, s) for s, v in shares for f in (v, 1 - v, 1 / (1 - v))]
    keep = 1 / scale
    drop = 1 - keep
    return [
        (keep, f"keep = {keep:.3g}: the scale 1/keep is missing"),
        (scale, f"1/keep = {scale:.3g}: the scale is applied twice"),
        (keep * keep, f"keep**2 = {keep * keep:.3g}: multiplied by keep instead of divided by it"),
        *([(keep / drop, "keep/drop: divided by the probability to drop"), (keep * drop, "keep*drop")] if drop > 0 else []),
    ]


def _along_one_axis(e: Evidence, name: str) -> Iterator[Finding]:
    """Proportional in each row (column, channel) with factors that differ."""
    a, n = e.a(name), e.n(name)
    for axis in range(n.ndim):
        parts = [proportional(pa, pn) for pa, pn in zip(np.moveaxis(a, axis, 0), np.moveaxis(n, axis, 0), strict=True)]
        if any(c is None for c in parts):
            continue
        factors = np.array(parts, float)
        if np.abs(factors).min() < 1e-9 or n.size == factors.size:
            return  # a part that is 0 was left out, which is another mistake; a part of one entry is always proportional
        listed = ", ".join(f"{c:.4g}" for c in factors[:5]) + (", .." if factors.size > 5 else "")
        said = f"along axis {axis} your {e.label(name)} is {listed} times the numeric one"
        source = _which_array(e, factors)
        if source:
            yield Finding("factor missing per row or channel", f"{said}, that is {source}", 0.75, (name,))
        else:
            yield Finding("factor missing per row or channel", said, 0.55, (name,))
        return


def _which_array(e: Evidence, factors: Array) -> str:
    for other, array in {**e.arrays, **e.constants}.items():
        values = array.ravel().astype(float) if array.dtype.kind == "f" else None
        if values is not None and np.abs(values).min() > 0:
            for words, power in (("1/", -1), ("", 1)):
                if close(factors, values**power):
                    return f"{words}{other}"
    return ""


def _whole_numbers(e: Evidence, name: str, a: Array, n: Array) -> Iterator[Finding]:
    if np.array_equal(a, np.trunc(a)) and np.abs(a - n).max() < 1:
        yield Finding(
            "integer arithmetic", f"your {e.label(name)} holds whole numbers only: fractions are cut off", 0.95, (name,)
        )
