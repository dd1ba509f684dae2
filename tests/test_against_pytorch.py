"""The same layers, losses, optimizers and schedules in PyTorch; skipped where there is none."""

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given, settings

from scratchnet import optim
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.losses import MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy

torch = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)  # arrays this small only wait for other threads


def rng(seed=0):
    return np.random.default_rng(seed)


def to_torch(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def copy_params(layer, module):
    """Give the module the layer's numbers; Dense keeps its weight the other way round."""
    names = {"w": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    with torch.no_grad():
        for key, array in layer.params.items():
            getattr(module, names[key]).copy_(to_torch(array.T if isinstance(layer, Dense) and key == "w" else array))
        for key, array in layer.state.items():
            getattr(module, key).copy_(to_torch(array))


def gradient_of(layer, module, key):
    names = {"w": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}
    gradient = getattr(module, names[key]).grad.numpy()
    return gradient.T if isinstance(layer, Dense) and key == "w" else gradient


def compare(layer, module, x, *, train=True):
    """Forward and backward of a layer and of a module with the same numbers."""
    module = module.double().train(train)
    copy_params(strategies.randomise(layer, rng(1)), module)
    out, cache = layer.forward(x, train=train)
    their_x = to_torch(x).requires_grad_()
    their_out = module(their_x)
    ref.assert_close(out, their_out.detach().numpy(), 1e-11, "out")
    dout = rng(2).standard_normal(out.shape)
    dx, grads = layer.backward(dout, cache)
    their_out.backward(to_torch(dout))
    ref.assert_close(dx, their_x.grad.numpy(), 1e-11, "dx")
    for key, gradient in grads.items():
        ref.assert_close(gradient, gradient_of(layer, module, key), 1e-11, key)
    return cache


# --- layers --------------------------------------------------------------------------------------------------------------


@given(strategies.conv_cases())
def test_conv(case):
    x, *_ = strategies.conv_arrays(case)
    layer = Conv2d(case.c, case.f, case.kernel, stride=case.stride, pad=case.pad, rng=rng())
    compare(layer, nn.Conv2d(case.c, case.f, case.kernel, stride=case.stride, padding=case.pad), x)


@given(strategies.pool_cases())
def test_pools(case):
    x = strategies.off_kinks(rng(case.seed), strategies.pool_shapes(case)[0])
    compare(MaxPool2d(case.kernel, case.stride), nn.MaxPool2d(case.kernel, case.stride), x)
    compare(AvgPool2d(case.kernel, case.stride), nn.AvgPool2d(case.kernel, case.stride), x)


@given(strategies.seeds)
@settings(max_examples=10)
def test_elementwise_dense_and_reshaping(seed):
    images, features = strategies.off_kinks(rng(seed), (3, 2, 3, 5)), strategies.off_kinks(rng(seed), (4, 6))
    for layer, module in [
        (ReLU(), nn.ReLU()),
        (LeakyReLU(0.2), nn.LeakyReLU(0.2)),
        (LeakyReLU(), nn.LeakyReLU()),
        (Sigmoid(), nn.Sigmoid()),
        (Tanh(), nn.Tanh()),
        (Flatten(), nn.Flatten()),
        (GlobalAvgPool(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    ]:
        compare(layer, module, images)
    compare(Dense(6, 3, rng=rng()), nn.Linear(6, 3), features)


@given(strategies.seeds)
@settings(max_examples=10)
def test_batch_norm_over_several_steps(seed):
    for layer, module, shape in [
        (BatchNorm1d(4), nn.BatchNorm1d(4), (6, 4)),
        (BatchNorm2d(3, eps=1e-3, momentum=0.3), nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), (2, 3, 4, 5)),
    ]:
        for step in range(3):
            x = strategies.off_kinks(rng(seed + step), shape) + step
            cache = compare(layer, module, x)
            layer.update_state(layer.observe(cache))
            for name, value in layer.state.items():
                ref.assert_close(value, getattr(module, name).numpy(), name=name)
            module.zero_grad()
            compare(layer, module, x, train=False)
            module.zero_grad()


@pytest.mark.parametrize("train", [True, False])
def test_a_residual_network(train):
    layer = Sequential(
        Conv2d(2, 4, 3, pad=1, rng=rng(0)),
        MaxPool2d(2),
        ReLU(),
        Residual(
            Sequential(Conv2d(4, 6, 3, stride=2, pad=1, rng=rng(1)), BatchNorm2d(6), Tanh()),
            Conv2d(4, 6, 1, stride=2, rng=rng(2)),
        ),
        Flatten(),
        Dense(6 * 2 * 2, 3, rng=rng(3)),
    )
    first, last = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(24, 3)
    body = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.Tanh())
    shortcut = nn.Conv2d(4, 6, 1, stride=2)
    strategies.randomise(layer, rng(4))
    modules = {"0": first, "3.body.0": body[0], "3.body.1": body[1], "3.shortcut": shortcut, "5": last}
    for name, leaf in layer.leaves():
        if name in modules:
            modules[name].double().train(train)
            copy_params(leaf, modules[name])
    x, labels = rng(5).standard_normal((5, 2, 6, 8)), np.array([0, 2, 1, 1, 0])

    out, cache = layer.forward(x, train=train)
    loss, loss_cache = SoftmaxCrossEntropy(0.1).forward(out, labels)
    dx, grads = layer.backward(SoftmaxCrossEntropy(0.1).backward(1.0, loss_cache), cache)

    their_x = to_torch(x).requires_grad_()
    hidden = torch.relu(nn.functional.max_pool2d(first(their_x), 2))
    their_loss = nn.functional.cross_entropy(
        last(torch.flatten(body(hidden) + shortcut(hidden), 1)), to_torch(labels), label_smoothing=0.1
    )
    their_loss.backward()
    assert loss == pytest.approx(float(their_loss.detach()), rel=1e-12)
    ref.assert_close(dx, their_x.grad.numpy())
    leaves = dict(layer.leaves())
    for key, gradient in grads.items():
        name, _, short = key.rpartition(".")
        ref.assert_close(gradient, gradient_of(leaves[name], modules[name], short), name=key)


# --- losses --------------------------------------------------------------------------------------------------------------


@given(strategies.logit_shapes(), strategies.seeds)
def test_losses(shape, seed):
    logits, (n, k) = rng(seed).normal(0, 3, shape), shape
    labels, targets = rng(seed).integers(0, k, n), rng(seed + 1).standard_normal(shape)
    for ours, theirs, wanted in [
        (SoftmaxCrossEntropy(), nn.CrossEntropyLoss(), labels),
        (SoftmaxCrossEntropy(0.1), nn.CrossEntropyLoss(label_smoothing=0.1), labels),
        (SoftmaxCrossEntropy(0.7), nn.CrossEntropyLoss(label_smoothing=0.7), labels),
        (MulticlassHinge(), lambda x, y: k * nn.MultiMarginLoss()(x, y), labels),
        (MulticlassHinge(2.5), lambda x, y: k * nn.MultiMarginLoss(margin=2.5)(x, y), labels),
        (MeanSquaredError(), nn.MSELoss(), targets),
    ]:
        loss, cache = ours.forward(logits, wanted)
        their_logits = to_torch(logits).requires_grad_()
        their_loss = theirs(their_logits, to_torch(wanted))
        their_loss.backward()
        assert loss == pytest.approx(float(their_loss.detach()), rel=1e-10, abs=1e-12)
        ref.assert_close(ours.backward(1.0, cache), their_logits.grad.numpy(), name=repr(ours))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_extreme_logits(dtype, smoothing):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 5], [3, 2, 1e4]], dtype)
    labels = np.array([0, 0, 1])
    ours = SoftmaxCrossEntropy(smoothing)
    loss, cache = ours.forward(logits, labels)
    theirs = to_torch(logits).requires_grad_()
    their_loss = nn.functional.cross_entropy(theirs, to_torch(labels), label_smoothing=smoothing)
    their_loss.backward()
    assert loss == pytest.approx(float(their_loss.detach()), rel=1e-6)
    np.testing.assert_allclose(ours.backward(1.0, cache), theirs.grad.numpy(), rtol=1e-6, atol=1e-7)


