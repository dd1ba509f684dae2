"""What functions ask of their arguments, and what they say when they get something else.

A message names the argument, what it got and what was wanted: ``Dense: x must be (N, D), got (3, 1, 28, 28)``. Only shapes,
dtypes and single numbers are looked at, never all values of an array: that would cost as much as a small layer.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from scratchnet.typing import Array

_INTEGERS = (int, np.integer)
_NUMBERS = (int, float, np.integer, np.floating)


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_array(name: str, value: Array, ndim: int, axes: str, hint: str = "") -> None:
    """Refuse what is no array of real numbers with so many axes: ``require_array("Dense: x", x, 2, "(N, D)")``.

    Errors    TypeError for a list or anything else that is no array, ValueError for other axes or no numbers
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be an array {axes}, got {kind_of(value)}{hint}")
    if value.ndim != ndim:
        raise ValueError(f"{name} must be {axes}, got {value.shape}{hint}")
    if value.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be real numbers, got {value.dtype}")


def require_numbers(name: str, value: Array) -> None:
    """Refuse what is no array of real numbers; its axes may be any.

    Errors    TypeError for what is no array, ValueError for another dtype
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be an array of real numbers, got {kind_of(value)}")
    if value.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be real numbers, got {value.dtype}")


def require_float(name: str, *arrays: Array) -> None:
    """Refuse whole numbers, which would cut fractions off: np.array([1, 2]) holds integers, np.array([1.0, 2.0]) floats.

    Errors    TypeError for what is no array, ValueError for another dtype
    """
    for array in arrays:
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} must be an array of floating-point numbers, got {kind_of(array)}")
        if array.dtype.kind != "f":
            raise ValueError(f"{name} must be floating-point numbers, got {array.dtype}; astype(np.float32) makes them")


def require_dout(layer: str, dout: Array, shape: tuple[int, ...]) -> None:
    """Refuse a dout that is not shaped like the output of forward: NumPy may stretch it until it fits, and say nothing.

    Errors    TypeError for what is no array, ValueError for another shape or dtype
    """
    if not isinstance(dout, np.ndarray) or dout.shape != shape or dout.dtype.kind != "f":
        require_float(f"{layer}: dout", dout)
        raise ValueError(f"{layer}: dout must have the shape of forward's output, {shape}, got {dout.shape}")


def require_integers(name: str, value: Array) -> None:
    """Refuse what is no array of whole numbers, as labels are.

    Errors    TypeError for what is no array, ValueError for another dtype
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be an array of integers, got {kind_of(value)}")
    if value.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {value.dtype}")


def require_rng(name: str, rng: Any) -> None:
    """Refuse what draws no random numbers, such as a seed.

    Errors    TypeError
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} must be a random generator such as np.random.default_rng(0), got {rng!r}")


def require_finite(name: str, array: Array) -> None:
    """Refuse NaN and infinity, and say where the first one is. It looks at all values: for data, once, not for activations.

    Errors    ValueError
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite, got {array[where]} at {list(where)}")


def require_function(name: str, function: Any) -> None:
    """Refuse what can't be called.

    Errors    TypeError
    """
    if not callable(function):
        raise TypeError(f"{name} must be a function, got {kind_of(function)}")


def require_pair(name: str, functions: Any) -> None:
    """Refuse what is no pair of functions, (forward, backward).

    Errors    ValueError
    """
    require(
        isinstance(functions, tuple | list) and len(functions) == 2 and all(map(callable, functions)),
        f"{name}: functions must be a pair (forward, backward), got {functions!r}",
    )


def is_number(*values: Any) -> bool:
    """Are they single real numbers? NaN and infinity are; True, text, arrays and 10**400, which no float holds, are not."""
    return all(
        isinstance(v, _NUMBERS) and not isinstance(v, bool) and not (isinstance(v, int) and abs(v) > sys.float_info.max)
        for v in values
    )


def is_whole(*values: Any) -> bool:
    """Are they single whole numbers, Python's or NumPy's?"""
    return all(isinstance(v, _INTEGERS) and not isinstance(v, bool) for v in values)


def pair_of_ints(name: str, value: int | tuple[int, int], minimum: int) -> tuple[int, int]:
    """One number for height and width, or two; both at least ``minimum``.

    Errors    ValueError
    """
    if type(value) is tuple and len(value) == 2 and type(value[0]) is type(value[1]) is int and minimum <= min(value):
        return value  # nearly always, and at once
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    require(
        len(pair) == 2 and is_whole(*pair) and min(pair) >= minimum,
        f"{name} must be an integer of at least {minimum}, or a pair of them, got {value!r}",
    )
    return int(pair[0]), int(pair[1])


def kind_of(value: Any) -> str:
    """What somebody gave in place of an array, in a few words: "a list; np.array(..) makes an array of it"."""
    if value is None:
        return "None"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__}; np.array(..) makes an array of it"
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 40 else type(value).__name__
