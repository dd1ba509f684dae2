import inspect
import math
import re

import numpy as np
import pytest
import reference as ref
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.layers import Dense, Sequential, Tanh
from scratchnet.optim import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
    constant,
    cosine,
    one_cycle,
    step_decay,
    warmup_cosine,
)

STEPS = 6

# Optimizer, and its oracle with the same settings.
CASES = {
    "SGD": (lambda **k: SGD(0.1, **k), lambda *a, **k: ref.sgd(*a, **k)),
    "Momentum": (lambda **k: Momentum(0.1, **k), lambda *a, **k: ref.momentum(*a, **k)),
    "Momentum 0.5": (lambda **k: Momentum(0.1, 0.5, **k), lambda *a, **k: ref.momentum(*a, mu=0.5, **k)),
    "Momentum 0": (lambda **k: Momentum(0.1, 0.0, **k), lambda *a, **k: ref.sgd(*a, **k)),
    "Nesterov": (lambda **k: Nesterov(0.1, **k), lambda *a, **k: ref.nesterov(*a, **k)),
    "Nesterov 0.3": (lambda **k: Nesterov(0.1, 0.3, **k), lambda *a, **k: ref.nesterov(*a, mu=0.3, **k)),
    "RMSProp": (lambda **k: RMSProp(0.1, **k), lambda *a, **k: ref.rmsprop(*a, **k)),
    "RMSProp 0.6": (
        lambda **k: RMSProp(0.1, 0.6, eps=1e-2, **k),
        lambda *a, **k: ref.rmsprop(*a, alpha=0.6, eps=1e-2, **k),
    ),
    "Adam": (lambda **k: Adam(0.1, **k), lambda *a, **k: ref.adam(*a, **k)),
    "Adam 0.5, 0.6": (
        lambda **k: Adam(0.1, (0.5, 0.6), eps=1e-2, **k),
        lambda *a, **k: ref.adam(*a, beta1=0.5, beta2=0.6, eps=1e-2, **k),
    ),
    "AdamW": (lambda **k: AdamW(0.1, **k), lambda *a, **k: ref.adamw(*a, **k)),
    "AdamW 0.5, 0.6": (
        lambda **k: AdamW(0.1, (0.5, 0.6), eps=1e-2, **k),
        lambda *a, **k: ref.adamw(*a, beta1=0.5, beta2=0.6, eps=1e-2, **k),
    ),
}
each = pytest.mark.parametrize(("build", "oracle"), CASES.values(), ids=CASES)
each_class = pytest.mark.parametrize("optimizer", OPTIMIZERS.values())


def gradients(steps=STEPS, shape=(2, 3), seed=0):
    return np.random.default_rng(seed).standard_normal((steps, *shape))


@each
@pytest.mark.parametrize("weight_decay", [None, 0.0, 0.3])
@pytest.mark.parametrize("schedule", [False, True])
def test_every_number_moves_as_the_formula_says(build, oracle, weight_decay, schedule):
    decay = {} if weight_decay is None else {"weight_decay": weight_decay}
    lrs = [0.1 / (1 + step) for step in range(STEPS)] if schedule else [0.1] * STEPS
    start, grads, optimizer = gradients(1, seed=1)[0], gradients(), build(**decay)
    params, seen = {"w": start.copy()}, []
    for g, lr in zip(grads, lrs, strict=True):
        optimizer.step(params, {"w": g}, **({"lr": lr} if schedule else {}))
        seen.append(params["w"].copy())
    for index in np.ndindex(start.shape):
        wanted = list(oracle(float(start[index]), [float(g[index]) for g in grads], lrs, **decay))
        np.testing.assert_allclose([w[index] for w in seen], wanted, rtol=1e-12, atol=1e-14)


