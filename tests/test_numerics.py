"""Very large, very small and degenerate numbers, against exact arithmetic: fractions, and decimals of 60 digits."""

import decimal
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from scratchnet import anomaly, explain, metrics
from scratchnet.augment import Augmentation
from scratchnet.engine import Engine, loss_and_grads
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.layers.norm import batch_norm_forward
from scratchnet.losses import MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy, softmax
from scratchnet.optim import OPTIMIZERS, Adam, constant
from scratchnet.preprocess import prepare
from scratchnet.train import TrainingDiverged, evaluate, train_steps

DTYPES = [np.float32, np.float64]
EXACT = decimal.Context(prec=60, Emin=-decimal.MAX_EMAX, Emax=decimal.MAX_EMAX, traps=[])
both = pytest.mark.parametrize("dtype", DTYPES)


def close(got: Any, wanted: Any, dtype: Any, ulps: float = 16) -> None:
    """Up to so many roundings of the dtype, or of its smallest numbers."""
    info = np.finfo(dtype)
    wanted = np.asarray(wanted, np.float64)
    np.testing.assert_allclose(
        np.asarray(got, np.float64), wanted, rtol=ulps * float(info.eps), atol=ulps * float(info.smallest_subnormal)
    )


def probabilities(row: np.ndarray) -> list[Decimal]:
    """softmax, exactly: the numbers of the row are what their bits say."""
    with decimal.localcontext(EXACT):
        top = max(Decimal(float(v)) for v in row)
        e = [EXACT.exp(Decimal(float(v)) - top) for v in row]
        return [part / sum(e) for part in e]


def cross_entropy(logits: np.ndarray, labels: np.ndarray, smoothing: float) -> Decimal:
    """The loss, exactly: -sum of target * (z_k - top - log sum exp(z_j - top))."""
    with decimal.localcontext(EXACT):
        total, s = Decimal(0), Decimal(smoothing)
        for row, label in zip(logits, labels, strict=True):
            z = [Decimal(float(v)) for v in row]
            log_sum = EXACT.ln(sum((EXACT.exp(v - max(z)) for v in z), Decimal(0)))
            for k, v in enumerate(z):
                target = s / len(z) + (1 - s if k == label else 0)
                total -= target * (v - max(z) - log_sum)
        return total / len(labels)


TINY, HUGE = 1e-45, 1.6e38  # float32's smallest number, and half of its largest
LOGITS = {
    "equal": [[0, 0, 0], [7, 7, 7]],
    "far apart": [[1e4, -1e4, 0], [-3e4, 5, 3e4]],
    "as far as float32 goes": [[HUGE, -HUGE, 0], [-HUGE, 0, HUGE]],
    "large and close": [[1e7, 1e7 + 1, 1e7 - 2], [-3e7, -3e7 + 4, -3e7]],
    "denormal": [[TINY, -TINY, 0], [1e-40, -1e-40, 3e-42]],
    "where exp underflows": [[0, -88, -104], [-745, 0, -746]],
}


@both
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("name", LOGITS)
def test_cross_entropy_is_exact(name: str, smoothing: float, dtype: Any) -> None:
    logits = np.array(LOGITS[name], dtype)
    for labels in np.array([0, 1]), np.array([2, 0]), np.array([1, 2]):
        loss = SoftmaxCrossEntropy(smoothing)
        value, cache = loss.forward(logits, labels)
        wanted, eps = float(cross_entropy(logits, labels, smoothing)), float(np.finfo(dtype).eps)
        np.testing.assert_allclose(value, wanted, rtol=16 * eps, atol=4 * eps)  # the log of a sum of about 1
        target = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
        probs = np.array([[float(p) for p in probabilities(row)] for row in logits])
        np.testing.assert_allclose(loss.backward(1.0, cache), (probs - target) / 2, atol=4 * float(np.finfo(dtype).eps))
        close(softmax(logits), probs, dtype)


