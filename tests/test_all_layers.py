"""What every layer promises, whatever it computes."""

import copy
import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given, settings

import scratchnet.layers
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Composite,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    NearestNeighbors,
    RandomFourierFeatures,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.layers.base import walk
from scratchnet.losses import MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy


def rng(seed=0):
    return np.random.default_rng(seed)


def cnn():
    return Sequential(
        Conv2d(2, 4, 3, pad=1, rng=rng()),
        MaxPool2d(2),
        ReLU(),
        Residual(
            Sequential(Conv2d(4, 4, 3, stride=2, pad=1, rng=rng()), BatchNorm2d(4), LeakyReLU(0.1)),
            Conv2d(4, 4, 1, stride=2, rng=rng()),
        ),
        Dropout(0.4),
        Flatten(),
        Dense(4 * 2 * 2, 3, rng=rng()),
    )


def leaves(layer):
    """The layers in a layer, or the layer itself."""
    return [leaf for _, leaf in layer.leaves()] if isinstance(layer, Composite) else [layer]


def nodes(layer):
    """The layer itself and all the layers in it, composites too."""
    return [layer, *(node for child in getattr(layer, "children", {}).values() for node in nodes(child))]


class Case(NamedTuple):
    build: Callable[[], Layer]
    shape: tuple[int, ...]  # of x
    train: bool = True

    @property
    def couples_images(self):
        """One image's output depends on the others in its batch, or on where in the batch it stands."""
        return self.train and any(isinstance(leaf, BatchNorm1d | BatchNorm2d | Dropout) for leaf in leaves(self.build()))