# --- optimizers and schedules ------------------------------------------------------------------------------------------


OPTIMIZERS = {
    "SGD": (lambda d: optim.SGD(0.1, weight_decay=d), lambda p, d: torch.optim.SGD(p, 0.1, weight_decay=d)),
    "Momentum": (
        lambda d: optim.Momentum(0.1, 0.8, weight_decay=d),
        lambda p, d: torch.optim.SGD(p, 0.1, momentum=0.8, weight_decay=d),
    ),
    "Nesterov": (
        lambda d: optim.Nesterov(0.1, 0.8, weight_decay=d),
        lambda p, d: torch.optim.SGD(p, 0.1, momentum=0.8, nesterov=True, weight_decay=d),
    ),
    "RMSProp": (
        lambda d: optim.RMSProp(0.01, weight_decay=d),
        lambda p, d: torch.optim.RMSprop(p, 0.01, weight_decay=d),
    ),
    "Adam": (lambda d: optim.Adam(0.01, weight_decay=d), lambda p, d: torch.optim.Adam(p, 0.01, weight_decay=d)),
    "Adam 0.7, 0.8": (
        lambda d: optim.Adam(0.01, (0.7, 0.8), eps=1e-3, weight_decay=d),
        lambda p, d: torch.optim.Adam(p, 0.01, (0.7, 0.8), eps=1e-3, weight_decay=d),
    ),
    "AdamW": (lambda d: optim.AdamW(0.01, weight_decay=d), lambda p, d: torch.optim.AdamW(p, 0.01, weight_decay=d)),
}


