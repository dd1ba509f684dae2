import math
import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.layers.norm import BatchNorm1d, BatchNorm2d, batch_norm_backward, batch_norm_forward

shapes = st.tuples(st.integers(4, 6), st.integers(1, 3)) | st.tuples(
    st.integers(2, 3), st.integers(1, 3), st.integers(1, 4), st.integers(2, 3)
)
of_every_kind = pytest.mark.parametrize("shape", [(5, 3), (2, 3, 3, 5)], ids=["1d", "2d"])


def arrays(shape, seed=0):
    """x with a channel variance far from 0, gamma, beta, given mean and var, dout."""
    rng = np.random.default_rng(seed)
    x = strategies.off_kinks(rng, shape) + rng.standard_normal((1, shape[1], *[1] * (len(shape) - 2)))
    gamma, beta, mean = rng.standard_normal((3, shape[1]))
    return x, gamma, beta, mean, rng.uniform(0.5, 2, shape[1]), rng.standard_normal(shape)


def layer_for(shape, **settings):
    return {2: BatchNorm1d, 4: BatchNorm2d}[len(shape)](shape[1], **settings)


@given(shapes, strategies.seeds, st.sampled_from([1e-5, 1e-2, 1.0]))
def test_forward_is_the_formula(shape, seed, eps):
    x, gamma, beta, mean, var, _ = arrays(shape, seed)
    ref.assert_close(batch_norm_forward(x, gamma, beta, eps)[0], ref.batch_norm(x, gamma, beta, eps), 1e-11)
    out, _ = batch_norm_forward(x, gamma, beta, eps, mean, var)
    ref.assert_close(out, ref.batch_norm(x, gamma, beta, eps, mean, var), 1e-11)


@given(shapes, strategies.seeds, st.sampled_from([1e-5, 1.0]))
def test_gradients_in_training(shape, seed, eps):
    x, gamma, beta, _, _, dout = arrays(shape, seed)
    got = batch_norm_backward(dout, batch_norm_forward(x, gamma, beta, eps)[1])
    for i, name in enumerate(["x", "gamma", "beta"]):

        def forward(value, i=i):
            arguments = [x, gamma, beta]
            arguments[i] = value
            return batch_norm_forward(*arguments, eps)[0]

        ref.assert_gradient(got[i], ref.numeric_gradient(forward, [x, gamma, beta][i], dout), f"d{name}")


@given(shapes, strategies.seeds)
def test_gradients_in_evaluation(shape, seed):
    """The statistics are constants then: their share of dx must be missing."""
    x, gamma, beta, mean, var, dout = arrays(shape, seed)
    got = batch_norm_backward(dout, batch_norm_forward(x, gamma, beta, mean=mean, var=var)[1])
    for i, name in enumerate(["x", "gamma", "beta"]):

        def forward(value, i=i):
            arguments = [x, gamma, beta]
            arguments[i] = value
            return batch_norm_forward(*arguments, mean=mean, var=var)[0]

        ref.assert_gradient(got[i], ref.numeric_gradient(forward, [x, gamma, beta][i], dout), f"d{name}")