IMAGES = (4, 2, 5, 7)
CASES = {
    "Dense": Case(lambda: Dense(6, 4, rng=rng()), (5, 6)),
    "RandomFourierFeatures": Case(lambda: RandomFourierFeatures(6, 4, 0.5, rng=rng()), (5, 6)),
    "NearestNeighbors": Case(lambda: NearestNeighbors(6, 4, 3, num_examples=7), (5, 6)),
    "Conv2d": Case(lambda: Conv2d(2, 3, (3, 2), rng=rng()), IMAGES),
    "Conv2d pad": Case(lambda: Conv2d(2, 3, 3, pad=1, rng=rng()), IMAGES),
    "Conv2d stride": Case(lambda: Conv2d(2, 3, 3, stride=2, pad=(0, 1), rng=rng()), IMAGES),
    "Conv2d large pad": Case(lambda: Conv2d(2, 1, 2, stride=(1, 2), pad=3, rng=rng()), IMAGES),
    "Conv2d 1 x 1": Case(lambda: Conv2d(2, 3, 1, rng=rng()), IMAGES),
    "MaxPool2d": Case(lambda: MaxPool2d(), IMAGES),
    "MaxPool2d overlapping": Case(lambda: MaxPool2d((3, 2), (1, 2)), IMAGES),
    "MaxPool2d 1 x 1": Case(lambda: MaxPool2d(1), IMAGES),
    "AvgPool2d": Case(lambda: AvgPool2d(), IMAGES),
    "AvgPool2d overlapping": Case(lambda: AvgPool2d((3, 2), (1, 2)), IMAGES),
    "GlobalAvgPool": Case(lambda: GlobalAvgPool(), IMAGES),
    "ReLU": Case(lambda: ReLU(), IMAGES),
    "LeakyReLU": Case(lambda: LeakyReLU(0.2), IMAGES),
    "Sigmoid": Case(lambda: Sigmoid(), IMAGES),
    "Tanh": Case(lambda: Tanh(), (5, 6)),
    "BatchNorm1d": Case(lambda: BatchNorm1d(6), (5, 6)),
    "BatchNorm1d evaluation": Case(lambda: BatchNorm1d(6), (5, 6), False),
    "BatchNorm2d": Case(lambda: BatchNorm2d(2, eps=1e-3, momentum=0.2), IMAGES),
    "BatchNorm2d evaluation": Case(lambda: BatchNorm2d(2), IMAGES, False),
    "Dropout": Case(lambda: Dropout(0.4), IMAGES),
    "Dropout of features": Case(lambda: Dropout(0.4), (5, 6)),
    "Dropout evaluation": Case(lambda: Dropout(0.4), IMAGES, False),
    "Flatten": Case(lambda: Flatten(), IMAGES),
    "Sequential": Case(lambda: Sequential(Dense(6, 5, rng=rng()), Sigmoid(), Dense(5, 2, rng=rng())), (5, 6)),
    "Sequential of nothing": Case(lambda: Sequential(), IMAGES),
    "Residual": Case(lambda: Residual(Conv2d(2, 2, 3, pad=1, rng=rng())), IMAGES),
    "Residual shortcut": Case(lambda: Residual(Sequential(Dense(6, 3, rng=rng()), Tanh()), Dense(6, 3, rng=rng())), (5, 6)),
    "Residual evaluation": Case(lambda: Residual(BatchNorm2d(2)), IMAGES, False),
    "CNN": Case(cnn, (4, 2, 6, 8)),
    "CNN evaluation": Case(cnn, (4, 2, 6, 8), False),
}
all_layers = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
LEAVES = {name: case for name, case in CASES.items() if not isinstance(case.build(), Composite)}
all_leaves = pytest.mark.parametrize("case", LEAVES.values(), ids=LEAVES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
few = settings(max_examples=5)


class Passed(NamedTuple):
    """What one forward and backward gave."""

    out: np.ndarray
    dx: np.ndarray
    grads: dict[str, np.ndarray]

    def arrays(self):
        return {"out": self.out, "dx": self.dx, **self.grads}


def forward(layer, case, x, seed=7):
    return layer.forward(x, train=case.train, rng=rng(seed))


def both_ways(layer, case, x, dout):
    out, cache = forward(layer, case, x)
    return Passed(out, *layer.backward(dout, cache))


def prepared(case, seed=0, dtype=np.float64):
    """A layer with random params, and x and dout for it."""
    layer = strategies.randomise(case.build(), rng(seed), dtype)
    x = strategies.off_kinks(rng(seed), case.shape).astype(dtype)
    dout = rng(seed + 1).standard_normal(forward(layer, case, x)[0].shape).astype(dtype)
    return layer, x, dout


def contents(layer):
    """A copy of all that a layer and the layers in it hold."""
    return [
        copy.deepcopy({k: v for k, v in vars(node).items() if k not in ("functions", "children")}) for node in nodes(layer)
    ]


def assert_same_contents(layer, before):
    for node, earlier, later in zip(nodes(layer), before, contents(layer), strict=True):
        assert later.keys() == earlier.keys(), f"{node} keeps something of a forward pass"
        for attribute, value in later.items():
            np.testing.assert_equal(value, earlier[attribute], err_msg=f"{node}: {attribute}")


def test_every_layer_is_tested_here():
    public = {name for name in scratchnet.layers.__all__ if name not in ("Layer", "Composite")}
    assert {type(case.build()).__name__ for case in CASES.values()} == public


@all_layers
def test_gradients_are_keyed_and_shaped_like_params(case):
    layer, x, dout = prepared(case)
    out, dx, grads = both_ways(layer, case, x, dout)
    assert out.shape == dout.shape
    assert dx.shape == x.shape
    assert list(grads) == list(layer.params)
    assert {key: g.shape for key, g in grads.items()} == {key: p.shape for key, p in layer.params.items()}


@all_layers
@both_dtypes
def test_dtype_stays(case, dtype):
    layer, x, dout = prepared(case, dtype=dtype)
    passed = both_ways(layer, case, x, dout)
    assert {name: a.dtype for name, a in passed.arrays().items()} == dict.fromkeys(passed.arrays(), np.dtype(dtype))
    observed = layer.observe(forward(layer, case, x)[1])
    assert all(a.dtype == dtype for a in observed.values())
    layer.update_state(observed)
    assert all(a.dtype == dtype for a in layer.state.values())


@all_layers
def test_float32_is_as_precise_as_it_can_be(case):
    layer, x, dout = prepared(case)
    wanted = both_ways(layer, case, x, dout)
    single = prepared(case, dtype=np.float32)[0]
    got = both_ways(single, case, x.astype(np.float32), dout.astype(np.float32))
    for name, array in wanted.arrays().items():
        ref.assert_close(got.arrays()[name], array, 2e-5, name)


@all_layers
@given(strategies.seeds)
@few
def test_memory_order_does_not_matter(case, seed):
    layer, x, dout = prepared(case, seed)
    wanted = both_ways(layer, case, x, dout).arrays()
    for name, other in strategies.layouts(x).items():
        for key, array in both_ways(layer, case, other, dout).arrays().items():
            ref.assert_close(array, wanted[key], name=f"{key} for x in {name}")
    for name, other in strategies.layouts(dout).items():
        for key, array in both_ways(layer, case, x, other).arrays().items():
            ref.assert_close(array, wanted[key], name=f"{key} for dout in {name}")


@all_layers
def test_axes_of_length_1_with_an_odd_stride(case):
    """NumPy calls such an array contiguous and keeps whatever stride the axis had."""
    layer, tried = strategies.randomise(case.build(), rng()), 0
    for axis in range(len(case.shape)):
        shape = [1 if i == axis else size for i, size in enumerate(case.shape)]
        three = [3 if i == axis else size for i, size in enumerate(shape)]
        x = np.moveaxis(np.moveaxis(rng(1).standard_normal(three), axis, 0)[1::7], 0, axis)
        assert x.shape == tuple(shape)
        try:
            out, cache = forward(layer, case, x.copy())
        except ValueError:  # an image of this size is too small for the layer, or has too few channels
            continue
        dout, tried = rng(2).standard_normal(out.shape), tried + 1
        wanted = Passed(out, *layer.backward(dout, cache)).arrays()
        for key, array in both_ways(layer, case, x, dout).arrays().items():
            ref.assert_close(array, wanted[key], name=f"{key}, axis {axis}")
    assert tried or isinstance(layer, BatchNorm1d)  # which needs both of its axes


@all_layers
@both_dtypes
def test_nothing_that_was_passed_in_is_changed(case, dtype):
    """In every memory order: what has to be copied into another one is safe, what lies right already is not."""
    layer, wanted_x, wanted_dout = prepared(case, dtype=dtype)
    before = contents(layer)
    for order, x in strategies.layouts(wanted_x).items():
        dout = strategies.layouts(wanted_dout)[order if wanted_dout.ndim == x.ndim else "batch last"]
        out, cache = forward(layer, case, x)
        kept = out.copy()
        dx, _ = layer.backward(dout, cache)
        kept_dx = dx.copy()
        layer.backward(dout, cache, need_dx=False)
        layer.observe(cache)
        np.testing.assert_array_equal(x, wanted_x, err_msg=order)
        np.testing.assert_array_equal(dout, wanted_dout, err_msg=order)
        np.testing.assert_array_equal(out, kept, err_msg=order)
        np.testing.assert_array_equal(dx, kept_dx, err_msg=order)
    assert_same_contents(layer, before)


@all_layers
def test_dout_may_be_read_only_or_a_broadcast(case):
    """The gradient of a sum is all ones: one number in memory."""
    layer, x, dout = prepared(case)
    ones = np.broadcast_to(np.float64(1), dout.shape)
    wanted = both_ways(layer, case, x, np.ones_like(dout)).arrays()
    for key, array in both_ways(layer, case, x, ones).arrays().items():
        ref.assert_close(array, wanted[key], name=key)


@all_layers
def test_no_activations_on_self(case):
    layer = strategies.randomise(case.build(), rng())
    before = contents(layer)
    for seed in 0, 1:
        out, cache = forward(layer, case, rng(seed).standard_normal(case.shape))
        layer.backward(out, cache)
        assert_same_contents(layer, before)


@all_layers
@given(strategies.seeds)
@few
def test_two_forwards_alive_at_once(case, seed):
    layer, x, dout = prepared(case, seed)
    other_x, other_dout = x[::-1] * 2 - 1, dout[::-1] + 1
    wanted, other_wanted = both_ways(layer, case, x, dout), both_ways(layer, case, other_x, other_dout)
    out, cache = forward(layer, case, x)
    other_out, other_cache = forward(layer, case, other_x)
    got = Passed(out, *layer.backward(dout, cache))
    other = Passed(other_out, *layer.backward(other_dout, other_cache))
    again = Passed(out, *layer.backward(dout, cache))  # a cache is not used up
    for name, array in wanted.arrays().items():
        np.testing.assert_array_equal(got.arrays()[name], array, err_msg=name)
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)
        np.testing.assert_array_equal(other.arrays()[name], other_wanted.arrays()[name], err_msg=name)