@each
def test_decay_is_for_weights_alone(build, oracle):
    keys = ["w", "2.w", "3.body.0.w", "b", "2.b", "gamma", "1.beta", "w.b", "2.raw", "ww"]
    start, grads, optimizer = gradients(1, seed=1)[0], gradients(), build(weight_decay=0.3)
    params = {key: start.copy() for key in keys}
    for g in grads:
        optimizer.step(params, {key: g for key in keys})
    for key in keys:
        decay = 0.3 if key in ("w", "2.w", "3.body.0.w") else 0.0
        for index in np.ndindex(start.shape):
            *_, wanted = oracle(float(start[index]), [float(g[index]) for g in grads], [0.1] * STEPS, weight_decay=decay)
            assert params[key][index] == pytest.approx(wanted, rel=1e-12), key


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_params_change_in_place_and_gradients_do_not(build, oracle, dtype):
    optimizer = build(weight_decay=0.1)
    params = {"w": np.ones((2, 3), dtype), "b": np.ones(3, dtype)}
    grads = {"w": gradients()[0].astype(dtype), "b": gradients()[1, 0].astype(dtype)}
    arrays, copies = dict(params), {key: g.copy() for key, g in grads.items()}
    for g in grads.values():
        g.setflags(write=False)
    for _ in range(3):
        optimizer.step(params, grads)
    for key in params:
        assert params[key] is arrays[key]
        assert params[key].dtype == dtype
        assert not np.array_equal(params[key], np.ones_like(params[key]))
        np.testing.assert_array_equal(grads[key], copies[key])
        assert not any(np.shares_memory(slot[key], grads[key]) for slot in optimizer.state.values())
    assert all(a.dtype == dtype and a.shape == params[k].shape for s in optimizer.state.values() for k, a in s.items())


@each
def test_state_is_all_a_resumed_run_needs(build, oracle):
    grads = gradients(10)
    whole, first, second = build(weight_decay=0.1), build(weight_decay=0.1), build(weight_decay=0.1)
    a, b = {"w": np.ones((2, 3))}, {"w": np.ones((2, 3))}
    for g in grads:
        whole.step(a, {"w": g})
    for g in grads[:4]:
        first.step(b, {"w": g})
    second.t = first.t
    second.state = {slot: {key: array.copy() for key, array in arrays.items()} for slot, arrays in first.state.items()}
    for g in grads[4:]:
        second.step(b, {"w": g})
    np.testing.assert_array_equal(b["w"], a["w"])
    assert second.t == whole.t == 10
    assert set(whole.state) == set(type(whole).slots)


@each
def test_one_array_does_not_disturb_another(build, oracle):
    grads = gradients()
    alone, together = build(), build()
    a, b = {"w": np.ones((2, 3))}, {"v": np.ones((2, 3)), "w": np.ones((2, 3))}
    for g in grads:
        alone.step(a, {"w": g})
        together.step(b, {"v": g[::-1] * 3, "w": g})
    np.testing.assert_array_equal(a["w"], b["w"])


@each
def test_another_lr_is_for_one_step(build, oracle):
    optimizer, params = build(weight_decay=0.0), {"b": np.zeros(1)}
    optimizer.step(params, {"b": np.ones(1)}, lr=0.0)
    assert params["b"].tolist() == [0]
    assert optimizer.lr == 0.1
    optimizer.step(params, {"b": np.ones(1)})
    assert params["b"][0] < 0


def test_by_hand():
    params = {"w": np.array([1.0])}
    sgd = SGD(0.5, weight_decay=0.1)
    sgd.step(params, {"w": np.array([2.0])})
    assert params["w"][0] == pytest.approx(1 - 0.5 * (2 + 0.1))
    params, nesterov = {"w": np.array([1.0])}, Nesterov(0.5, 0.5)
    nesterov.step(params, {"w": np.array([2.0])})
    assert params["w"][0] == pytest.approx(1 - 0.5 * (2 + 0.5 * 2))
    nesterov.step(params, {"w": np.array([0.0])})
    assert params["w"][0] == pytest.approx(-0.5 - 0.5 * 0.5 * 1)
    for optimizer in Adam(0.01), AdamW(0.01, weight_decay=0.0):
        params = {"w": np.array([1.0, 1.0])}
        optimizer.step(params, {"w": np.array([1e-3, -1e3])})
        np.testing.assert_allclose(params["w"], [0.99, 1.01], rtol=1e-5)  # Adam's first step is lr, whatever the gradient
    params = {"w": np.array([1.0])}
    AdamW(0.1, weight_decay=0.5).step(params, {"w": np.array([0.0])})
    assert params["w"][0] == pytest.approx(0.95)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    optimizer = OPTIMIZERS[name](lr=0.05)
    params, wanted = {"b": np.array([3.0, -2.0])}, np.array([1.0, 0.5])
    for step in range(600):
        optimizer.step(params, {"b": np.array([1.0, 4.0]) * (params["b"] - wanted)}, lr=0.05 * (1 - step / 600))
    np.testing.assert_allclose(params["b"], wanted, atol=1e-2)


