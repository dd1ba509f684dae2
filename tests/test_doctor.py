"""The doctor: every finding provoked by the mistake it is named after, and absent where there is none."""

import copy
import functools
import json
import math
import re

import numpy as np
import pytest

from scratchnet import init, models
from scratchnet.cli.common import load
from scratchnet.datasets import synthetic
from scratchnet.datasets.split import split
from scratchnet.engine import Engine
from scratchnet.inspection import doctor
from scratchnet.inspection.checkup import NOTE, PROBLEM, WARNING, Checkup, Finding, NotExamined, Passed
from scratchnet.layers import (
    BatchNorm1d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.layers.dense import dense_backward, dense_forward
from scratchnet.losses import MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy, softmax
from scratchnet.optim import SGD, Adam, Momentum, constant
from scratchnet.preprocess import prepare
from scratchnet.recipes import RECIPES
from scratchnet.train import train_steps

IMAGES, LABELS = synthetic.make(1500, seed=11)
TRAIN, VAL = split(LABELS, 300, seed=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def mlp(*, hidden=32, w=init.he_normal, act=ReLU, functions=None):
    return Sequential(
        Flatten(),
        Dense(784, hidden, rng=rng(1), init=w, functions=functions),
        act(),
        Dense(hidden, 10, rng=rng(2), init=w),
    )


def examine(model=None, **changes):
    """A checkup of a healthy case, but for the changes."""
    case = {
        "images": IMAGES[TRAIN],
        "labels": LABELS[TRAIN],
        "val": (IMAGES[VAL], LABELS[VAL]),
        "prepare": prepare,
        "optimizer": Momentum(lr=0.02),
    }
    return doctor(model or mlp(), **{**case, **changes})


def found(checkup, name):
    """The one finding of that name."""
    (finding,) = [f for f in checkup.findings if f.name == name]
    return finding


def wrong_sign(dout, cache, need_dx=True):
    dx, dw, db = dense_backward(dout, cache, need_dx)
    return dx, -dw, -db


def train(model, steps, *, lr=0.02, update_state=True):
    """A few steps of training, in place."""
    engine = Engine(model, SoftmaxCrossEntropy(), IMAGES[TRAIN], LABELS[TRAIN], prepare=prepare)
    updating = model.update_state
    if not update_state:
        model.update_state = lambda observed: None
    walk = train_steps(engine, Momentum(lr=lr), epochs=100, batch_size=50, schedule=constant(lr), seed=0)
    for _, _ in zip(range(steps), walk, strict=False):
        pass
    model.update_state = updating
    return model


# --- health ----------------------------------------------------------------------------------------------------------


LARGE = ("svm-rff", "tiny", "resnet", "cnn-bn")  # one seed has to do
NETWORKS = [(name, seed) for name in models.MODELS for seed in (0, 1) if name != "knn" and not (seed and name in LARGE)]


@pytest.mark.parametrize(("name", "seed"), NETWORKS)
def test_the_packages_networks_are_healthy(name, seed):
    checkup = examine(models.build(name, seed=seed), optimizer=RECIPES[name].build_optimizer(), shuffle=True, seed=seed)
    assert checkup.names == ()
    assert checkup.healthy
    assert {"wrong-gradient", "cannot-overfit", "learning-rate", "leakage"} <= {v.name for v in checkup.passed}


def test_the_shipped_weights_are_healthy():
    loaded = load(None)
    checkup = examine(loaded.model, prepare=loaded.prepare, optimizer=RECIPES["cnn"].build_optimizer())
    assert checkup.names == ()
    assert "it has learned" in str(checkup)
    assert "wrong-gradient" in [v.name for v in checkup.passed]  # though its gradients are tiny


@pytest.mark.parametrize(
    "model",
    [
        mlp(act=Tanh, w=init.xavier_normal),
        mlp(act=LeakyReLU),
        mlp(act=Sigmoid, w=init.xavier_normal),
        Sequential(Flatten(), Dense(784, 40, rng=rng()), BatchNorm1d(40), ReLU(), Dropout(0.3), Dense(40, 10, rng=rng())),
        Sequential(
            Conv2d(1, 4, 5, stride=3, rng=rng()),
            Residual(Sequential(Conv2d(4, 4, 3, pad=1, rng=rng()), ReLU(), Conv2d(4, 4, 3, pad=1, rng=rng()))),
            ReLU(),
            MaxPool2d(),
            Flatten(),
            Dense(64, 10, rng=rng()),
        ),
        Sequential(Flatten(), Dense(784, 10, rng=rng(), init=functools.partial(init.normal, std=0.0))),
        Sequential(
            Flatten(),
            Dense(784, 30, rng=rng()),
            ReLU(),
            Dense(30, 10, rng=rng(), init=functools.partial(init.normal, std=0.0)),
        ),
    ],
    ids=["tanh", "leaky", "sigmoid", "batchnorm-dropout", "residual", "softmax-from-zero", "last-layer-from-zero"],
)
def test_other_healthy_networks(model):
    assert examine(model, optimizer=Adam(0.003)).names == ()


def test_trained_networks_are_healthy():
    norm = Sequential(Flatten(), Dense(784, 30, rng=rng()), BatchNorm1d(30), ReLU(), Dense(30, 10, rng=rng()))
    for model in (train(mlp(), 60), train(norm, 60)):
        assert examine(model).names == ()


def test_a_network_without_sequential_and_data_that_is_prepared():
    x = prepare(IMAGES).reshape(len(IMAGES), -1)
    checkup = doctor(Dense(784, 10, rng=rng()), x[TRAIN], LABELS[TRAIN], val=(x[VAL], LABELS[VAL]), optimizer=SGD(0.05))
    assert checkup.names == ()


def test_nothing_is_changed_and_the_same_seed_gives_the_same():
    model = Sequential(Flatten(), Dense(784, 30, rng=rng()), BatchNorm1d(30), ReLU(), Dropout(0.5), Dense(30, 10, rng=rng()))
    optimizer, before = Momentum(lr=0.02), copy.deepcopy((model.params, model.state))
    images, labels = IMAGES[TRAIN], LABELS[TRAIN]
    kept = images.copy(), labels.copy()
    first = examine(model, images=images, labels=labels, optimizer=optimizer)
    for now, then in zip((model.params, model.state), before, strict=True):
        for key in then:
            np.testing.assert_array_equal(now[key], then[key])
            assert now[key].dtype == np.float32
    np.testing.assert_array_equal(images, kept[0])
    np.testing.assert_array_equal(labels, kept[1])
    assert optimizer.t == 0
    assert optimizer.state == {"velocity": {}}
    assert str(examine(model)) == str(first)
    assert str(examine(model, seed=1)) != str(first)


# --- the data --------------------------------------------------------------------------------------------------------


def raw(images):
    return images.astype(np.float32)[:, None]


def test_raw_bytes_are_unscaled():
    finding = found(examine(prepare=raw), "inputs-unscaled")
    assert finding.severity == PROBLEM
    assert "to 255, as raw bytes are" in finding.reason
    assert "inputs-unscaled" in examine(prepare=None).names  # the bytes themselves


def test_inputs_divided_twice():
    finding = found(examine(prepare=lambda images: raw(images) / 255 / 255), "inputs-unscaled")
    assert "divided by 255 twice?" in finding.reason
    assert "inputs-unscaled" not in examine(prepare=lambda images: raw(images) / 255).names


def test_shuffled_labels():
    finding = found(examine(labels=rng().permutation(LABELS[TRAIN])), "labels-uninformative")
    assert finding.where == "training labels"
    assert "always saying" in finding.reason


def test_shuffled_validation_labels():
    finding = found(examine(val=(IMAGES[VAL], rng().permutation(LABELS[VAL]))), "labels-uninformative")
    assert finding.where == "validation labels"


def test_leakage():
    images = np.concatenate([IMAGES[VAL][:295], IMAGES[TRAIN][:5]])
    labels = np.concatenate([LABELS[VAL][:295], LABELS[TRAIN][:5]])
    finding = found(examine(val=(images, labels)), "leakage")
    assert "5 of 300 validation images (2 %)" in finding.reason
    assert "validation image 295" in finding.reason
    test = found(examine(test=(IMAGES[VAL][:50], LABELS[VAL][:50])), "leakage")
    assert test.where == "validation and test images"


def test_one_common_image_of_many_is_a_note():
    images, labels = synthetic.make(2500, seed=5)
    images[7] = IMAGES[TRAIN[0]]
    checkup = examine(val=(images, labels))
    assert found(checkup, "leakage").severity == NOTE
    assert checkup.healthy


def test_forgotten_normalisation_at_evaluation():
    finding = found(examine(eval_prepare=lambda images: raw(images) / 255), "scale-differs")
    assert "validation mean 0.1" in finding.reason
    assert "labels-uninformative" not in examine(eval_prepare=raw).names


def test_sorted_labels():
    order = np.argsort(LABELS[TRAIN], kind="stable")
    images, labels = IMAGES[TRAIN][order], LABELS[TRAIN][order]
    finding = found(examine(images=images, labels=labels), "labels-sorted")
    assert finding.severity == WARNING
    assert "a batch of 64 holds 1.4 classes on average, where 10.0 are to be expected" in finding.reason
    mixed = examine(images=images, labels=labels, shuffle=True)
    assert mixed.names == ()
    assert "draws a new order each epoch" in {v.name: v.reason for v in mixed.passed}["labels-sorted"]
    assert "not sorted by class" in {v.name: v.reason for v in examine().passed}["labels-sorted"]


def test_missing_classes():
    keep = TRAIN[~np.isin(LABELS[TRAIN], [3, 8])]
    assert "label 3, 8" in found(examine(images=IMAGES[keep], labels=LABELS[keep]), "missing-classes").reason


def test_class_imbalance():
    keep = np.concatenate([TRAIN[LABELS[TRAIN] == 1], TRAIN[LABELS[TRAIN] != 1][:90]])
    keep = keep[rng().permutation(len(keep))]
    finding = found(examine(images=IMAGES[keep], labels=LABELS[keep]), "class-imbalance")
    share = np.mean(LABELS[keep] == 1)
    assert f"always says 1 is right {100 * share:.0f} % of the time" in finding.reason


def test_constant_images():
    same = np.broadcast_to(IMAGES[0], (len(TRAIN), 28, 28))
    assert "All 1,200 images are the same" in found(examine(images=same), "constant-images").reason
    some = IMAGES[TRAIN].copy()
    some[[5, 9]] = 0
    assert "2 of 1,200 images" in found(examine(images=some), "constant-images").reason


def test_contradictory_labels():
    images, labels = IMAGES[TRAIN].copy(), LABELS[TRAIN].copy()
    images[30:40] = images[:10]
    labels[30:40] = (labels[:10] + 1) % 10
    finding = found(examine(images=images, labels=labels), "contradictory-labels")
    assert "10 images" in finding.reason
    assert "images 0 and 30 are the same" in finding.reason


def test_nan_in_the_data():
    x = prepare(IMAGES[TRAIN]).copy()
    x[17, 0, 3, 3] = np.nan
    checkup = examine(images=x, prepare=None, val=None)
    finding = found(checkup, "data-not-finite")
    assert "in 1 images; the first is image 17" in finding.reason
    assert [v.name for v in checkup.not_examined] == ["everything else"]


def test_labels_from_one():
    checkup = examine(labels=LABELS[TRAIN] + 1)
    assert "they go from 1 to 10" in found(checkup, "labels-out-of-range").reason
    assert checkup.names == ("labels-out-of-range",)


# --- the network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(value):
    model = mlp()
    model.params["1.w"][3, 4] = value
    finding = found(examine(model), "weights-not-finite")
    assert "1.w (1 of 25,088)" in finding.reason
    assert "labels-sorted" in [v.name for v in examine(model).passed]  # the data is looked at all the same


def test_overflow_inside():
    class Explode(Layer):
        functions = (lambda x: (np.exp(x * 1000), x), lambda dout, cache: dout)

    model = Sequential(Flatten(), Dense(784, 20, rng=rng()), Explode(), Dense(20, 10, rng=rng()))
    finding = found(examine(model), "output-not-finite")
    assert finding.where == "layer 2, Explode()"


@pytest.mark.parametrize("value", [0.0, 0.01])
def test_equal_units(value):
    model = mlp(w=lambda rng, shape: np.full(shape, value, np.float32))
    finding = found(examine(model), "equal-units")
    assert finding.where == "layer 1, Dense(784, 32)"
    assert f"All its weights are {value:g}: 32 units" in finding.reason
    assert {"missing-activation", "uphill-steps"}.isdisjoint(examine(model).names)  # what is 0 says nothing of these


def test_equal_filters():
    one = rng().standard_normal((1, 1, 5, 5)).astype(np.float32)
    model = Sequential(
        Conv2d(1, 4, 5, stride=3, rng=rng(), init=lambda rng, shape: np.repeat(one, 4, axis=0)),
        ReLU(), Flatten(), Dense(256, 10, rng=rng()),
    )  # fmt: skip
    assert "All its units have the same weights" in found(examine(model), "equal-units").reason


def test_large_initial_weights():
    finding = found(examine(mlp(w=functools.partial(init.normal, std=1))), "initial-loss")
    assert finding.severity == PROBLEM
    assert "ln 10 = 2.303" in finding.reason


def test_saturation():
    finding = found(examine(mlp(act=Tanh, w=functools.partial(init.normal, std=1))), "saturated-units")
    assert finding.where == "layer 2, Tanh()"
    assert "within 1 % of its ends -1 and 1" in finding.reason
    assert "saturated-units" in examine(mlp(act=Sigmoid, w=functools.partial(init.normal, std=1))).names


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (Sequential(Flatten(), Dense(784, 32, rng=rng()), Dense(32, 10, rng=rng())), "layers 1 and 2"),
        (
            Sequential(
                Conv2d(1, 4, 5, rng=rng()),
                Conv2d(4, 4, 5, stride=3, rng=rng()),
                ReLU(),
                Flatten(),
                Dropout(0.1),
                Dense(196, 10, rng=rng()),
            ),
            "layers 0 and 1",
        ),
        (Sequential(Flatten(), Dense(784, 20, rng=rng()), BatchNorm1d(20), Dense(20, 10, rng=rng())), "layers 1 and 3"),
    ],
    ids=["dense", "conv", "batchnorm"],
)
def test_forgotten_activation(model, where):
    finding = found(examine(model), "missing-activation")
    assert finding.where == where
    assert finding.severity == WARNING