@pytest.mark.parametrize(("ours", "theirs"), OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_optimizers_over_20_steps(ours, theirs, weight_decay):
    params = {"w": rng(0).standard_normal((4, 3)), "b": rng(1).standard_normal(3)}
    w, b = (to_torch(params[key].copy()).requires_grad_() for key in ("w", "b"))
    groups = [{"params": [w], "weight_decay": weight_decay}, {"params": [b], "weight_decay": 0.0}]
    our_optimizer, their_optimizer = ours(weight_decay), theirs(groups, weight_decay)
    for step in range(20):
        grads = {"w": rng(step + 2).standard_normal((4, 3)), "b": rng(step + 50).standard_normal(3)}
        our_optimizer.step(params, grads)
        w.grad, b.grad = to_torch(grads["w"]), to_torch(grads["b"])
        their_optimizer.step()
        ref.assert_close(params["w"], w.detach().numpy(), name=f"w at step {step}")
        ref.assert_close(params["b"], b.detach().numpy(), name=f"b at step {step}")


def test_defaults_are_pytorchs():
    parameter = [torch.zeros(1, requires_grad=True)]
    for ours, theirs in [
        (optim.Adam(), torch.optim.Adam(parameter)),
        (optim.AdamW(), torch.optim.AdamW(parameter)),
        (optim.RMSProp(lr=0.01), torch.optim.RMSprop(parameter)),
    ]:
        defaults = theirs.defaults
        for name in "lr", "weight_decay", "eps", "betas", "alpha":
            if hasattr(ours, name):
                assert getattr(ours, name) == defaults[name], f"{type(ours).__name__}: {name}"
    assert BatchNorm2d(1).eps == nn.BatchNorm2d(1).eps
    assert BatchNorm2d(1).momentum == nn.BatchNorm2d(1).momentum
    assert LeakyReLU().negative_slope == nn.LeakyReLU().negative_slope


SCHEDULES = {
    "StepLR": (
        lambda n: optim.step_decay(0.5, 7, 0.3),
        lambda o, n: torch.optim.lr_scheduler.StepLR(o, 7, gamma=0.3),
    ),
    "CosineAnnealingLR": (
        lambda n: optim.cosine(0.5, n, final=0.02),
        lambda o, n: torch.optim.lr_scheduler.CosineAnnealingLR(o, n, eta_min=0.02),
    ),
    "OneCycleLR": (
        lambda n: optim.one_cycle(0.5, n),
        lambda o, n: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=n),
    ),
    "OneCycleLR, other settings": (
        lambda n: optim.one_cycle(0.5, n, warmup=0.55, start_div=10.0, final_div=100.0),
        lambda o, n: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=0.5, total_steps=n, pct_start=0.55, div_factor=10.0, final_div_factor=100.0
        ),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("steps", [10, 33, 100])
def test_schedules(ours, theirs, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler, lr = theirs(optimizer, steps), ours(steps)
    for step in range(steps):
        assert lr(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12), step
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
