import re

import numpy as np
import pytest
import reference as ref
import strategies

from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.layers.base import walk


def rng():
    return np.random.default_rng(0)


def residual_net():
    """One of each kind of nesting; smooth, so that finite differences can be trusted everywhere."""
    return Sequential(
        Conv2d(2, 3, (3, 2), pad=1, rng=rng()),
        BatchNorm2d(3),
        Tanh(),
        Residual(
            Sequential(Conv2d(3, 4, 3, stride=2, pad=1, rng=rng()), BatchNorm2d(4), Sigmoid()),
            Conv2d(3, 4, 1, stride=2, rng=rng()),
        ),
        Residual(Sequential(Conv2d(4, 4, 3, pad=1, rng=rng()), Tanh())),
        AvgPool2d((2, 1), 1),
        Flatten(),
        Dense(4 * 2 * 3, 3, rng=rng()),
    )


def check_gradients(model, x, *, train, step=None):
    """dx and every parameter's gradient against finite differences."""
    forward = {"train": train}

    def run(x):
        return model.forward(x, **forward, **({} if step is None else {"rng": np.random.default_rng(step)}))

    out, cache = run(x)
    dout = np.random.default_rng(1).standard_normal(out.shape)
    dx, grads = model.backward(dout, cache)
    ref.assert_gradient(dx, ref.numeric_gradient(lambda x: run(x)[0], x, dout), "dx")
    for key, param in model.params.items():

        def with_value(value, param=param):
            before = param.copy()
            param[...] = value
            out, _ = run(x)
            param[...] = before
            return out

        ref.assert_gradient(grads[key], ref.numeric_gradient(with_value, param, dout), key)


@pytest.mark.parametrize("train", [False, True])
def test_gradients_of_a_residual_network(train):
    model = strategies.randomise(residual_net(), np.random.default_rng(2))
    check_gradients(model, np.random.default_rng(3).standard_normal((2, 2, 5, 4)), train=train)


def test_gradients_of_an_mlp_with_dropout_and_batch_norm():
    model = Sequential(Dense(4, 6, rng=rng()), BatchNorm1d(6), Tanh(), Dropout(0.3), Dense(6, 2, rng=rng()))
    check_gradients(
        strategies.randomise(model, np.random.default_rng(2)),
        np.random.default_rng(3).standard_normal((7, 4)),
        train=True,
        step=5,
    )


def test_gradients_of_a_cnn_with_kinks():
    """Conv, MaxPool, ReLU: where no value is near a kink, finite differences hold for the whole network."""
    model = Sequential(Conv2d(1, 2, 3, rng=rng()), MaxPool2d(), ReLU(), Flatten(), Dense(2 * 2 * 3, 3, rng=rng()))
    for seed in range(20):
        strategies.randomise(model, np.random.default_rng(seed))
        x = np.random.default_rng(seed + 100).standard_normal((2, 1, 6, 8))
        conv_out = model.layers[0](x)
        in_window = conv_out.reshape(2, 2, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)
        gap = np.diff(np.sort(in_window, axis=1)[:, -2:], axis=1).min()
        if gap > 1e-3 and np.abs(in_window.max(axis=1)).min() > 1e-3:
            check_gradients(model, x, train=True)
            return
    pytest.fail("every seed has a value near a kink; take a smaller network")


@pytest.mark.parametrize("shortcut", [False, True])
def test_residual_is_the_sum_of_both_ways(shortcut):
    body, way = Dense(3, 3, rng=np.random.default_rng(1)), Dense(3, 3, rng=np.random.default_rng(2))
    x, dout = np.random.default_rng(3).standard_normal((2, 4, 3)).astype(np.float32)
    layer = Residual(body, way) if shortcut else Residual(body)
    out, cache = layer.forward(x)
    ref.assert_close(out, body(x) + (way(x) if shortcut else x))
    dx, grads = layer.backward(dout, cache)
    ref.assert_close(dx, dout @ body.params["w"].T + (dout @ way.params["w"].T if shortcut else dout))
    ref.assert_close(grads["body.w"], x.T @ dout)
    if shortcut:
        ref.assert_close(grads["shortcut.w"], x.T @ dout)
    assert list(layer.params) == list(grads)


