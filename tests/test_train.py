"""The training loop."""

from typing import Any

import numpy as np
import pytest

from scratchnet.engine import Engine, Prepare
from scratchnet.layers import BatchNorm1d, Dense, Dropout, Flatten, Layer, ReLU, Sequential
from scratchnet.losses import Loss, SoftmaxCrossEntropy
from scratchnet.optim import SGD, Momentum, constant, step_decay
from scratchnet.preprocess import prepare
from scratchnet.train import (
    Evaluation,
    Step,
    TrainingDiverged,
    epoch_summary,
    evaluate,
    steps_per_epoch,
    train_epochs,
    train_steps,
)


def task(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 4, 4) whose class is which of three rows is bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 60, (n, 4, 4)).astype(np.uint8)
    images[np.arange(n), labels] += 150
    return images, labels


def model(seed: int = 0) -> Sequential:
    rng = np.random.default_rng(seed)
    return Sequential(Flatten(), Dense(16, 8, rng=rng), BatchNorm1d(8), ReLU(), Dropout(0.2), Dense(8, 3, rng=rng))


def settings(**changes: Any) -> dict[str, Any]:
    return {"epochs": 3, "batch_size": 16, "schedule": constant(0.1), "seed": 0, **changes}


def engine(network: Layer, loss: Loss | None = None, prepare: Prepare = prepare) -> Engine:
    return Engine(network, loss or SoftmaxCrossEntropy(), *task(), prepare=prepare)


def train(network: Layer, prepare: Prepare = prepare, **changes: Any) -> list[Step]:
    return list(train_steps(engine(network, prepare=prepare), Momentum(0.1), **settings(**changes)))


def test_learns() -> None:
    network = model()
    before = evaluate(engine(network), *task())
    train(network, epochs=20)
    after = evaluate(engine(network), *task())
    assert after.accuracy == 1.0
    assert after.loss < before.loss / 5


def test_steps_cover_every_image_once_an_epoch_in_a_new_order() -> None:
    seen: list[np.ndarray] = []

    def spy(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return prepare(images)

    steps = train(model(), prepare=spy)
    assert [(s.epoch, s.index, s.size) for s in steps] == [
        (e, i, n) for e in range(3) for i, n in enumerate([16, 16, 16, 2])
    ]
    assert steps_per_epoch(50, 16) == 4
    epochs = [np.concatenate(seen[i : i + 4]) for i in (0, 4, 8)]
    whole = sorted(image.tobytes() for image in task()[0])
    assert all(sorted(image.tobytes() for image in epoch) == whole for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_same_seed_same_weights_bitwise_other_seed_others() -> None:
    networks = [model(), model(), model()]
    losses = [[step.loss for step in train(n, seed=seed)] for n, seed in zip(networks, (3, 3, 4), strict=True)]
    assert losses[0] == losses[1] != losses[2]
    arrays = [{**n.params, **n.state} for n in networks]
    assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[0])
    assert not np.array_equal(arrays[0]["1.w"], arrays[2]["1.w"])


def test_a_step_is_the_optimizers_at_the_schedules_rate() -> None:
    images, labels = task(16)
    network = Sequential(Flatten(), Dense(16, 3, rng=np.random.default_rng(0)))
    w = network.params["1.w"].copy()
    sixteen = Engine(network, SoftmaxCrossEntropy(), images, labels, prepare=prepare)
    steps = train_steps(sixteen, SGD(99.0), **settings(schedule=step_decay(0.5, every=1)))
    step = next(steps)
    x = prepare(images).reshape(16, 16).astype(np.float64)
    logits = x @ w
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.params["1.w"], w - 0.5 * x.T @ (probs - np.eye(3)[labels]) / 16, rtol=1e-4, atol=1e-6)
    assert step.lr == 0.5
    assert step.loss == pytest.approx(-np.log(probs[np.arange(16), labels]).mean(), rel=1e-5)
    assert step.correct == (logits.argmax(axis=1) == labels).sum()
    assert next(steps).lr == pytest.approx(0.05)


def test_running_statistics_follow_the_data() -> None:
    network = model()
    train(network, epochs=1)
    assert np.abs(network.state["2.running_mean"]).max() > 0.01


def test_divergence_is_an_error_at_once_and_keeps_the_weights() -> None:
    network = Sequential(Flatten(), Dense(16, 3, rng=np.random.default_rng(0)))
    network.params["1.w"][0, 0] = np.inf
    with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 1.*smaller learning rate"):
        train(network)
    assert np.isfinite(network.params["1.b"]).all()


def test_evaluation_of_useless_weights_is_an_error() -> None:
    network = model()
    network.params["1.w"][...] = np.nan
    with pytest.raises(TrainingDiverged, match="the loss on 50 images is nan"):
        evaluate(engine(network), *task())


def test_epochs_are_the_means_of_their_steps() -> None:
    images, labels = task()
    steps = train(model())
    assert [step.last for step in steps] == [False, False, False, True] * 3
    second = engine(model())
    measured: list[Evaluation] = []

    def validate() -> Evaluation:
        measured.append(evaluate(second, images[:9], labels[:9]))
        return measured[-1]

    epochs = list(train_epochs(train_steps(second, Momentum(0.1), **settings()), validate))
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert epochs[0].train_loss == pytest.approx(sum(s.loss * s.size for s in steps[:4]) / 50)
    assert epochs[2].train_accuracy == pytest.approx(sum(s.correct for s in steps[8:]) / 50)
    assert [e.val_loss for e in epochs] == [m.loss for m in measured]
    assert len({m.loss for m in measured}) == 3  # measured in between, not at the end
    assert next(train_epochs(steps)).val_accuracy is None
    assert epoch_summary(steps[:4]).val_loss is None


def test_evaluation_is_never_smoothed_and_changes_nothing() -> None:
    images, labels = task()
    network = model()
    before = {key: array.copy() for key, array in {**network.params, **network.state}.items()}
    plain = evaluate(engine(network), images, labels)
    smoothed = evaluate(engine(network, SoftmaxCrossEntropy(label_smoothing=0.3)), images, labels)
    assert plain.loss == smoothed.loss
    assert plain.accuracy == (plain.logits.argmax(axis=1) == labels).mean()
    assert all(np.array_equal(array, before[key]) for key, array in {**network.params, **network.state}.items())


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}])
def test_wrong_settings(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        train(model(), **wrong)


def test_there_must_be_images_and_as_many_labels() -> None:
    images, labels = task()
    with pytest.raises(ValueError, match="50 images and 49 targets"):
        Engine(model(), SoftmaxCrossEntropy(), images, labels[:-1], prepare=prepare)
    with pytest.raises(ValueError, match="no training images"):
        next(train_steps(Engine(model(), SoftmaxCrossEntropy(), prepare=prepare), SGD(0.1), **settings()))
