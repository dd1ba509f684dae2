import functools

import pytest

from scratchnet_lessons.tools.blanks import blanks

# ruff: noqa: E704


def body_alone(x): ...


def documented(x):
    """Says what it does."""


def result(x):
    return ...


def two_names(x, w):
    dx = ...
    dw = x * w
    db = ...
    return dx, dw, db


def captured(x):
    inner = ...

    def use():
        return inner

    return use


@functools.wraps(two_names)
def wrapped(*args):
    return two_names(*args)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (body_alone, ["the body"]),
        (documented, ["the body"]),
        (result, ["the result"]),
        (two_names, ["dx", "db"]),
        (captured, ["inner"]),
        (wrapped, ["dx", "db"]),
    ],
)
def test_blanks_are_found(function, found):
    assert blanks(function) == found


def ellipsis_as_an_index(x):
    x = x.copy()
    x[...] = 0
    x[..., 0] += 1
    first = x[..., 0]
    return first


def nothing_but_a_number(x):
    return 1


def prints(x):
    print(x)


class Callable_:
    def __call__(self, x):
        return x


@pytest.mark.parametrize("function", [ellipsis_as_an_index, nothing_but_a_number, prints, lambda x: x, len, Callable_()])
def test_what_is_written_has_none(function):
    assert blanks(function) == []