@pytest.mark.parametrize("layer", [Sequential(), Sequential(Sequential(), Sequential())])
def test_nothing_is_the_identity(layer):
    x = np.random.default_rng(0).standard_normal((3, 4))
    out, cache = layer.forward(x)
    np.testing.assert_array_equal(out, x)
    dx, grads = layer.backward(x, cache)
    np.testing.assert_array_equal(dx, x)
    assert grads == layer.params == layer.state == {}


def test_keys_go_by_position():
    model = residual_net()
    names = ["0.w", "0.b", "1.gamma", "1.beta", "3.body.0.w", "3.body.0.b", "3.body.1.gamma", "3.body.1.beta"]
    names += ["3.shortcut.w", "3.shortcut.b", "4.body.0.w", "4.body.0.b", "7.w", "7.b"]
    assert list(model.params) == names
    statistics = ["1.running_mean", "1.running_var", "3.body.1.running_mean", "3.body.1.running_var"]
    assert list(model.state) == statistics
    x = np.random.default_rng(3).standard_normal((2, 2, 5, 4))
    out, cache = model.forward(x, train=True)
    _, grads = model.backward(out, cache)
    assert list(grads) == names
    assert list(model.observe(cache)) == statistics
    assert model.observe(model.forward(x)[1]) == {}


def test_params_are_the_childrens_own_arrays():
    """An optimizer that works in place on model.params works on the layers."""
    dense = Dense(2, 2, rng=rng())
    model = Sequential(ReLU(), Residual(Sequential(dense)))
    assert model.params["1.body.0.w"] is dense.params["w"]
    model.params["1.body.0.b"][...] = 7
    assert dense.params["b"].tolist() == [7, 7]
    dense.params["w"] = np.zeros((2, 2), np.float32)  # a replaced array is seen: composites keep no copies
    assert model.params["1.body.0.w"] is dense.params["w"]


def test_update_state_reaches_the_layer_that_observed():
    model = residual_net()
    before = {key: value.copy() for key, value in model.state.items()}
    observed = {key: np.full_like(value, 10 + i) for i, (key, value) in enumerate(model.state.items())}
    model.update_state(observed)
    for i, (key, value) in enumerate(model.state.items()):
        np.testing.assert_allclose(value, 0.9 * before[key] + 0.1 * (10 + i), rtol=1e-6)


def test_observed_values_are_those_of_the_layer():
    x = np.random.default_rng(3).standard_normal((5, 4))
    first, norm = Dense(4, 3, rng=rng()), BatchNorm1d(3)
    model = Sequential(first, Residual(norm))
    observed = model.observe(model.forward(x, train=True)[1])
    ref.assert_close(observed["1.body.running_mean"], first(x).mean(axis=0))
    ref.assert_close(observed["1.body.running_var"], first(x).var(axis=0, ddof=1))


def test_layers_and_leaves():
    relu, dense, tanh = ReLU(), Dense(2, 2, rng=rng()), Tanh()
    model = Sequential(relu, Residual(Sequential(dense), tanh))
    assert model.layers[0] is relu
    assert list(model.leaves()) == [("0", relu), ("1.body.0", dense), ("1.shortcut", tanh)]


def test_train_and_rng_reach_every_layer():
    seen = []

    class Spy(Layer):
        functions = (lambda x: (x, None), lambda dout, cache: dout)

        def forward(self, x, *, train=False, rng=None):
            seen.append((train, rng))
            return x, None

    model, generator = Sequential(Spy(), Residual(Sequential(Spy()), Spy())), rng()
    model.forward(np.zeros((2, 2)), train=True, rng=generator)
    model.forward(np.zeros((2, 2)))
    assert seen == [(True, generator)] * 3 + [(False, None)] * 3


# --- need_dx -------------------------------------------------------------------------------------------------------------


class Spy(Layer):
    """Multiplies by w if it has one, and writes down how its backward was called."""

    functions = (lambda x, w=1: (x * w, (x, w)), lambda dout, cache: dout)

    def __init__(self, learns):
        super().__init__()
        self.calls = []
        if learns:
            self.params = {"w": np.full(1, 2.0)}

    def backward(self, dout, cache, *, need_dx=True):
        self.calls.append(need_dx)
        x, w = cache
        grads = {"w": (dout * x).sum(keepdims=True).ravel()} if self.params else {}
        return (dout * w if need_dx else None), grads


