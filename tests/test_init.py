import math
import re

import numpy as np
import pytest

from scratchnet import init

# name -> (the formula of its standard deviation from fan_in and fan_out, uniform or not)
FORMULAS = {
    "he_normal": (lambda i, o: math.sqrt(2 / i), False),
    "he_uniform": (lambda i, o: math.sqrt(2 / i), True),
    "xavier_normal": (lambda i, o: math.sqrt(2 / (i + o)), False),
    "xavier_uniform": (lambda i, o: math.sqrt(2 / (i + o)), True),
    "lecun_normal": (lambda i, o: math.sqrt(1 / i), False),
    "lecun_uniform": (lambda i, o: math.sqrt(1 / i), True),
    "fan_in_uniform": (lambda i, o: 1 / math.sqrt(3 * i), True),
    "normal": (lambda i, o: 0.01, False),
    "uniform": (lambda i, o: 0.01 / math.sqrt(3), True),
}
SHAPES = [((400, 300), 400, 300), ((60, 40, 7, 5), 40 * 35, 60 * 35)]
each = pytest.mark.parametrize("name", FORMULAS)


@each
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
def test_spread_is_the_formula(name, shape, fan_in, fan_out):
    formula, is_uniform = FORMULAS[name]
    std = formula(fan_in, fan_out)
    w = getattr(init, name)(np.random.default_rng(0), shape).astype(float)
    n = w.size
    assert abs(w.mean()) < 5 * std / math.sqrt(n)
    # The sample variance of n values has a relative standard deviation of sqrt((kurtosis - 1) / n).
    kurtosis = 1.8 if is_uniform else 3
    assert abs(w.var() / std**2 - 1) < 5 * math.sqrt((kurtosis - 1) / n)
    bound = std * math.sqrt(3)
    if is_uniform:
        assert bound * (1 - 1e-3) < np.abs(w).max() <= bound * (1 + 1e-6)
        assert abs((np.abs(w) < bound / 2).mean() - 0.5) < 5 * 0.5 / math.sqrt(n)
    else:
        assert np.abs(w).max() > 3.5 * std  # a bell has tails
        assert abs((np.abs(w) < std).mean() - math.erf(math.sqrt(0.5))) < 5 * 0.5 / math.sqrt(n)


@each
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 1, 5)])
def test_float32_contiguous_and_from_the_argument_alone(name, shape):
    draw = getattr(init, name)
    w = draw(np.random.default_rng(7), shape)
    assert (w.dtype, w.shape, w.flags.c_contiguous, w.flags.writeable) == (np.float32, shape, True, True)
    np.testing.assert_array_equal(draw(np.random.default_rng(7), shape), w)
    assert not np.array_equal(draw(np.random.default_rng(8), shape), w)
    rng = np.random.default_rng(7)
    draw(rng, shape)
    assert not np.array_equal(draw(rng, shape), w)


def test_size_of_normal_and_uniform():
    w = init.normal(np.random.default_rng(0), (1000, 100), std=3.0)
    assert w.std() == pytest.approx(3, rel=0.02)
    w = init.uniform(np.random.default_rng(0), (1000, 100), bound=3.0)
    assert np.abs(w).max() == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize(("shape", "wanted"), [((7, 5), (7, 5)), ((8, 3, 5, 2), (30, 80)), ((1, 1, 1, 1), (1, 1))])
def test_fans(shape, wanted):
    assert init.fans(shape) == wanted


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (1, 2, 3, 4, 5), ()])
def test_fans_of_other_shapes(shape):
    with pytest.raises(ValueError, match=re.escape(f"fans: shape must be (D, M) or (F, C, KH, KW), got {shape}")):
        init.fans(shape)


@pytest.mark.parametrize("name", ["he_normal", "lecun_uniform", "xavier_normal"])
def test_a_signal_keeps_its_size_through_many_layers(name):
    """What the formulas are for: 20 layers neither blow up nor die."""
    rng, width = np.random.default_rng(0), 200
    x = rng.standard_normal((100, width)).astype(np.float32)
    for _ in range(20):
        x = x @ getattr(init, name)(rng, (width, width))
        if name == "he_normal":
            x = np.maximum(x, 0)
    assert 0.2 < np.sqrt(np.square(x).mean()) < 5


def test_a_seed_is_not_a_generator():
    with pytest.raises(TypeError, match=r"rng must be a random generator such as np\.random\.default_rng\(0\), got 0"):
        init.he_normal(0, (3, 2))
