"""Numeric gradients: measure the slope of f by moving one entry of x at a time.

    d f / d x[i]  is about  (f(x with x[i] + h) - f(x with x[i] - h)) / 2h

The error of this central difference shrinks with h*h, until h is so small that rounding takes over: f is known to about
1e-16 of its size, and that is divided by 2h. In float64 h = 1e-5 serves both. In float32 no h does.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from scratchnet.arguments import is_number, require, require_function
from scratchnet.typing import Array

Index: TypeAlias = tuple[int, ...]

Line: TypeAlias = Callable[[float], tuple[float, float]]
"""f along a straight line through x: t -> (the step really taken, f there). Rounding makes the step differ from t a bit."""


class NotFinite(ValueError):
    """f is nan or infinite, so it has no slope there."""


def numeric_gradient(
    f: Callable[[Array], Any], x: npt.ArrayLike, *, h: float = 1e-5, indices: Iterable[int] | None = None
) -> Array:
    """d f / d x by central differences in float64; two calls of f for each entry.

    Shapes    x (any) -> gradient (same), float64
    Forward   gradient[i] = (f(x + h at i) - f(x - h at i)) / 2h
    f         takes an array like x, in float64, and returns one number; each call gets a copy, to keep or to change
    indices   flat indices of the entries to measure (all if not given); the gradient is nan at the others
    Errors    ValueError if x holds no floating-point numbers, or f is not one finite number near x
    """
    require_function("numeric_gradient: f", f)
    x = as_float64("x", x)
    require(is_number(h) and 0 < h < math.inf, f"numeric_gradient: h must be positive, got {h!r}")
    gradient = np.full(x.shape, np.nan)
    for i in range(x.size) if indices is None else indices:
        require(0 <= i < x.size, f"numeric_gradient: index {i} is not in 0 .. {x.size - 1}: x {x.shape}")
        gradient.flat[i] = central(along_entry(f, x, i), h)
    return gradient


def central(line: Line, h: float) -> float:
    """The slope between a step of h to the left and one to the right."""
    (left, f_left), (right, f_right) = line(-h), line(h)
    return (f_right - f_left) / (right - left)


def one_sided(line: Line, h: float) -> tuple[float, float]:
    """The slopes to the left and to the right of a point where f is 0."""
    (left, f_left), (right, f_right) = line(-h), line(h)
    return f_left / left, f_right / right


def along_entry(f: Callable[[Array], Any], x: Array, i: int, name: str = "x") -> Line:
    """f as a function of one entry of x, i in C order."""
    start = float(x.flat[i])
    entry = f"{name}{list(index_of(i, x))}"

    def line(t: float) -> tuple[float, float]:
        moved = x.copy(order="K")
        moved.flat[i] += t
        value = float(moved.flat[i])
        step = value - start
        require(step != 0, f"h = {abs(t)} is too small: {entry} = {start} stays the same when h is added")
        return step, finite_number(f(moved), f"where {entry} is {value}")

    return line


def along_direction(f: Callable[[Array], Any], x: Array, direction: Array, name: str = "x") -> Line:
    """f when all entries of x move at once: t -> f(x + t * direction)."""

    def line(t: float) -> tuple[float, float]:
        return t, finite_number(f(x + t * direction), f"when {name} moves by {t} along a direction")

    return line


def as_float64(name: str, x: npt.ArrayLike) -> Array:
    """A float64 copy in the same memory order.

    Errors    ValueError if x holds integers (or anything but floating-point numbers), is empty, or not finite
    """
    array = np.asarray(x)
    require(
        np.issubdtype(array.dtype, np.floating),
        f"{name} holds {array.dtype}, wanted floating-point numbers: an integer array cuts x + h back to x, so nothing "
        f"moves and every slope is 0; write {name}.astype(np.float64)",
    )
    require(array.size > 0, f"{name} is empty: {array.shape}")
    require(bool(np.isfinite(array).all()), f"{name} holds nan or infinity")
    return np.array(array, np.float64, order="K")


def index_of(i: int, x: Array) -> Index:
    """A flat index in C order -> one number for each axis."""
    return tuple(int(k) for k in np.unravel_index(i, x.shape))


def finite_number(value: Any, where: str) -> float:
    """value as a float.

    Errors    ValueError if it is not one number; NotFinite if it is nan or infinite
    """
    array = np.asarray(value)
    require(array.ndim == 0, f"f must return one number, got an array of shape {array.shape}")
    require(
        np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer),
        f"f must return one number, got {value!r}",
    )
    number = float(array)
    if not np.isfinite(number):
        raise NotFinite(f"f is {number} {where}")
    return number