def test_without_dx_only_what_somebody_needs_is_computed():
    spies = [Spy(False), Spy(True), Spy(False), Spy(True)]
    model, x = Sequential(*spies), np.arange(4.0)
    dx, grads = model.backward(x, model.forward(x)[1], need_dx=False)
    assert dx is None
    assert [spy.calls for spy in spies] == [[], [False], [True], [True]]
    assert {key: float(g[0]) for key, g in grads.items()} == {"1.w": 2 * 14, "3.w": 2 * 14}
    dx, same = model.backward(x, model.forward(x)[1])
    np.testing.assert_array_equal(dx, 4 * x)
    assert same == grads


def test_without_dx_in_a_nested_network():
    body, way, before, last = Spy(True), Spy(True), Spy(False), Spy(True)
    model, x = Sequential(before, Residual(Sequential(body), way), last), np.arange(4.0)
    assert model.backward(x, model.forward(x)[1], need_dx=False)[0] is None
    assert [spy.calls for spy in (before, body, way, last)] == [[], [False], [False], [True]]


def test_nothing_to_learn_and_nobody_asks():
    spy = Spy(False)
    model, x = Sequential(spy), np.arange(4.0)
    assert model.backward(x, model.forward(x)[1], need_dx=False) == (None, {})
    assert spy.calls == []


# --- stages --------------------------------------------------------------------------------------------------------------


STAGES = ["0", "1", "2", "3.body.0", "3.body.1", "3.body.2", "3.shortcut", "3", "4.body.0", "4.body.1", "4", "5", "6", "7"]


def stages_of(model, x, dout_seed=1, **mode):
    """Both walks: stages by name, StageBacks by name, and what each walk returned."""
    ahead, back = [], []
    out, cache = walk(model.stages(x, **mode), ahead.append)
    dout = np.random.default_rng(dout_seed).standard_normal(out.shape)
    result = walk(model.stages_back(dout, cache), back.append)
    return {s.name: s for s in ahead}, {s.name: s for s in back}, (out, cache), (dout, *result)


@pytest.mark.parametrize("train", [False, True])
def test_the_stages_are_the_forward_and_the_backward_pass(train):
    model = strategies.randomise(residual_net(), np.random.default_rng(2))
    x = np.random.default_rng(3).standard_normal((2, 2, 5, 4))
    ahead, back, (out, _), (dout, dx, grads) = stages_of(model, x, train=train)
    wanted, cache = model.forward(x, train=train)
    wanted_dx, wanted_grads = model.backward(dout, cache)
    assert list(ahead) == STAGES
    assert list(back) == ["7", "6", "5", "4.body.1", "4.body.0", "4", *STAGES[3:6][::-1], "3.shortcut", "3", "2", "1", "0"]
    for a, b in [(out, wanted), (ahead["7"].out, wanted), (dx, wanted_dx), (back["0"].dx, wanted_dx)]:
        np.testing.assert_array_equal(a, b)
    own = {f"{name}.{key}": g for name, stage in back.items() for key, g in stage.grads.items()}
    assert own.keys() == wanted_grads.keys() == grads.keys()
    for key, g in wanted_grads.items():
        np.testing.assert_array_equal(own[key], g)
        np.testing.assert_array_equal(grads[key], g)


def test_every_stage_can_be_done_again_from_what_it_shows():
    """x, out, cache, dout and dx of a stage belong together, and each stage's x is the out of the one before."""
    model = strategies.randomise(residual_net(), np.random.default_rng(2))
    ahead, back, _, (dout, *_) = stages_of(model, np.random.default_rng(3).standard_normal((2, 2, 5, 4)), train=True)
    leaves = dict(model.leaves())
    for name, stage in ahead.items():
        assert stage.layer is back[name].layer
        assert stage.layer is leaves.get(name, model.layers[int(name[0])])
        np.testing.assert_array_equal(stage.layer.forward(stage.x, train=True)[0], stage.out)
        np.testing.assert_array_equal(stage.layer.backward(back[name].dout, stage.cache)[0], back[name].dx)
    for before, after in [("0", "1"), ("2", "3"), ("2", "3.body.0"), ("2", "3.shortcut"), ("3.body.1", "3.body.2")]:
        assert ahead[after].x is ahead[before].out
    ref.assert_close(ahead["3"].out, ahead["3.body.2"].out + ahead["3.shortcut"].out)
    ref.assert_close(ahead["4"].out, ahead["4.body.1"].out + ahead["3"].out)
    ref.assert_close(back["4"].dx, back["4.body.0"].dx + back["4"].dout)
    assert back["7"].dout is dout
    assert back["4"].dout is back["4.body.1"].dout is back["5"].dx
    assert back["3"].grads == back["4"].grads == {}