@of_every_kind
def test_training_normalises(shape):
    x = arrays(shape)[0] * 7 + 3
    out, _ = layer_for(shape).forward(x, train=True)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(out.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(out.std(axis=axes), 1, rtol=1e-4)


@of_every_kind
def test_evaluation_uses_the_running_statistics_and_their_gradient(shape):
    x, gamma, beta, mean, var, dout = arrays(shape)
    layer = layer_for(shape, eps=1e-3)
    layer.params = {"gamma": gamma, "beta": beta}
    layer.state = {"running_mean": mean, "running_var": var}
    out, cache = layer.forward(x)
    ref.assert_close(out, ref.batch_norm(x, gamma, beta, 1e-3, mean, var))
    dx, _ = layer.backward(dout, cache)
    ref.assert_gradient(dx, ref.numeric_gradient(layer, x, dout), "dx")
    assert layer.observe(cache) == {}
    one_image, _ = layer.forward(x[:1])  # the batch's other images do not matter
    ref.assert_close(one_image, out[:1])


@of_every_kind
def test_training_ignores_the_running_statistics(shape):
    x, _, _, mean, var, dout = arrays(shape)
    layer = layer_for(shape)
    out, cache = layer.forward(x, train=True)
    dx, _ = layer.backward(dout, cache)
    layer.state = {"running_mean": mean, "running_var": var}
    other_out, other_cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(other_out, out)
    np.testing.assert_array_equal(layer.backward(dout, other_cache)[0], dx)


@of_every_kind
@pytest.mark.parametrize("momentum", [0.1, 0.3, 0.0, 1.0])
def test_running_statistics(shape, momentum):
    layer = layer_for(shape, momentum=momentum)
    for name in layer.state:
        layer.state[name] = layer.state[name].astype(np.float64)
    mean, var = np.zeros(shape[1]), np.ones(shape[1])
    for seed in range(4):
        x = arrays(shape, seed)[0]
        _, cache = layer.forward(x, train=True)
        layer.update_state(layer.observe(cache))
        mean, var = ref.running_statistics(x, mean, var, momentum)
        ref.assert_close(layer.state["running_mean"], mean)
        ref.assert_close(layer.state["running_var"], var)


@of_every_kind
def test_what_is_observed_is_the_mean_and_the_unbiased_variance(shape):
    x = arrays(shape)[0]
    layer = layer_for(shape)
    observed = layer.observe(layer.forward(x, train=True)[1])
    axes = (0, *range(2, x.ndim))
    assert observed.keys() == layer.state.keys()
    ref.assert_close(observed["running_mean"], x.mean(axis=axes))
    ref.assert_close(observed["running_var"], x.var(axis=axes, ddof=1))


@of_every_kind
def test_only_update_state_writes_the_state_and_in_place(shape):
    x = arrays(shape)[0].astype(np.float32)
    layer = layer_for(shape)
    arrays_before = dict(layer.state)
    values_before = {name: value.copy() for name, value in layer.state.items()}
    out, cache = layer.forward(x, train=True)
    layer.backward(out, cache)
    observed = layer.observe(cache)
    layer.forward(x)
    for name, value in values_before.items():
        np.testing.assert_array_equal(layer.state[name], value)
    layer.update_state(observed)
    for name, array in arrays_before.items():
        assert layer.state[name] is array
        assert array.dtype == np.float32
        assert not np.array_equal(array, values_before[name])
    wanted = {name: value.copy() for name, value in observed.items()}
    layer.update_state(observed)
    for name, value in wanted.items():
        np.testing.assert_array_equal(observed[name], value)


def test_nothing_observed_changes_nothing():
    layer = BatchNorm1d(2)
    layer.update_state({})
    assert layer.state["running_mean"].tolist() == [0, 0]
    assert layer.state["running_var"].tolist() == [1, 1]


def test_new_layers_do_nothing_in_evaluation():
    x = np.random.default_rng(0).standard_normal((4, 3))
    np.testing.assert_allclose(BatchNorm1d(3)(x), x / math.sqrt(1 + 1e-5), rtol=1e-12)
    layer = BatchNorm2d(3)
    assert list(layer.params) == ["gamma", "beta"]
    assert {array.dtype for array in [*layer.params.values(), *layer.state.values()]} == {np.dtype(np.float32)}


def test_a_large_mean_does_not_swallow_the_variance():
    """mean(x**2) - mean(x)**2 would be rounding and nothing else here."""
    noise = np.random.default_rng(0).standard_normal((64, 2, 4, 4)).astype(np.float32)
    out, cache = BatchNorm2d(2).forward(noise + np.float32(3000), train=True)
    np.testing.assert_allclose(out.std(axis=(0, 2, 3)), 1, rtol=1e-3)
    np.testing.assert_allclose(out.mean(axis=(0, 2, 3)), 0, atol=1e-3)
    observed = BatchNorm2d(2).observe(cache)
    np.testing.assert_allclose(observed["running_var"], noise.var(axis=(0, 2, 3), ddof=1), rtol=1e-3)


def test_a_constant_channel_is_shifted_to_beta():
    layer = BatchNorm1d(2)
    layer.params["beta"][:] = [3, -4]
    x = np.array([[5.0, 1.0]] * 4)
    out, cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(out, [[3, -4]] * 4)
    dx, grads = layer.backward(np.arange(8.0).reshape(4, 2), cache)
    assert np.isfinite(dx).all()
    assert grads["gamma"].tolist() == [0, 0]


def test_channels_do_not_mix():
    x = arrays((3, 2, 2, 3))[0]
    out, _ = BatchNorm2d(2).forward(x, train=True)
    x[:, 1] *= 100
    other, _ = BatchNorm2d(2).forward(x, train=True)
    np.testing.assert_array_equal(other[:, 0], out[:, 0])


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (BatchNorm1d(4), (5, 3), "BatchNorm: x has 3 channels, gamma and beta want 4: x (5, 3), gamma (4,)"),
        (BatchNorm2d(4), (5, 3, 2, 2), "BatchNorm: x has 3 channels, gamma and beta want 4: x (5, 3, 2, 2), gamma (4,)"),
        (BatchNorm1d(3), (5, 3, 2, 2), "BatchNorm1d: x must be (N, D), got (5, 3, 2, 2)"),
        (BatchNorm2d(3), (5, 3), "BatchNorm2d: x must be (N, C, H, W), got (5, 3)"),
        (BatchNorm1d(3), (1, 3), "BatchNorm: training needs more than one value a channel, got x (1, 3)"),
        (BatchNorm2d(3), (1, 3, 1, 1), "BatchNorm: training needs more than one value a channel, got x (1, 3, 1, 1)"),
        (BatchNorm2d(3), (0, 3, 2, 2), "BatchNorm: training needs more than one value a channel, got x (0, 3, 2, 2)"),
    ],
)
def test_wrong_x_in_training(layer, x, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros(x), train=True)


