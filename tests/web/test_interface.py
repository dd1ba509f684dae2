"""The JSON interface says what the layers did."""

import base64
import math
import re

import numpy as np
import pytest
from pictures import draw
from web_case import METADATA, deep_linear, every_layer, png, pooled, unpack

import scratchnet.web
from scratchnet.engine import loss_and_grads
from scratchnet.explain import grad_cam, saliency
from scratchnet.layers import Dense, Dropout, Flatten, Layer, MaxPool2d, NearestNeighbors, Sequential
from scratchnet.layers.base import walk
from scratchnet.losses import SoftmaxCrossEntropy, softmax
from scratchnet.models import MODELS, build
from scratchnet.optim import SGD
from scratchnet.picture import digit_from_picture
from scratchnet.preprocess import prepare
from scratchnet.serialize import save_model
from scratchnet.trained import load_shipped
from scratchnet.web.labs import stepped
from scratchnet.web.stages import Pass, backward_json, forward_json, loss_of, note
from scratchnet.web.terms import terms_of

EVERY = "run:every"


def image(digit):
    return prepare(np.frombuffer(base64.b64decode(digit), np.uint8).reshape(28, 28))


# --- networks and pictures -----------------------------------------------------------------------------------------------


def test_the_list_has_the_shipped_network_the_runs_and_what_is_wrong_with_one(client):
    answer = client.get("/api/models").get_json()
    models = {model["id"]: model for model in answer["models"]}
    assert answer["default"] == "cnn"
    assert models["cnn"]["problem"] is None
    assert models["cnn"]["parameters"] == "28,938"
    assert 0.99 < models["cnn"]["accuracy"] < 1
    assert models[EVERY]["layers"][0] == "Conv2d(1, 3, (5, 4), stride=(2, 1), pad=(1, 2))"
    assert "no network" in models["run:damaged"]["problem"]
    assert answer["lab"] is True


def test_a_network_that_was_trained_meanwhile_is_there(client, runs, tmp_path):
    (runs / "late").mkdir()
    (runs / "late" / "model.npz").write_bytes((runs / "pooled" / "model.npz").read_bytes())
    assert "run:late" in [model["id"] for model in client.get("/api/models").get_json()["models"]]


def test_a_picture_is_prepared_as_predict_does_it_and_named(client):
    for number in range(10):
        picture = draw(number, "plain")
        response = client.post("/api/digit?models=cnn,run:every", data=png(picture), content_type="image/png")
        answer = response.get_json()
        assert response.status_code == 200
        expected = digit_from_picture(picture.convert("RGB").resize((96, 96)))
        assert base64.b64decode(answer["digit"]) == expected.tobytes()
        assert [each["model"] for each in answer["predictions"]] == ["cnn", EVERY]
        assert answer["predictions"][0]["digit"] == number
        assert sum(answer["predictions"][0]["probabilities"]) == pytest.approx(1)


def test_predict_says_what_the_network_says(ask, digit):
    (answer,) = ask("predict", digit=digit, models=[EVERY])["predictions"]
    expected = softmax(every_layer()(image(digit)).astype(np.float64))[0]
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=1e-5)
    assert answer["digit"] == expected.argmax()


def test_every_path_is_documented(app):
    paths = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert paths == set(re.findall(r"(?:GET|POST) +(/api/\w+) ", scratchnet.web.__doc__))


# --- forward and backward ------------------------------------------------------------------------------------------------


def test_forward_has_every_stage_of_the_network(ask, digit):
    answer = ask("forward", digit=digit, model=EVERY)
    stages = list(every_layer().stages(image(digit)))
    assert [stage["name"] for stage in answer["stages"]] == [stage.name for stage in stages]
    np.testing.assert_array_equal(unpack(answer["input"]), image(digit)[0])
    for told, stage in zip(answer["stages"], stages, strict=True):
        np.testing.assert_allclose(unpack(told["out"]), stage.out[0], rtol=1e-6, atol=1e-6)
        assert told["out_shape"] == list(stage.out.shape[1:])
        assert told["x_shape"] == list(stage.x.shape[1:])
        assert told["formula"]
        assert told["backward_formula"]
        assert told["lessons"]
    w = every_layer().params["0.w"]
    np.testing.assert_array_equal(unpack(answer["stages"][0]["params"]["w"]["values"]), w)
    assert answer["stages"][0]["params"]["w"]["norm"] == pytest.approx(np.linalg.norm(w))


