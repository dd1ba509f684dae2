"""Is what a learner's function returns right? ``gradients`` for backward passes; ``values`` for functions that have none.

``values`` calls the learner's function and a reference with the same arguments, and says as much about a difference as
can be seen from outside: shape, dtype, sign, factor, order, which entries; or which known mistake gives just that.
"""

from __future__ import annotations

import copy
import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchnet.gradcheck import Report
from scratchnet.gradcheck import check as check_gradients
from scratchnet.gradcheck.numeric import index_of
from scratchnet.gradcheck.subject import CodeRaised, argument_names, guarded
from scratchnet.typing import Array


class Mistake(NamedTuple):
    """A known mistake: what it is called, a function that makes it, and the question that leads to it."""

    name: str
    function: Callable[..., Any]
    hint: str


@dataclass(eq=False)
class Comparison:
    """What came out; true if the values are right."""

    title: str  # the function's name
    call: str = ""  # the arguments it was called with
    problem: str = ""  # what is wrong, "" if nothing
    name: str = ""  # what the mistake is called, if it has a name
    hint: str = ""
    calls: int = 0  # how many calls were right

    @property
    def passed(self) -> bool:
        return not self.problem

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        if self.passed:
            return f"{self.title}: the right values in {self.calls} call{'s' * (self.calls != 1)}"
        lines = [f"{self.title}: {self.problem}", f"  called with {self.call}" if self.call else ""]
        lines += [f"likely mistake: {self.name}" if self.name else "", f"  hint: {self.hint}" if self.hint else ""]
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap">{html.escape(str(self))}</pre>'


def gradients(target: Any, *arrays: Any, options: dict[str, Any] | None = None, **settings: Any) -> Report:
    """``gradcheck.check``, whose report also says with which shapes and options it has called the learner's code."""
    report = check_gradients(target, *arrays, options=options, **settings)
    shapes = [f"{name} {result.shape}" for name, result in report.results.items()]
    report.call = ", ".join([*shapes, *(f"{name} {_short(value)}" for name, value in (options or {}).items())])
    return report


def values(
    mine: Callable[..., Any],
    reference: Callable[..., Any],
    *cases: tuple[Any, ...],
    mistakes: tuple[Mistake, ...] = (),
    tolerance: float = 1e-7,
) -> Comparison:
    """Call both with each case's arguments and compare what they return: numbers, arrays, or tuples of them.

    ``tolerance`` is relative to the largest wanted value. ``mistakes`` are tried where something is wrong: one whose
    function does what the learner's does in every case, returning or raising, is named. Arguments are copied for every call.

    Errors    ValueError if there is no case; whatever the reference raises
    """
    if not cases:
        raise ValueError("values: give at least one tuple of arguments")
    title = getattr(mine, "__name__", "your function")
    for arguments in cases:
        call = _describe(mine, arguments)
        wanted = reference(*copy.deepcopy(arguments))
        given = copy.deepcopy(arguments)
        try:
            with guarded(title, 0):
                got = mine(*given)
        except CodeRaised as error:
            problem = str(error).removeprefix(f"{title} ")
            return Comparison(title, call, problem, *_named(mine, mistakes, cases, tolerance))
        changed = [i for i, (a, b) in enumerate(zip(given, arguments, strict=True)) if not _same(a, b)]
        if changed:
            name = argument_names(mine, len(arguments))[changed[0]]
            problem = f"it changes its argument {name}, which the caller may still need"
            return Comparison(title, call, problem, "input changed in place", "Work on a copy, or make a new array.")
        difference = _differ(got, wanted, tolerance)
        if difference is None:
            continue
        problem, *seen = difference
        named = _named(mine, mistakes, cases, tolerance)
        return Comparison(title, call, problem, *(named if named[0] else seen))
    return Comparison(title, calls=len(cases))


def _named(
    mine: Callable[..., Any], mistakes: tuple[Mistake, ...], cases: tuple[tuple[Any, ...], ...], tolerance: float
) -> tuple[str, str]:
    """(name, hint) of the known mistake that does what ``mine`` does; two empty texts if none does."""
    same = (mistake for mistake in mistakes if _behaves_like(mine, mistake.function, cases, tolerance))
    return next(((mistake.name, mistake.hint) for mistake in same), ("", ""))


