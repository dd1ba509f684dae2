"""The right numbers in wrong places: transposed, turned, shifted, permuted; or in an array of another shape."""

import itertools
from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.evidence import Evidence, axes_in_words, close, count
from scratchnet.gradcheck.finding import Finding
from scratchnet.typing import Array


def find(e: Evidence) -> Iterator[Finding]:
    yield from _other_arguments(e)
    for name in e.wrong:
        if np.ptp(e.n(name)) > 1e-9 and not close(e.a(name), e.n(name)):
            yield from _moved(e, name)
    for name in e.failed:
        raw, n = e.raw(name), e.n(name)
        if raw is not None and raw.shape != n.shape and np.isfinite(n).all():
            yield from _other_shape(e, name, raw, n)


def _other_arguments(e: Evidence) -> Iterator[Finding]:
    """Is each gradient right, for another argument?"""
    swapped = {}
    for name in e.failed:
        raw = e.raw(name)
        for other in e.failed:
            if raw is not None and other != name and close(raw, e.n(other)) and np.abs(e.n(other)).max() > 1e-9:
                swapped[name] = other
    if len(swapped) >= 2:
        pairs = ", ".join(f"{e.label(name)} holds the gradient of {other}" for name, other in swapped.items())
        yield Finding("gradients in the wrong order", pairs, 0.99, tuple(swapped))


def _moved(e: Evidence, name: str) -> Iterator[Finding]:
    a, n, what = e.a(name), e.n(name), e.label(name)
    if not close(np.sort(a, axis=None), np.sort(n, axis=None)):
        yield from _shifted(e, name)
        return
    for i, j in itertools.combinations(range(n.ndim), 2):
        if n.shape[i] == n.shape[j] and close(a, n.swapaxes(i, j)):
            yield Finding("transposed", f"your {what} is right after swapping axes {i} and {j}", 0.95, (name,))
            return
    if n.ndim == 4:
        turned = {
            "by 180 degrees": n[:, :, ::-1, ::-1],
            "upside down": n[:, :, ::-1],
            "left to right": n[..., ::-1],
        }
        for words, array in turned.items():
            if close(a, array):
                yield Finding("kernel flipped", f"your {what} is right after turning it {words}", 0.96, (name,))
                return
    for axis in range(n.ndim):
        for step in range(1, n.shape[axis]):
            if close(a, np.roll(n, step, axis)):
                yield Finding("shifted", f"your {what} is right, but rolled by {step} along axis {axis}", 0.9, (name,))
                return
        if close(a, np.flip(n, axis)):
            said = f"your {what} is right, but runs backwards along axis {axis}"
            yield Finding("reshaped in the wrong order", said, 0.6, (name,))
    said = f"all numbers of your {what} are right, but in the wrong places{_misplaced(what, a, n)}"
    reading = reading_order(a, n)
    if reading is None:
        yield Finding("reshaped in the wrong order", said, 0.8, (name,))
        return
    order, before = reading
    names = _AXES if n.ndim == 4 and name == next(iter(e.arrays)) else {}
    how = f"; that is what you get if {_taken(order, names)}"
    exact = f"transposed to {order} and then reshaped" if before else f"numbers read in the order of axes {order}"
    yield Finding("reshaped in the wrong order", said + how, 0.94, (name,), exact)


def _misplaced(what: str, a: Array, n: Array) -> str:
    """An example: which entry's number stands in another's place."""
    for index in np.argwhere(~np.isclose(a, n, rtol=1e-5, atol=1e-9)):
        origin = np.argwhere(np.isclose(n, a[tuple(index)], rtol=1e-5, atol=1e-9))
        if len(origin) == 1:
            return f": e.g. {what}{index.tolist()} holds what belongs in {what}{origin[0].tolist()}"
    return ""


_AXES = {0: "the images", 1: "the channels", 2: "the rows", 3: "the columns"}


def _taken(order: tuple[int, ...], names: dict[int, str]) -> str:
    """A wrong order of the axes in words: the channels are taken as the last axis."""
    words = [names.get(k, f"axis {k}") for k in order]
    verb = "are" if names else "is"
    if list(order[:-1]) == sorted(order[:-1]):
        return f"{words[-1]} {verb} taken as the last axis"
    if list(order[1:]) == sorted(order[1:]):
        return f"{words[0]} {verb} taken as the first axis"
    return f"the axes are taken in the order {', '.join(word.removeprefix('the ') for word in words)}"