@all_layers
@both_dtypes
def test_the_same_again_is_bitwise_the_same(case, dtype):
    first = both_ways(*(a := prepared(case, dtype=dtype))[:1], case, *a[1:])
    again = both_ways(*(b := prepared(case, dtype=dtype))[:1], case, *b[1:])
    for name, array in first.arrays().items():
        assert array.tobytes() == again.arrays()[name].tobytes(), name


@all_layers
def test_calling_a_layer_is_its_evaluation(case):
    layer, x, _ = prepared(case)
    np.testing.assert_array_equal(layer(x), layer.forward(x, train=False)[0])


@all_layers
def test_evaluation_is_what_forward_does_unless_told_to_train(case):
    layer, x, _ = prepared(case)
    wanted, _ = layer.forward(x, train=False)
    np.testing.assert_array_equal(layer.forward(x)[0], wanted)
    np.testing.assert_array_equal(walk(layer.stages(x))[0], wanted)


@pytest.mark.parametrize("name", [name for name in CASES if name != "Sequential of nothing"])
@both_dtypes
def test_a_dout_of_another_shape_is_refused(name, dtype):
    """Also where NumPy would stretch it, or where as many numbers lie in other axes."""
    case = CASES[name]
    layer, x, dout = prepared(case, dtype=dtype)
    _, cache = forward(layer, case, x)
    wrong = [dout[:1], dout[..., :1], dout[None], dout[0], dout.reshape(-1), dout.T, np.concatenate([dout, dout])]
    for other in wrong:
        assert other.shape != dout.shape
        with pytest.raises(ValueError, match=r"(dout|dx) must "):
            layer.backward(other, cache)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.couples_images])