def _behaves_like(
    mine: Callable[..., Any], known: Callable[..., Any], cases: tuple[tuple[Any, ...], ...], tolerance: float
) -> bool:
    """Do the two return the same or raise in every case? Of errors about shapes, which many mistakes end in, the shapes must
    be the same, and so must all errors if the two never return."""
    agreed, other_errors = False, False
    for case in cases:
        results = []
        for function in mine, known:
            try:
                with guarded("a known mistake", 0):
                    results.append(function(*copy.deepcopy(case)))
            except CodeRaised as error:
                results.append(error)
        a, b = results
        if isinstance(a, CodeRaised) and isinstance(b, CodeRaised):
            if repr(a.__cause__) != repr(b.__cause__):
                if "shape" in str(a.__cause__):
                    return False
                other_errors = True
        elif isinstance(a, CodeRaised) or isinstance(b, CodeRaised) or _differ(a, b, tolerance) is not None:
            return False
        else:
            agreed = True
    return agreed or not other_errors


def _describe(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    names = argument_names(function, len(arguments))
    return ", ".join(f"{name} {_short(value)}" for name, value in zip(names, arguments, strict=True))


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"an array {value.shape} of {value.dtype}"
    if isinstance(value, np.ndarray):
        text = " ".join(np.array2string(value, separator=", ").split())
    else:
        text = getattr(value, "__name__", None) or repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return callable(a) or type(a) is not type(b) or not isinstance(a, (int, float, str, bool)) or a == b


Difference = tuple[str, str, str]
"""What differs, its name, a hint; the last two may be empty."""


def _differ(got: Any, wanted: Any, tolerance: float, what: str = "the result") -> Difference | None:
    """What is wrong with ``got``, None if nothing is."""
    if got is None:
        return "it returns nothing (None)", "nothing returned", "Does every way through the function end in return?"
    if isinstance(wanted, tuple):
        if not isinstance(got, tuple) or len(got) != len(wanted):
            number = f"a tuple of {len(got)}" if isinstance(got, tuple) else _kind(got)
            return f"{what} is {number}, wanted {len(wanted)} things", "", "Separate them by commas: return a, b"
        inside = "result " if what == "the result" else f"{what}, part "
        parts = (_differ(g, w, tolerance, f"{inside}{i + 1}") for i, (g, w) in enumerate(zip(got, wanted, strict=True)))
        return next(filter(None, parts), None)
    if isinstance(got, np.bool_):
        got = bool(got)
    if isinstance(wanted, (str, bytes, bool, dict, list)):
        if type(got) is type(wanted) and got == wanted:
            return None
        return f"{what} is {_short(got)}, wanted {_short(wanted)}", "", ""
    return _arrays_differ(got, np.asarray(wanted), tolerance, what)


def _kind(value: Any) -> str:
    return f"an array {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _arrays_differ(got: Any, right: Array, tolerance: float, what: str) -> Difference | None:
    try:
        mine = np.asarray(got)
    except ValueError:
        mine = np.asarray(None)
    if mine.dtype.kind not in "biuf":
        return f"{what} is {_kind(got)}, wanted {'an array' if right.ndim else 'a number'}", "", ""
    if mine.shape != right.shape:
        return _shapes_differ(mine, right, what)
    if (mine.dtype.kind in "biu") != (right.dtype.kind in "biu"):
        hint = (
            "An array made with dtype=int, or like one of integers, cuts fractions off." if right.dtype.kind == "f" else ""
        )
        name = "integer arithmetic" if right.dtype.kind == "f" else ""
        return f"{what} holds {mine.dtype}, wanted {right.dtype}", name, hint
    if right.ndim and mine.dtype != right.dtype and right.dtype.kind == "f":
        hint = "Make new arrays with the dtype of the input: np.zeros(shape, x.dtype)."
        return f"{what} holds {mine.dtype}, wanted {right.dtype} like the input", "precision", hint
    a, b = mine.astype(np.float64), right.astype(np.float64)
    if not np.isfinite(a[np.isfinite(b)]).all():
        at = index_of(int((~np.isfinite(a) & np.isfinite(b)).argmax()), a)
        where = f" at {at}" if a.ndim else ""
        hint = "Look for a division by zero, a log of zero, an exp of something large."
        return f"{what} is {a[at]}{where}, wanted {b[at]:.6g}", "nan or infinity", hint
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0))
    wrong = ~np.isclose(a, b, rtol=0, atol=tolerance * scale + 1e-300, equal_nan=True)
    if not wrong.any():
        return None
    worst = index_of(int(np.where(wrong, np.abs(a - b), -1).argmax()), a)
    if a.ndim == 0:
        said = f"{what} is {_digits(float(a), float(b), '')}"
    else:
        yours = _digits(float(a[worst]), float(b[worst]))
        said = f"{what} is wrong in {int(wrong.sum())} of {a.size} places, most at {worst}: {yours}"
    with np.errstate(all="ignore"):
        return said, *next(_signs(a, b, wrong, tolerance * scale), ("", ""))


