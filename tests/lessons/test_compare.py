"""What ``values`` says of a wrong result. The wanted one is always `right`; each case makes one mistake."""

import re

import numpy as np
import pytest

from scratchnet_lessons.tools.compare import Mistake, values

X = np.arange(1.0, 13.0).reshape(3, 4) ** 1.5
Y = np.random.default_rng(0).standard_normal((3, 4))


def right(x, y):
    return x @ y.T


def compared(mine, reference=right, cases=((X, Y),), **options):
    return values(mine, reference, *cases, **options)


def test_right_is_right():
    report = compared(lambda x, y: np.einsum("ij,kj->ik", x, y), cases=((X, Y), (Y, X)))
    assert report
    assert "the right values in 2 calls" in str(report)


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (lambda x, y: x @ y, "raises ValueError: matmul"),
        (lambda x, y: None, "it returns nothing"),
        (lambda x, y: "text", "the result is str, wanted an array"),
        (lambda x, y: (right(x, y), 1), "the result is tuple"),
        (lambda x, y: right(x, y).sum(), r"has shape \(\), wanted \(3, 3\)"),
        (lambda x, y: right(x, y)[None], "is a reshape missing"),
        (lambda x, y: right(x, y).astype(int), "likely mistake: integer arithmetic"),
        (lambda x, y: right(x, y).astype(np.float32), "likely mistake: precision"),
        (lambda x, y: right(x, y) / 0, "likely mistake: nan or infinity"),
        (lambda x, y: -right(x, y), "likely mistake: sign flipped"),
        (lambda x, y: right(x, y) * 3, "Yours is 3 times what is wanted"),
        (lambda x, y: right(x, y) + 0.25, "Every entry is off by 0.25"),
        (lambda x, y: right(x, y).T, "likely mistake: transposed"),
        (lambda x, y: right(x, y)[::-1], "Axis 0 runs the other way"),
        (lambda x, y: np.roll(right(x, y), 1, axis=1), "likely mistake: shifted by one"),
        (lambda x, y: right(x, y).ravel()[[0, 2, 1, 4, 3, 5, 8, 6, 7]].reshape(3, 3), "likely mistake: in another order"),
        (lambda x, y: right(x, y) * 0, "likely mistake: all zero"),
        (lambda x, y: right(x, y) * [[1], [1], [0.5]], "likely mistake: last one left out"),
        (lambda x, y: right(x, y) + np.eye(3), r"is wrong in 3 of 9 places, most at \(\d, \d\): yours .*, wanted "),
        (lambda x, y: x.sort() or right(x, y), "the right values"),  # sorted already: nothing has changed
        (lambda x, y: y.sort() or right(x, y), "it changes its argument y"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_difference_is_named(mine, said):
    assert re.search(said, str(compared(mine)))


def test_of_a_single_number_no_factor_is_told():
    assert "constant factor" not in str(compared(lambda x: x + 1, lambda x: x, ((2.0,),)))  # 3 is 1.5 times 2, by chance
    assert "constant factor" not in str(compared(lambda x: x + 1, lambda x: x, ((np.array([2.0]),),)))


def test_a_factor_between_two_numbers_is_one_if_it_is_round():
    for factor in 4, 0.25, -3:
        assert f"Yours is {factor} times" in str(compared(lambda x, f=factor: f * x, lambda x: x, ((0.7,),)))
    for other in 0.9996, 1.37, 0.0:
        assert "constant factor" not in str(compared(lambda x, f=other: f * x, lambda x: x, ((0.7,),)))


def test_a_difference_in_the_last_digits_is_shown():
    said = str(compared(lambda x: x + 1e-9, lambda x: x, ((2.0,),), tolerance=1e-12))
    assert "the result is 2.000000001, wanted 2\n" in said


def test_tuples_bools_texts_and_nan():
    assert compared(lambda x: (x, np.bool_(True)), lambda x: (x, True), ((X,),))
    assert "result 2" in str(compared(lambda x: (x, x), lambda x: (x, 2 * x), ((X,),)))
    assert "wanted True" in str(compared(lambda x: False, lambda x: True, ((X,),)))
    assert compared(lambda x: "seven", lambda x: "seven", ((X,),))
    assert compared(lambda x: np.array([np.nan, 1]), lambda x: np.array([np.nan, 1]), ((X,),))
    assert not compared(lambda x: np.array([0, 1.0]), lambda x: np.array([np.nan, 1]), ((X,),))


def test_a_known_mistake_is_named_if_it_does_the_same_in_every_case():
    cases = ((np.array([2.0]),), (np.array([3.0]),))
    doubled = Mistake("doubled", lambda x: 2 * x, "Why the 2?")
    squared = Mistake("squared", lambda x: x**2, "Why the square?")
    report = values(lambda x: x * x, lambda x: x, *cases, mistakes=(doubled, squared))  # 2 * 2 = 2 ** 2
    assert report.name == "squared"
    assert "hint: Why the square?" in str(report)


def test_a_known_mistake_may_raise_in_some_cases():
    def first_two(x):
        if len(x) > 2:
            raise ValueError("too long")
        return x

    cases = ((np.ones(2),), (np.ones(3),))
    mistakes = (Mistake("all", lambda x: x / 0, "no"), Mistake("stops at two", first_two, "And the third?"))
    report = values(lambda x: np.array([x[0], x[1]]) if len(x) < 3 else 1 / 0, lambda x: x, *cases, mistakes=mistakes)
    assert "raises ZeroDivisionError" in str(report)
    assert report.name == "stops at two"


def test_two_that_only_raise_must_raise_the_same():
    def mistake(x, y):
        return x[:, :2] @ y.T

    def other(x, y):
        return x @ y[:, :3].T

    known = (Mistake("cut off", mistake, "why?"),)
    assert "cut off" in str(compared(lambda x, y: x[:, :2] @ y.T, mistakes=known))
    said = str(compared(other, mistakes=known))
    assert "cut off" not in said
    assert "x (3, 4), y (3, 4)" in said


@pytest.mark.parametrize("file", ["/tmp/ipykernel_1/2.py", "<ipython-input-3-4>", "<code cell 3>"])
def test_lines_of_a_notebook_are_counted_in_their_cell(file):
    names = {}
    exec(compile("\n\ndef f(x):\n    return x.nothing\n", file, "exec"), names)
    assert "(line 4 of the cell, in f)" in str(compared(names["f"], np.copy, ((X,),)))
    outside = eval(compile("\nlambda x: x.nothing", "mine.py", "eval"))
    assert "(line 2 of <lambda>)" in str(compared(outside, np.copy, ((X,),)))


def test_it_wants_a_case():
    with pytest.raises(ValueError, match="at least one"):
        values(right, right)