def test_values_of_learned_arrays_are_left_out_on_request(ask, digit):
    full, short = (ask("forward", digit=digit, model=EVERY, params=wanted) for wanted in (True, False))
    for one, other in zip(full["stages"], short["stages"], strict=True):
        assert one["out"] == other["out"]
        for key in one["params"]:
            assert one["params"][key]["values"] is not None
            assert other["params"][key] == {**one["params"][key], "values": None}
    assert "params must be" in ask("forward", 400, digit=digit, model=EVERY, params=1)["error"]["message"]


def test_sources_are_the_stages_whose_output_was_taken(ask, digit):
    answer = ask("forward", digit=digit, model=EVERY)
    sources = {stage["name"]: stage["sources"] for stage in answer["stages"]}
    assert sources["0"] == ["input"]
    assert sources["1"] == ["0"]
    assert sources["4.body.0"] == ["3"]
    assert sources["4.body.2.body"] == ["4.body.1"]
    assert sources["4.body.2"] == ["4.body.2.body", "4.body.1"]
    assert sources["4"] == ["4.body.2", "3"]
    assert sources["5.shortcut"] == ["4"]
    assert sources["5"] == ["5.body.0", "5.shortcut"]
    assert sources["10"] == ["9"]
    assert sources["11"] == ["10"]


def test_a_large_learned_array_is_told_by_shape_and_norm(ask, digit, runs):
    (runs / "mlp").mkdir(exist_ok=True)
    save_model(runs / "mlp" / "model.npz", build("mlp"), METADATA)
    stage = ask("forward", digit=digit, model="run:mlp")["stages"][1]
    assert stage["params"]["w"]["values"] is None
    assert stage["params"]["w"]["shape"] == [784, 512]
    assert unpack(stage["params"]["b"]["values"]).shape == (512,)


def test_backward_is_the_library_s(ask, digit):
    answer = ask("backward", digit=digit, model=EVERY, label=7)
    model, x = every_layer(), image(digit)
    logits, cache = model.forward(x)
    loss, loss_cache = SoftmaxCrossEntropy().forward(logits, np.array([7]))
    dlogits = SoftmaxCrossEntropy().backward(1.0, loss_cache)
    back = []
    dx, grads = walk(model.stages_back(dlogits, cache), back.append)
    assert answer["loss"] == pytest.approx(loss)
    np.testing.assert_allclose(answer["dlogits"], dlogits[0], atol=1e-6)
    np.testing.assert_allclose(unpack(answer["dinput"]), dx[0], atol=1e-5)
    assert [stage["name"] for stage in answer["stages"]] == [stage.name for stage in back]
    told = {f"{s['name']}.{k}": unpack(g["values"]) for s in answer["stages"] for k, g in s["grads"].items()}
    assert told.keys() == grads.keys()
    for key, g in grads.items():
        np.testing.assert_allclose(told[key], g, rtol=1e-4, atol=1e-5)
    for stage, expected in zip(answer["stages"], back, strict=True):
        np.testing.assert_allclose(unpack(stage["dout"]), expected.dout[0], atol=1e-5)
        np.testing.assert_allclose(unpack(stage["dx"]), expected.dx[0], atol=1e-5)
        assert stage["note"] or stage["name"] in ("4.body.2.body", "8")  # Sigmoid and Tanh are told by their formula


def test_the_note_of_a_relu_counts_what_it_stops(ask, digit):
    answer = ask("backward", digit=digit, model="run:pooled", label=7)
    x = pooled().children["0"](image(digit))
    note = next(stage["note"] for stage in answer["stages"] if stage["name"] == "1")
    assert f"{(x <= 0).sum():,} of {x.size:,}" in note


# --- terms ---------------------------------------------------------------------------------------------------------------


def all_indices(shape, rng, most=12):
    """Corners, where padding and edges are, and some places between."""
    corners = [tuple(0 for _ in shape), tuple(n - 1 for n in shape)]
    return corners + [tuple(int(rng.integers(n)) for n in shape) for _ in range(most)]


@pytest.mark.parametrize("model", [every_layer(), pooled()], ids=["every", "pooled"])
def test_the_terms_of_any_number_add_up_to_it(model, digit):
    run, rng = Pass(model, image(digit), 7), np.random.default_rng(0)
    for name, stage in run.ahead.items():
        back = run.back[name]
        wholes = {"out": stage.out[0], "dx": back.dx[0], **back.grads}
        for of, whole in wholes.items():
            scale = np.abs(whole).max()
            for index in all_indices(whole.shape, rng):
                terms = terms_of(run, name, of, index)
                assert terms.value == pytest.approx(float(whole[index]))
                assert terms.sum == pytest.approx(terms.value, rel=1e-4, abs=1e-5 * float(scale)), (name, of, index)
                if terms.right is not None:
                    assert terms.left.shape == np.broadcast_shapes(terms.left.shape, terms.right.shape)