def test_an_activation_that_does_nothing():
    model = mlp()
    model.params["1.b"][...] = 100
    assert "(layer 2, ReLU(), changes none of the sample's values)" in found(examine(model), "missing-activation").reason


def test_dead_relus():
    model = mlp()
    model.params["1.b"][:20] = -50
    finding = found(examine(model), "dead-relus")
    assert finding.severity == PROBLEM
    assert "20 of 32 units are 0 for each of 256 images; the biases before it (1.b) are -50 in the median" in finding.reason


def test_a_layer_that_is_dead_altogether():
    model = mlp()
    model.params["1.b"][...] = -50
    checkup = examine(model)
    assert checkup.names == ("dead-relus", "no-gradient", "cannot-overfit")
    assert "What goes into it is 0" in found(checkup, "no-gradient").reason


def test_dead_channels():
    model = models.build("lenet5")
    model.params["3.b"][:10] = -50
    assert "10 of 16 channels" in found(examine(model), "dead-relus").reason


def test_vanishing_gradients():
    layers = [layer for i in range(8) for layer in (Dense(40, 40, rng=rng(i), init=init.xavier_normal), Sigmoid())]
    model = Sequential(
        Flatten(), Dense(784, 40, rng=rng(), init=init.xavier_normal), Sigmoid(), *layers, Dense(40, 10, rng=rng())
    )
    finding = found(examine(model), "vanishing-gradients")
    assert finding.where == "layer 1, Dense(784, 40)"
    assert "(a factor of 4 at each layer with weights)" in finding.reason