@both
def test_classes_that_can_not_be(dtype: Any) -> None:
    """A logit of -inf, as in masking: probability 0, and the others as if it were not there."""
    logits = np.array([[1.0, -np.inf, 2.0], [-np.inf, 0.0, -np.inf]], dtype)
    loss = SoftmaxCrossEntropy()
    value, cache = loss.forward(logits, np.array([2, 1]))
    close(value, float(cross_entropy(np.array([[1.0, 2.0]]), np.array([1]), 0)) / 2, dtype)
    probs = softmax(logits)
    assert probs[:, 1].tolist() == [0, 1]
    assert np.isfinite(loss.backward(1.0, cache)).all()
    assert loss.forward(logits, np.array([1, 1]))[0] == np.inf


@both
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_loss_hides_a_logit_that_is_no_number(value: float, dtype: Any) -> None:
    logits = np.array([[0, 1, 2], [3, value, 5], [6, 7, 8]], dtype)
    with np.errstate(invalid="ignore"):
        for labels in np.array([0, 0, 0]), np.array([1, 1, 1]):
            for loss in SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.1), MulticlassHinge():
                assert not np.isfinite(loss.forward(logits, labels)[0]) or (value > 0 and labels[1] == 1)
        assert not np.isfinite(MeanSquaredError().forward(logits, np.zeros_like(logits))[0])
        assert np.isnan(SoftmaxCrossEntropy().forward(logits, np.array([1, 1, 1]))[0])


def test_differences_beyond_the_dtype_are_infinite_not_wrong() -> None:
    logits = np.array([[3e38, -3e38]], np.float32)
    with np.errstate(over="ignore"):
        assert SoftmaxCrossEntropy().forward(logits, np.array([1]))[0] == np.inf
        assert SoftmaxCrossEntropy().forward(logits, np.array([0]))[0] == 0
        assert MulticlassHinge().forward(logits, np.array([1]))[0] == np.inf
        assert MulticlassHinge().forward(logits, np.array([0]))[0] == 0


@both
@pytest.mark.parametrize("name", LOGITS)
def test_hinge_is_exact(name: str, dtype: Any) -> None:
    logits, labels = np.array(LOGITS[name], dtype), np.array([1, 2])
    wanted = Fraction(0)
    for row, label in zip(logits, labels, strict=True):
        z = [Fraction(float(v)) for v in row]
        wanted += sum(max(Fraction(0), z[k] - z[label] + 1) for k in range(3) if k != label)
    value, _ = MulticlassHinge().forward(logits, labels)
    close(value, float(wanted / 2), dtype)


@both
@pytest.mark.parametrize("size", [1e-45, 1e-30, 1.0, 1e20, 1e38])
def test_squared_error_is_exact(size: float, dtype: Any) -> None:
    """1e20 squared is beyond float32, 1e-30 squared below it; the loss is a Python float and can hold both."""
    out = np.array([[3, -2], [0, 1]], dtype) * dtype(size)
    targets = np.array([[1, 1], [0, -1]], dtype) * dtype(size)
    value, cache = MeanSquaredError().forward(out, targets)
    differences = [Fraction(float(a)) - Fraction(float(b)) for a, b in zip(out.flat, targets.flat, strict=True)]
    assert value == pytest.approx(float(sum(d * d for d in differences) / 4), rel=1e-6)
    close(
        MeanSquaredError().backward(1.0, cache),
        [[float(d / 2) for d in differences[:2]], [0, float(differences[3] / 2)]],
        dtype,
    )


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), SoftmaxCrossEntropy(0.3), MulticlassHinge()], ids=repr)
def test_a_single_class(loss: Any) -> None:
    """There is nothing to be wrong about."""
    logits = np.array([[5.0], [-1e30]], np.float32)
    value, cache = loss.forward(logits, np.array([0, 0]))
    assert value == 0
    np.testing.assert_array_equal(loss.backward(1.0, cache), np.zeros((2, 1)))


