"""NaN and infinity are noticed at the step where they appear, and the first layer that made one is named."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnet import anomaly
from scratchnet.augment import Augmentation
from scratchnet.cli import main
from scratchnet.datasets import synthetic
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.layers import (
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.optim import SGD, Momentum, Optimizer, constant
from scratchnet.preprocess import prepare
from scratchnet.train import Step, TrainingDiverged, train_steps

LABELS = np.random.default_rng(1).integers(0, 3, 24)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8)).astype(np.uint8)


def plain(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(x, 0), x


def pair(forward: Callable[..., Any] = plain, backward: Callable[..., Any] = lambda dout, x: dout * (x > 0)) -> Any:
    return forward, backward


def network(functions: Any = None) -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        Conv2d(1, 4, 3, pad=1, rng=rng),
        MaxPool2d(),
        Residual(Sequential(BatchNorm2d(4), ReLU(functions=functions or ReLU.functions), Conv2d(4, 4, 1, rng=rng))),
        Flatten(),
        Dropout(0.2),
        Dense(64, 3, rng=rng),
    )


def engine(model: Layer, shards: int = 0, **changes: Any) -> Engine:
    settings: dict[str, Any] = {"images": IMAGES, "targets": LABELS, "prepare": prepare, **changes}
    if not shards:
        return Engine(model, SoftmaxCrossEntropy(), **settings)
    return ShardedEngine(model, SoftmaxCrossEntropy(), shards=shards, **settings)


def train(
    engine: Engine, lr: float = 0.01, detect: bool = False, epochs: int = 2, optimizer: Optimizer | None = None
) -> list[Step]:
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": 8, "schedule": constant(lr), "seed": 0}
    with engine, np.errstate(all="ignore"):
        return list(train_steps(engine, optimizer or Momentum(lr), **settings, detect_anomaly=detect))


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_a_healthy_training_has_none_and_is_bitwise_the_same_when_watched(shards: int) -> None:
    """The step that is worked on before draws the same random numbers and leaves nothing behind."""
    models = [network(), network()]
    augment = Augmentation(shift=1)
    watched, alone = (
        train(engine(model, shards, workers=0, augment=augment) if shards else engine(model, augment=augment), detect=detect)
        for model, detect in zip(models, (True, False), strict=True)
    )
    assert watched == alone
    arrays = [{**model.params, **model.state} for model in models]
    assert all(array.tobytes() == arrays[1][key].tobytes() for key, array in arrays[0].items())


def in_forward(at: int) -> Any:
    """A ReLU whose output has one NaN from its ``at``-th call on."""
    calls = []

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(x)
        out, cache = plain(x)
        out = out.copy()
        out[0, 0, 0, 0] = np.nan if len(calls) > at else out[0, 0, 0, 0]
        return out, cache

    return pair(forward)


@pytest.mark.parametrize("detect", [True, False])
def test_the_first_layer_forward(detect: bool) -> None:
    """Each step calls forward once, or twice if it is watched: the third step is the first wrong one."""
    with pytest.raises(TrainingDiverged) as error:
        train(engine(network(in_forward(at=4 if detect else 2))), detect=detect)
    message = str(error.value)
    assert "at step 3 of epoch 1, with learning rate 0.01" in message
    assert "forward of layer 2.body.1, ReLU: out has 1 NaN of 512 numbers; its input and weights are finite" in message
    assert ("the loss is nan" in message) is not detect


def test_the_first_layer_backward() -> None:
    """The loss is finite then; without detection the weights tell, after the step."""
    functions = pair(backward=lambda dout, x: dout / np.zeros_like(x))
    with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 1.*backward of layer 2\.body\.1, ReLU: dx has .* of 512"):
        train(engine(network(functions)), detect=True)
    with pytest.raises(TrainingDiverged, match=r"step 1 of epoch 1.*: 0\.w, 0\.b, 2\.body\.0\.gamma, .* became NaN or inf"):
        train(engine(network(functions)))


@pytest.mark.parametrize("detect", [True, False])
def test_weights_that_came_broken(detect: bool) -> None:
    model = network()
    model.params["5.w"][3, 1] = np.inf
    model.params["5.w"][0, 2] = np.nan
    with pytest.raises(TrainingDiverged, match=r"the weights of layer 5, Dense: w has 1 NaN and 1 infinite of 192 numbers"):
        train(engine(model), detect=detect)


def test_running_statistics_that_came_broken() -> None:
    model = network()
    model.state["2.body.0.running_var"][1] = np.nan
    with pytest.raises(TrainingDiverged, match=r"weights of layer 2\.body\.0, BatchNorm2d: running_var has 1 NaN of 4"):
        train(engine(model), detect=True)
    with pytest.raises(TrainingDiverged, match=r"2\.body\.0\.running_var became NaN or infinite"):
        train(engine(model), lr=0.0)


def test_data_from_prepare() -> None:
    def broken(images: np.ndarray) -> np.ndarray:
        return prepare(images) / np.float32(0)

    with pytest.raises(TrainingDiverged, match=r"First, the data: x has .* infinite of 512 numbers; look at the images"):
        train(engine(network(), prepare=broken))


def test_the_loss_itself() -> None:
    model = Sequential(Flatten(), Dense(64, 3, rng=np.random.default_rng(0)))
    functions = (
        lambda logits, labels: (float(np.log(0 * logits[0, 0])), logits.shape),
        lambda dloss, shape: np.zeros(shape),
    )
    loss = SoftmaxCrossEntropy(functions=functions)
    with pytest.raises(
        TrainingDiverged, match=r"the loss is -inf. First, forward of the loss, SoftmaxCrossEntropy: loss has"
    ):
        train(Engine(model, loss, IMAGES, LABELS, prepare=prepare))


def test_the_losss_gradient() -> None:
    model = Sequential(Flatten(), Dense(64, 3, rng=np.random.default_rng(0)))
    loss = SoftmaxCrossEntropy(functions=(SoftmaxCrossEntropy.functions[0], lambda dloss, cache: cache[0] / 0.0))
    with pytest.raises(TrainingDiverged, match=r"backward of the loss, SoftmaxCrossEntropy: dlogits has 24 infinite of 24"):
        train(Engine(model, loss, IMAGES, LABELS, prepare=prepare), detect=True)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("detect", [True, False])
def test_too_large_a_learning_rate_on_shards(workers: int, detect: bool) -> None:
    """The first step makes the weights huge but finite; the second is the one that overflows."""
    with pytest.raises(TrainingDiverged, match=r"step 2 of epoch 1, with learning rate 1e\+36.*(forward|backward) of layer"):
        train(engine(network(), shards=2, workers=workers), lr=1e36, detect=detect)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_update_that_overflows_on_shards(workers: int) -> None:
    """Each process looks at its part of the weights: lr times gradient is beyond float32 in some of them."""
    model = Sequential(Flatten(), Tanh(), Dense(64, 3, rng=np.random.default_rng(0)))
    with pytest.raises(
        TrainingDiverged, match=r"step 1 of epoch 1.*2\.w(, 2\.b)? became NaN or infinite. The loss is finite"
    ):
        train(engine(model, shards=2, workers=workers), lr=3e38, optimizer=SGD(1.0, weight_decay=3e3))


def test_find_changes_nothing() -> None:
    model = network()
    made = engine(model)
    before = {key: array.copy() for key, array in {**model.params, **model.state}.items()}
    assert anomaly.find(made.task, np.arange(10), seed=0, step=3, shards=3) is None
    for key, array in {**model.params, **model.state}.items():
        np.testing.assert_array_equal(array, before[key])


def test_each_shard_draws_the_random_numbers_it_draws_in_training() -> None:
    draws: list[float] = []

    def drawing(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        draws.append(rng.random())
        return images

    made = engine(network(), shards=3, workers=0, augment=drawing)
    with made:
        made.loss_and_grads(np.arange(10), seed=4, step=7)
        anomaly.find(made.task, np.arange(10), seed=4, step=7, shards=3)
    assert draws[:3] == draws[3:]
    assert len(set(draws)) == 3


def test_every_shard_is_looked_at() -> None:
    images = np.random.default_rng(0).uniform(0, 1, (6, 1, 8, 8)).astype(np.float32)

    def late(x: np.ndarray) -> np.ndarray:
        return np.where(x == images[5], np.float32(np.inf), x)

    model = Sequential(Flatten(), Dense(64, 3, rng=np.random.default_rng(0)))
    task = Engine(model, SoftmaxCrossEntropy(), images, LABELS[:6], prepare=late).task
    found = anomaly.find(task, np.arange(6), seed=0, step=0, shards=3)
    assert found is not None
    assert str(found).startswith("the data: x has 64 infinite of 128 numbers; ")
    assert anomaly.find(task, np.arange(5), seed=0, step=0, shards=3) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_do_not_come_in(value: float) -> None:
    images = np.ones((4, 1, 8, 8), np.float32)
    images[2, 0, 3, 5] = value
    model = Sequential(Flatten(), Dense(64, 3, rng=np.random.default_rng(0)))
    where = re.escape(f"images must be finite, got {value} at [2, 0, 3, 5]")
    with pytest.raises(ValueError, match=f"engine: {where}"):
        Engine(model, SoftmaxCrossEntropy(), images, LABELS[:4], prepare=np.asarray)
    for made in Engine(model, SoftmaxCrossEntropy(), prepare=np.asarray), engine(model, 2, prepare=np.asarray, workers=0):
        with made, pytest.raises(ValueError, match=where):
            made.logits(images)
    with pytest.raises(ValueError, match=r"engine: targets must be finite, got .* at \[1\]"):
        Engine(model, SoftmaxCrossEntropy(), IMAGES[:2], np.array([0.5, value]), prepare=prepare)


def test_the_command_finds_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = synthetic.make(150, seed=0)
    monkeypatch.setattr(synthetic, "load", lambda folder, split, **_: few)
    options = ["train", "--dataset", "synthetic", "--model", "mlp", "--lr", "1e12", "--schedule", "constant"]
    options += ["--epochs", "1", "--val-size", "10", "--workers", "0", "--detect-anomaly", "--out", str(tmp_path / "run")]
    assert main(options) == 1
    said = capsys.readouterr().err
    place = r"training diverged at step \d+ of epoch 1, with learning rate 1e\+12"
    assert re.search(place + r": forward of (layer \d+|the loss), \w+: ", said)
    assert len(said.strip().splitlines()) == 1