@pytest.mark.parametrize("sizes", [[1, 3], [2, 2], [1, 1, 2]])
def test_the_gradients_of_shards_add_up(name, sizes):
    case = CASES[name]
    layer, x, dout = prepared(case)
    sizes = [*sizes, len(x) - sum(sizes)] if len(x) > sum(sizes) else sizes
    whole = both_ways(layer, case, x, dout)
    ends = np.cumsum(sizes)
    parts = [both_ways(layer, case, x[e - n : e], dout[e - n : e]) for n, e in zip(sizes, ends, strict=True)]
    ref.assert_close(np.concatenate([part.out for part in parts]), whole.out)
    ref.assert_close(np.concatenate([part.dx for part in parts]), whole.dx)
    for key, gradient in whole.grads.items():
        ref.assert_close(sum(part.grads[key] for part in parts), gradient, name=key)


@pytest.mark.parametrize(
    "loss", [SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.1), MulticlassHinge(), MeanSquaredError()], ids=repr
)
@pytest.mark.parametrize("sizes", [[2, 2], [1, 3], [1, 1, 2]])
def test_a_network_and_its_loss_on_shards(loss, sizes):
    """dloss = len(shard) / len(batch) makes shards of any size add up to the batch's gradient."""
    case = CASES["CNN evaluation"]
    model, x, _ = prepared(case)
    targets = rng(3).standard_normal((4, 3)) if isinstance(loss, MeanSquaredError) else np.array([2, 0, 1, 2])

    def loss_and_grads(part, share):
        out, cache = model.forward(x[part])
        value, loss_cache = loss.forward(out, targets[part])
        return value * share, model.backward(loss.backward(share, loss_cache), cache, need_dx=False)[1]

    value, grads = loss_and_grads(slice(None), 1.0)
    ends = np.cumsum(sizes)
    parts = [loss_and_grads(slice(e - n, e), n / 4) for n, e in zip(sizes, ends, strict=True)]
    assert sum(part for part, _ in parts) == pytest.approx(value, rel=1e-12)
    for key, gradient in grads.items():
        ref.assert_close(sum(part[key] for _, part in parts), gradient, name=key)