def reading_order(a: Array, n: Array) -> tuple[tuple[int, ...], bool] | None:
    """Which transpose before (True) or after the reshape is missing or too many, if that is it."""
    for order in itertools.permutations(range(n.ndim)):
        if order == tuple(range(n.ndim)):
            continue
        if close(a, n.transpose(order).reshape(n.shape)):
            return order, True
        shape = tuple(n.shape[k] for k in order)
        back = tuple(int(k) for k in np.argsort(order))
        if close(a, n.reshape(shape).transpose(back)):
            return order, False
    return None


def _shifted(e: Evidence, name: str) -> Iterator[Finding]:
    """Equal to the right one moved by some rows and columns; what falls off the border is lost."""
    a, n = e.a(name), e.n(name)
    if n.ndim != 4:
        return
    pads = {v for s, v in e.settings.items() if s.lower().startswith("p")}
    for axes in ((2, 3), (1, 2)):
        h, w = n.shape[axes[0]], n.shape[axes[1]]
        for dy, dx in itertools.product(range(-min(3, h - 1), min(4, h)), range(-min(3, w - 1), min(4, w))):
            rows_a, rows_n = _overlap(h, dy)
            columns_a, columns_n = _overlap(w, dx)
            before = (slice(None),) * axes[0]
            part = n[(*before, rows_n, columns_n)]
            if part.size * 4 >= n.size and np.abs(part).max() > 1e-9 and close(a[(*before, rows_a, columns_a)], part):
                by_pad = abs(dy) == abs(dx) or 0 in (dy, dx)
                is_pad = by_pad and max(abs(dy), abs(dx)) in pads
                said = f"your {e.label(name)} is right, but moved by {count(dy, 'row')} and {count(dx, 'column')}"
                yield Finding("padding not cropped" if is_pad else "shifted", said + " (the pad)" * is_pad, 0.94, (name,))
                return


def _overlap(size: int, by: int) -> tuple[slice, slice]:
    """(where in the moved array, where in the original)."""
    return (slice(by, size), slice(0, size - by)) if by >= 0 else (slice(0, size + by), slice(-by, size))


def _other_shape(e: Evidence, name: str, raw: Array, n: Array) -> Iterator[Finding]:
    """The gradient has another shape: which one, and are its numbers right?"""
    what = e.label(name)
    for order in itertools.permutations(range(n.ndim)):
        if close(raw, n.transpose(order)):
            said = f"your {what} {raw.shape} is right after transposing it to {n.shape}"
            yield Finding("transposed", said, 0.97, (name,))
            return
    if raw.ndim == n.ndim == 4:
        extra = [r - k for r, k in zip(raw.shape, n.shape, strict=True)]
        if min(extra) >= 0:
            said = f"your {what} is {raw.shape}, larger than {n.shape} by {max(extra)}"
            for start in itertools.product(*(range(v + 1) for v in extra)):
                cut = tuple(slice(k, k + size) for k, size in zip(start, n.shape, strict=True))
                if close(raw[cut], n):
                    yield Finding("padding not cropped", f"{said}, and right inside of it, from {start} on", 0.97, (name,))
                    return
            if extra[:2] == [0, 0] or extra[0] == extra[3] == 0:
                yield Finding("padding not cropped", said, 0.87, (name,))
                return
    if raw.size == n.size:
        right = close(raw.ravel(), n.ravel())
        said = f"your {what} has the shape {raw.shape} instead of {n.shape}" + (", the numbers are right" if right else "")
        yield Finding("wrong shape", said, 0.95 if right else 0.86, (name,))
        return
    for number in range(1, raw.ndim + 1):
        for axes in itertools.combinations(range(raw.ndim), number):
            summed = raw.sum(axis=axes)
            if close(summed.ravel(), n.ravel()):
                said = f"your {what} is {raw.shape}; summed over {axes_in_words(axes)} it would be right"
                yield Finding("wrong shape", said, 0.97, (name,))
                return
    yield from _wrong_sum(e, name, raw)


def _wrong_sum(e: Evidence, name: str, raw: Array) -> Iterator[Finding]:
    """dout summed over axes, the wrong ones."""
    for number in range(1, e.dout.ndim + 1):
        for axes in itertools.combinations(range(e.dout.ndim), number):
            if raw.size > 1 and close(raw.ravel(), e.dout.sum(axis=axes).ravel()):
                summed = f"is dout summed over {axes_in_words(axes)}; {e.n(name).shape} is wanted"
                said = f"your {e.label(name)} {raw.shape} {summed}"
                yield Finding("summed over the wrong axis", said, 0.96, (name,))
                return