@pytest.mark.parametrize("layer", [BatchNorm1d(4), BatchNorm2d(4)])
def test_wrong_x_in_evaluation(layer):
    shape = (5, 3, 2, 2)[: layer.ndim]
    with pytest.raises(ValueError, match=re.escape(f"BatchNorm: x has 3 channels, gamma and beta want 4: x {shape}")):
        layer(np.zeros(shape))


def test_three_axes_are_refused():
    with pytest.raises(ValueError, match=re.escape("BatchNorm: x must be (N, D) or (N, C, H, W), got (2, 3, 4)")):
        batch_norm_forward(np.zeros((2, 3, 4)), np.ones(3), np.zeros(3))


@pytest.mark.parametrize("x", [(2, 3), (1, 3, 1, 2)])
def test_two_values_a_channel_are_enough(x):
    x = np.arange(6.0).reshape(x)
    out, cache = layer_for(x.shape).forward(x, train=True)
    assert np.isfinite(out).all()
    assert np.isfinite(layer_for(x.shape).observe(cache)["running_var"]).all()


@pytest.mark.parametrize("layer", [BatchNorm1d, BatchNorm2d])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_features": 0}, "num_features must be an integer of at least 1, got 0"),
        ({"eps": 0}, "eps must be positive, got 0"),
        ({"eps": -1e-5}, "eps must be positive, got -1e-05"),
        ({"momentum": -0.1}, "momentum must be in 0 .. 1, got -0.1"),
        ({"momentum": 1.1}, "momentum must be in 0 .. 1, got 1.1"),
        ({"momentum": math.nan}, "momentum must be in 0 .. 1, got nan"),
    ],
)
def test_wrong_settings(layer, settings, message):
    with pytest.raises(ValueError, match=re.escape(f"{layer.__name__}: {message}")):
        layer(**{"num_features": 3, **settings})


def test_a_learners_own_pair_with_its_own_cache_still_trains_the_running_statistics():
    """Only the functions that made a cache can read it, so the layer may not look for its statistics there."""

    def my_forward(x, gamma, beta, eps=1e-5, mean=None, var=None):
        if mean is None:
            mean, var = x.mean(axis=0), x.var(axis=0)
        xhat = (x - mean) / np.sqrt(var + eps)
        return gamma * xhat + beta, {"xhat": xhat, "gamma": gamma}

    def my_backward(dout, cache):
        return dout * cache["gamma"], (dout * cache["xhat"]).sum(axis=0), dout.sum(axis=0)

    x = arrays((5, 3))[0].astype(np.float32)
    layer, plain = BatchNorm1d(3, functions=(my_forward, my_backward)), BatchNorm1d(3)
    for each in layer, plain:
        out, cache = each.forward(x, train=True)
        each.backward(out, cache)
        each.update_state(each.observe(cache))
    for name, value in plain.state.items():
        ref.assert_close(layer.state[name], value, name=name)


def test_half_of_the_given_statistics_is_refused():
    with pytest.raises(ValueError, match="both mean and var, or neither"):
        batch_norm_forward(np.ones((3, 2)), np.ones(2), np.zeros(2), mean=np.zeros(2))


@pytest.mark.parametrize("eps", ["1", None, 1j, 0, -1, math.inf])
def test_eps_is_one_positive_number(eps):
    with pytest.raises(ValueError, match="BatchNorm: eps must be positive, got"):
        batch_norm_forward(np.ones((3, 2)), np.ones(2), np.zeros(2), eps)