@pytest.mark.parametrize("layer", [Dense(3, 2, rng=rng()), Tanh()], ids=repr)
def test_a_layer_on_its_own_has_one_stage(layer):
    x, dout = np.random.default_rng(3).standard_normal((2, 4, 3))
    dout = layer(dout)
    (stage,) = layer.stages(x)
    assert stage.name == ""
    assert stage.layer is layer
    assert stage.x is x
    np.testing.assert_array_equal(stage.out, layer(x))
    (back,) = layer.stages_back(dout, stage.cache)
    np.testing.assert_array_equal(back.dx, layer.backward(dout, stage.cache)[0])
    assert back.grads.keys() == layer.params.keys()
    (named,) = layer.stages(x, name="4.body")
    assert named.name == "4.body"


def test_stages_back_leaves_out_what_nobody_needs():
    spies = [Spy(False), Spy(True), Spy(False), Spy(True)]
    model, x = Sequential(*spies), np.arange(4.0)
    back = list(model.stages_back(x, model.forward(x)[1], need_dx=False))
    assert [stage.name for stage in back] == ["3", "2", "1"]
    assert [spy.calls for spy in spies] == [[], [False], [True], [True]]
    assert back[-1].dx is None
    nested = Sequential(Spy(False), Residual(Sequential(Spy(True)), Spy(True)), Spy(True))
    back = list(nested.stages_back(x, nested.forward(x)[1], need_dx=False))
    assert [(stage.name, stage.dx is None) for stage in back] == [
        ("2", False),
        ("1.body.0", True),
        ("1.shortcut", True),
        ("1", True),
    ]


def test_stages_reach_train_and_rng():
    x = np.ones((50, 4))
    model = Sequential(Residual(Dropout(0.5)))
    (first,) = (stage for stage in model.stages(x, train=True, rng=rng()) if stage.name == "0.body")
    np.testing.assert_array_equal(first.out, Dropout(0.5).forward(x, train=True, rng=rng())[0])
    assert not np.array_equal(first.out, x)
    assert all(np.array_equal(stage.out, x * k) for stage, k in zip(model.stages(x), (1, 2), strict=True))


def test_a_walk_can_be_left_half_way():
    """The stages before a mismatch are seen, and its error is that of forward."""
    model, seen = Sequential(Dense(3, 5, rng=rng()), ReLU(), Dense(4, 2, rng=rng())), []
    with pytest.raises(ValueError, match="layer 2 of Sequential, Dense") as error:
        walk(model.stages(np.ones((2, 3))), seen.append)
    with pytest.raises(ValueError, match=re.escape(str(error.value))):
        model(np.ones((2, 3)))
    assert [stage.name for stage in seen] == ["0", "1"]


# --- errors --------------------------------------------------------------------------------------------------------------


def test_a_mismatch_names_the_layer_and_both_shapes():
    model = Sequential(Flatten(), Dense(12, 5, rng=rng()), ReLU(), Dense(4, 3, rng=rng()))
    message = "layer 3 of Sequential, Dense: Dense: x has 5 features, w wants 4: x (2, 5), w (4, 3)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model(np.zeros((2, 3, 2, 2)))


def test_a_mismatch_deep_inside_names_the_way_there():
    model = Sequential(ReLU(), Residual(Sequential(Tanh(), Conv2d(3, 2, 1, rng=rng()))))
    with pytest.raises(ValueError, match=r"layer 1 of .*Residual.*layer 1 of .*Conv2d") as error:
        model(np.zeros((2, 1, 3, 3)))
    assert "x (2, 1, 3, 3), w (2, 3, 1, 1)" in str(error.value)


@pytest.mark.parametrize(
    ("layer", "x", "both"),
    [
        (MaxPool2d(5), (2, 3, 4, 6), ["(5, 5)", "(4, 6)"]),
        (AvgPool2d(5), (2, 3, 6, 4), ["(5, 5)", "(6, 4)"]),
        (GlobalAvgPool(), (2, 3), ["(N, C, H, W)", "(2, 3)"]),
        (BatchNorm2d(3), (2, 3), ["(N, C, H, W)", "(2, 3)"]),
        (BatchNorm1d(3), (2, 5), ["(3,)", "(2, 5)"]),
    ],
    ids=repr,
)
def test_every_layers_error_passes_through_sequential(layer, x, both):
    with pytest.raises(ValueError, match=f"^layer 1 of Sequential, {type(layer).__name__}: ") as error:
        Sequential(ReLU(), layer)(np.zeros(x))
    for shape in both:
        assert shape in str(error.value)


