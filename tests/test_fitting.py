"""From a recipe to a trained network, and what its file says of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnet import cli
from scratchnet.augment import Augmentation
from scratchnet.datasets import idx
from scratchnet.fitting import engine_for, memorise, metadata_for, steps_for
from scratchnet.layers import AvgPool2d, Dense, Flatten, NearestNeighbors, Sequential
from scratchnet.losses import MulticlassHinge
from scratchnet.preprocess import prepare
from scratchnet.recipes import RECIPES, Recipe
from scratchnet.serialize import load_model
from scratchnet.train import evaluate
from scratchnet.typing import Array


def digits(n: int = 200) -> tuple[Array, Array]:
    """Digit k is a bright bar in column 2k + 4."""
    labels = np.arange(n) % 10
    images = np.random.default_rng(n).integers(0, 50, (n, 28, 28)).astype(np.uint8)
    images[np.arange(n), :, 2 * labels + 4] = 250
    return images, labels


def test_the_engine_is_the_recipes() -> None:
    recipe = Recipe("softmax", loss="hinge", ema=0.9, shift=1, shards=3, seed=4)
    with engine_for(recipe, *digits(), workers=0) as engine:
        assert engine.shards == 3
        assert engine.average is not None
        assert engine.task.augment == Augmentation(shift=1)
        assert isinstance(engine.task.loss, MulticlassHinge)
        steps = list(steps_for(recipe.replace(epochs=2, batch_size=50), engine))
        assert len(steps) == 8
        assert steps[-1].loss < steps[0].loss


def test_what_learns_by_heart_takes_no_steps() -> None:
    images, labels = digits(100)
    with engine_for(RECIPES["knn"], images, labels, workers=0) as engine:
        assert list(steps_for(RECIPES["knn"], engine)) == []
        assert evaluate(engine, *digits(60)).accuracy == 1.0
        model = engine.task.model
    features = Sequential(AvgPool2d(3, 2), Flatten())(prepare(images))
    np.testing.assert_allclose(model.state["2.examples"], features, atol=1e-5)
    np.testing.assert_array_equal(model.state["2.labels"], labels)


def test_other_models_have_nothing_to_memorise() -> None:
    model = Sequential(Flatten(), Dense(784, 10, rng=np.random.default_rng(0)))
    before = model.params["1.w"].copy()
    memorise(model, *digits(10), prepare)
    np.testing.assert_array_equal(model.params["1.w"], before)
    memorise(Sequential(), *digits(10), prepare)
    last = NearestNeighbors(784, 10)
    memorise(Sequential(Flatten(), last), *digits(10), prepare)
    assert last.num_examples == 10


def test_metadata_say_what_the_weights_are() -> None:
    told = metadata_for(Recipe("svm", loss="hinge", ema=0.99))
    assert (told["name"], told["loss"], told["input_shape"], told["num_classes"]) == ("svm", "hinge", [1, 28, 28], 10)
    assert told["weights"] == "average with decay 0.99 (see engine/average.py)"
    assert metadata_for(Recipe())["weights"] == "of the last step"
    assert told["provenance"]["recipe"]["ema"] == 0.99


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    folder.mkdir()
    for part, n in (("train", 240), ("t10k", 60)):
        images, labels = digits(n)
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", labels.astype(np.uint8))
    return folder


def train(data: Path, out: Path, *more: Any) -> dict[str, Any]:
    arguments = ["train", "--dataset", data, "--val-size", 40, "--workers", 0, "--out", out, *more]
    assert cli.main([str(a) for a in arguments]) == 0
    metrics: dict[str, Any] = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def test_a_model_file_holds_the_average_and_is_evaluated_by_its_own_loss(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("--model", "svm", "--epochs", 2, "--batch-size", 20, "--shift", 1, "--erase", 0.1)
    metrics = train(data, tmp_path / "a", *settings, "--ema", 0.9)
    train(data, tmp_path / "b", *settings, "--ema", 0.0)
    averaged, last = (load_model(tmp_path / name / "model.npz") for name in "ab")
    assert averaged.metadata["weights"].startswith("average with decay 0.9")
    assert averaged.metadata["provenance"]["recipe"]["erase"] == 0.1
    assert not np.array_equal(averaged.model.params["1.w"], last.model.params["1.w"])
    capsys.readouterr()
    assert cli.main(["evaluate", "--model-file", str(tmp_path / "a"), "--dataset", str(data), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["loss"], told["accuracy"]) == (pytest.approx(metrics["test_loss"]), metrics["test_accuracy"])


def test_neighbours_are_trained_and_used_like_all_others(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = train(data, tmp_path / "run", "--model", "knn")
    assert (metrics["test_accuracy"], metrics["val_accuracy"], metrics["epochs"]) == (1.0, 1.0, 0)
    capsys.readouterr()
    for command in ("evaluate", "doctor"):
        status = cli.main([command, "--model-file", str(tmp_path / "run"), "--dataset", str(data)])
        assert status == (0 if command == "evaluate" else 2)
    assert "has no weights to examine" in capsys.readouterr().err