def test_exploding_gradients():
    layers = [
        layer for i in range(6) for layer in (Dense(40, 40, rng=rng(i), init=functools.partial(init.normal, std=2)), ReLU())
    ]
    model = Sequential(Flatten(), Dense(784, 40, rng=rng()), ReLU(), *layers, Dense(40, 10, rng=rng()))
    assert "exploding-gradients" in examine(model).names


def test_small_initial_weights():
    checkup = examine(mlp(w=functools.partial(init.normal, std=1e-4)))
    assert checkup.names == ("vanishing-gradients",)
    assert "layer 3, Dense(32, 10) have a std of 0.0001" in found(checkup, "vanishing-gradients").reason


class SoftmaxLayer(Layer):
    """A mistake in PyTorch's and everybody's forums: softmax at the end of the network, and again in the loss."""

    functions = (
        lambda x: (softmax(x), softmax(x)),
        lambda dout, probs: probs * (dout - (dout * probs).sum(axis=1, keepdims=True)),
    )


def test_double_softmax():
    checkup = examine(Sequential(mlp(), SoftmaxLayer()))
    finding = found(checkup, "double-softmax")
    assert "can't fall below 1.46" in finding.reason
    assert math.isclose(SoftmaxCrossEntropy().forward(np.eye(10), np.arange(10))[0], 1.4612, abs_tol=1e-4)
    assert checkup.names[0] == "double-softmax"


