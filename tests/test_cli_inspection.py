"""``scratchnet trace``, ``explain`` and ``doctor`` from the outside."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scratchnet import cli, explain, viz
from scratchnet.cli.common import load
from scratchnet.cli.predict import read_digit
from scratchnet.datasets import idx, synthetic
from scratchnet.inspection.checkup import Checkup
from scratchnet.layers import Dense, Flatten, Sequential
from scratchnet.models import build
from scratchnet.preprocess import Normalization
from scratchnet.serialize import save_model


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
def digit(tmp_path):
    """A picture of a digit, dark on light, and the folder it is in."""
    image, _ = synthetic.make(1, seed=4)
    Image.fromarray(255 - image[0]).resize((140, 140)).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    for part, n, seed in (("train", 900, 1), ("t10k", 200, 2)):
        images, labels = synthetic.make(n, seed=seed)
        idx.write(folder / f"{part}-images-idx3-ubyte", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))
    return folder


def saved(path: Path, model, **metadata):
    """A model file as train writes it."""
    given = {"input_shape": [1, 28, 28], "num_classes": 10, "normalization": Normalization().to_dict(), **metadata}
    save_model(path, model, given)
    return path


def one_line(err):
    assert len(err.splitlines()) == 1, err
    return err


# --- trace -----------------------------------------------------------------------------------------------------------


def test_trace_prints_every_layer(run, digit):
    status, out, err = run("trace", digit, "--model-file", "cnn")
    assert (status, err) == (0, "")
    first, second, third = out.splitlines()[:3]
    assert first == "digit.png through cnn (comes with scratchnet)"
    assert second == "1 image, x (1, 1, 28, 28), in evaluation mode; lr 0.05 (the highest it was trained with)"
    assert third.startswith("no label was given: the network's own answer, ")
    for line in ("0  Conv2d(1, 16, 5, pad=2)", "8  Dense(1568, 10)", "    forward   out = max(x, 0)"):
        assert line in out.splitlines()
    assert "no label was given" not in run("trace", digit, "--label", 3)[1]


def test_trace_as_json(run, digit, tmp_path):
    model = saved(tmp_path / "m.npz", build("mlp", seed=3))
    status, out, err = run("trace", digit, "--model-file", model, "--label", 7, "--lr", 0.5, "--json")
    assert (status, err) == (0, "")
    values = json.loads(out)
    assert values["labels"] == [7]
    assert values["lr"] == 0.5
    assert [layer["layer"] for layer in values["layers"]][:2] == ["Flatten()", "Dense(784, 512)"]
    w = values["layers"][1]["params"][0]
    assert w["update_ratio"] == pytest.approx(0.5 * w["grad_norm"] / w["norm"])
    assert json.loads(run("trace", digit, "--model-file", model, "--json")[1])["lr_from"] == "assumed"
    predicted = json.loads(run("predict", digit, "--model-file", model, "--json")[1])["predictions"][0]
    assert values["probabilities"][0] == pytest.approx(predicted["probabilities"])


def test_trace_writes_a_page_and_a_figure(run, digit, tmp_path):
    status, out, _ = run("trace", digit, "--html", "t.html", "--figure", tmp_path / "t.png")
    assert status == 0
    assert out.splitlines()[-2:] == ["wrote t.html", f"wrote {tmp_path / 't.png'}"]
    page = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert "<h1>digit.png through cnn" in page
    assert "data:image/png;base64," in page
    with Image.open(tmp_path / "t.png") as figure:
        assert figure.format == "PNG"
        assert min(figure.size) > 1000
    assert json.loads(run("trace", digit, "--json", "--html", "u.html")[1])["model"].startswith("cnn")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "IMAGE"),
        (("digit.png", "--label", "10"), 2, "found '10', wanted a whole number of at least 0 and at most 9"),
        (("digit.png", "--lr", "0"), 2, "found '0', wanted a number above 0"),
        (("digit.png", "--figure", "t.jpg"), 2, "--figure writes PNG"),
        (("none.png",), 1, "none.png: no such file"),
        (("digit.png", "--html", "no/such/folder.html"), 1, "can't write no/such/folder.html: No such file or directory"),
        (("digit.png", "--model-file", "none.npz"), 1, "none.npz: no such model file"),
    ],
)
def test_trace_errors(run, digit, arguments, status, message):
    found, out, err = run("trace", *arguments)
    assert (found, out) == (status, "")
    assert message in one_line(err)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_trace_of_useless_weights_is_shown_and_fails(run, digit, tmp_path, form):
    model = build("mlp", seed=3)
    for array in model.params.values():
        array[...] = 3e38
    status, out, err = run("trace", digit, "--model-file", saved(tmp_path / "huge.npz", model), *form)
    assert status == 1
    assert "huge.npz: not all values are finite" in one_line(err)
    assert json.loads(out)["layers"] if form else "NOT FINITE" in out


# --- explain ---------------------------------------------------------------------------------------------------------


def test_explain_draws_every_method_and_says_what_predict_says(run, digit):
    status, out, err = run("explain", digit, "-o", "why.png")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == run("predict", digit)[1].strip()
    assert lines[1].endswith("by saliency, smooth-grad, integrated-gradients, grad-cam, occlusion")
    assert lines[-1] == "wrote why.png"
    with Image.open("why.png") as figure:
        assert figure.format == "PNG"
        assert min(figure.size) > 800
    before = Path("why.png").read_bytes()
    run("explain", digit, "-o", "why.png")
    assert Path("why.png").read_bytes() == before


def test_explain_as_json(run, digit):
    status, out, err = run("explain", digit, "--out", "w.png", "--label", 3, "--method", "integrated-gradients", "--json")
    assert (status, err) == (0, "")
    values = json.loads(out)
    predicted = json.loads(run("predict", digit, "--json")[1])["predictions"][0]
    assert values["digit"] == predicted["digit"]
    assert values["probabilities"] == pytest.approx(predicted["probabilities"])
    assert (values["label"], values["methods"], values["figure"]) == (3, ["integrated-gradients"], "w.png")
    sums = values["integrated_gradients"]
    assert sums["sum"] == pytest.approx(sums["rise"], rel=0.05, abs=0.1)
    assert Path("w.png").exists()


def test_explain_draws_the_methods_that_are_named(run, digit, monkeypatch):
    drawn = {}
    draw = viz.explanations
    monkeypatch.setattr(viz, "explanations", lambda *a, **k: (drawn.update(maps=a[1], label=a[3]), draw(*a, **k))[1])
    status, _, _ = run("explain", digit, "-o", "w.png", "--method", "occlusion", "--method", "grad-cam", "--label", 8)
    assert status == 0
    assert (list(drawn["maps"]), drawn["label"]) == (["occlusion", "grad-cam"], 8)
    shipped, picture = load(None), read_digit(str(digit))
    x = shipped.prepare(picture)
    np.testing.assert_array_equal(drawn["maps"]["occlusion"], explain.occlusion(shipped.model, x, 8)[0])
    np.testing.assert_array_equal(drawn["maps"]["grad-cam"], explain.grad_cam(shipped.model, x, 8).heat[0])


def test_explain_leaves_grad_cam_out_where_there_is_no_convolution(run, digit, tmp_path):
    model = saved(tmp_path / "m.npz", build("softmax"))
    status, out, err = run("explain", digit, "--model-file", model, "-o", "w.png")
    assert (status, err) == (0, "")
    assert "by saliency, smooth-grad, integrated-gradients, occlusion\ngrad-cam is left out: the network has no conv" in out
    assert "left out" not in run("explain", digit, "--model-file", model, "-o", "w.png", "--method", "saliency")[1]
    status, out, err = run("explain", digit, "--model-file", model, "-o", "v.png", "--method", "grad-cam")
    assert (status, out) == (1, "")
    assert "no convolution" in one_line(err)
    assert not Path("v.png").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("-o", "w.png"), 2, "IMAGE"),
        (("digit.png",), 2, "-o/--out"),
        (("digit.png", "-o", "w.jpg"), 2, "--out writes PNG: its name must end in .png, got w.jpg"),
        (("digit.png", "-o", "w.png", "--method", "lime"), 2, "invalid choice: 'lime'"),
        (("digit.png", "-o", "w.png", "--label", "10"), 2, "found '10', wanted a whole number of at least 0 and at most 9"),
        (("none.png", "-o", "w.png"), 1, "none.png: no such file"),
        (("digit.png", "-o", "no/such/w.png", "--method", "saliency"), 1, "can't write no/such/w.png: No such file"),
        (("digit.png", "-o", "w.png", "--model-file", "none.npz"), 1, "none.npz: no such model file"),
    ],
)
def test_explain_errors(run, digit, arguments, status, message):
    found, out, err = run("explain", *arguments)
    assert (found, out) == (status, "")
    assert message in one_line(err)
    assert not Path("w.png").exists()


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_finds_the_shipped_network_healthy(run, data):
    status, out, err = run("doctor", "--dataset", data)
    assert (status, err) == (0, "")
    steps = "steps are tried with nesterov at lr 0.15 (the highest it was trained with)"
    assert out.startswith(f"cnn-bn (comes with scratchnet) on {data}; {steps}\n")
    assert "healthy: " in out
    assert "750 training images, 150 validation images, 200 test images" in out


@pytest.mark.parametrize("name", ["softmax", "mlp"])
def test_doctor_finds_fresh_networks_healthy(run, data, name):
    status, out, _ = run("doctor", "--model", name, "--dataset", data, "--seed", 3)
    assert status == 0
    assert out.startswith(f"{name}, fresh weights on {data}")


def test_findings_are_status_1_on_stdout(run, data):
    status, out, err = run("doctor", "--model", "mlp", "--dataset", data, "--optimizer", "sgd", "--lr", 500)
    assert (status, err) == (1, "")
    assert "PROBLEM  lr-too-large  (SGD, lr 500)" in out
    status, out, err = run("doctor", "--model", "mlp", "--dataset", data, "--lr", 1e-9, "--json")
    values = json.loads(out)
    assert (status, values["healthy"]) == (1, False)
    assert [f["name"] for f in values["findings"]] == ["lr-too-small"]
    assert values["dataset"] == str(data)


@pytest.mark.parametrize(
    ("arguments", "lr", "lr_from"),
    [
        ((), 0.1, "as its recipe has it"),
        (("--lr", 0.01), 0.01, "as given"),
        (("--optimizer", "nesterov"), 0.1, "as its recipe has it"),
        (("--optimizer", "adam"), 0.001, "Adam's default"),
        (("--optimizer", "sgd"), 0.1, "that of nesterov, since sgd has no default; --lr sets another"),
        (("--optimizer", "adam", "--lr", 0.003), 0.003, "as given"),
    ],
)
def test_where_the_learning_rate_comes_from(run, data, monkeypatch, arguments, lr, lr_from):
    seen = []

    def examined(*_, optimizer, **__):
        seen.append(optimizer)
        return Checkup("a network", ())

    monkeypatch.setattr(cli.doctor, "doctor", examined)
    values = json.loads(run("doctor", "--model", "mlp", "--dataset", data, "--json", *arguments)[1])
    assert (values["lr"], values["lr_from"], seen[0].lr) == (lr, lr_from, lr)


def test_leakage_between_the_files(run, data):
    images = idx.read(data / "t10k-images-idx3-ubyte").copy()
    images[:3] = idx.read(data / "train-images-idx3-ubyte")[:3]
    idx.write(data / "t10k-images-idx3-ubyte", images)
    status, out, _ = run("doctor", "--model", "softmax", "--dataset", data)
    assert status == 1
    assert "PROBLEM  leakage" in out


def test_sorted_data_does_not_matter_since_train_shuffles(run, data):
    labels = idx.read(data / "train-labels-idx1-ubyte")
    order = np.argsort(labels, kind="stable")
    for name in ("images-idx3", "labels-idx1"):
        idx.write(data / f"train-{name}-ubyte", idx.read(data / f"train-{name}-ubyte")[order])
    status, out, _ = run("doctor", "--model", "softmax", "--dataset", data)
    assert status == 0
    assert "training draws a new order each epoch" in " ".join(out.split())


def test_a_model_files_own_recipe(run, data, tmp_path):
    model = build("softmax", seed=1)
    path = saved(
        tmp_path / "m.npz", model, provenance={"recipe": {"model": "softmax", "optimizer": "rmsprop", "lr": 0.0002}}
    )
    assert (
        "rmsprop at lr 0.0002 (the highest it was trained with)" in run("doctor", "--model-file", path, "--dataset", data)[1]
    )
    odd = saved(tmp_path / "odd.npz", model, provenance={"recipe": {"lr": "fast"}})
    assert (
        "nesterov at lr 0.05 (assumed: the file does not say how it was trained)"
        in run("doctor", "--model-file", odd, "--dataset", data)[1]
    )
    model.params["1.b"][...] = 1e30
    status, out, _ = run("doctor", "--model-file", saved(tmp_path / "big.npz", model), "--dataset", data)
    assert status in (0, 1)
    zero = Sequential(Flatten(), Dense(784, 5, rng=np.random.default_rng(0)), Dense(5, 10, rng=np.random.default_rng(0)))
    status, out, _ = run("doctor", "--model-file", saved(tmp_path / "linear.npz", zero), "--dataset", data)
    assert status == 1
    assert "WARNING  missing-activation" in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--model", "vgg"), 2, "invalid choice: 'vgg'"),
        (("--model", "mlp", "--model-file", "m.npz"), 2, "not allowed with argument --model"),
        (("--lr", "nan"), 2, "found 'nan'"),
        (("--dataset", "cifar"), 2, "unknown data set 'cifar'"),
        (("--model-file", "none.npz"), 1, "none.npz: no such model file"),
    ],
)
def test_doctor_errors(run, arguments, status, message):
    found, out, err = run("doctor", *arguments)
    assert (found, out) == (status, "")
    assert message in one_line(err)