def sigmoid(x: float) -> Decimal:
    with decimal.localcontext(EXACT):
        return 1 / (1 + EXACT.exp(-Decimal(x)))


def tanh(x: float) -> Decimal:
    with decimal.localcontext(EXACT):
        e = EXACT.exp(-2 * abs(Decimal(x)))
        return (1 - e) / (1 + e) * (1 if x >= 0 else -1)


POINTS = [0.0, 1e-45, 1e-30, 1e-7, 0.3, 1.0, 16.0, 17.5, 40.0, 87.0, 103.0, 104.0, 710.0, 1e4, 3e38]


@both
@pytest.mark.parametrize(("layer", "exact"), [(Sigmoid(), sigmoid), (Tanh(), tanh)])
def test_squashing_is_exact(layer: Layer, exact: Callable[[float], Decimal], dtype: Any) -> None:
    x = np.array([*POINTS, *(-p for p in POINTS)], dtype)
    out, cache = layer.forward(x)
    close(out, [float(exact(float(v))) for v in x], dtype)
    dx, _ = layer.backward(np.ones_like(x), cache)
    assert dx is not None
    slopes = [(y * (1 - y) if exact is sigmoid else 1 - y * y) for y in map(exact, map(float, x))]
    np.testing.assert_allclose(dx, [float(s) for s in slopes], atol=8 * float(np.finfo(dtype).eps))
    with np.errstate(all="raise"):
        ends = layer(np.array([-np.inf, np.inf], dtype))
    assert ends.tolist() == [0.0 if exact is sigmoid else -1.0, 1.0]


# --- batch normalisation -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 1e-40, 1e15])
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4, 5)])
def test_constant_images_normalise_to_beta(shape: tuple[int, ...], value: float, dtype: Any) -> None:
    """Variance 0: what is left is rounding, and eps keeps it small; dx is finite."""
    layer = (BatchNorm1d if len(shape) == 2 else BatchNorm2d)(3)
    layer.params["beta"][...] = [1, -2, 3]
    x = np.full(shape, value, dtype)
    out, cache = layer.forward(x, train=True)
    beta = np.array([1.0, -2.0, 3.0]).reshape(1, 3, *(1,) * (len(shape) - 2))
    size = abs(float(dtype(value))) * float(np.finfo(dtype).eps)
    rounding = min(1.5, 4 * size / np.sqrt(1e-5))  # of the mean, over sqrt(eps); never more than a deviation
    np.testing.assert_allclose(out - beta, 0, atol=rounding + 1e-6)
    dx, grads = layer.backward(np.ones_like(x), cache)
    assert dx is not None
    assert all(np.isfinite(array).all() for array in (dx, *grads.values()))


@both
@pytest.mark.parametrize("distance", [1e-42, 1e-20, 1e-3, 2.0, 1e6, 1e17])
def test_two_values_are_normalised_exactly(distance: float, dtype: Any) -> None:
    """x = 0 and d: xhat = -+ (d/2) / sqrt(d*d/4 + eps)."""
    d, eps = dtype(distance), 1e-5
    out, _ = batch_norm_forward(np.array([[0], [d]], dtype), np.ones(1, dtype), np.zeros(1, dtype), eps)
    with decimal.localcontext(EXACT):
        half = Decimal(float(d)) / 2
        wanted = float(half / EXACT.sqrt(half * half + Decimal(float(dtype(eps)))))
    close(out, [[-wanted], [wanted]], dtype)


def test_a_variance_beyond_the_dtype_is_noticed() -> None:
    """Values of 1e20 have variance inf in float32, so xhat is 0 and the loss looks well: the running variance tells."""
    model = Sequential(Flatten(), BatchNorm1d(4), Dense(4, 3, rng=np.random.default_rng(0)))
    images = np.random.default_rng(0).uniform(-1, 1, (6, 2, 2)).astype(np.float32) * np.float32(1e20)
    engine = Engine(model, SoftmaxCrossEntropy(), images, np.arange(6) % 3, prepare=np.asarray)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": 6, "schedule": constant(0.1), "seed": 0}
    with pytest.raises(TrainingDiverged, match=r"1\.running_var became NaN or infinite"):
        list(train_steps(engine, Adam(0.1), **settings))
    with pytest.raises(TrainingDiverged, match=r"layer 1, BatchNorm1d: running_var has 4 infinite of 4"):
        list(train_steps(engine, Adam(0.1), **settings, detect_anomaly=True))


