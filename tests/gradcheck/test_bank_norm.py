"""What the bank knows of BatchNorm: its output, by naive loops, and which mistake makes which of the parts of dx wrong."""

import math

import numpy as np
import pytest

from scratchnet.gradcheck import bank
from scratchnet.gradcheck.bank import norm
from scratchnet.gradcheck.bank.operation import Given
from scratchnet.gradcheck.catalogue import CATALOGUE, LESSONS
from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.subject import Subject

(BATCH_NORM,) = norm.OPERATIONS
USUAL = (1e-5, 1e-8, 1e-7, 1e-6, 1e-3, 0.0)


def numbers(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def given(arrays, out_shape=None, **settings):
    out_shape = next(iter(arrays.values())).shape if out_shape is None else out_shape
    return Given(arrays, {}, settings, out_shape, numbers(*out_shape, seed=9))


def of_channel(x, channel, c):
    """All values of a channel, and where they are."""
    places = [index for index in np.ndindex(x.shape) if index[channel] == c]
    return [x[index] for index in places], places


def normalised(x, channel, ddof, eps, outside, gamma=None, beta=None):
    """(out, xhat, the standard deviations), one value after the other."""
    xhat, stds = np.zeros(x.shape), []
    for c in range(x.shape[channel]):
        values, places = of_channel(x, channel, c)
        mean = sum(values) / len(values)
        var = sum((v - mean) ** 2 for v in values) / (len(values) - ddof)
        stds.append(math.sqrt(var) + eps if outside else math.sqrt(var + eps))
        for v, place in zip(values, places, strict=True):
            xhat[place] = (v - mean) / stds[-1]
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        c = place[channel]
        out[place] = (1 if gamma is None else gamma[c]) * xhat[place] + (0 if beta is None else beta[c])
    return out, xhat, stds


def close(a, b):
    return np.allclose(a, b, rtol=1e-12, atol=1e-12)


# --- recognised ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [0, 1, 2])
@pytest.mark.parametrize(
    ("shape", "layouts"),
    [
        ((5, 3), [((0,), 1)]),
        ((2, 3, 2, 4), [((0, 2, 3), 1), ((0, 1, 2), 3)]),
        ((2, 3, 4, 3), [((0, 2, 3), 1), ((0, 1, 2), 3)]),  # nothing in the shapes says where the channels are
    ],
)
def test_every_way_to_normalise_is_tried_with_the_output_it_would_have(shape, layouts, parameters):
    x = numbers(*shape)
    if parameters:
        layouts = [(axes, channel) for axes, channel in layouts if shape[channel] == 3]
    vectors = [numbers(3, seed=1), numbers(3, seed=2)][:parameters]
    arrays = {"img": x, **dict(zip(("g", "shift"), vectors, strict=False))}
    setups = iter(list(BATCH_NORM.setups(given(arrays))))
    for axes, channel in layouts:
        for ddof in (0, 1):
            for eps in USUAL:
                for outside in (False, True):
                    setup = next(setups)
                    out, xhat, stds = normalised(x, channel, ddof, eps, outside, *vectors)
                    assert close(setup.out, out)
                    roles = setup.roles
                    assert (roles["names"], roles["axes"], roles["channel"]) == (list(arrays), axes, channel)
                    assert (roles["m"], roles["ddof"]) == (x.size // shape[channel], ddof)
                    assert close(roles["xhat"], xhat)
                    assert close(roles["std"].ravel(), stds)
                    assert roles["std"].ndim == roles["gamma"].ndim == x.ndim
                    assert close(roles["gamma"].ravel(), vectors[0] if parameters else np.ones(shape[channel]))
    assert next(setups, None) is None


@pytest.mark.parametrize("shape", [(3,), (1, 3), (3, 1)])
def test_gamma_and_beta_may_have_axes_of_length_1(shape):
    x, gamma, beta = numbers(5, 3), numbers(3, seed=1), numbers(3, seed=2)
    arrays = {"x": x, "gamma": gamma.reshape(shape), "beta": beta.reshape(shape)}
    assert close(next(BATCH_NORM.setups(given(arrays))).out, normalised(x, 1, 0, 1e-5, False, gamma, beta)[0])


def test_an_eps_that_was_given_is_tried_too():
    x = numbers(5, 3)

    def epsilons(**settings):
        stds = [
            setup.roles["std"].ravel()[0]
            for setup in BATCH_NORM.setups(given({"x": x}, **settings))
            if not setup.roles["ddof"]
        ]
        plain = normalised(x, 1, 0, 0.0, False)[2][0]
        return [round(std - plain, 12) for std in stds[1::2]]  # of each pair the one that is added to the deviation

    assert epsilons() == list(USUAL)
    assert epsilons(eps=0.02, momentum=0.9, negative=-0.01) == [0.02, *USUAL]
    assert epsilons(eps=1e-3, momentum=1.0) == [1e-3, *(eps for eps in USUAL if eps != 1e-3)]
    assert epsilons(momentum=0.05, eps=0.01, steps=2) == [0.05, 0.01, *USUAL]


@pytest.mark.parametrize(
    ("arrays", "out_shape"),
    [
        ({"x": numbers(5, 3)}, (3, 5)),
        ({"x": numbers(5, 3)}, (5,)),
        ({"x": numbers(5, 3)}, ()),
        ({"x": numbers(5)}, None),
        ({"x": numbers(2, 3, 4)}, None),
        ({"x": numbers(2, 3, 1, 1, 2)}, None),
        ({"x": numbers(1, 3)}, None),  # one value a channel
        ({"x": numbers(5, 3), "g": numbers(4)}, None),
        ({"x": numbers(5, 3), "g": numbers(5)}, None),
        ({"x": numbers(5, 3), "g": numbers(3), "b": numbers(2)}, None),
        ({"x": numbers(5, 3), "g": numbers(2), "b": numbers(3)}, None),
        ({"x": numbers(5, 3), "g": numbers(3), "b": numbers(3), "more": numbers(3)}, None),
        ({"x": numbers(2, 3, 2, 4), "g": numbers(2)}, None),
        ({"x": numbers(3), "g": numbers(5, 3)}, (5, 3)),
    ],
)
def test_what_does_not_fit_is_no_batch_norm(arrays, out_shape):
    assert list(BATCH_NORM.setups(given(arrays, out_shape))) == []


def test_parameters_show_where_the_channels_are():
    x = numbers(2, 3, 2, 4)
    for size, channel in ((3, 1), (4, 3)):
        assert {s.roles["channel"] for s in BATCH_NORM.setups(given({"x": x, "g": numbers(size)}))} == {channel}
    one = numbers(1, 3, 1, 2)  # as channels the axis of 3 has two values each, that of 2 has three
    assert {s.roles["m"] for s in BATCH_NORM.setups(given({"x": one}))} == {2, 3}
    assert {s.roles["channel"] for s in BATCH_NORM.setups(given({"x": numbers(1, 3, 1, 1)}))} == {3}


def test_it_belongs_to_the_lesson_that_teaches_it():
    assert LESSONS[BATCH_NORM.lesson] == "BatchNorm and dropout"
    assert bank.OPERATIONS["batch_norm"] is BATCH_NORM
    assert BATCH_NORM.called == "BatchNorm"


# --- means over other axes -------------------------------------------------------------------------------------------------


def mean_over(a, axes):
    """At each place the mean of all values that differ from it in these axes only."""
    means = np.zeros(a.shape)
    for place in np.ndindex(a.shape):
        alike = [
            a[other] for other in np.ndindex(a.shape) if all(other[k] == place[k] for k in set(range(a.ndim)) - set(axes))
        ]
        means[place] = sum(alike) / len(alike)
    return means


@pytest.mark.parametrize(("shape", "channel"), [((4, 3), 1), ((2, 3, 2, 2), 1), ((2, 2, 2, 3), 3)])
def test_wrong_gradients_are_those_of_means_over_other_axes(shape, channel):
    x, gamma = numbers(*shape), numbers(3, seed=1)
    g = given({"img": x, "gamma": gamma})
    setup = next(BATCH_NORM.setups(g))
    _, xhat, stds = normalised(x, channel, 0, 1e-5, False)
    spread = [1] * len(shape)
    spread[channel] = 3
    gamma, std, axes = gamma.reshape(spread), np.reshape(stds, spread), setup.roles["axes"]
    expected = []
    for wrong in ((1,),) if len(shape) == 2 else ((0,), (2, 3), (1, 2, 3), (0, 1)):
        words = (
            f"means over axes {wrong} instead of {axes}"
            if len(shape) == 4
            else "means over the features instead of the batch"
        )
        late = g.dout - mean_over(g.dout, wrong) - xhat * mean_over(g.dout * xhat, wrong)
        dxhat = g.dout * gamma
        early = dxhat - mean_over(dxhat, wrong) - xhat * mean_over(dxhat * xhat, wrong)
        expected += [(words, gamma / std * late), (words, early / std)]
    found = list(BATCH_NORM.wrongs(g, setup))
    assert len(found) == len(expected)
    for wrong, (words, dx) in zip(found, expected, strict=True):
        assert (wrong.name, wrong.words, list(wrong.gradients)) == ("summed over the wrong axis", words, ["img"])
        assert close(wrong.gradients["img"], dx)
        assert 0 < wrong.weight <= 1


# --- the three parts of dx -------------------------------------------------------------------------------------------------


class Normalisation:
    """x with a gamma, and any factor before each part of dx in each channel. ``right`` is dx without a mistake."""

    def __init__(self, shape, channel=1, gamma=None):
        self.x, self.channel = numbers(*shape), channel
        self.gamma = numbers(shape[channel], seed=1) if gamma is None else np.array(gamma)
        self.given = given({"x": self.x, "gamma": self.gamma})
        self.setup = next(s for s in BATCH_NORM.setups(self.given) if s.roles["channel"] == channel)
        _, self.xhat, stds = normalised(self.x, channel, 0, 1e-5, False)
        self.std, self.m = np.array(stds), self.x.size // shape[channel]
        self.right = self.dx()

    def dx(self, direct=1.0, mean=1.0, variance=1.0):
        dx, dout = np.zeros(self.x.shape), self.given.dout
        direct, mean, variance = (np.broadcast_to(factor, self.gamma.shape) for factor in (direct, mean, variance))
        for c in range(len(self.gamma)):
            upstream, places = of_channel(dout, self.channel, c)
            xhat, _ = of_channel(self.xhat, self.channel, c)
            dbeta, dgamma = sum(upstream) / self.m, sum(u * v for u, v in zip(upstream, xhat, strict=True)) / self.m
            for place, u, v in zip(places, upstream, xhat, strict=True):
                inner = direct[c] * u - mean[c] * dbeta - variance[c] * v * dgamma
                dx[place] = self.gamma[c] / self.std[c] * inner
        return dx

    def read(self, dx=None, **factors):
        dx = self.dx(**factors) if dx is None else dx
        found = list(norm.read_dx(self.given, self.setup, dx, self.right))
        for name, _, weight in found:
            assert name in CATALOGUE
            assert 0 < weight <= 1
        return found

    def said(self, dx=None, **factors):
        return [(name, words) for name, words, _ in self.read(dx, **factors)]


TABLE, IMAGES, LAST = Normalisation((7, 3)), Normalisation((2, 3, 2, 3)), Normalisation((2, 3, 2, 4), channel=3)
ALL = pytest.mark.parametrize("bn", [TABLE, IMAGES, LAST], ids=["table", "images", "channels last"])


@ALL
def test_a_right_gradient_reads_as_no_mistake(bn):
    assert bn.said() == []
    assert bn.said(dx=3 * bn.right) == []  # the factor is somebody else's to find


@ALL
def test_a_part_that_is_missing(bn):
    fine = "is right, and so is the direct one (dxhat / std)"
    mean, variance = (f"your dx has no part that goes through the {part}" for part in ("mean", "variance"))
    assert bn.said(mean=0) == [("mean term missing", f"{mean}; the part through the variance {fine}")]
    assert bn.said(variance=0) == [("variance term missing", f"{variance}; the part through the mean {fine}")]
    for rest in ({"direct": 2.0}, {"variance": 2.0}, {"variance": bn.gamma}, {"direct": bn.std}):
        assert ("mean term missing", mean) in bn.said(mean=0, **rest), rest
    for rest in ({"direct": 2.0}, {"mean": 2.0}, {"mean": bn.gamma}, {"direct": bn.std}):
        assert ("variance term missing", variance) in bn.said(variance=0, **rest), rest


@ALL
def test_a_part_with_a_factor(bn):
    found = bn.said(mean=2.0, variance=0.5)
    assert found == [
        ("mean term missing", "the mean's part of your dx is 2 times the right one"),
        ("variance term missing", "the variance's part of your dx is 0.5 times the right one"),
    ]
    assert bn.said(direct=4.0, mean=8.0, variance=2.0) == found  # they are measured by the direct part
    assert bn.said(direct=0.0, mean=2.0, variance=0.5) == found  # but not where there is none
    assert bn.said(direct=0.5, mean=0.5) == [
        ("variance term missing", "the variance's part of your dx is 2 times the right one")
    ]
    assert bn.said(direct=0.0, mean=-1.0) == [("mean term missing", "the mean's part of your dx is -1 times the right one")]
    assert bn.said(direct=bn.gamma, mean=3.0)[1:] == [
        ("mean term missing", "the mean's part of your dx is 3 times the right one")
    ]
    for part, name in (("mean", "mean term missing"), ("variance", "variance term missing")):
        each = "column" if bn is TABLE else "channel"
        odd = np.array([1.0, 2.0, -0.7, 0.4])[: len(bn.gamma)]
        assert bn.said(**{part: odd}) == [(name, f"the {part}'s part is wrong, by another factor in each {each}")]


@ALL
def test_statistics_that_are_constants(bn):
    each = "column" if bn is TABLE else "channel"
    constant = ("statistics treated as constants", f"your dx is a multiple of dout in each {each}")
    assert bn.said(mean=0, variance=0) == [constant]
    assert bn.said(direct=2.5, mean=0, variance=0) == [constant]
    left = "what is left of it is off by a factor that goes with"
    assert bn.said(direct=1 / bn.gamma, mean=0, variance=0) == [constant, ("gamma missing", f"{left} 1 / gamma")]
    wrong_power = ("power of the standard deviation wrong", f"{left} std")
    assert bn.said(direct=3 * bn.std, mean=0, variance=0) == [constant, wrong_power]
    weights = [weight for _, _, weight in bn.read(direct=bn.std, mean=0, variance=0)]
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == 2


@ALL
@pytest.mark.parametrize(
    ("power", "words"), [(1, "{}"), (2, "{}**2"), (3, "{}**3"), (-1, "1 / {}"), (-2, "1 / {}**2"), (-3, "1 / {}**3")]
)
@pytest.mark.parametrize(("base", "name"), [("gamma", "gamma missing"), ("std", "power of the standard deviation wrong")])
def test_a_factor_that_goes_with_gamma_or_the_standard_deviation(bn, base, name, power, words):
    factor, goes = getattr(bn, base) ** float(power), f"is off by a factor that goes with {words.format(base)}"
    assert bn.said(direct=factor, mean=factor, variance=factor) == [(name, f"your dx {goes}")]
    assert bn.said(direct=2 * factor) == [(name, f"dout's part of your dx {goes}")]
    assert bn.said(mean=factor) == [(name, f"the mean's part of your dx {goes}")]
    assert bn.said(variance=-factor) == [(name, f"the variance's part of your dx {goes}")]
    assert bn.said(direct=factor, variance=factor) == [(name, f"dout's and the variance's part of your dx {goes}")]
    assert bn.said(mean=factor, variance=0)[0] == (name, f"the mean's part of your dx {goes}")


@ALL
def test_both_kinds_of_powers_at_once(bn):
    assert bn.said(direct=bn.gamma, mean=bn.std, variance=bn.std) == [
        ("gamma missing", "dout's part of your dx is off by a factor that goes with gamma"),
        (
            "power of the standard deviation wrong",
            "the mean's and the variance's part of your dx is off by a factor that goes with std",
        ),
    ]
    fourth = bn.std**4.0  # which nobody writes
    assert {name for name, _ in bn.said(mean=fourth, variance=1.0)} == {"mean term missing"}


@ALL
def test_both_statistics_parts_with_one_factor(bn):
    m, said = bn.m, "both statistics' parts are"
    for factor in (m / (m - 1), (m - 1) / m):
        mixed = ("N - 1 for N", f"{said} {factor:.6g} times the right ones: {m} and {m - 1} mixed up")
        assert bn.said(mean=factor, variance=factor) == [mixed]
        assert bn.said(direct=3.0, mean=3 * factor, variance=3 * factor) == [mixed]
        assert bn.said(variance=factor) == [
            ("N - 1 for N", f"the variance's part is {factor:.6g} times the right one: {m} and {m - 1} mixed up")
        ]
        words = f"the mean's part of your dx is {factor:.4g} times the right one"
        assert bn.said(mean=factor) == [("mean term missing", words)]
    for factor in (0.5, 2.0, float(m), 1 / m, 1 + 1e-4):
        count = ("divided by the wrong count", f"{said} {factor:.6g} times the right ones")
        assert bn.said(mean=factor, variance=factor) == [count]
        assert bn.said(direct=0.25, mean=factor / 4, variance=factor / 4) == [count]
    assert bn.said(direct=2.0) == [("divided by the wrong count", f"{said} 0.5 times the right ones")]


@ALL
def test_both_statistics_parts_with_the_other_sign(bn):
    for factor in (-1.0, -0.5, -3.0):
        found = bn.read(mean=factor, variance=factor)
        assert [name for name, _, _ in found] == ["sign flipped", "mean term missing", "variance term missing"]
        assert found[0][2] > found[1][2] == found[2][2]
    assert [name for name, _ in bn.said(direct=-1.0)] == [name for name, _, _ in found]
    assert bn.said(direct=-1.0, mean=-1.0, variance=-1.0) == []  # all of dx is: the sign is somebody else's to find


@ALL
def test_another_epsilon(bn):
    """(var + eps) ** -0.5 with an eps of 1e-2 is off in each channel, the more the less it varies."""
    each = "column" if bn is TABLE else "channel"
    factor = 1 - 0.015 * np.array([1.0, 0.3, 0.8, 0.5])[: len(bn.gamma)]
    said = [("epsilon wrong", f"each {each} is off by a little of its own, up to 0.015 of it")]
    assert bn.said(direct=factor, mean=factor, variance=factor) == said
    for part in ("direct", "mean", "variance"):
        assert bn.said(**{part: factor}) == said
    more = 1 + 2 * (factor - 1)
    assert "epsilon wrong" not in {name for name, _ in bn.said(direct=more, mean=more, variance=more)}
    assert "epsilon wrong" not in {name for name, _ in bn.said(mean=factor, variance=0.9)}
    assert "epsilon wrong" not in {name for name, _ in bn.said(mean=1.01, variance=1.015)}  # one number for all channels


def test_what_is_made_of_other_parts_is_not_read():
    for bn in (TABLE, IMAGES, LAST):
        for scale in (1.0, 1e-6):
            assert bn.said(scale * numbers(*bn.x.shape, seed=5)) == []
            assert bn.said(scale * (bn.dx(mean=0) + 0.01 * numbers(*bn.x.shape, seed=5))) == []
        one = bn.dx(mean=0)  # in one channel only
        index = [slice(None)] * one.ndim
        index[bn.channel] = len(bn.gamma) - 1
        one[tuple(index)] = numbers(*bn.x.shape, seed=5)[tuple(index)]
        assert bn.said(one) == []


def test_three_values_a_channel_fit_everything():
    assert [name for name, _ in Normalisation((4, 3)).said(mean=0)] == ["mean term missing"]
    assert Normalisation((3, 3)).said(mean=0) == []
    assert Normalisation((2, 3)).said(mean=0) == []


def test_where_a_part_of_the_right_gradient_is_zero_there_is_nothing_to_compare_with():
    bn = Normalisation((6, 3))
    bn.given.dout[:, 1] -= bn.given.dout[:, 1].mean()
    bn.right = bn.dx()
    assert bn.said(variance=2.0) == []
    zero = Normalisation((6, 3), gamma=[0.5, 0.0, 2.0])
    assert zero.said(numbers(6, 3, seed=5)) == []
    without_gamma = Normalisation((6, 3), gamma=[1.0, 1.0, 1.0])
    without_gamma.given.dout[:] = zero.given.dout
    assert zero.said(without_gamma.dx()) == []


# --- dgamma and dbeta ------------------------------------------------------------------------------------------------------


def dgamma_said(factor, right=None):
    right = numbers(3, seed=4) if right is None else right
    found = list(norm.read_dgamma(TABLE.setup, right * factor, right))
    assert all(name in CATALOGUE and 0 < weight <= 1 for name, _, weight in found)
    weights = [weight for _, _, weight in found]
    assert weights == sorted(set(weights), reverse=True)  # the first is the likelier
    return [(name, words) for name, words, _ in found]


@pytest.mark.parametrize(("power", "words"), [(1, "{}"), (2, "{}**2"), (-1, "1 / {}"), (-3, "1 / {}**3")])
def test_dgamma_with_a_factor_that_goes_with_gamma_or_the_standard_deviation(power, words):
    goes = "it is off by a factor that goes with"
    std = f"{goes} {words.format('std')} of x: x - mean where xhat belongs"
    gamma = f"{goes} {words.format('gamma')}"
    assert dgamma_said(TABLE.std ** float(power)) == [("power of the standard deviation wrong", std), ("wrong operand", std)]
    assert dgamma_said(-2 * TABLE.gamma ** float(power)) == [("gamma missing", gamma), ("wrong operand", gamma)]
    rows = numbers(1, 3, seed=4)
    assert dgamma_said(TABLE.gamma ** float(power), rows) == [("gamma missing", gamma), ("wrong operand", gamma)]


def test_dgamma_with_other_factors_is_not_read():
    assert dgamma_said(2.0) == []
    assert dgamma_said(0.0) == []
    assert dgamma_said(np.array([1.0, 2.0, 5.0])) == []
    assert dgamma_said(2e-6 * np.array([1.0, 2.0, 0.5])) == []  # however small they are
    assert dgamma_said(5e-6 * TABLE.std) == dgamma_said(TABLE.std) != []
    assert dgamma_said(TABLE.gamma, np.array([1.0, 0.0, 2.0])) == []
    zero = Normalisation((6, 3), gamma=[0.5, 0.0, 2.0])
    right = numbers(3, seed=4)
    assert list(norm.read_dgamma(zero.setup, right * np.array([1.0, 2.0, 5.0]), right)) == []
    assert [name for name, _, _ in norm.read_dgamma(zero.setup, right * zero.std, right)][1:] == ["wrong operand"]


# --- what becomes of it ----------------------------------------------------------------------------------------------------


def evidence(bn, **analytic):
    """What a check would know: the right gradients of x, gamma and beta, and these in place of some."""
    dgamma, dbeta = (bn.given.dout * bn.xhat).sum(axis=0), bn.given.dout.sum(axis=0)
    numeric = {"x": bn.right, "gamma": dgamma, "beta": dbeta}
    beta = numbers(*bn.gamma.shape, seed=2)
    subject = Subject(
        "",
        {"x": bn.x, "gamma": bn.gamma, "beta": beta},
        {},
        lambda *_: None,
        lambda *_: None,
        called={"gamma": "grad_gamma"},
    )
    results = {
        name: ArgumentResult(name, analytic.get(name, n), n, wrong=int(name in analytic)) for name, n in numeric.items()
    }
    out = normalised(bn.x, 1, 0, 1e-5, False, bn.gamma, beta)[0]
    return Evidence(subject, Trial(out, bn.given.dout), results, 0)


def found_in(bn, **analytic):
    e = evidence(bn, **analytic)
    operation, setup = bank.recognise(e)
    assert operation is BATCH_NORM
    return [(f.name, f.evidence, f.weight, f.explains) for f in bank.find(e, operation, setup)]


def test_findings_are_what_was_read_of_the_gradients_that_are_wrong():
    read = TABLE.read(mean=0)
    assert found_in(TABLE, x=TABLE.dx(mean=0)) == [(*finding, ("x",)) for finding in read]
    right = evidence(TABLE).n("gamma"), evidence(TABLE).n("beta")
    for which, label, n in (("gamma", "grad_gamma", right[0]), ("beta", "dbeta", right[1])):
        read = list(norm.read_dgamma(TABLE.setup, n * TABLE.std, n))
        found = found_in(TABLE, **{which: n * TABLE.std})
        assert found == [(name, f"{label}: {words}", weight, (which,)) for name, words, weight in read] != []
    both = found_in(TABLE, x=TABLE.dx(mean=0), beta=right[1] * TABLE.gamma)
    assert [explains for *_, explains in both] == [("x",), ("beta",), ("beta",)]
    assert found_in(TABLE) == []


def test_a_gradient_that_is_nearly_right_speaks_for_another_epsilon():
    nearly = TABLE.right + 1e-3 * np.abs(TABLE.right).max() * np.sign(numbers(7, 3, seed=6))
    dgamma = evidence(TABLE).n("gamma")
    ((name, words, weight, explains),) = found_in(TABLE, x=nearly)
    assert (name, words, explains) == ("epsilon wrong", "dx is off by less than 0.2 %", ("x",))
    assert 0 < weight <= 1
    off = dgamma * np.array([1.001, 0.9995, 1.0])
    found = found_in(TABLE, x=nearly, gamma=off)
    assert [(words, explains) for _, words, _, explains in found] == [
        ("dx, grad_gamma is off by less than 0.2 %", ("x", "gamma"))
    ]
    assert found_in(TABLE, gamma=dgamma * np.array([1.01, 0.995, 1.0])) == []


def test_a_gradient_that_was_read_needs_no_other_epsilon():
    slightly = TABLE.dx(variance=1.0001)
    assert [name for name, *_ in found_in(TABLE, x=slightly)] == ["variance term missing"]


def test_only_batch_norm_is_read_like_that():
    e = evidence(TABLE, x=TABLE.dx(mean=0))
    _, setup = bank.recognise(e)
    for operation in bank.OPERATIONS.values():
        if operation.wrongs is bank.OPERATIONS["relu"].wrongs:
            assert list(bank.find(e, operation, setup)) == []
