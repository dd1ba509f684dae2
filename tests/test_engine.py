"""One batch, and many images."""

from typing import Any

import numpy as np
import pytest
from reference import numeric_gradient

from scratchnet.engine import logits_of, loss_and_grads
from scratchnet.engine.batch import CHUNK
from scratchnet.layers import BatchNorm1d, Conv2d, Dense, Dropout, Flatten, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.preprocess import prepare


def small_model(seed: int = 0) -> Sequential:
    rng = np.random.default_rng(seed)
    return Sequential(Conv2d(1, 3, 3, stride=2, rng=rng), ReLU(), Flatten(), Dense(27, 4, rng=rng))


def test_gradients_are_those_of_the_loss_through_the_whole_network() -> None:
    rng = np.random.default_rng(1)
    model, loss = small_model(), SoftmaxCrossEntropy(0.1)
    for leaf in model.layers:
        leaf.params = {key: array.astype(np.float64) for key, array in leaf.params.items()}
    x, labels = rng.standard_normal((5, 1, 7, 7)), np.array([0, 3, 2, 1, 1])
    result = loss_and_grads(model, loss, x, labels)
    assert result.grads.keys() == model.params.keys()
    for key, array in model.params.items():
        value = array.copy()

        def objective(w: np.ndarray, array: np.ndarray = array) -> float:
            array[...] = w
            return loss.forward(model(x), labels)[0]

        numeric = numeric_gradient(objective, value)
        array[...] = value
        assert np.abs(result.grads[key] - numeric).max() <= 1e-6 * np.abs(numeric).max() + 1e-9


def test_loss_and_correct_count() -> None:
    model = small_model()
    x = np.random.default_rng(0).standard_normal((6, 1, 7, 7)).astype(np.float32)
    predictions = model(x).argmax(axis=1)
    labels = predictions.copy()
    labels[:2] = (labels[:2] + 1) % 4
    result = loss_and_grads(model, SoftmaxCrossEntropy(), x, labels)
    assert result.correct == 4
    assert result.loss == SoftmaxCrossEntropy().forward(model(x), labels)[0]


def test_parts_of_a_batch_add_up_to_the_batch() -> None:
    model, loss = small_model(), SoftmaxCrossEntropy()
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((8, 1, 7, 7)).astype(np.float32), rng.integers(0, 4, 8)
    whole = loss_and_grads(model, loss, x, labels)
    parts = [loss_and_grads(model, loss, x[s], labels[s], dloss=(s.stop - s.start) / 8) for s in (slice(0, 3), slice(3, 8))]
    for key in whole.grads:
        np.testing.assert_allclose(parts[0].grads[key] + parts[1].grads[key], whole.grads[key], rtol=1e-4, atol=1e-6)


def test_nothing_is_changed_and_statistics_are_observed() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(Dense(3, 4, rng=rng), BatchNorm1d(4), Dropout(0.5))
    before = {key: array.copy() for key, array in {**model.params, **model.state}.items()}
    x = rng.standard_normal((6, 3)).astype(np.float32)
    result = loss_and_grads(model, SoftmaxCrossEntropy(), x, np.zeros(6, int), rng=rng)
    assert result.observed.keys() == {"1.running_mean", "1.running_var"}
    assert all(np.array_equal(array, before[key]) for key, array in {**model.params, **model.state}.items())


@pytest.mark.parametrize("n", [1, CHUNK, CHUNK + 1, 3 * CHUNK - 1])
def test_logits_are_in_the_order_of_the_images(n: int) -> None:
    model = small_model()
    images = np.random.default_rng(0).integers(0, 256, (n, 7, 7)).astype(np.uint8)
    np.testing.assert_allclose(logits_of(model, images, prepare), model(prepare(images)), rtol=1e-4, atol=1e-5)


def test_no_images_is_an_error() -> None:
    with pytest.raises(ValueError, match="no images"):
        logits_of(small_model(), np.zeros((0, 7, 7), np.uint8), prepare)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda dx, dw, db: (dx, dw.T, db), r"the gradient of 1\.w must have its shape, \(16, 3\), got \(3, 16\)"),
        (lambda dx, dw, db: (dx, dw, db.sum()), r"the gradient of 1\.b must have its shape, \(3,\), got \(\)"),
        (lambda dx, dw, db: (dx, dw), "Dense: backward returned 2 gradients, wanted dx, dw, db"),
    ],
)
def test_a_learners_gradient_of_another_shape_is_refused(spoil: Any, message: str) -> None:
    """Copied into the weights' place it would be stretched, and train something else."""
    forward, backward = Dense.functions
    layer = Dense(
        16, 3, rng=np.random.default_rng(0), functions=(forward, lambda dout, cache: spoil(*backward(dout, cache)))
    )
    with pytest.raises(ValueError, match=message):
        loss_and_grads(Sequential(Flatten(), layer), SoftmaxCrossEntropy(), np.ones((4, 1, 4, 4)), np.array([0, 1, 2, 0]))


def test_a_learners_loss_for_each_image_is_refused() -> None:
    loss = SoftmaxCrossEntropy(functions=(lambda logits, labels: (logits.sum(axis=1), None), lambda dloss, cache: dloss))
    model = Sequential(Flatten(), Dense(16, 3, rng=np.random.default_rng(0)))
    with pytest.raises(ValueError, match="SoftmaxCrossEntropy: forward must return the mean loss, one number, got ndarray"):
        loss_and_grads(model, loss, np.ones((4, 1, 4, 4)), np.array([0, 1, 2, 0]))