def test_it_steps_the_layers_of_a_network():
    model = Sequential(Dense(3, 2, rng=np.random.default_rng(0)), Tanh(), Dense(2, 2, rng=np.random.default_rng(1)))
    before = {key: array.copy() for key, array in model.params.items()}
    SGD(0.5).step(model.params, {key: np.ones_like(array) for key, array in model.params.items()})
    for layer, prefix in (model.layers[0], "0"), (model.layers[2], "2"):
        for key in "w", "b":
            np.testing.assert_allclose(layer.params[key], before[f"{prefix}.{key}"] - 0.5, rtol=1e-6)


def test_names():
    names = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "rmsprop": RMSProp, "adam": Adam, "adamw": AdamW}
    assert names == OPTIMIZERS


# --- errors --------------------------------------------------------------------------------------------------------------


@each_class
@pytest.mark.parametrize("name", ["lr", "weight_decay"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_wrong_lr_and_decay(optimizer, name, value):
    with pytest.raises(ValueError, match=f"{optimizer.__name__}: {name} must be 0 or more, got {value}"):
        optimizer(**{"lr": 0.1, name: value})


@each_class
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_wrong_lr_of_a_step_changes_nothing(optimizer, value):
    rule, params = optimizer(lr=0.1), {"w": np.ones(2)}
    with pytest.raises(ValueError, match=f"{optimizer.__name__}: lr must be 0 or more, got {value}"):
        rule.step(params, {"w": np.ones(2)}, lr=value)
    assert params["w"].tolist() == [1, 1]
    assert rule.t == 0


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, math.nan])
@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda v: Momentum(0.1, v), "Momentum: momentum"),
        (lambda v: Nesterov(0.1, v), "Nesterov: momentum"),
        (lambda v: RMSProp(0.1, v), "RMSProp: alpha"),
        (lambda v: Adam(0.1, (v, 0.9)), "Adam: beta1"),
        (lambda v: Adam(0.1, (0.9, v)), "Adam: beta2"),
        (lambda v: AdamW(0.1, (0.9, v)), "AdamW: beta2"),
    ],
)
def test_wrong_fractions(build, name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} must be in 0 .. 1 (1 excluded), got {value}")):
        build(value)


@pytest.mark.parametrize("optimizer", [RMSProp, Adam, AdamW])
def test_wrong_eps(optimizer):
    with pytest.raises(ValueError, match=f"{optimizer.__name__}: eps must be 0 or more, got -1"):
        optimizer(eps=-1)


@each_class
@pytest.mark.parametrize("grads", [{}, {"w": np.ones(2), "b": np.ones(2)}, {"v": np.ones(2)}])
def test_gradients_of_other_params(optimizer, grads):
    message = f"{optimizer.__name__}: params are ['w'], grads are {sorted(grads)}"
    params = {"w": np.ones(2)}
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizer(lr=0.1).step(params, grads)
    assert params["w"].tolist() == [1, 1]


@each_class
@pytest.mark.parametrize("shape", [(2,), (1,), (3, 1), (2, 3, 1)])
def test_gradients_that_numpy_might_broadcast_are_refused(optimizer, shape):
    params = {"2.w": np.ones((2, 3))}
    with pytest.raises(ValueError, match=re.escape(f"{optimizer.__name__}: 2.w is (2, 3), its gradient {shape}")):
        optimizer(lr=0.1).step(params, {"2.w": np.ones(shape)})
    assert (params["2.w"] == 1).all()


def test_a_gradient_of_another_shape_leaves_all_weights_as_they_were():
    """A step that was refused was not taken: not for the arrays before the wrong one either."""
    params, optimizer = {"0.w": np.ones(2), "1.w": np.ones(2)}, Momentum(0.1)
    with pytest.raises(ValueError, match=re.escape("1.w is (2,), its gradient (3,)")):
        optimizer.step(params, {"0.w": np.ones(2), "1.w": np.ones(3)})
    assert params["0.w"].tolist() == [1, 1]
    assert optimizer.t == 0


def test_the_base_has_no_rule():
    with pytest.raises(NotImplementedError):
        Optimizer(0.1).step({"w": np.ones(1)}, {"w": np.ones(1)})


# --- schedules -----------------------------------------------------------------------------------------------------------


lengths = st.integers(1, 60)