@all_layers
def test_an_empty_batch(case):
    """No images, no gradient; or an error in words (a batch's statistics need a batch)."""
    layer = strategies.randomise(case.build(), rng())
    x = np.zeros((0, *case.shape[1:]))
    if any(isinstance(leaf, BatchNorm1d | BatchNorm2d) for leaf in leaves(layer)) and case.train:
        with pytest.raises(ValueError, match=r"BatchNorm: training needs more than one value a channel, got x \(0, "):
            forward(layer, case, x)
        return
    out, cache = forward(layer, case, x)
    full, _ = forward(layer, case, np.zeros(case.shape))
    assert out.shape == (0, *full.shape[1:])
    dx, grads = layer.backward(np.zeros(out.shape), cache)
    assert dx.shape == x.shape
    for key, g in grads.items():
        np.testing.assert_array_equal(g, np.zeros_like(layer.params[key]))


@all_layers
def test_without_dx_the_parameter_gradients_are_the_same(case):
    layer, x, dout = prepared(case)
    _, cache = forward(layer, case, x)
    _, grads = layer.backward(dout, cache)
    dx, alone = layer.backward(dout, cache, need_dx=False)
    if isinstance(layer, Sequential | Residual | Dense | Conv2d):
        assert dx is None or not layer.params
    assert list(alone) == list(grads)
    for key, g in grads.items():
        np.testing.assert_array_equal(alone[key], g)


@all_leaves
def test_whole_numbers_are_refused_or_read_as_numbers(case):
    """Images come as uint8. Averages and slopes that are rounded to whole numbers would be silent and wrong."""
    layer = case.build()
    for dtype, low, rounding in (np.uint8, 0, 1e-3), (np.int64, -128, 1e-5):  # NumPy's tanh of a uint8 is a float16
        whole, refusal = rng().integers(low, low + 256, case.shape), ""
        wanted, _ = forward(layer, case, whole.astype(np.float64))
        try:
            out, _ = forward(layer, case, whole.astype(dtype))
        except ValueError as error:
            out, refusal = wanted, str(error)
        ref.assert_close(out, wanted, rounding, dtype.__name__)
        assert not refusal or dtype.__name__ in refusal


# --- a learner's own functions -------------------------------------------------------------------------------------------


class Own:
    """A learner's pair: twice the plain layer, with another cache and without knowing of need_dx."""

    def __init__(self, functions):
        self.plain, self.calls = functions, []

    def forward(self, *args, **kwargs):
        self.calls.append("forward")
        out, cache = self.plain[0](*args, **kwargs)
        return 2 * out, {"mine": cache}

    def backward(self, dout, cache):
        self.calls.append("backward")
        result = self.plain[1](dout, cache["mine"])
        return tuple(2 * g for g in result) if isinstance(result, tuple) else 2 * result


def with_functions(layer, functions):
    """The same layer on other functions."""
    arguments = {name: getattr(layer, name) for name in layer.settings}
    if "rng" in inspect.signature(type(layer)).parameters:
        arguments["rng"] = rng()
    return type(layer)(**arguments, **({} if functions is None else {"functions": functions}))


@all_leaves
def test_own_functions_are_called(case):
    plain, x, dout = prepared(case)
    own = Own(plain.functions)
    layer = with_functions(plain, (own.forward, own.backward))
    layer.params, layer.state = plain.params, plain.state
    wanted = both_ways(plain, case, x, dout).arrays()
    got = both_ways(layer, case, x, dout).arrays()
    factor = 1 if isinstance(plain, Dropout) and not case.train else 2  # Dropout has nothing to call in evaluation
    assert own.calls == (["forward", "backward"] if factor == 2 else [])
    assert got.keys() == wanted.keys()
    for key, array in wanted.items():
        np.testing.assert_array_equal(got[key], factor * array)
    _, cache = forward(layer, case, x)
    layer.backward(dout, cache, need_dx=False)
    assert type(plain).functions == plain.functions  # the class and its other layers keep theirs
    assert "functions" not in layer.settings


