"""``scratchnet evaluate``, ``compare`` and ``robustness`` from the outside."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scratchnet import cli, viz
from scratchnet.corruptions import CORRUPTIONS
from scratchnet.datasets import idx, synthetic
from scratchnet.metrics import wilson_interval
from scratchnet.models import build
from scratchnet.preprocess import Normalization
from scratchnet.serialize import save_model

N = 200
FIGURES = ("classes.png", "confused.png", "confusion.png", "mistakes.png", "reliability.png")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)

    def call(*arguments):
        capsys.readouterr()
        try:
            status = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def titles(monkeypatch):
    """The titles of the figures that were drawn."""
    seen = []
    for name in ("disagreements", "robustness"):
        draw = getattr(viz, name)
        monkeypatch.setattr(viz, name, lambda *a, draw=draw, **k: (seen.append(k["title"]), draw(*a, **k))[1])
    return seen


@pytest.fixture
def data(tmp_path):
    """A folder in MNIST's layout: digit k is one bright pixel in row 14, column 2k + 4, on black."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for part in ("train", "t10k"):
        labels = (np.arange(N) % 10).astype(np.uint8)
        images = np.zeros((N, 28, 28), np.uint8)
        images[np.arange(N), 14, 2 * labels + 4] = 255
        idx.write(folder / f"{part}-images-idx3-ubyte", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


def saved(path, weights):
    """A softmax model that names pixel 2i + 4 of row 14 the class where ``weights[i]`` is largest."""
    model = build("softmax", seed=0)
    model.params["1.w"][...] = 0
    model.params["1.w"][14 * 28 + 4 : 14 * 28 + 24 : 2] = weights
    normalization = Normalization()
    model.params["1.b"][...] = np.sum(weights, axis=0) * normalization.mean / normalization.std  # so that black counts as 0
    metadata = {"input_shape": [1, 28, 28], "num_classes": 10, "normalization": normalization.to_dict()}
    save_model(path, model, metadata)
    return path


@pytest.fixture
def perfect(tmp_path):
    return saved(tmp_path / "perfect.npz", 4 * np.eye(10))


@pytest.fixture
def flawed(tmp_path):
    """Takes every 7 for a 1, with more confidence than it should, and half-heartedly every 4 for a 9."""
    weights = 4 * np.eye(10)
    weights[7] = 4 * np.eye(10)[1]
    weights[4] = 1.2 * np.eye(10)[4] + 1.5 * np.eye(10)[9]
    return saved(tmp_path / "flawed.npz", weights)


def one_line(err):
    assert len(err.splitlines()) == 1, err
    return err


def test_evaluate_as_json(run, data, flawed):
    status, out, err = run("evaluate", "--model-file", flawed, "--dataset", data, "--json")
    assert (status, err) == (0, "")
    values = json.loads(out)
    assert (values["accuracy"], values["errors"], values["images"]) == (0.8, 40, N)
    low, high = values["accuracy_95"]
    assert low < 0.8 < high
    assert (low, high) == pytest.approx(wilson_interval(160, N), abs=0.015)
    assert values["accuracy_95_wilson"] == pytest.approx(list(wilson_interval(160, N)))
    assert values["top_k"]["2"] == 0.9  # a 4 is the second choice, a 7 is not
    assert values["confused_pairs"] == [
        {"true": 4, "predicted": 9, "images": 20, "share": 1.0},
        {"true": 7, "predicted": 1, "images": 20, "share": 1.0},
    ]
    assert values["recall"][7] == values["precision"][7] == 0
    assert values["precision"][1] == 0.5
    assert values["macro"]["recall"] == pytest.approx(0.8)
    filled = [row for row in values["reliability"] if row["answers"]]
    assert sum(row["answers"] for row in filled) == N
    ece = sum(row["answers"] * abs(row["accuracy"] - row["confidence"]) for row in filled) / N
    assert values["ece"] == pytest.approx(ece)
    assert values["mce"] == pytest.approx(max(abs(row["accuracy"] - row["confidence"]) for row in filled))
    assert 0 < values["brier"] < 2


def test_evaluate_prints_and_draws(run, data, flawed, tmp_path):
    status, out, err = run("evaluate", "--model-file", flawed, "--dataset", data, "--plots", tmp_path / "new" / "plots")
    assert (status, err) == (0, "")
    assert "accuracy 80.00%" in out
    assert "most often mistaken: 4 as 9 (20), 7 as 1 (20)" in out
    for name in FIGURES:
        assert f"wrote {tmp_path / 'new' / 'plots' / name}" in out.splitlines()
        with Image.open(tmp_path / "new" / "plots" / name) as figure:
            assert figure.format == "PNG"


def test_evaluate_of_a_network_without_errors(run, data, perfect, tmp_path):
    status, out, err = run("evaluate", "--model-file", perfect, "--dataset", data, "--plots", tmp_path / "plots", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["accuracy_95"] == [1, 1]
    assert json.loads(out)["accuracy_95_wilson"][0] == pytest.approx(wilson_interval(N, N).low)
    assert len(list((tmp_path / "plots").iterdir())) == len(FIGURES)
    assert "mistaken" not in run("evaluate", "--model-file", perfect, "--dataset", data)[1]


def test_compare_finds_the_better_one(run, data, perfect, flawed, tmp_path, titles):
    status, out, err = run("compare", perfect, flawed, "--dataset", data, "--figure", tmp_path / "c.png")
    assert (status, err) == (0, "")
    assert f"A  100.00%  (100.00% .. 100.00%)  {perfect}" in out
    assert "A - B  +20.00 points" in out
    assert "40 images tell them apart, 40 for A and 0 for B: by chance alone that would be rare; A is better" in out
    with Image.open(tmp_path / "c.png") as figure:
        assert figure.format == "PNG"
    assert titles == [f"two networks on {data}, test split"]
    values = json.loads(run("compare", flawed, perfect, "--dataset", data, "--json")[1])
    assert values["mcnemar"]["exact_p"] == pytest.approx(2 / 2**40)
    assert [values["mcnemar"][key] for key in ("both_right", "only_a", "only_b", "both_wrong")] == [160, 0, 40, 0]
    assert values["difference"] == pytest.approx(-0.2)
    assert values["difference_95"][0] < -0.2 < values["difference_95"][1] < 0
    assert values["same_answer"] == 0.8


def test_compare_does_not_take_chance_for_a_difference(run, data, perfect, tmp_path):
    same = run("compare", perfect, perfect, "--dataset", data, "--figure", "same.png")
    assert "right on the same images" in same[1]
    assert (tmp_path / "same.png").exists()
    other = 4 * np.eye(10)
    other[3] = 4 * np.eye(10)[2]
    one = saved(tmp_path / "one.npz", other)
    other = 4 * np.eye(10)
    other[6] = 4 * np.eye(10)[2]
    out = run("compare", one, saved(tmp_path / "two.npz", other), "--dataset", data)[1]
    assert "40 images tell them apart, 20 for A and 20 for B: that may well be chance" in out
    assert "exact p = 1;" in out


def test_compare_takes_the_shipped_network_for_the_second(run, data, perfect):
    assert json.loads(run("compare", perfect, "--dataset", data, "--json")[1])["b"]["model"].endswith(
        "(comes with scratchnet)"
    )


@pytest.mark.parametrize("arguments", [("evaluate", "--model-file"), ("robustness", "--model-file"), ("compare",)])
def test_a_network_with_useless_weights_is_named(run, data, tmp_path, arguments):
    saved(tmp_path / "huge.npz", np.full((10, 10), 3e38) * (-1) ** np.arange(10)[:, None])
    status, out, err = run(*arguments, "huge.npz", "--dataset", data)
    assert (status, out) == (1, "")
    assert "huge.npz: the loss on 200 images is nan" in one_line(err)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_the_names_of_a_network_and_a_figure_do_not_steer_the_terminal(run, data, tmp_path, perfect):
    path = saved(tmp_path / "e\x1b[31m.npz", np.eye(10))
    out = run("evaluate", "--model-file", path, "--dataset", data, "--plots", "p\x1b[31m")[1]
    out += run("compare", path, path, "--dataset", data, "--figure", "f\x1b[31m.png")[1]
    out += run("robustness", "--model-file", path, "--dataset", data, "--images", 3, "--pictures", 0)[1]
    assert "\x1b" not in out
    assert out.count(r"e\x1b[31m.npz") == 4
    assert r"wrote f\x1b[31m.png" in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("compare",), 2, "A"),
        (("compare", "none.npz", "--dataset", "digits"), 1, "none.npz: no such model file"),
        (("compare", "perfect.npz", "--figure", "c.jpg"), 2, "must end in .png, got c.jpg"),
        (("compare", "perfect.npz", "--dataset", "cifar"), 2, "unknown data set 'cifar'"),
        (("compare", "perfect.npz", "--dataset", "digits", "--figure", "no/c.png"), 1, "can't write no/c.png: No such file"),
        (
            ("evaluate", "--dataset", "digits", "--plots", "perfect.npz"),
            1,
            "can't write to the folder perfect.npz: a file is",
        ),
    ],
)
def test_errors(run, data, perfect, arguments, status, message):
    found, out, err = run(*arguments)
    assert (found, out) == (status, "")
    assert message in one_line(err)
    assert Path("perfect.npz").is_file()