@given(st.integers(0, 10**6))
def test_constant(step):
    assert constant(0.3)(step) == 0.3


@given(st.integers(1, 9), st.sampled_from([0.1, 0.5, 1.0]), st.integers(0, 60))
def test_step_decay(every, gamma, step):
    assert step_decay(0.3, every, gamma)(step) == pytest.approx(ref.step_decay(0.3, every, gamma, step), rel=1e-12)


@given(lengths, st.sampled_from([0.0, 0.01, 0.3]), st.integers(0, 80))
def test_cosine(steps, final, step):
    assert cosine(0.3, steps, final=final)(step) == pytest.approx(ref.cosine(0.3, steps, final, step), rel=1e-12, abs=1e-16)


@given(lengths, st.sampled_from([0.1, 0.25, 0.3, 0.9]), st.sampled_from([1.0, 25.0]), st.sampled_from([10.0, 1e4]))
@settings(max_examples=60)
def test_one_cycle(steps, warmup, start_div, final_div):
    lr = one_cycle(0.3, steps, warmup=warmup, start_div=start_div, final_div=final_div)
    for step in range(steps):
        if warmup * steps > 1:  # otherwise there is no step on the way up
            wanted = ref.one_cycle(0.3, steps, warmup, start_div, final_div, step)
            assert lr(step) == pytest.approx(wanted, rel=1e-9, abs=1e-15)
        assert 0 < lr(step) <= 0.3 * (1 + 1e-12)
    assert lr(steps - 1) == lr(steps) == lr(steps + 1000)


