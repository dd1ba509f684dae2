"""``scratchnet models``, ``recipe`` and ``reproduce``, from the outside."""

import json
from pathlib import Path

import numpy as np
import pytest

from scratchnet import cli
from scratchnet.datasets import idx
from scratchnet.models import MODELS
from scratchnet.recipes import RECIPES, recipe_from
from scratchnet.runs import read_config
from scratchnet.serialize import load_model


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in MNIST's layout: digit k is a bright bar in column 2k + 4."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for part, n in (("train", 240), ("t10k", 60)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.random.default_rng(n).integers(0, 50, (n, 28, 28)).astype(np.uint8)
        images[np.arange(n), :, 2 * labels + 4] = 250
        idx.write(folder / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    return folder


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["model", *MODELS]
    assert "61,706" in next(line for line in lines if line.startswith("lenet5"))


def test_a_models_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "lenet5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["lenet5"]
    assert told["parameters"] == sum(layer["parameters"] for layer in told["layers"]) == 61706
    assert told["layers"][0]["layer"] == "Conv2d(1, 6, 5, pad=2)"
    assert told["layers"][0]["output"] == [6, 28, 28]
    assert told["flops"] > 0
    assert cli.main(["models", "lenet5", "knn"]) == 0
    out = capsys.readouterr().out
    assert "Conv2d(1, 6, 5, pad=2)  (6, 28, 28)" in out
    assert "num_examples=55000" in out
    assert cli.main(["models", "vgg"]) == 2
    assert "unknown model 'vgg', there are softmax" in capsys.readouterr().err


def test_sizes_are_as_promised() -> None:
    from scratchnet import models

    sizes = {name: sum(array.size for array in models.build(name).params.values()) for name in MODELS}
    assert sizes["tiny"] < 9000
    assert sizes["cnn-bn"] <= 150_000


def test_a_recipe_is_a_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recipe"]) == 0
    assert capsys.readouterr().out.split() == list(RECIPES)
    assert cli.main(["recipe", "cnn-bn"]) == 0
    assert json.loads(capsys.readouterr().out) == RECIPES["cnn-bn"].to_dict()
    file = tmp_path / "my.json"
    assert cli.main(["recipe", "fast99", "-o", str(file)]) == 0
    assert recipe_from(read_config(file), "my.json") == RECIPES["fast99"]
    capsys.readouterr()
    assert cli.main(["recipe", "cnn", "-o", str(file)]) == 1
    assert "my.json exists already" in capsys.readouterr().err


def reproduce(data: Path, out: Path, *more: str) -> list[str]:
    return ["reproduce", "--dataset", str(data), "--out", str(out), "--quick", "--workers", "0", *more]


def test_reproduce_writes_the_table_and_does_nothing_twice(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(reproduce(data, out, "--models", "softmax", "knn", "--seeds", "2")) == 0
    text = capsys.readouterr().out
    runs = json.loads((out / "results.json").read_text(encoding="utf-8"))["runs"]
    assert [(run["recipe"], run["seed"]) for run in runs] == [("softmax", 0), ("softmax", 1), ("knn", 0), ("knn", 1)]
    assert (out / "results.md").read_text(encoding="utf-8") in text
    assert "| `softmax` | 7 850 | 1 | 0, 1 |" in text
    assert all(run["test_accuracy"] == 1.0 for run in runs if run["recipe"] == "knn")
    saved = load_model(out / "knn-1.npz")
    assert saved.model.state["2.examples"].shape == (200, 169)
    assert saved.metadata["provenance"]["recipe"]["seed"] == 1

    # Interrupted after three of five: only the others are done, and those whose recipe was another.
    runs[1]["settings"]["lr"] = 1.0
    (out / "results.json").write_text(json.dumps({"runs": runs[:3]}), encoding="utf-8")
    assert cli.main(reproduce(data, out, "--models", "softmax", "knn", "--seeds", "2")) == 0
    text = capsys.readouterr().out
    assert [line.split(": ")[1].split()[0] for line in text.splitlines()[:4]] == ["done", "test", "done", "test"]
    again = json.loads((out / "results.json").read_text(encoding="utf-8"))["runs"]
    for run in again:
        run["seconds"] = 0
    del runs[1]["settings"]["lr"]
    assert sorted(run["test_accuracy"] for run in again) == sorted(run["test_accuracy"] for run in runs)


def test_reproduced_models_can_be_evaluated(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(reproduce(data, tmp_path / "out", "--models", "svm", "knn")) == 0
    runs = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["runs"]
    for run in runs:
        capsys.readouterr()
        file = tmp_path / "out" / f"{run['recipe']}-0.npz"
        assert cli.main(["evaluate", "--model-file", str(file), "--dataset", str(data), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["accuracy"] == run["test_accuracy"]


def test_a_folder_that_can_not_be(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(reproduce(data, tmp_path / "file" / "out", "--models", "softmax")) == 1
    assert "can't write to the output folder" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("[]", encoding="utf-8")
    assert cli.main(reproduce(data, tmp_path / "out", "--models", "softmax")) == 1
    assert "results.json: not a table of results" in capsys.readouterr().err