@pytest.mark.parametrize("last", [ReLU, Sigmoid, Tanh])
def test_activation_after_the_last_layer(last):
    assert "output-activation" in examine(Sequential(mlp(), last())).names


def norm_net():
    return Sequential(Flatten(), Dense(784, 30, rng=rng()), BatchNorm1d(30), ReLU(), Dense(30, 10, rng=rng()))


def test_batch_norm_that_was_never_updated():
    finding = found(examine(train(norm_net(), 60, update_state=False)), "running-statistics")
    assert "still has running mean 0 and variance 1" in finding.reason


def test_batch_norm_with_other_statistics():
    model = train(norm_net(), 60)
    model.state["2.running_mean"][...] += 5
    assert "evaluation does not use the statistics" in found(examine(model), "running-statistics").reason


# --- gradients and training ------------------------------------------------------------------------------------------


def test_gradient_of_the_wrong_sign():
    checkup = examine(mlp(functions=(dense_forward, wrong_sign)))
    finding = found(checkup, "wrong-sign")
    assert finding.where == "1.w, 1.b"
    assert "1.w -1, 1.b -1" in finding.reason
    assert checkup.names[0] == "wrong-sign"


def test_all_gradients_of_the_wrong_sign():
    class Upside(SoftmaxCrossEntropy):
        def backward(self, dloss, cache):
            return -super().backward(dloss, cache)

    checkup = examine(loss=Upside())
    assert "look at the loss's backward first" in found(checkup, "wrong-sign").remedy
    assert "cannot-overfit" in checkup.names
    assert "learning-rate" in [v.name for v in checkup.not_examined]


