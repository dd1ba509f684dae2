"""A gradient that is right up to a factor: which factor it is, and what people multiply or divide by that gives it."""

import numpy as np
import pytest

from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.signs import factor
from scratchnet.gradcheck.subject import Subject

rng = np.random.default_rng(7)
NEARLY_1 = 1 + 7e-6  # wrong, and yet 1 for all that looks for a factor


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same numbers, whichever others run."""
    rng.bit_generator.state = np.random.default_rng(5).bit_generator.state


def numbers(*shape):
    """Nothing near 0, nothing whole, of both signs."""
    return rng.uniform(0.3, 0.9, shape) * rng.choice([-1.0, 1.0], shape)


def evidence(gradients, *, out=0.0, arrays=None, constants=None, settings=None, jacobian=None, failed=None):
    """What is known of code with the gradients {argument: (backward's, measured)}, the first one the input's.

    ``out`` is the output or its shape, ``jacobian`` how it depends on the input.
    """
    arrays = {name: numbers(*np.shape(n)) for name, (_, n) in gradients.items()} | (arrays or {})
    out = numbers(*out) if isinstance(out, tuple) else out
    subject = Subject("code", arrays, constants or {}, None, None, settings=settings or {})
    results = {
        name: ArgumentResult(name, np.asarray(a, float), np.asarray(n, float), wrong=int(failed is None or name in failed))
        for name, (a, n) in gradients.items()
    }
    results[next(iter(results))].jacobian = jacobian
    return Evidence(subject, Trial(out, np.ones_like(out)), results, 0)


def found(e, sign="find", *args):
    """What a sign says: (name, words) in the order of their weights, which lie between 0 and 1."""
    findings = list(getattr(factor, sign)(e, *args))
    assert all(0 < finding.weight < 1 for finding in findings)
    assert all(finding.explains == (e.wrong[-1],) for finding in findings)
    return [(f.name, f.evidence) for f in sorted(findings, key=lambda finding: -finding.weight)]


def scaled(ratio, *shape, out=(), **more):
    """Evidence for an input of a shape whose gradient is ``ratio`` times what it should be."""
    n = numbers(*shape)
    return evidence({"x": (ratio * n, n)}, out=out if out != () else 0.0, **more)


def times(ratio, words=""):
    return f"your dx is exactly {ratio} times{words} the numeric one"


# --- which kind of factor --------------------------------------------------------------------------------------------------


def test_a_gradient_of_zeros_is_not_called_a_factor():
    n = numbers(3, 4)
    for a in (0 * n, 1e-13 * np.sign(n), 1e-9 * np.sign(n), 1e-10 * np.resize([1, -1], 12).reshape(3, 4) / n):
        assert found(evidence({"x": (a, n)}, out=(3, 4))) == [("gradient zero", "your dx is 0 everywhere")]


def test_one_entry_that_is_not_zero_is_enough():
    n = numbers(3, 4)
    a = np.zeros((3, 4))
    a[1, 2] = n[1, 2]
    assert found(evidence({"x": (a, n)}, out=(3, 4))) == []


def test_a_gradient_of_mere_rounding_is_the_multiple_of_nothing():
    tiny = 1e-9 * np.sign(numbers(2, 3))
    assert found(evidence({"x": (1e3 * tiny, tiny)}, out=(2, 3))) == []
    n = numbers(2, 3)
    names = [name for name, _ in found(evidence({"w": (1e3 * tiny, tiny), "x": (0.37 * n, n)}, out=(2, 3)))]
    assert names == ["constant factor"]  # and the others are looked at all the same


def test_one_measured_entry_that_is_not_rounding_is_enough():
    n = np.array([0.0, 0.5, 0.0])
    assert found(evidence({"x": (3.7 * n, n)}, out=(3,))) == [("constant factor", times(3.7))]


def test_the_factor_between_two_arrays():
    n = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert factor.proportional(-2.5 * n, n) == pytest.approx(-2.5)
    assert factor.proportional(0 * n, n) == 0
    assert factor.proportional(n, 0 * n) is None
    assert factor.proportional(n * [1, 1 + 1e-3], n) is None
    assert factor.proportional(n + 1, n) is None
    assert factor.proportional(np.array([3.0, 0.0]), np.array([0.0, 3.0])) is None


def test_every_wrong_gradient_gets_its_own_factor():
    x, w = numbers(5), numbers(7)
    e = evidence({"x": (0.37 * x, x), "w": (0, 1), "b": (-w, w)}, out=(5,), failed="xb")
    assert [(f.name, f.explains) for f in factor.find(e)] == [("constant factor", ("x",)), ("sign flipped", ("b",))]


# --- words and plain factors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [-1.0, -1 - 1e-6])
def test_a_wrong_sign_needs_no_second_name(ratio):
    said = "your dx is exactly minus the numeric one"
    assert found(scaled(ratio, 5, out=(5,))) == [("sign flipped", said)]


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (2, [("factor 2 too many", times(2)), ("constant factor", times(2))]),
        (2 + 2e-6, [("factor 2 too many", times(2)), ("constant factor", times(2))]),
        (2.0001, [("constant factor", times(2.0001))]),
        (0.5, [("factor 2 missing", times(0.5, " (1/2 of)")), ("constant factor", times(0.5, " (1/2 of)"))]),
        (-1.0001, [("sign flipped", times(-1.0001)), ("constant factor", times(-1.0001))]),
        (
            -2,
            [("factor 2 too many", times(-2)), ("sign flipped", times(-2)), ("constant factor", times(-2))],
        ),
        (
            -0.5,
            [
                ("factor 2 missing", times(-0.5, " (-1/2 of)")),
                ("sign flipped", times(-0.5, " (-1/2 of)")),
                ("constant factor", times(-0.5, " (-1/2 of)")),
            ],
        ),
        (1 / 3, [("constant factor", times("0.333333", " (1/3 of)"))]),
        (0.3, [("constant factor", times(0.3))]),
        (0.7, [("constant factor", times(0.7))]),
        (1.37, [("constant factor", times(1.37))]),
        (NEARLY_1, [("constant factor", times("1.00001"))]),
    ],
)
def test_a_factor_is_said_and_named(ratio, expected):
    assert found(scaled(ratio, 5, out=(5,))) == expected


# --- the number of examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "name", "words"),
    [
        (1 / 5, "extra 1/N", times(0.2, " (1/5 of)") + ": N = 5 times too small"),
        (1 / 25, "extra 1/N", times(0.04, " (1/25 of)") + ": N = 5 squared times too small"),
        (5, "1/N missing", times(5) + ": N = 5 times too large"),
        (25, "1/N missing", times(25) + ": N = 5 squared times too large"),
    ],
)
def test_a_factor_n(ratio, name, words):
    for out in [(5,), ()]:
        assert found(scaled(ratio, 5, out=out)) == [(name, words), ("constant factor", words.split(":")[0])]


def test_with_two_examples_n_is_more_likely_than_2():
    names = ["extra 1/N", "factor 2 missing", "constant factor"]
    assert [name for name, _ in found(scaled(0.5, 2, out=(2,)))] == names
    names = ["1/N missing", "factor 2 too many", "constant factor"]
    assert [name for name, _ in found(scaled(2, 2))] == names


def test_n_squared_is_less_likely_than_n_and_than_an_option():
    for power in (1, -1):
        once = next(factor.find(scaled(5.0**power, 5)))
        twice = next(factor.find(scaled(25.0**power, 5)))
        assert twice.weight < once.weight
        ranked = found(scaled(25.0**power, 5, settings={"scale": 25.0}))
        assert ranked[0] == ("constant factor", ranked[1][1].split(":")[0] + "; your scale is 25")


def test_a_missing_mean_is_more_likely_in_a_loss():
    in_a_loss, elsewhere = next(factor.find(scaled(5, 5))), next(factor.find(scaled(5, 5, out=(5,))))
    assert in_a_loss.weight > elsewhere.weight


def test_one_example_is_no_factor():
    assert found(scaled(NEARLY_1, 1, 3, out=(1, 3))) == [("constant factor", times("1.00001"))]


def test_a_loss_can_lack_the_mean_over_all_its_values():
    said = times(15)
    assert found(scaled(15, 5, 3)) == [
        ("1/N missing", f"{said}, which is the number of all values"),
        ("divided by the wrong count", f"{said}, and N times the number of columns is 15"),
        ("constant factor", said),
    ]
    assert [name for name, _ in found(scaled(15, 5, 3, out=(5, 3)))] == ["divided by the wrong count", "constant factor"]


@pytest.mark.parametrize(
    ("constants", "n"),
    [
        ({}, 6),
        ({"t": np.array([1, 0, 2])}, 3),
        ({"t": np.array([1, 0, 2], np.uint8)}, 3),
        ({"t": np.array([1.0, 0, 2])}, 6),
        ({"t": np.array([[1], [0], [2]])}, 6),
        ({"t": np.array([1])}, 6),
        ({"t": np.array([1, 0])}, 2),
        ({"t": np.array([1.5, 0, 2]), "labels": np.array([1, 0, 1, 1])}, 4),
        ({"t": np.array([1, 0, 2]), "u": np.array([1, 0, 1, 1])}, 3),
    ],
)
def test_a_loss_on_weights_counts_its_labels(constants, n):
    gradient = numbers(6, 2)
    assert factor.batch_size(evidence({"w": (gradient, -gradient)}, constants=constants)) == n
    assert factor.batch_size(evidence({"w": (gradient, -gradient)}, constants=constants, out=(6, 2))) == 6


def test_one_number_is_one_example():
    assert factor.batch_size(evidence({"x": (1.0, 2.0)})) == 1


# --- positions and windows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "words", "more"),
    [
        (20, "OH*OW = 20", ["divided by the wrong count"]),
        (140, "N*OH*OW = 140", []),
        (12, "OH*OW = 12", []),  # channels last
        (84, "N*OH*OW = 84", []),
    ],
)
def test_a_mean_over_the_positions_of_images(count, words, more):
    said = times(f"{1 / count:.6g}", f" (1/{count} of)")
    first, *others = found(scaled(1 / count, 11, out=(7, 3, 4, 5)))
    assert first == ("mean over positions instead of sum", f"{said}: {words} times too small")
    assert [name for name, _ in others] == [*more, "constant factor"]
    assert "mean over positions instead of sum" not in dict(found(scaled(count, 11, out=(7, 3, 4, 5))))


def test_two_are_enough_for_a_mean():
    half = times(0.5, " (1/2 of)")
    ranked = found(scaled(0.5, 11, out=(7, 3, 1, 2)))
    assert ranked[0] == ("mean over positions instead of sum", f"{half}: OH*OW = 2 times too small")
    ranked = found(scaled(2, 7, 3, 1, 2, out=(7, 3)))
    assert ranked[0] == ("window mean missing", f"{times(2)}: H*W = 2 times too large")
    ranked = found(scaled(0.5, 7, 3, 1, 2, out=(7, 3)))
    assert ("divided by the wrong count", f"{half}: divided by H*W = 2 once more") in ranked


def test_one_position_is_no_factor():
    for ratio in (NEARLY_1, 1 / NEARLY_1):
        kernels = {"w": numbers(1, 1, 1, 1)}
        e = scaled(ratio, 1, out=(1, 1, 1, 1), arrays=kernels)
        assert found(e, "_constant", "x", ratio) == [("constant factor", times(f"{ratio:.6g}"))]
        e = scaled(ratio, 1, 1, 1, 1, out=(1, 1))
        assert found(e, "_constant", "x", ratio) == [("constant factor", times(f"{ratio:.6g}"))]


def test_global_pooling_over_all_pixels():
    ranked = found(scaled(20, 7, 3, 4, 5, out=(7, 3)))
    assert ranked[0] == ("window mean missing", f"{times(20)}: H*W = 20 times too large")
    ranked = found(scaled(1 / 20, 7, 3, 4, 5, out=(7, 3)))
    assert ranked[0] == ("divided by the wrong count", f"{times(0.05, ' (1/20 of)')}: divided by H*W = 20 once more")


def test_windows_are_those_of_the_kernels():
    kernels = {"w": numbers(3, 3, 2, 7)}
    assert found(scaled(14, 5, out=(5,), arrays=kernels)) == [
        ("window mean missing", f"{times(14)}: KH*KW = 14 times too large"),
        ("divided by the wrong count", f"{times(14)}, and KH*KW is 14"),
        ("constant factor", times(14)),
    ]
    assert found(scaled(1 / 14, 5, out=(5,), arrays=kernels))[0] == (
        "divided by the wrong count",
        f"{times('0.0714286', ' (1/14 of)')}: divided by KH*KW = 14 once more",
    )
    ranked = found(scaled(14, 5, 1, 2, 7, out=(5,)))  # its own size is no window
    assert "window mean missing" not in dict(ranked)


def pooling(k, outputs):
    """The slopes of the means of k entries each, which do not overlap: (entries, outputs)."""
    return np.kron(np.eye(outputs), np.full((k, 1), 1 / k))


def test_windows_are_those_that_were_measured():
    more = {"out": (3,), "jacobian": pooling(9, 3)}
    assert found(scaled(9, 27, **more)) == [
        ("window mean missing", f"{times(9)}: the window's size = 9 times too large"),
        ("divided by the wrong count", f"{times(9)}, and the window's size is 9"),
        ("constant factor", times(9)),
    ]
    said = times("0.111111", " (1/9 of)")
    assert found(scaled(1 / 9, 27, **more)) == [
        ("divided by the wrong count", f"{said}: divided by the window's size = 9 once more"),
        ("divided by the wrong count", f"{said}, and the window's size is 9"),
        ("constant factor", said),
    ]
    more = {"out": (3,), "jacobian": pooling(4, 3)}
    assert found(scaled(2, 12, **more)) == [
        (
            "divided by the wrong count",
            f"{times(2)}: divided by 2, the window's side, where 4, its size, is meant",
        ),
        ("factor 2 too many", times(2)),
        ("constant factor", times(2)),
    ]


def measured_window(jacobian, **more):
    jacobian = np.asarray(jacobian, float)
    n = numbers(len(jacobian))
    return factor._measured_window(evidence({"x": (n, -n)}, **({"out": (jacobian.shape[1],)} | more), jacobian=jacobian))


def test_when_an_output_is_a_mean_of_how_many():
    assert measured_window(pooling(2, 3)) == 2
    assert measured_window(pooling(3, 2)) == 3
    assert measured_window(pooling(3, 2) + 1e-9) == 3  # what is measured is never quite 0
    assert measured_window([[1e-6, 0], [1 - 1e-6, 0], [0, 0.5], [0, 0.5]]) == 2
    assert measured_window(pooling(3, 1)) == 3
    assert measured_window(pooling(1, 3)) is None
    assert measured_window([[0.5, 0], [0.5, 0], [0, 1 / 3], [0, 1 / 3], [0, 1 / 3]]) is None
    assert measured_window([[1 / 3, 0], [1 / 3, 0], [1 / 3, 0.5], [0, 0.5]]) is None
    assert measured_window(pooling(2, 3) * 2) is None  # sums
    assert measured_window(pooling(2, 3) * [1, 1, 2]) is None
    assert measured_window([[0.25, 0.75], [0.25, 0.75]]) is None
    assert measured_window(np.array([[0.5], [0.5]]), out=0.0) is None  # a loss
    assert measured_window(pooling(2, 3), arrays={"w": numbers(2)}) is None
    n = numbers(4)
    assert factor._measured_window(evidence({"x": (n, -n)}, out=(2,))) is None


# --- sizes that are mixed up -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "out", "more", "counts"),
    [
        ((7,), (7,), {}, {"N": 7}),
        (
            (7, 3),
            (7, 5),
            {},
            {
                "N": 7,
                "the number of columns": 3,
                "N times the number of columns": 21,
                "N - 1": 6,
                "the number of outputs": 5,
            },
        ),
        (
            (1, 3),
            (1,),
            {},
            {"N": 1, "the number of columns": 3, "N times the number of columns": 3},
        ),
        (
            (2, 3, 5, 7),
            (2, 11, 4, 6),
            {"arrays": {"w": numbers(11, 3, 2, 4), "v": numbers(2, 6)}},
            {
                "N": 2,
                "H": 5,
                "W": 7,
                "C": 3,
                "H*W": 35,
                "N*H*W": 70,
                "OH*OW": 24,
                "F": 11,
                "KH*KW": 8,
                "C*KH*KW": 24,
            },
        ),
        ((7,), (), {"arrays": {"w": numbers(4, 5), "b": numbers(5)}}, {"N": 7, "the columns of w": 5}),
        ((7,), (7,), {"arrays": {"w": numbers(4, 5)}}, {"N": 7}),
        (
            (7,),
            (7,),
            {"settings": {"stride": 2.0, "kernel_size": 3.0, "size": 5.0, "k": 0.0, "pad": 4.0}},
            {"N": 7, "stride**2": 4, "kernel_size**2": 9, "size**2": 25},
        ),
        ((7,), (7,), {"settings": {"k": 4.0}}, {"N": 7, "k**2": 16}),
        (
            (2, 3, 5, 7),
            (2, 11),
            {},
            {"N": 2, "H": 5, "W": 7, "C": 3, "H*W": 35, "N*H*W": 70, "the number of outputs": 11},
        ),
        ((2, 3, 4, 5, 6), (2, 3, 4, 5, 6), {"arrays": {"w": numbers(2, 3, 4, 5, 6)}}, {"N": 2}),
        ((7,), (), {"arrays": {"w": numbers(2, 3, 4)}}, {"N": 7}),
        ((9,), (3,), {"jacobian": pooling(3, 3)}, {"N": 9, "the window's size": 3}),
    ],
)
def test_the_sizes_that_people_divide_by(shape, out, more, counts):
    found = factor._counts(scaled(3, *shape, out=out, **more))
    assert found == counts
    assert {type(count) for count in found.values()} == {int}


def as_if(ratio, q, p):
    return "divided by the wrong count", f"{times(ratio)}, as if divided by {q} where {p} is meant"


def test_one_size_stands_where_another_belongs():
    assert found(scaled(7 / 5, 7, out=(7, 5))) == [
        as_if(1.4, "the number of outputs = 5", "N = 7"),
        ("constant factor", times(1.4)),
    ]
    assert found(scaled(5 / 7, 7, out=(7, 5))) == [
        as_if(0.714286, "N = 7", "the number of outputs = 5"),
        ("constant factor", times(0.714286)),
    ]
    assert found(scaled(NEARLY_1, 5, out=(5, 5))) == [("constant factor", times("1.00001"))]


@pytest.mark.parametrize(
    ("ratio", "q", "p", "sure"),
    [
        (7 / 4, "the number of columns = 4", "N = 7", True),
        (4 / 7, "N = 7", "the number of columns = 4", True),
        (6 / 4, "the number of columns = 4", "N - 1 = 6", True),
        (6 / 11, "the columns of w = 11", "N - 1 = 6", True),
        (4 / 11, "the columns of w = 11", "the number of columns = 4", False),
    ],
)
def test_in_a_loss_the_batch_is_the_likely_one(ratio, q, p, sure):
    """An option that is the factor too is less likely than the batch's size, and more likely than any other two sizes."""
    more = {"arrays": {"w": numbers(2, 11)}, "settings": {"scale": ratio}}
    sizes, option = as_if(f"{ratio:.6g}", q, p), ("constant factor", f"{times(f'{ratio:.6g}')}; your scale is {ratio:g}")
    assert found(scaled(ratio, 7, 4, **more)) == ([sizes, option] if sure else [option, sizes])


def test_elsewhere_an_option_is_likelier_than_the_batch():
    ranked = found(scaled(7 / 5, 7, out=(7, 5), settings={"scale": 1.4}))
    assert [name for name, _ in ranked] == ["constant factor", "divided by the wrong count"]


@pytest.mark.parametrize("power", [1, -1])
def test_one_size_too_many_or_too_few(power):
    ratio = 3.0**power
    said = times(f"{ratio:.6g}", " (1/3 of)" if power < 0 else "")
    assert found(scaled(ratio, 5, out=(5, 3))) == [
        ("divided by the wrong count", f"{said}, and the number of outputs is 3"),
        ("constant factor", said),
    ]
    with_option = found(scaled(ratio, 5, out=(5, 3), settings={"scale": 3.0}))
    assert with_option[0] == ("constant factor", f"{said}; your scale is 3")
    names = [name for name, _ in found(scaled(2.0**power, 5, out=(5, 2)))]  # 2 has a name of its own
    assert names == ["factor 2 too many" if power > 0 else "factor 2 missing", "constant factor"]


# --- options ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.3, 1 / 0.3, 0.7])
def test_a_factor_that_is_an_option(ratio):
    for settings in ({"p": 0.3}, {"n": 0.0, "k": 2.0, "p": 0.3, "q": 0.3}):
        said = f"{times(f'{ratio:.6g}')}; your p is 0.3"
        assert found(scaled(ratio, 5, out=(5,), settings=settings)) == [("constant factor", said)]


def test_an_option_of_0_1_or_2_says_nothing():
    for value, ratio in ((0.0, NEARLY_1), (1.0, NEARLY_1), (2.0, 2.0), (2.0, 0.5)):
        ranked = found(scaled(ratio, 5, out=(5,), settings={"p": value}))
        assert "your p" not in ranked[-1][1]
        assert ranked[-1][0] == "constant factor"


def test_an_option_is_likelier_than_any_factor():
    with_it, without = (list(factor.find(scaled(0.3, 5, out=(5,), settings={"p": p}))) for p in (0.3, 0.4))
    assert with_it[0].weight > without[0].weight
    assert without[0].evidence == times(0.3)


# --- dropout ---------------------------------------------------------------------------------------------------------------


def dropout(jacobian, **more):
    jacobian = np.asarray(jacobian, float)
    n = numbers(len(jacobian))
    return factor.dropout_factors(evidence({"x": (n, -n)}, out=(jacobian.shape[1],), jacobian=jacobian, **more))


def test_the_wrong_scales_of_dropout():
    keep, drop = 0.7, 0.3
    mask = np.diag([1 / keep, 0, 1 / keep, 1 / keep, 1e-9])  # what is measured is never quite 0
    factors = dropout(mask)
    assert [f for f, _ in factors] == pytest.approx([keep, 1 / keep, keep**2, keep / drop, keep * drop])
    assert [words for _, words in factors] == [
        "keep = 0.7: the scale 1/keep is missing",
        "1/keep = 1.43: the scale is applied twice",
        "keep**2 = 0.49: multiplied by keep instead of divided by it",
        "keep/drop: divided by the probability to drop",
        "keep*drop",
    ]
    assert [f for f, _ in dropout(np.diag([0.8, 0]))] == pytest.approx([1.25, 0.8, 1.5625])  # no probability is negative


def test_dropout_without_a_scale():
    settings = {"none": 0.0, "p": 0.3, "all": 1.0, "seed": 3.0}
    factors = dropout(np.diag([1.0, 0, 1]), settings=settings)
    assert factors == [(pytest.approx(1 / 0.3), "1/p"), *((pytest.approx(f), "p") for f in (0.3, 0.7, 1 / 0.7))]
    assert dropout(np.diag([1.0, 0, 1])) == []


@pytest.mark.parametrize(
    "jacobian",
    [
        np.diag([1.25, 1.25, 1.25]),  # nothing dropped
        np.zeros((3, 3)),  # everything dropped
        np.diag([1.25, 0, 1.3]),  # no one factor
        np.diag([1.25, 0, 0.5]),
        np.diag([-1.25, 0, -1.25]),
        [[1.25, 0, 0], [0, 0, 0], [0, 0.1, 1.25]],  # an output of two inputs
        [[1.25, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1.25, 0]],  # another output's shape
    ],
)
def test_what_is_no_dropout_has_no_scale(jacobian):
    assert dropout(jacobian) == []


def test_a_layer_with_weights_is_no_dropout():
    mask = np.diag([1.25, 0, 1.25])
    assert dropout(mask) != []
    assert dropout(mask, arrays={"w": numbers(3)}) == []
    n = numbers(3)
    assert factor.dropout_factors(evidence({"x": (n, -n)}, out=(3,))) == []


def test_a_measured_scale_may_differ_by_rounding():
    assert dropout(np.diag([100, 0, 100 + 5e-5])) != []
    assert dropout(np.diag([100, 0, 100 + 5e-4])) == []


def test_a_scale_of_dropout_comes_before_a_factor_2_and_n():
    e = scaled(0.5, 5, out=(5,), jacobian=np.diag([2.0, 0, 2, 2, 0]), settings={"p": 0.5})
    said = times(0.5, " (1/2 of)")
    assert found(e)[:2] == [
        ("dropout scale wrong", f"{said}, which is keep = 0.5: the scale 1/keep is missing"),
        ("factor 2 missing", said),
    ]


# --- a factor for each row or column ---------------------------------------------------------------------------------------


def along(factors, *shape, **more):
    """Evidence for a gradient multiplied by an array that broadcasts."""
    n = numbers(*shape)
    return evidence({"x": (n * np.array(factors), n)}, out=shape, **more)


def test_a_factor_for_each_row_or_column():
    name = "factor missing per row or channel"
    assert found(along([[2], [3], [4.5]], 3, 4)) == [(name, "along axis 0 your dx is 2, 3, 4.5 times the numeric one")]
    assert found(along([0.2, 0.3, -0.4, 5], 3, 4)) == [
        (name, "along axis 1 your dx is 0.2, 0.3, -0.4, 5 times the numeric one")
    ]
    assert found(along([[2], [3], [4], [5]], 4, 2)) == [(name, "along axis 0 your dx is 2, 3, 4, 5 times the numeric one")]
    assert found(along([[2], [3]], 3, 2, 2)) == [(name, "along axis 1 your dx is 2, 3 times the numeric one")]


def test_of_many_factors_the_first_five_are_said():
    five, six = np.arange(2.0, 7), np.arange(2.0, 8)
    assert "is 2, 3, 4, 5, 6 times" in found(along(five, 3, 5))[0][1]
    assert "is 2, 3, 4, 5, 6, .. times" in found(along(six, 3, 6))[0][1]


@pytest.mark.parametrize("where", ["arrays", "constants"])
def test_the_array_that_the_factors_are(where):
    factors, others = np.array([2, -0.5, 4]), {"a": np.array([0.0, 2, 3]), "t": np.array([2, 1, 4]), "c": numbers(2)}
    for power, words in ((1, "s"), (-1, "1/s")):
        for shape in ((3,), (3, 1)):
            e = along(factors[:, None], 3, 4, **{where: others | {"s": factors.reshape(shape) ** float(power)}})
            assert found(e) == [
                (
                    "factor missing per row or channel",
                    f"along axis 0 your dx is 2, -0.5, 4 times the numeric one, that is {words}",
                )
            ]


def test_labels_and_zeros_are_no_factors():
    e = along([[2], [1], [4]], 3, 4, constants={"t": np.array([2, 1, 4]), "s": np.array([0.0, 1, 4])})
    assert found(e)[0][1] == "along axis 0 your dx is 2, 1, 4 times the numeric one"


def test_a_factor_that_is_an_array_is_likelier_than_any():
    known, unknown = (next(factor.find(along([[2], [3]], 2, 4, arrays={"s": s}))) for s in (np.array([2.0, 3]), numbers(2)))
    assert known.weight > unknown.weight


def test_rows_that_were_left_out_are_another_mistake():
    assert found(along([[0], [2], [3]], 3, 4)) == []
    assert found(along([[1], [0], [1]], 3, 4)) == []


def test_single_numbers_are_always_in_proportion():
    for shape in ((4,), (4, 1), (1, 4), (1, 4, 1), (2,)):
        assert found(along(np.reshape([2.0, 3, 4, 5][: max(shape)], shape), *shape)) == []


def test_one_row_that_fits_no_factor():
    n = numbers(3, 4)
    a = n * [[2], [3], [4]]
    a[1, 1] += 1
    assert found(evidence({"x": (a, n)}, out=(3, 4))) == []


def test_of_a_diagonal_the_factors_are_said_once():
    n = np.diag([0.5, 0.7])
    assert found(evidence({"x": (n * [2, 3], n)}, out=(2, 2))) == [
        ("factor missing per row or channel", "along axis 0 your dx is 2, 3 times the numeric one")
    ]


# --- whole numbers ---------------------------------------------------------------------------------------------------------


def test_fractions_that_are_cut_off():
    name, said = "integer arithmetic", "your dx holds whole numbers only: fractions are cut off"
    n = np.array([1.2, -0.5, 2.75])
    assert found(evidence({"x": (np.trunc(n), n)}, out=(3,))) == [(name, said)]
    assert found(evidence({"x": (np.ceil(n), n)}, out=(3,))) == [(name, said)]
    n = np.array([1.5, 1.5, -1.5])
    assert found(evidence({"x": (np.trunc(n), n)}, out=(3,))) == [(name, said), ("constant factor", times(0.666667))]


@pytest.mark.parametrize(
    "a",
    [
        [2, 0, 2],  # a whole step away
        [1, 0, 4],
        [1, 0, 2.5],  # not only whole numbers
        [1.01, 0.01, 2.01],
    ],
)
def test_whole_numbers_must_be_near(a):
    assert found(evidence({"x": (a, [1.0, 0.4, 2.6])}, out=(3,))) == []