# --- batches and data sets that are hardly any ---------------------------------------------------------------------------


def network(*before: Layer) -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(Conv2d(1, 2, 3, rng=rng), MaxPool2d(), *before, ReLU(), Flatten(), Dense(2 * 3 * 3, 3, rng=rng))


SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 1, "schedule": constant(0.01), "seed": 0}


def test_batches_of_one_image_train() -> None:
    """BatchNorm2d sees nine values a channel in one image, which is enough."""
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.uint8)
    engine = Engine(network(BatchNorm2d(2)), SoftmaxCrossEntropy(), images, np.arange(5) % 3, prepare=prepare)
    assert all(np.isfinite(step.loss) for step in train_steps(engine, Adam(0.01), **SETTINGS))


@pytest.mark.parametrize("norm", [Sequential(GlobalAvgPool(), BatchNorm1d(2)), Sequential(AvgPool2d(3), BatchNorm2d(2))])
def test_one_value_a_channel_is_refused_by_name(norm: Sequential) -> None:
    """N*H*W = 1: its deviation from its own mean is 0, whatever it is."""
    rng = np.random.default_rng(0)
    model = Sequential(Conv2d(1, 2, 3, rng=rng), MaxPool2d(), norm, Flatten(), Dense(2, 3, rng=rng))
    images = rng.integers(0, 256, (5, 8, 8)).astype(np.uint8)
    engine = Engine(model, SoftmaxCrossEntropy(), images, np.arange(5) % 3, prepare=prepare)
    wanted = r"layer 2 of Sequential.*BatchNorm: training needs more than one value a channel, got x \(1, 2"
    with pytest.raises(ValueError, match=wanted):
        list(train_steps(engine, Adam(0.01), **SETTINGS))
    assert engine.logits(images[:1]).shape == (1, 3)  # evaluation has the running statistics


def test_a_data_set_of_one_class() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8)).astype(np.uint8)
    labels = np.full(9, 2)
    engine = Engine(network(), SoftmaxCrossEntropy(), images, labels, prepare=prepare)
    steps = list(train_steps(engine, Adam(0.05), **{**SETTINGS, "batch_size": 4, "epochs": 15}))
    assert steps[-1].loss < steps[0].loss
    result = evaluate(engine, images, labels)
    assert result.accuracy == 1.0
    probs = softmax(result.logits.astype(np.float64))
    matrix = metrics.confusion_matrix(labels, result.logits.argmax(axis=1), 3)
    assert matrix.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 9]]
    assert metrics.class_scores(matrix).f1.tolist() == [0, 0, 1]
    assert metrics.confused_pairs(matrix) == []
    assert metrics.brier_score(labels, probs) == pytest.approx(np.mean(np.sum((probs - np.eye(3)[2]) ** 2, axis=1)))
    assert metrics.reliability(labels, probs).counts.sum() == 9