# --- robustness -------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """A folder in MNIST's layout with synthetic digits."""
    folder = tmp_path / "written"
    folder.mkdir()
    for part, n in (("train", 20), ("t10k", 40)):
        images, labels = synthetic.make(n, seed=9)
        idx.write(folder / f"{part}-images-idx3-ubyte", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))
    return folder


def test_robustness(run, written, tmp_path, titles):
    status, out, err = run("robustness", "--dataset", written, "--pictures", 1, "--figure", tmp_path / "r.png")
    assert (status, err) == (0, "")
    lines = [line for line in out.splitlines() if "%" in line and ".." in line]
    names = ["as they are", *CORRUPTIONS, "synthetic digits"]
    for line, name in zip(lines, names, strict=True):
        assert line.startswith(name)
        assert line.count("%") == 6
    with Image.open(tmp_path / "r.png") as figure:
        assert figure.format == "PNG"
    run("robustness", "--dataset", written, "--pictures", 0, "--images", 3, "--figure", "r.png")
    assert titles[0].endswith(
        ", 40 images of each kind\n1 of each as pictures; a picture that can't be read counts as wrong"
    )
    assert titles[1].endswith(", 3 images of each kind")


def test_robustness_as_json_agrees_with_evaluate(run, written):
    status, out, err = run("robustness", "--dataset", written, "--pictures", 3, "--json")
    assert (status, err) == (0, "")
    values = json.loads(out)
    rows = {row["name"]: row for row in values["rows"]}
    assert rows["as they are"]["accuracy"] == json.loads(run("evaluate", "--dataset", written, "--json")[1])["accuracy"]
    assert rows["inverted"]["accuracy"] < 0.6 < rows["inverted"]["picture_accuracy"]  # the preparation turns it round
    assert all(row["pictures"] == 3 for row in values["rows"])
    assert run("robustness", "--dataset", written, "--pictures", 3, "--json", "--workers", 2)[1] == out
    few = json.loads(run("robustness", "--dataset", written, "--pictures", 0, "--images", 7, "--json")[1])
    assert few["images"] == 7
    assert few["rows"][0]["picture_accuracy"] is None
    assert "pictures" not in run("robustness", "--dataset", written, "--pictures", 0, "--images", 7)[1]


def test_a_picture_without_a_digit_is_wrong_and_counted(run, written):
    images = idx.read(written / "t10k-images-idx3-ubyte").copy()
    images[[0, 39]] = 0
    idx.write(written / "t10k-images-idx3-ubyte", images)
    arguments = ("robustness", "--dataset", written, "--images", 4, "--pictures", 4, "--workers", 0)
    row = json.loads(run(*arguments, "--json")[1])["rows"][0]
    assert (row["pictures"], row["unreadable"]) == (4, 2)
    assert row["picture_accuracy"] <= 0.5
    assert run(*arguments)[1].splitlines()[3].endswith("  2 unreadable, counted as wrong")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pictures", "-1"), "found '-1', wanted a whole number of at least 0"),
        (("--images", "0"), "found '0'"),
        (("--figure", "r.jpg"), "must end in .png"),
    ],
)
def test_robustness_misuse(run, arguments, message):
    status, _, err = run("robustness", *arguments)
    assert status == 2
    assert message in one_line(err)
