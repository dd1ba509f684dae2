"""The weights that the package ships, on pictures as a person makes them, through the command line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import KINDS, draw
from PIL import Image

from scratchnet import cli
from scratchnet.cli.common import load
from scratchnet.datasets import mnist, synthetic
from scratchnet.engine import Engine
from scratchnet.losses import SoftmaxCrossEntropy
from scratchnet.recipes import RECIPES
from scratchnet.serialize import ModelFileError
from scratchnet.train import evaluate
from scratchnet.trained import shipped

CASES = [(digit, kind) for i, kind in enumerate(KINDS) for digit in (i % 10, (i + 5) % 10)]


def save(picture: Image.Image, folder: Path, name: str) -> str:
    path = folder / f"{name}.png"
    picture.save(path, exif=picture.getexif())  # the note that says which side is up
    return str(path)


def test_ten_digits_of_our_own_are_named_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of picture (photographed, thin, thick, off-centre, inverted, large, ...), each with two digits."""
    paths = [save(draw(digit, kind), tmp_path, f"{digit}-{kind}") for digit, kind in CASES]
    assert cli.main(["predict", "--json", *paths]) == 0
    predictions = json.loads(capsys.readouterr().out)["predictions"]
    named = [(p["digit"], kind) for p, (_, kind) in zip(predictions, CASES, strict=True)]
    assert named == CASES
    assert {digit for digit, _ in CASES} == set(range(10))
    for p in predictions:
        assert p["probability"] == max(p["probabilities"]) > p["runner_up_probability"]
        assert sum(p["probabilities"]) == pytest.approx(1)
        assert p["runner_up"] != p["digit"]


def test_a_line_for_each_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, seven = (save(draw(digit, "plain"), tmp_path, str(digit)) for digit in (1, 7))
    assert cli.main(["predict", one, "--image", seven]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{one}: 1  (")
    assert lines[1].startswith(f"{seven}: 7  (")
    assert "%; then " in lines[0]


def test_what_can_not_be_read_is_said_and_the_rest_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = save(draw(3, "plain"), tmp_path, "three")
    blank = save(Image.new("L", (200, 200), 255), tmp_path, "blank")
    noise = save(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)), tmp_path, "noise")
    (tmp_path / "text.png").write_text("not a picture", encoding="utf-8")
    draw(4, "jpeg").convert("RGB").save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:500])
    bad = [blank, noise, str(tmp_path / "text.png"), str(tmp_path / "cut.jpg"), str(tmp_path / "none.png"), str(tmp_path)]
    assert cli.main(["predict", *bad[:3], good, *bad[3:]]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [line for line in out.splitlines() if line.startswith(f"{good}: 3")]
    lines = err.splitlines()
    assert len(lines) == len(bad)
    for line, path, words in zip(lines, bad, ("blank", "", "not a picture", "truncated", "no such file", ""), strict=True):
        assert line.startswith(f"scratchnet: error: {path}: ")
        assert words in line.lower()


def test_errors_stand_in_the_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blank = save(Image.new("L", (200, 200), 255), tmp_path, "blank")
    assert cli.main(["predict", "--json", blank]) == 1
    assert "blank" in json.loads(capsys.readouterr().out)["predictions"][0]["error"]


SHIPPED = {"cnn-bn": 0.995, "cnn": 0.99, "tiny": 0.99}  # what is asked of each on MNIST


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_weights_say_where_they_come_from(name: str) -> None:
    loaded = load(name)
    provenance = loaded.metadata["provenance"]
    assert provenance["metrics"]["dataset"] == "mnist"
    assert provenance["recipe"] == RECIPES[name].to_dict()
    assert loaded.metadata["name"] == name


def test_the_most_accurate_of_the_shipped_networks_is_the_default() -> None:
    accuracies = {name: load(name).metadata["provenance"]["metrics"]["test_accuracy"] for name in shipped()}
    assert set(accuracies) == set(SHIPPED)
    assert load(None).metadata["name"] == max(accuracies, key=accuracies.__getitem__)


@pytest.mark.mnist
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_weights_are_as_accurate_as_they_say(mnist_dir: Path, name: str) -> None:
    loaded = load(name)
    data = mnist.load(mnist_dir, "test")
    engine = Engine(loaded.model, SoftmaxCrossEntropy(), prepare=loaded.prepare)
    result = evaluate(engine, data.images, data.labels)
    assert result.accuracy == pytest.approx(loaded.metadata["provenance"]["metrics"]["test_accuracy"], abs=2e-4)
    assert result.accuracy >= SHIPPED[name]


def test_a_file_of_the_same_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    with pytest.raises(ModelFileError, match=r"^tiny: the folder holds no model\.npz$"):
        load("tiny")


def test_what_is_no_model_file_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "model.npz").mkdir(parents=True)
    for path, message in {
        ".": r"^\.: the folder holds no model\.npz$",
        "run": r"^run: the folder holds no model\.npz$",
        os.devnull: "no model file, wanted a model.npz or the folder of a run$",
        "cnnn": "^cnnn: no such model file; the networks that come with scratchnet are cnn-bn, cnn, tiny$",
        "cnnn.npz": r"^cnnn\.npz: no such model file$",
    }.items():
        with pytest.raises(ModelFileError, match=message):
            load(path)


def test_an_empty_name_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["predict", "a.png", "--model-file", ""], ["compare", ""], ["draw", "--model-file", ""]):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        assert end.value.code == 2
        assert "found '', wanted a model file, the folder of a run or the name of a network" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_name_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, _ = synthetic.make(1, seed=4)
    path = save(Image.fromarray(255 - image[0]).resize((140, 140)), tmp_path, "e\x1b[31m\nred")
    for command in ("predict", "trace"):
        assert cli.main([command, path, "--model-file", "tiny"]) == 0
        out = capsys.readouterr().out
        assert r"e\x1b[31m red" in out.splitlines()[0]
        assert "\x1b" not in out