def _digits(yours: float, wanted: float, whose: str = "yours ") -> str:
    for digits in (4, 7, 10, 17):
        texts = f"{yours:.{digits}g}", f"{wanted:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return f"{whose}{texts[0]}, wanted {texts[1]}"


def _shapes_differ(mine: Array, right: Array, what: str) -> Difference:
    problem = f"{what} has shape {mine.shape}, wanted {right.shape}"
    if mine.ndim == right.ndim and sorted(mine.shape) == sorted(right.shape):
        return problem, "axes swapped", "The axes are the right ones in another order. What is each of them called?"
    if mine.size == right.size:
        return problem, "wrong shape", "The number of entries is right: is a reshape missing, or an axis too many?"
    return problem, "wrong shape", "Write the name of each axis next to the line that makes the result."


def _round(ratio: Array) -> bool:
    """Is it, or one over it, a whole number? Between just two numbers any other ratio says nothing."""
    return bool(np.isclose(ratio, np.round(ratio), rtol=1e-6) or np.isclose(1 / ratio, np.round(1 / ratio), rtol=1e-6))


def _signs(a: Array, b: Array, wrong: Array, slack: float) -> Iterator[tuple[str, str]]:
    """(name, hint) of what the numbers show, the most telling first."""

    def close(x: Array, y: Array) -> bool:
        return x.shape == y.shape and bool(np.allclose(x, y, rtol=1e-7, atol=slack, equal_nan=True))

    if close(a, -b):
        yield "sign flipped", "Which of the two comes first in a difference?"
    if not a.any() and b.any():
        yield "all zero", "Where is the array filled? Does the loop run at all?"
    used = np.abs(b) > slack
    ratios = a[used] / b[used]
    if (
        ratios.size
        and np.allclose(ratios, ratios[0], rtol=1e-6)
        and close(a, b * ratios[0])
        and (b.size > 1 or _round(a / b))
    ):
        yield "constant factor", f"Yours is {ratios[0]:.6g} times what is wanted. Which of your constants is that?"
    if a.size > 1 and np.ptp(a - b) <= 1e-9 * max(1.0, float(np.abs(a - b).max())):
        yield "constant offset", f"Every entry is off by {float((a - b).flat[0]):.6g}. What is added that should not be?"
    if a.ndim == 2 and close(a, b.T):
        yield "transposed", "Rows and columns are exchanged."
    if a.ndim >= 1 and a.size > 1:
        for axis in range(a.ndim):
            if a.shape[axis] > 1 and close(a, np.flip(b, axis)):
                yield "turned round", f"Axis {axis} runs the other way."
            for by in (1, -1):
                if a.shape[axis] > 2 and close(a, np.roll(b, by, axis)):
                    yield "shifted by one", f"Along axis {axis} everything stands one place too far. Where do you start?"
        if close(np.sort(a, axis=None), np.sort(b, axis=None)):
            yield "in another order", "The numbers are right, their places are not. Which axis runs fastest?"
        ends = [i for i in range(a.ndim) if a.shape[i] > 2 and not np.delete(wrong, -1, axis=i).any()]
        if ends:
            yield "last one left out", f"Only the last entry along axis {ends[0]} is wrong. Does range stop too early?"
