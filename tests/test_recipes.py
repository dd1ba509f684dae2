"""Recipes and config files."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnet.augment import Augmentation
from scratchnet.losses import MulticlassHinge
from scratchnet.models import MODELS, build
from scratchnet.recipes import RECIPES, ConfigError, Recipe, recipe_from
from scratchnet.runs import read_config


def test_every_model_has_a_recipe_and_runs() -> None:
    for name in MODELS:
        assert RECIPES[name].model == name
        logits = build(name, seed=1)(np.zeros((2, 1, 28, 28), np.float32))
        assert logits.shape == (2, 10)


def test_models_start_the_same_for_the_same_seed() -> None:
    first, second, other = build("cnn", seed=1), build("cnn", seed=1), build("cnn", seed=2)
    assert all(np.array_equal(first.params[key], second.params[key]) for key in first.params)
    assert not np.array_equal(first.params["0.w"], other.params["0.w"])
    with pytest.raises(ValueError, match="unknown model 'vgg', there are softmax, svm, knn, "):
        build("vgg")


def test_config_round_trip(tmp_path: Path) -> None:
    recipe = Recipe("mlp", epochs=3, lr=0.5, schedule="cosine", seed=7)
    (tmp_path / "c.json").write_text(json.dumps(recipe.to_dict()), encoding="utf-8")
    assert recipe_from(read_config(tmp_path / "c.json"), "c.json") == recipe


def test_config_files_from_before_averages_and_augmentation_are_read() -> None:
    old = {"model": "cnn", "epochs": 5, "batch_size": 64, "optimizer": "nesterov", "lr": 0.03, "weight_decay": 0.0}
    old |= {"schedule": "one-cycle", "label_smoothing": 0.0, "shards": 4, "val_size": 5000, "seed": 0}
    recipe = recipe_from(old, "old.json")
    assert {name: getattr(recipe, name) for name in old} == old
    assert recipe.loss == "cross-entropy"


def test_a_recipe_builds_its_loss_and_augmentation() -> None:
    assert isinstance(Recipe(loss="hinge").build_loss(), MulticlassHinge)
    assert Recipe(label_smoothing=0.1).build_loss().options == {"label_smoothing": 0.1}
    assert Recipe(elastic_sigma=3.0).build_augment() is None  # how far points would move together, if they moved
    assert Recipe(shift=2, erase=0.1).build_augment() == Augmentation(shift=2, erase=0.1)


def test_a_recipe_by_name() -> None:
    fast = recipe_from({"epochs": 3}, "here", name="fast99")
    assert fast == RECIPES["fast99"].replace(epochs=3)
    assert recipe_from({"model": "cnn-small"}, "here", name="fast99") == RECIPES["fast99"]
    with pytest.raises(ConfigError, match="here: model is 'mlp', and the recipe fast99 is one for cnn-small"):
        recipe_from({"model": "mlp"}, "here", name="fast99")


def test_a_config_changes_its_models_own_recipe() -> None:
    assert recipe_from({"model": "mlp", "lr": 1}, "c.json") == RECIPES["mlp"].replace(lr=1)
    assert recipe_from({}, "c.json") == RECIPES["cnn"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model": "vgg"},
            "model must be one of softmax, svm, knn, ",
        ),
        ({"model": 3}, "model must be one of"),
        ({"epoch": 3}, "unknown setting 'epoch', there are model, epochs"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, got 1.5"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"lr": "fast"}, "lr must be a number, got 'fast'"),
        ({"lr": 0}, "lr must be positive"),
        ({"lr": float("nan")}, "lr must be finite"),
        ({"optimizer": "lion"}, "optimizer must be one of sgd, momentum, nesterov, rmsprop, adam, adamw, got 'lion'"),
        ({"schedule": 1}, "schedule must be a text"),
        ({"label_smoothing": 1}, "label_smoothing must be in 0 .. 1"),
        ({"weight_decay": -1}, "weight_decay must be at least 0"),
        ({"loss": "l1"}, "loss must be one of cross-entropy, hinge, got 'l1'"),
        ({"loss": "hinge", "label_smoothing": 0.1}, "label_smoothing must be 0 with the loss hinge"),
        ({"ema": 1.0}, "ema must be in 0 .. 1 (1 excluded), got 1.0"),
        ({"warmup": -0.1}, "warmup must be in 0 .. 1"),
        ({"shift": -2}, "Augmentation: shift must be 0 or more, got -2"),
        ({"elastic": float("inf")}, "elastic must be finite"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        recipe_from(settings, "c.json")
    assert str(error.value).startswith("c.json: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("shards", 10**9, "shards must be at most 1024"),
        ("seed", 10**30, "seed must be at most 9223372036854775808"),
        ("epochs", 10**400, "epochs must be at most 1000000000000, got 1000"),
        ("lr", 10**400, "lr must be at most 1000000000000"),
        ("lr", 1e300, "lr must be at most 1000000000000, got 1e+300"),
        ("shift", -(10**400), "shift must be at least 0"),
        ("elastic_sigma", 1e-300, "elastic_sigma must be at least 0.01"),
        ("optimizer", "x" * 100_000, "optimizer must be one of sgd"),
    ],
)
def test_numbers_that_nothing_can_compute_with_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        recipe_from({name: value}, "c.json")
    assert len(str(error.value)) < 400


def test_names_of_settings_are_shown_and_not_obeyed() -> None:
    with pytest.raises(ConfigError) as error:
        recipe_from({"\x1b[2J\n": 1, "y" * 100_000: 2}, "c.json")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 700


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ("[1]", "a JSON array"),
        ("", "not a JSON file"),
        ('{"lr": NaN}', "NaN is no JSON"),
        ('{"lr": 1e999}', "too large"),
        ('{"lr": 1, "lr": 2}', "stands twice"),
        ('{"lr":' * 5000, "not a JSON file"),
        ("[" * 100_000, "not a JSON file: nested"),
        (" " * (1 << 21), "at most 1048576"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"c.json: .*{message}"):
        read_config(tmp_path / "c.json")


def test_schedules_span_the_run() -> None:
    for name, first, last in (
        ("constant", 0.3, 0.3),
        ("step", 0.3, 0.003),
        ("cosine", 0.3, 0.0),
        ("one-cycle", 0.012, 0.0),
        ("warmup-cosine", 0.3 / 31, 0.0),
    ):
        schedule = Recipe(schedule=name, lr=0.3).build_schedule(100)
        assert schedule(0) == pytest.approx(first)
        assert schedule(99) == pytest.approx(last, abs=2e-4)
        assert max(schedule(step) for step in range(100)) == pytest.approx(0.3)


def test_a_byte_order_mark_as_windows_writes_it_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"lr": 1}', encoding="utf-8-sig")
    assert read_config(tmp_path / "c.json") == {"lr": 1}