def test_schedules_by_hand():
    lr = step_decay(1.0, 10)
    assert [lr(0), lr(9), lr(10), lr(19), lr(20)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    lr = cosine(1.0, 4, final=0.2)
    assert [lr(0), lr(2), lr(4), lr(99)] == pytest.approx([1, 0.6, 0.2, 0.2])
    lr = one_cycle(1.0, 100)
    assert [lr(0), lr(29), lr(99), lr(1000)] == pytest.approx([1 / 25, 1, 1 / 25e4, 1 / 25e4])
    assert max(range(100), key=lr) == 29
    up, down = [lr(s) for s in range(30)], [lr(s) for s in range(29, 100)]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


def test_warmup_cosine():
    lr = warmup_cosine(0.4, 110, warmup=0.1)
    np.testing.assert_allclose([lr(step) for step in (0, 1, 10)], [0.4 / 12, 0.8 / 12, 0.4 * 11 / 12])  # a straight line
    assert lr(11) == 0.4
    assert lr(60) == pytest.approx(0.4 * (1 + math.cos(math.pi * 49 / 99)) / 2)
    assert lr(110) == pytest.approx(0, abs=1e-12)
    assert [warmup_cosine(1, 7, warmup=0)(step) for step in range(9)] == [cosine(1, 7)(step) for step in range(9)]
    for steps in (1, 2, 3):
        assert warmup_cosine(0.4, steps, warmup=0.5)(steps) == pytest.approx(0, abs=1e-12)
    assert warmup_cosine(0.4, 1, warmup=0.9)(0) == pytest.approx(0.2)  # all of it is rise
    for wrong in ({"steps": 0}, {"steps": 5, "warmup": 1.0}, {"steps": 5, "warmup": -0.1}):
        with pytest.raises(ValueError, match="warmup_cosine: "):
            warmup_cosine(0.1, **wrong)


@pytest.mark.parametrize("warmup", [0.0, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_one_cycle_all_down_or_all_up(warmup, steps):
    rates = [one_cycle(1.0, steps, warmup=warmup)(step) for step in range(steps)]
    assert all(math.isfinite(rate) and 0 < rate <= 1 + 1e-12 for rate in rates)
    assert rates == sorted(rates, reverse=warmup == 0)


def test_schedules_are_functions_of_the_step_alone():
    for lr in constant(0.1), step_decay(0.1, 3), cosine(0.1, 20), one_cycle(0.1, 20):
        forwards = [lr(step) for step in range(25)]
        assert [lr(step) for step in reversed(range(25))] == forwards[::-1]
        assert list(inspect.signature(lr).parameters) == ["step"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: step_decay(0.1, 0), "step_decay: every must be an integer of at least 1, got 0"),
        (lambda: cosine(0.1, 0), "cosine: steps must be an integer of at least 1, got 0"),
        (lambda: one_cycle(0.1, 0), "one_cycle: steps must be an integer of at least 1, got 0"),
        (lambda: one_cycle(0.1, 10, warmup=1.5), "one_cycle: warmup must be in 0 .. 1, got 1.5"),
        (lambda: one_cycle(0.1, 10, warmup=-0.1), "one_cycle: warmup must be in 0 .. 1, got -0.1"),
        (lambda: one_cycle(0.1, 10, start_div=0), "one_cycle: start_div must be positive, got 0"),
        (lambda: one_cycle(0.1, 10, start_div=math.inf), "one_cycle: start_div must be positive, got inf"),
        (lambda: one_cycle(0.1, 10, final_div="25"), "one_cycle: final_div must be positive, got '25'"),
        (lambda: constant(-0.1), "constant: lr must be 0 or more, got -0.1"),
        (lambda: step_decay(0.1, 5, gamma=-1), "step_decay: gamma must be 0 or more, got -1"),
        (lambda: cosine(0.1, 10, final=math.nan), "cosine: final must be 0 or more, got nan"),
        (lambda: one_cycle(math.inf, 10), "one_cycle: peak must be 0 or more, got inf"),
        (lambda: warmup_cosine(-1, 10), "warmup_cosine: lr must be 0 or more, got -1"),
    ],
)
def test_wrong_schedules(build, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


@each_class
@pytest.mark.parametrize("wrong", [np.ones(2, int), np.ones(2, complex), [1.0, 1.0], None], ids=repr)
def test_what_is_no_array_of_floats_is_refused(optimizer, wrong):
    """A step would be rounded to whole numbers, or fail half-way."""
    w = np.ones(2)
    for params, grads, name in ({"w": w}, {"w": wrong}, "grads"), ({"w": wrong}, {"w": np.ones(2)}, "params"):
        with pytest.raises((ValueError, TypeError), match=f"{optimizer.__name__}: {name}, w, must be "):
            optimizer(lr=0.1).step(params, grads)
    assert w.tolist() == [1, 1]


@each_class
def test_what_is_no_dict_is_refused(optimizer):
    for params, grads, name in ([], {}, "params"), ({}, [], "grads"):
        with pytest.raises(TypeError, match=f"{optimizer.__name__}: {name} must be a dict of arrays, got (a )?list"):
            optimizer(lr=0.1).step(params, grads)


def test_a_warm_up_of_a_single_step_is_at_its_peak():
    assert one_cycle(0.1, 10, warmup=0.1)(0) == pytest.approx(0.1)


def test_the_warm_up_takes_a_twentieth_if_nothing_else_is_said():
    lr, same = warmup_cosine(0.1, 100), warmup_cosine(0.1, 100, warmup=0.05)
    assert [lr(step) for step in range(100)] == [same(step) for step in range(100)]
    assert lr(4) < lr(5) == 0.1 > lr(6)


def test_defaults():
    assert (Momentum(0.1).momentum, Nesterov(0.1).momentum) == (0.9, 0.9)
    assert (RMSProp().lr, RMSProp().alpha, RMSProp().eps) == (1e-3, 0.99, 1e-8)
    for optimizer in (Adam(), AdamW()):
        assert (optimizer.lr, *optimizer.betas, optimizer.eps) == (1e-3, 0.9, 0.999, 1e-8)


@pytest.mark.parametrize("optimizer", [Adam, AdamW])
@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.99, 0.999), "ab", {0.8, 0.9}, None], ids=repr)
def test_betas_are_two_numbers(optimizer, betas):
    with pytest.raises(ValueError, match=re.escape(f"{optimizer.__name__}: betas must be two numbers, got {betas!r}")):
        optimizer(0.1, betas)


@pytest.mark.parametrize("momentum", ["0.9", None, 1j, np.array([0.5, 0.9])])
def test_a_fraction_is_one_number(momentum):
    with pytest.raises(ValueError, match=r"Momentum: momentum must be in 0 \.\. 1 \(1 excluded\), got"):
        Momentum(0.1, momentum=momentum)


@pytest.mark.parametrize("schedule", [cosine, one_cycle, warmup_cosine])
@pytest.mark.parametrize("steps", [2.5, "3", None, 0])
def test_steps_are_a_whole_number(schedule, steps):
    with pytest.raises(ValueError, match="steps must be an integer of at least 1, got"):
        schedule(0.1, steps)