@pytest.mark.parametrize("value", [0, 255])
def test_constant_images(value: int) -> None:
    """Blank paper: all windows tie, all pixels agree; numbers stay finite and nothing is divided by 0."""
    images, labels = np.full((6, 8, 8), value, np.uint8), np.arange(6) % 3
    engine = Engine(network(BatchNorm2d(2)), SoftmaxCrossEntropy(), images, labels, prepare=prepare)
    steps = list(train_steps(engine, Adam(0.01), **{**SETTINGS, "batch_size": 6}))
    assert steps[-1].loss == pytest.approx(np.log(3), abs=0.7)
    model, x = engine.task.model, prepare(images[:2])
    maps = [
        explain.saliency(model, x),
        explain.integrated_gradients(model, x, steps=2),
        explain.occlusion(model, x, stride=4),
    ]
    maps += [explain.smooth_grad(model, x, samples=2, rng=np.random.default_rng(0)), explain.grad_cam(model, x).heat]
    assert all(np.isfinite(found).all() for found in maps)
    np.testing.assert_array_equal(maps[1], np.zeros_like(x))  # it is its own baseline
    np.testing.assert_array_equal(maps[2], np.zeros((2, 2, 2)))
    assert explain.pca(np.ones((4, 3))).shares.tolist() == [0, 0]
    changed = Augmentation(rotation=10, elastic=1, erase=0.5)(images, np.random.default_rng(0))
    assert (changed.shape, changed.dtype) == (images.shape, np.uint8)


def test_max_pooling_of_constant_images_gives_each_window_one_winner() -> None:
    x = np.full((2, 3, 4, 6), -7.5)
    layer = MaxPool2d()
    out, cache = layer.forward(x)
    dx, _ = layer.backward(np.ones_like(out), cache)
    assert dx is not None
    assert np.count_nonzero(dx) == out.size
    assert dx.sum() == out.size


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-20, 1e15])
def test_gradients_of_any_size_move_weights_downhill(name: str, size: float) -> None:
    optimizer = OPTIMIZERS[name](lr=1e-3)
    w, g = np.zeros(3, np.float32), np.array([1, -1, 0], np.float32) * np.float32(size)
    for _ in range(3):
        optimizer.step({"b": w}, {"b": g})
    assert np.isfinite(w).all()
    assert w[2] == 0
    assert (w[:2] * g[:2] <= 0).all()


def test_an_optimizer_that_stands_still_for_ever_is_found() -> None:
    """Gradients of 1e30: their squares are inf in float32, so Adam divides by inf and no weight moves."""
    model = Sequential(Flatten(), Dense(4, 3, rng=np.random.default_rng(0)))
    images = np.full((6, 2, 2), 1e30, np.float32) * np.random.default_rng(0).uniform(0.5, 1, (6, 2, 2)).astype(np.float32)
    engine = Engine(model, SoftmaxCrossEntropy(), images, np.arange(6) % 3, prepare=np.asarray)
    settings = {**SETTINGS, "batch_size": 6}
    with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 2.*Adam's exp_avg_sq: 1\.w has 12 infinite of 12 numbers"):
        list(train_steps(engine, Adam(0.01), **settings, detect_anomaly=True))


def test_empty_batches_have_no_mean() -> None:
    model, nothing = network(), np.zeros((0, 8, 8), np.uint8)
    assert prepare(nothing).shape == (0, 1, 8, 8)
    assert model(prepare(nothing)).shape == (0, 3)
    engine = Engine(model, SoftmaxCrossEntropy(), np.zeros((2, 8, 8), np.uint8), np.zeros(2, int), prepare=prepare)
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: loss_and_grads(model, SoftmaxCrossEntropy(), prepare(nothing), np.zeros(0, int)), "the batch is empty"),
        (lambda: engine.logits(nothing), "no images"),
        (lambda: engine.loss_and_grads(np.zeros(0, int), seed=0, step=0), "batch must be indices"),
        (
            lambda: engine.loss_and_grads(np.array([0, 99]), seed=0, step=0),
            r"indices of the \d+ images there are, got 0 .. 99",
        ),
        (lambda: engine.loss_and_grads(np.array([0, -1]), seed=0, step=0), r"images there are, got -1 .. 0"),
        (lambda: anomaly.find(engine.task, np.array([99]), seed=0, step=0), r"anomaly: .*, got 99 .. 99"),
        (lambda: metrics.accuracy(np.zeros(0, int), np.zeros(0, int)), "N > 0"),
        (lambda: explain.saliency(model, prepare(nothing)), "one image at least"),
    ]
    for call, words in refused:
        with pytest.raises(ValueError, match=words):
            call()