def test_the_mean_over_the_batch_is_missing():
    class Summed(SoftmaxCrossEntropy):
        def backward(self, dloss, cache):
            return super().backward(dloss, cache) * len(cache[1])

    finding = found(examine(loss=Summed()), "wrong-gradient")
    assert "too large by a factor of N" in finding.reason


def test_the_one_hot_labels_are_forgotten():
    class Forgot(SoftmaxCrossEntropy):
        def backward(self, dloss, cache):
            probs, _, _ = cache
            return probs * np.asarray(dloss / len(probs), probs.dtype)

    checkup = examine(loss=Forgot())
    assert checkup.names[0] in ("wrong-gradient", "wrong-sign")
    assert "cannot-overfit" in checkup.names


def test_a_gradient_that_is_wrong_in_one_layer_only():
    def backward(dout, cache, need_dx=True):
        dx, dw, db = dense_backward(dout, cache, need_dx)
        return dx, dw, 2 * db

    finding = found(examine(mlp(functions=(dense_forward, backward))), "wrong-gradient")
    assert finding.where == "1.b"
    assert "too large by a factor of 2" in finding.reason
    assert "this one is not" in finding.remedy


def test_a_wrong_dx_is_looked_for_above():
    class Lossy(Layer):
        functions = (lambda x: (2 * x, None), lambda dout, cache: -2 * dout)

    finding = found(
        examine(Sequential(Flatten(), Dense(784, 20, rng=rng()), ReLU(), Lossy(), Dense(20, 10, rng=rng()))), "wrong-sign"
    )
    assert finding.where == "1.w, 1.b"
    assert "Those above layer 1 are right" in finding.remedy