def test_max_pooling_tells_its_window_and_who_won_it(digit):
    run = Pass(pooled_by_two(), image(digit), 7)
    x, dout, dx = run.ahead["0"].x[0, 0], run.back["0"].dout[0, 0], run.back["0"].dx[0, 0]
    for r in range(10, 16):
        for c in range(10, 16):
            terms = terms_of(run, "0", "dx", (0, r, c))
            window = x[r - r % 2 :, c - c % 2 :][:2, :2]
            np.testing.assert_array_equal(terms.patch, window)
            assert window[terms.won == 1] == window.max()
            wins = bool(terms.won[r % 2, c % 2])
            assert dx[r, c] == (dout[r // 2, c // 2] if wins else 0)
            assert ("won its window" in terms.words) == wins
            assert (terms.words == "It won its window, and the window's whole gradient lands here.") == wins


def pooled_by_two():
    return Sequential(MaxPool2d(), Flatten(), Dense(196, 10, rng=np.random.default_rng(0)))


def test_the_window_is_where_the_values_were_taken(digit):
    run, rng = Pass(every_layer(), image(digit), 7), np.random.default_rng(0)
    for name, stage in run.ahead.items():
        for of in ("out", "dx", *run.back[name].grads):
            shape = {"out": stage.out.shape[1:], "dx": stage.x.shape[1:]}.get(of) or run.back[name].grads[of].shape
            for index in all_indices(shape, rng, most=4):
                terms = terms_of(run, name, of, index)
                if terms.window is None or name in ("4", "5", "4.body.2"):
                    continue
                source = stage.x[0] if of == "out" else run.back[name].dout[0]
                if source.ndim == 3:
                    channel, top, left, h, w = terms.window
                    padded = np.pad(source, ((0, 0), (9, 9), (9, 9)))[:, top + 9 : top + 9 + h, left + 9 : left + 9 + w]
                    found = padded if channel is None else padded[channel]
                    np.testing.assert_array_equal(found.ravel(), terms.left.ravel())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_looked_into(name, digit):
    model, rng = build(name), np.random.default_rng(0)
    for _, layer in model.leaves():
        if isinstance(layer, NearestNeighbors):
            layer.remember(rng.random((30, layer.in_features), np.float32), rng.integers(0, 10, 30))
    run = Pass(model, image(digit), 7)
    forward, backward = forward_json(run), backward_json(run)
    assert {stage["name"] for stage in forward["stages"]} == {stage["name"] for stage in backward["stages"]}
    for stage, back in run.back.items():
        for of, whole in {"out": run.ahead[stage].out[0], "dx": back.dx[0], **back.grads}.items():
            terms = terms_of(run, stage, of, tuple(n // 2 for n in whole.shape))
            assert terms.sum == pytest.approx(terms.value, rel=1e-3, abs=1e-5 * float(np.abs(whole).max()))
    changed = stepped(model, run.grads, 0.01)
    for key, array in model.params.items():
        np.testing.assert_allclose(changed.params[key], array - np.float32(0.01) * run.grads[key], rtol=1e-5, atol=1e-6)


class Doubled(Layer):
    """A layer of somebody's own."""

    functions = (lambda x: (2 * x, None), lambda dout, cache: 2 * dout)


def test_a_layer_that_is_not_known_tells_its_value_alone(digit):
    run = Pass(Sequential(Flatten(), Doubled(), Dense(784, 10, rng=np.random.default_rng(0))), image(digit), 7)
    for of, index in (("out", (400,)), ("dx", (400,))):
        terms = terms_of(run, "1", of, index)
        assert terms.left.size == 0
        assert "Doubled" in terms.rule
    assert terms.value == 2 * terms_of(run, "2", "dx", (400,)).value
    assert note(run.ahead["1"], run.back["1"]) == ""


def test_the_terms_of_dlogits_are_p_and_y(ask, digit):
    for k, y in ((7, -1), (2, 0)):
        answer = ask("terms", digit=digit, model=EVERY, label=7, stage="loss", of="dlogits", index=[k])
        assert answer["plus"] == y
        assert unpack(answer["left"])[0] + y == pytest.approx(answer["value"], abs=1e-6)


def test_the_field_is_all_that_an_output_depends_on(ask, digit):
    index = [2, 1, 3]
    top, left, height, width = ask("terms", digit=digit, model=EVERY, stage="3", of="out", index=index)["field"]
    x = image(digit)
    outside = x.copy()
    outside[:, :, :top] = outside[:, :, top + height :] = outside[:, :, :, :left] = outside[:, :, :, left + width :] = 9
    value = {s.name: s.out[0][tuple(index)] for s in every_layer().stages(x) if s.name == "3"}["3"]
    changed = {s.name: s.out[0][tuple(index)] for s in every_layer().stages(outside) if s.name == "3"}["3"]
    assert value == changed
    assert ask("terms", digit=digit, model=EVERY, stage="14", of="out", index=[1])["field"] is None


@pytest.mark.parametrize(("model", "stage"), [("cnn", "6"), ("cnn", "7"), ("run:linear", "0")])
def test_the_field_of_a_flattened_pixel_is_that_of_the_pixel(ask, digit, model, stage):
    layers = load_shipped("cnn").model if model == "cnn" else deep_linear()
    for _, layer in layers.leaves():
        if isinstance(layer, Dropout):
            layer.p = 0.0

    def features(x):
        return next(s.out[0] for s in layers.stages(x) if s.name == stage)

    x = image(digit)
    index = int(features(x).argmax())
    top, left, height, width = ask("terms", digit=digit, model=model, stage=stage, of="out", index=[index])["field"]
    seen = np.zeros((28, 28), bool)
    seen[top : top + height, left : left + width] = True
    noise = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    assert features(np.where(seen, x, noise))[index] == features(x)[index]  # whatever lies outside
    assert features(np.where(seen, noise, x))[index] != features(x)[index]
    assert seen.sum() < 784
    assert ask("terms", digit=digit, model="cnn", stage="8", of="out", index=[3])["field"] is None


def test_a_loss_near_0_is_not_told_as_0():
    logits = np.array([0, 30, 2, -1], np.float32)
    for label in range(4):
        exact = -math.log(math.exp(float(logits[label])) / math.fsum(math.exp(z) for z in logits.tolist()))
        assert loss_of(logits, label) == pytest.approx(exact, rel=1e-9, abs=1e-12)
    assert loss_of(logits, 1) == pytest.approx(math.exp(-30) * (1 + math.exp(2) + math.exp(-1)), rel=1e-9)


# --- why -----------------------------------------------------------------------------------------------------------------


def test_why_gives_the_library_s_maps(ask, digit):
    x = image(digit)
    answer = ask("why", digit=digit, model="cnn", label=3, method="grad-cam")
    model = load_shipped("cnn").model
    np.testing.assert_allclose(unpack(answer["map"]), grad_cam(model, x, 3).heat[0], rtol=1e-4, atol=1e-5)
    answer = ask("why", digit=digit, model="cnn", label=3, method="saliency")
    np.testing.assert_allclose(unpack(answer["map"]), saliency(model, x, 3)[0, 0], rtol=1e-4, atol=1e-5)
    for method in ("occlusion", "integrated-gradients"):
        assert unpack(ask("why", digit=digit, model="cnn", label=3, method=method)["map"]).shape == (28, 28)


def test_grad_cam_without_a_convolution_says_so(ask, digit, runs):
    (runs / "softmax").mkdir(exist_ok=True)
    save_model(runs / "softmax" / "model.npz", build("softmax"), METADATA)
    answer = ask("why", digit=digit, model="run:softmax", label=3, method="grad-cam")
    assert answer["map"] is None
    assert answer["problem"].startswith("the network has no convolution")


def test_the_shares_of_the_pixels_add_up_to_the_rise_of_the_score(ask, digit):
    answer = ask("why", digit=digit, model="cnn", label=3, method="integrated-gradients")
    assert answer["score"] - answer["paper"] == pytest.approx(float(unpack(answer["map"]).sum()), rel=0.05)
    logits = load_shipped("cnn").model(image(digit))[0]
    assert answer["score"] == pytest.approx(float(logits[3]), abs=1e-4)


def test_neighbours_are_the_nearest_in_the_last_hidden_layer(ask, digit, app):
    answer = ask("neighbours", digit=digit, model="run:pooled")
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)

    def hidden(x):
        return list(pooled().stages(x))[2].out

    distances = np.linalg.norm(hidden(prepare(images)) - hidden(image(digit)), axis=1)
    order = np.argsort(distances)[:10]
    assert [each["label"] for each in answer["neighbours"]] == [int(k % 10) for k in order]
    np.testing.assert_allclose([each["distance"] for each in answer["neighbours"]], distances[order], rtol=1e-4)
    assert base64.b64decode(answer["neighbours"][0]["digit"]) == images[order[0]].tobytes()
    assert answer["dataset"] == "noise"


# --- labs ----------------------------------------------------------------------------------------------------------------


def test_a_step_is_one_step_of_sgd_and_lowers_the_loss(ask, digit):
    answer = ask("step", digit=digit, model="run:pooled", label=7, lr=0.01)
    model, x = pooled(), image(digit)
    result = loss_and_grads(model, SoftmaxCrossEntropy(), x, np.array([7]))  # no Dropout or BatchNorm: the same as here
    SGD(lr=0.01).step(model.params, result.grads)
    expected = softmax(model(x).astype(np.float64))[0]
    np.testing.assert_allclose(answer["after"]["probabilities"], expected, rtol=1e-4)
    assert answer["after"]["loss"] < answer["before"]["loss"]
    assert answer["after"]["probabilities"][7] > answer["before"]["probabilities"][7]
    for key, told in answer["params"].items():
        assert told["change"] == pytest.approx(0.01 * told["grad_norm"], rel=1e-3)
        assert told["grad_norm"] == pytest.approx(np.linalg.norm(result.grads[key]), rel=1e-3)


def test_batchnorm_s_statistics_stay_and_a_step_still_helps(ask, digit):
    first = ask("step", digit=digit, model=EVERY, label=7, lr=0.001)
    second = ask("step", digit=digit, model=EVERY, label=7, lr=0.001, lab=first["lab"])
    assert second["steps"] == 2
    assert second["before"] == first["after"]
    assert second["after"]["loss"] < first["before"]["loss"]
    assert set(first["params"]) == set(every_layer().params)


def test_a_lab_is_seen_by_its_visitor_alone(ask, digit):
    def probs(**lab):
        return ask("predict", digit=digit, models=["run:pooled"], **lab)["predictions"][0]["probabilities"]

    before = probs()
    mine = ask("step", digit=digit, model="run:pooled", label=7, lr=0.05)
    theirs = ask("step", digit=digit, model="run:pooled", label=1, lr=0.05)
    assert mine["lab"] != theirs["lab"]
    for lab, steps in ((mine["lab"], 1), (None, 0)):
        (seen,) = ask("predict", digit=digit, models=["run:pooled"], lab=lab)["predictions"]
        assert seen["steps"] == steps
    assert mine["before"]["probabilities"] == theirs["before"]["probabilities"]
    np.testing.assert_allclose(probs(lab=mine["lab"]), mine["after"]["probabilities"], rtol=1e-5)
    np.testing.assert_allclose(probs(lab=theirs["lab"]), theirs["after"]["probabilities"], rtol=1e-5)
    assert probs() == before
    for path in ("forward", "backward"):
        seen = ask(path, digit=digit, model="run:pooled", label=7, lab=mine["lab"])["probabilities"]
        np.testing.assert_allclose(seen, mine["after"]["probabilities"], rtol=1e-5)
    assert ask("reset", lab=mine["lab"], model="run:pooled") == {}
    assert probs(lab=mine["lab"]) == before
    np.testing.assert_allclose(probs(lab=theirs["lab"]), theirs["after"]["probabilities"], rtol=1e-5)


def test_a_step_that_diverges_is_refused_and_changes_nothing(ask, digit):
    asked = {"digit": digit, "model": "run:linear", "lr": 10.0}
    first = ask("step", label=0, **asked)
    other = int(np.argmin(first["after"]["probabilities"]))  # what it now holds for impossible has a large gradient
    error = ask("step", 422, label=other, lab=first["lab"], **asked)["error"]
    assert error["code"] == "diverged"
    assert "learning rate" in error["message"]
    (seen,) = ask("predict", digit=digit, models=["run:linear"], lab=first["lab"])["predictions"]
    assert seen["probabilities"] == first["after"]["probabilities"]


def test_a_forgotten_lab_is_said(ask, digit):
    error = ask("forward", 410, digit=digit, model=EVERY, lab="nobody")["error"]
    assert error["code"] == "lab-forgotten"