def test_ways_of_different_shape():
    layer = Residual(Conv2d(3, 3, 3, rng=rng()))
    with pytest.raises(
        ValueError, match=re.escape("Residual: body gives (2, 3, 3, 5), shortcut (2, 3, 5, 7): x (2, 3, 5, 7)")
    ):
        layer(np.zeros((2, 3, 5, 7)))


def test_ways_that_numpy_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=re.escape("body gives (2, 1), shortcut (2, 3)")):
        Residual(Dense(3, 1, rng=rng()))(np.zeros((2, 3)))


def twice_in_a_row(layer):
    return Sequential(layer, layer)


def twice_in_a_residual(layer):
    return Residual(layer, layer)


def once_outside_once_inside(layer):
    return Sequential(layer, ReLU(), Residual(Sequential(Tanh(), layer)))


def in_two_branches(layer):
    return Sequential(Residual(Sequential(layer)), Residual(Tanh(), Sequential(Sequential(layer))))


def inside_a_composite_that_stands_twice(layer):
    block = Sequential(layer)
    return Sequential(block, block)


@pytest.mark.parametrize(
    "build",
    [twice_in_a_row, twice_in_a_residual, once_outside_once_inside, in_two_branches, inside_a_composite_that_stands_twice],
)
@pytest.mark.parametrize("layer", [Dense(2, 2, rng=np.random.default_rng(0)), ReLU(), BatchNorm1d(2)], ids=repr)
def test_the_same_object_twice_is_refused(build, layer):
    with pytest.raises(ValueError, match=re.escape(repr(layer)) + ".* twice"):
        build(layer)


def test_the_second_place_of_an_object_is_named():
    layer = ReLU()
    with pytest.raises(ValueError, match=re.escape("Sequential: 2 (ReLU()) stands in the network twice")):
        Sequential(layer, Tanh(), layer)


def test_equal_layers_are_not_the_same_object():
    assert len(Sequential(ReLU(), ReLU(), Residual(ReLU(), ReLU())).layers) == 3


@pytest.mark.parametrize(("child", "word"), [(ReLU, "make one first, as in ReLU()"), (np.tanh, "ufunc"), (None, "NoneType")])
def test_what_is_not_a_layer_is_refused(child, word):
    with pytest.raises(ValueError, match=f"1 must be a layer, got .*{word}"):
        Sequential(ReLU(), child)


def test_repr_shows_the_tree():
    assert repr(Sequential(ReLU(), Residual(Dense(2, 2, rng=rng()), Tanh()))) == (
        "Sequential(ReLU(), Residual(Dense(in_features=2, out_features=2), Tanh()))"
    )


# --- a backward of one's own ---------------------------------------------------------------------------------------------


def own(backward):
    """A ReLU with a learner's backward."""
    return ReLU(functions=(lambda x: (np.maximum(x, 0), x), backward))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda dout, x: dout[:1], "Dense: dout must have the shape of forward's output, (4, 5), got (1, 5)"),
        (lambda dout, x: (dout * (x > 0)).T, "Dense: dout must have the shape of forward's output, (4, 5), got (5, 4)"),
        (lambda dout, x: x > 0, "Dense: dout must be floating-point numbers, got bool"),
        (lambda dout, x: None, "dout is None: backward of the layer after it must return dx"),
    ],
)
def test_a_wrong_dx_is_refused_by_the_layer_before_it(wrong, message):
    """NumPy would stretch some of them to fit, and all gradients before would be wrong."""
    model = Sequential(Dense(3, 5, rng=rng()), own(wrong), Dense(5, 2, rng=rng()))
    out, cache = model.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=f"^layer 0 of Sequential, Dense: {re.escape(message)}"):
        model.backward(np.ones_like(out), cache)
    with pytest.raises(ValueError, match=f"^layer 0 of Sequential, Dense: {re.escape(message)}"):
        walk(model.stages_back(np.ones_like(out), cache))


def test_ways_back_must_have_one_shape():
    layer = Residual(own(lambda dout, x: dout[:, :1]))
    out, cache = layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=re.escape("dx must have one shape on both ways, got body (4, 1), shortcut (4, 3)")):
        layer.backward(np.ones_like(out), cache)