@pytest.mark.parametrize("lr", [5.0, 100.0])
def test_far_too_large_a_learning_rate(lr):
    finding = found(examine(optimizer=Momentum(lr)), "lr-too-large")
    assert f"lr {lr:g}" in finding.where
    assert "Try lr" in finding.remedy


@pytest.mark.parametrize("lr", [1e-5, 1e-7])
def test_far_too_small_a_learning_rate(lr):
    finding = found(examine(optimizer=Momentum(lr)), "lr-too-small")
    assert "hardly anything happens" in finding.reason


def test_a_learning_rate_that_ruins_a_trained_network():
    """What is advised has been tried: with it the same network is found healthy."""
    model = train(mlp(), 60)
    checkup = examine(model, optimizer=Momentum(lr=10))
    assert checkup.names == ("lr-too-large",)
    finding = found(checkup, "lr-too-large")
    advised = re.search(r"Try lr ([\d.e-]+),", finding.remedy)[1]
    assert f"At lr {advised}: loss" in finding.reason
    assert examine(model, optimizer=Momentum(lr=float(advised))).names == ()


def test_no_learning_rate_is_advised_that_does_not_help():
    class Reset(SGD):
        def update(self, w, g, state, lr, weight_decay):
            w *= -1

    finding = found(examine(train(mlp(), 60), optimizer=Reset(0.1)), "lr-too-large")
    assert "Smaller ones, down to lr 1e-06, harm it too" in finding.reason
    assert "Try lr" not in finding.remedy


def test_a_learning_rate_of_0():
    finding = found(examine(optimizer=Momentum(0.0)), "lr-too-small")
    advised = re.search(r"Try lr ([\d.e-]+),", finding.remedy)[1]
    assert f"At lr {advised}: loss" in finding.reason
    assert "lr-too-large" not in examine(optimizer=Momentum(float(advised))).names


def test_far_too_large_a_weight_decay():
    checkup = examine(optimizer=Momentum(lr=0.02, weight_decay=20))
    assert checkup.names == ("weight-decay-too-large",)
    assert examine(optimizer=Momentum(lr=0.02, weight_decay=5e-4)).names == ()


def test_a_loss_that_is_not_finite():
    class Naive(SoftmaxCrossEntropy):
        def forward(self, out, targets):
            probs = softmax(out)[np.arange(len(out)), targets]
            return float(-np.log(np.where(probs < 0.5, 0, probs)).mean()), super().forward(out, targets)[1]

    assert found(examine(loss=Naive()), "output-not-finite").where == "Naive()"


def test_an_optimizer_that_goes_uphill():
    class Climb(SGD):
        def update(self, w, g, state, lr, weight_decay):
            w += lr * g

    checkup = examine(optimizer=Climb(0.02))
    assert checkup.names == ("uphill-steps",)


def test_learning_by_heart_without_generalising():
    images, labels = IMAGES[TRAIN[:120]], LABELS[TRAIN[:120]]
    model = mlp(hidden=64)
    engine = Engine(model, SoftmaxCrossEntropy(), images, labels, prepare=prepare)
    for _ in train_steps(engine, Momentum(lr=0.05), epochs=30, batch_size=40, schedule=constant(0.05), seed=0):
        pass
    assert "generalisation-gap" in examine(model, images=images, labels=labels).names