@all_leaves
def test_own_functions_inside_a_network(case):
    plain, x, dout = prepared(case)
    own = Own(plain.functions)
    layer = with_functions(plain, (own.forward, own.backward))
    layer.params, layer.state = plain.params, plain.state
    network = Sequential(Sequential(), layer)
    out, cache = forward(network, case, x)
    _, grads = network.backward(dout, cache, need_dx=False)
    wanted = both_ways(layer, case, x, dout)
    np.testing.assert_array_equal(out, wanted.out)
    for key, g in wanted.grads.items():
        np.testing.assert_array_equal(grads[f"1.{key}"], g)


@all_leaves
def test_own_functions_in_a_training_step(case):
    """An engine asks every layer what it observed, also one that runs on a learner's pair with the learner's cache."""
    plain, x, dout = prepared(case)
    own = Own(plain.functions)
    layer = with_functions(plain, (own.forward, own.backward))
    _, cache = forward(layer, case, x)
    layer.backward(dout, cache)
    layer.update_state(layer.observe(cache))


@pytest.mark.parametrize(("name", "wanted"), [("Dense", "dx, dw, db"), ("Conv2d", "dx, dw, db"), ("ReLU", "dx")])
def test_a_wrong_number_of_gradients_is_named(name, wanted):
    case = CASES[name]
    _, x, dout = prepared(case)
    forward_function, _ = case.build().functions
    layer = with_functions(case.build(), (forward_function, lambda dout, cache: (dout, dout)))
    _, cache = layer.forward(x)
    with pytest.raises(ValueError, match=f"{type(layer).__name__}: backward returned 2 gradients, wanted {wanted}"):
        layer.backward(dout, cache)


# --- settings ------------------------------------------------------------------------------------------------------------


@all_leaves
def test_settings_make_an_equal_layer(case):
    layer, x, _ = prepared(case)
    other = with_functions(layer, None)
    assert repr(other) == repr(layer)
    assert other.options == layer.options
    for kind in "params", "state":
        mine, theirs = getattr(layer, kind), getattr(other, kind)
        assert {k: a.shape for k, a in mine.items()} == {k: a.shape for k, a in theirs.items()}
        for key, array in theirs.items():
            array[...] = mine[key]
    ref.assert_close(forward(other, case, x)[0], forward(layer, case, x)[0], 1e-5)


@all_leaves
def test_repr_is_the_call_that_makes_the_layer(case):
    layer = case.build()
    arguments = ", ".join(f"{name}={getattr(layer, name)!r}" for name in layer.settings)
    assert repr(layer) == f"{type(layer).__name__}({arguments})"
    if "rng" not in inspect.signature(type(layer)).parameters:
        assert repr(eval(repr(layer), vars(scratchnet.layers).copy())) == repr(layer)


@all_leaves
def test_settings_are_plain_values(case):
    """They go into a model file."""
    for name in case.build().settings:
        value = getattr(case.build(), name)
        for v in value if type(value) is tuple else [value]:
            assert type(v) in (int, float), name


@all_leaves
def test_new_params_are_float32_and_contiguous(case):
    layer = case.build()
    for name, array in {**layer.params, **layer.state}.items():
        assert array.dtype == np.float32, name
        assert array.flags.c_contiguous, name
        assert array.flags.owndata or array.base is None, name
    other = case.build()
    for name, array in layer.params.items():
        assert not np.shares_memory(array, other.params[name])


@pytest.mark.parametrize("functions", [np.maximum, (np.maximum,), (1, 2)])
def test_functions_must_be_a_pair(functions):
    with pytest.raises(ValueError, match=r"ReLU: functions must be a pair \(forward, backward\)"):
        ReLU(functions=functions)


@pytest.mark.parametrize(
    ("returns", "kind"),
    [
        (lambda x: x, "ndarray"),  # of two rows, which would pass for two things
        (lambda x: [x, None], "list"),
        (lambda x: (x,), "tuple"),
        (lambda x: (x, None, None), "tuple"),
        (lambda x: None, "NoneType"),
    ],
)
def test_a_forward_that_does_not_return_two_things_is_named(returns, kind):
    layer = ReLU(functions=(returns, lambda dout, cache: dout))
    with pytest.raises(ValueError, match=rf"ReLU: forward must return two things, \(out, cache\), got {kind}"):
        layer.forward(np.ones((2, 3)))