def test_nothing_is_said_of_what_an_untrained_network_has_learned():
    checkup = examine()
    assert "generalisation-gap" in [v.name for v in checkup.not_examined]
    assert not any(v.name.startswith("generalisation-gap") for v in checkup.passed)
    reasons = {v.name: v.reason for v in checkup.passed}
    assert re.search(r"classes the same probability costs ln 10 = 2.303: [12]\.\d times that", reasons["initial-loss"])
    assert "it has learned" not in reasons["initial-loss"]
    reasons = {v.name: v.reason for v in examine(train(mlp(), 60)).passed}
    assert "it has learned" in reasons["initial-loss"]
    assert "generalisation-gap (validation)" in reasons


def test_several_mistakes_at_once():
    names = examine(
        mlp(w=lambda rng, shape: np.zeros(shape, np.float32)),
        prepare=raw,
        val=(IMAGES[TRAIN[:300]], LABELS[TRAIN[:300]]),
        optimizer=Momentum(1e-9),
    ).names
    assert set(names) >= {"inputs-unscaled", "leakage", "equal-units"}


# --- what else may be asked ------------------------------------------------------------------------------------------


def test_other_losses():
    checkup = examine(loss=MulticlassHinge())
    assert checkup.names == ()
    assert "initial-loss" in [v.name for v in checkup.not_examined]


def test_little_data_is_no_reason_to_fail():
    checkup = doctor(mlp(), IMAGES[:5], LABELS[:5], prepare=prepare, optimizer=SGD(0.01))
    assert "labels-uninformative" in [v.name for v in checkup.not_examined]
    one = doctor(mlp(), IMAGES[:1], LABELS[:1], prepare=prepare)
    assert {"leakage", "cannot-overfit", "learning-rate"} <= {v.name for v in one.not_examined}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:7]}, r"training images \(N, ...\) and labels \(N,\) want one N > 0"),
        ({"labels": LABELS[TRAIN].astype(float)}, "training labels must be integers, got float64"),
        ({"val": (IMAGES[:3], LABELS[:2])}, "validation images"),
        ({"images": np.full((1200, 3), "a")}, "must be numbers"),
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"model": Sequential(Conv2d(1, 2, 3, rng=rng()))}, r"must put out \(N, K\)"),
        ({"model": Sequential(Flatten(), Dense(100, 10, rng=rng()))}, "x has 784 features, w wants 100"),
    ],
)
def test_what_does_not_fit_is_an_error(changes, message):
    with pytest.raises(ValueError, match=message):
        examine(**changes)


def test_targets_that_are_no_classes():
    with pytest.raises(ValueError, match="MeanSquaredError"):
        examine(loss=MeanSquaredError())


# --- how it is shown -------------------------------------------------------------------------------------------------


def test_the_report():
    findings = [
        Finding("b", WARNING, "here", "because <1 & 2>", "mend it"),
        Finding("c", NOTE, "there", "so", "or not"),
        Finding("a", PROBLEM, "layer 1", "why " * 60, "do"),
    ]
    checkup = Checkup("a network", (*findings, Passed("d", "fine"), NotExamined("e", "no data")))
    assert [f.name for f in checkup.findings] == ["a", "b", "c"]
    assert checkup.names == ("a", "b")
    assert not checkup
    text = str(checkup)
    assert (
        text.index("PROBLEM  a")
        < text.index("WARNING  b")
        < text.index("note  c")
        < text.index("passed:")
        < text.index("not exam")
    )
    assert "1 problem and 1 warning; 1 checks passed. Begin with the first" in text
    assert max(map(len, text.splitlines())) <= 120
    html = checkup._repr_html_()
    assert "because &lt;1 &amp; 2&gt;" in html
    values = json.loads(json.dumps(checkup.to_dict(), allow_nan=False))
    assert values["healthy"] is False
    assert values["findings"][0]["remedy"] == "do"
    assert Checkup("a network", (findings[1],)).healthy
    assert "healthy: 0 checks passed" in str(Checkup("a network", (findings[1],)))
